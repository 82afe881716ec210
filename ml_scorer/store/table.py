"""The table of scores that a store's rows make up: one row a checkpoint, one column a measure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ml_scorer.annotations.identity import recorded_identity
from ml_scorer.errors import MeasureError, StoreError, some
from ml_scorer.measures import DEFAULT_MEASURES, parse_measure
from ml_scorer.predictions.files import checkpoint_names
from ml_scorer.scores import Scores
from ml_scorer.signature import joined_signatures
from ml_scorer.store.columns import COUNTS
from ml_scorer.store.rows import whole_numbers

_CHECKPOINT = ["source", "row"]


def score_table(rows: pl.DataFrame, where: str, measures: Sequence[str] | None = None) -> Scores:
    """Put rows of a store side by side, as scoring all of their sources at once would have given them.

    Parameters
    ----------
    rows : polars.DataFrame
        As `Store.latest` gives them; not empty.
    where : str
        What to call the store in an error.
    measures : sequence of str, optional
        The measures in the order of their columns. None is all, the default ones first.

    Raises
    ------
    StoreError
        If the rows are of measurements that do not compare: other annotations, missing images, or version.
    """
    _check_comparable(rows, where)
    frame = rows.group_by(_CHECKPOINT, maintain_order=True).agg(
        pl.col("checkpoint", "checkpoints").last(),
        # The widest set of images that a run needed is the one to count in.
        pl.col(*COUNTS, "missing_images", "ties").max(),
        pl.col("near_chance").any(),
    )
    frame = frame.with_columns(_told_apart(frame))
    name, _, version = rows["dataset"][0].partition("/")
    signatures, denominators, sums = {}, {}, {}
    columns: list[str | pl.Expr] = ["checkpoint"]
    for measure in _in_order(rows["measure"].unique().to_list()) if measures is None else measures:
        of_measure = rows.filter(measure=measure)
        [signatures[measure]] = joined_signatures(of_measure["signature"].unique(maintain_order=True))
        denominators[measure] = int(of_measure["denominator"][0])
        scores = of_measure.select(*_CHECKPOINT, pl.col("score").alias(measure), pl.col("numerator").alias("sum"))
        frame = frame.join(scores, on=_CHECKPOINT, how="left", maintain_order="left")
        columns.append(measure)
        if _reports_count(measure):
            columns.append(f"{measure}_right")
            frame = frame.with_columns(pl.col("sum").cast(pl.Int64).alias(f"{measure}_right"))
        if not frame["sum"].null_count():
            sums[measure] = whole_numbers(frame["sum"])
        frame = frame.drop("sum")
    columns += [*COUNTS]
    if frame["missing_images"].count():
        columns.append(pl.col("missing_images").alias("missing"))
    if frame["ties"].count():
        columns.append("ties")
    return Scores(
        frame=frame.select(columns),
        signatures=signatures,
        annotations=recorded_identity(rows["annotations"][0], name, version or None),
        failed=(),
        denominators=denominators,
        near_chance=tuple(frame.filter("near_chance")["checkpoint"]),
        _sums=sums,
    )


def orders_of(rows: pl.DataFrame) -> dict[str, int]:
    """The orders in which arrays without names were said to be, and the number of checkpoints in each."""
    said = rows.unique(_CHECKPOINT).filter(pl.col("order") != "names")
    return dict(said.group_by("order").len().sort("order").iter_rows())


def _check_comparable(rows: pl.DataFrame, where: str) -> None:
    """Refuse rows of one measure that differ in what they measure; the order is a matter of each source."""
    faults = {}
    parts = rows.select(
        *_CHECKPOINT, "measure", pl.col("signature").str.split("|").list.slice(1).alias("part")
    ).explode("part")
    parts = parts.with_columns(kind=pl.col("part").str.extract("^([^:]*):")).filter(pl.col("kind") != "order")
    several = parts.filter(pl.col("part").n_unique().over("measure", "kind") > 1)
    for kind, found in several.group_by("kind", maintain_order=True):
        counts = found.group_by("part", maintain_order=True).agg(pl.struct(_CHECKPOINT).n_unique().alias("checkpoints"))
        faults[str(kind[0])] = [f"{part} ({number:,} checkpoints)" for part, number in counts.iter_rows()]
    fingerprints = rows["annotations"].unique(maintain_order=True)
    if fingerprints.len() > 1 and not faults:
        faults["annotations"] = [f"@{text[:8]}" for text in fingerprints]
    if not faults:
        return
    listed = "".join(f"\n  - {some(found, len(found))}" for found in faults.values())
    example = next(iter(faults.values()))[-1].partition(" ")[0]
    raise StoreError(
        f"{where}: scores that do not compare stand here together:{listed}\n"
        f"Choose with --signature, such as --signature {example}, or choose measures with --measure."
    )


def _in_order(measures: Sequence[str]) -> list[str]:
    default = [str(measure) for measure in DEFAULT_MEASURES]
    return [name for name in default if name in measures] + sorted(set(measures) - set(default))


def _reports_count(measure: str) -> bool:
    try:
        return parse_measure(measure).reports_count
    except MeasureError:  # of a later version
        return False


def _told_apart(frame: pl.DataFrame) -> pl.Series:
    """The names of checkpoints; where several have the same, with that of their source."""
    names = frame["checkpoint"]
    again = names.is_duplicated()
    if not again.any():
        return names
    sources = frame.filter(again)["source"].unique(maintain_order=True).to_list()
    apart = dict(zip(sources, checkpoint_names([Path(source) for source in sources]), strict=True))
    rows = frame.select("checkpoint", "source", "checkpoints", again.alias("again")).iter_rows()
    told = [
        name if not repeated else apart[source] if checkpoints == 1 else f"{apart[source]}/{name}"
        for name, source, checkpoints, repeated in rows
    ]
    return pl.Series("checkpoint", told, pl.String)
