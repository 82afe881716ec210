"""A comparison of checkpoints as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from ml_scorer.comparison import agreement, deciding_classes, deciding_images, pairs
from ml_scorer.errors import some
from ml_scorer.measures.rule import LABELS
from ml_scorer.report.document import Document, Kind, Table
from ml_scorer.report.scores import scores_document
from ml_scorer.scoring.outcomes import Outcomes

TABLES: Final = ("differences", "scores", "images", "classes", "agreement")
"""What a comparison shows: images and classes for two checkpoints, agreement where it is asked for."""

FOR_TWO: Final = ("images", "classes")

_FOR_PROGRAMS: Final = ("original_label", "checkpoint_label", "baseline_label", "accepted_labels", "wordnet_id")
"""Columns that say in numbers what others say in names."""

_AGREEMENT: Final = (
    "agreement: error consistency (Geirhos et al., 2020), Cohen's kappa of right and wrong: 1 where both are right on "
    "the same images, 0 as by chance."
)

_ROUNDING: Final = 1e-12
"""What a difference of shares is off by at most, far less than one image weighs."""

_DIFFERENCES: Final[dict[str, Kind]] = {
    "difference": "points",
    "low": "points",
    "high": "points",
    "p_value": "p",
    "p_holm": "p",
    "p_bh": "p",
    "p_mcnemar": "p",
    "agreement": "number",
    "lowest": "points",
    "highest": "points",
}


@dataclass(frozen=True)
class Asked:
    """How checkpoints are to be compared, and what of it is to be shown.

    Attributes
    ----------
    confidence : float
    seed, resamples : int
        Of the random numbers in a test.
    tables : tuple of str
        Which of `TABLES`.
    limit : int, optional
        Images and classes that are shown at most; None is all.
    for_people : bool
        Leave out what only programs need.
    """

    confidence: float
    seed: int
    resamples: int
    tables: tuple[str, ...]
    limit: int | None
    for_people: bool


def comparison_document(outcomes: Outcomes, rows: Sequence[int], asked: Asked) -> Document:
    """Compare checkpoints in the first measure.

    Parameters
    ----------
    outcomes : Outcomes
    rows : sequence of int
        The baseline, then the others.
    asked : Asked

    Returns
    -------
    Document
        With the tables that were asked for, but those for two checkpoints only where there are two.
    """
    baseline, *others = rows
    measure = outcomes.measures[0]
    compared = pairs(
        outcomes,
        measure,
        baseline=baseline,
        checkpoints=others,
        confidence=asked.confidence,
        seed=asked.seed,
        resamples=asked.resamples,
    )
    scores = scores_document(outcomes.scores.rows(list(rows)))
    tables: list[Table] = []
    notes: list[str] = []
    for name in asked.tables:
        if name == "differences":
            tables.append(_differences(compared))
            notes += _difference_notes(compared, asked.confidence)
        elif name == "scores":
            tables += scores.tables
            notes += scores.notes
        elif name == "agreement":
            matrix = agreement(outcomes, measure, checkpoints=rows)
            tables.append(Table(name, matrix, dict.fromkeys(matrix.columns[1:], "number")))
            notes.append(_AGREEMENT)
        elif len(others) == 1:
            decide = deciding_images if name == "images" else deciding_classes
            table, limited = _limited(name, decide(outcomes, others[0], baseline, measure), asked)
            tables.append(table)
            notes += limited
    near_chance = scores.extra["near_chance"]
    extra: dict[str, Any] = {
        "measure": str(measure),
        "baseline": outcomes.names[baseline],
        "confidence": asked.confidence,
        "test": compared["method"][0],
        "near_chance": near_chance,
    }
    notes += _label_notes(outcomes)
    if near_chance:
        notes.append(f"Near chance, whatever order or class ids one tries: {some(near_chance, len(near_chance))}.")
    notes = list(dict.fromkeys(notes))
    identity, signatures, failed = outcomes.annotations.identity, outcomes.scores.signatures, outcomes.scores.failed
    return Document(tuple(tables), identity, signatures, tuple(notes), failed, extra)


def _differences(compared: pl.DataFrame) -> Table:
    """The table of differences, without what goes without saying."""
    needless = ["method"]
    if compared.height == 1:
        needless += ["p_holm", "p_bh"]
    needless += [name for name in ("lowest", "highest") if compared[name].null_count() == compared.height]
    frame = compared.drop(needless)
    kinds = {name: kind for name, kind in _DIFFERENCES.items() if name in frame.columns}
    return Table("differences", frame, kinds, {"difference": ("low", "high")})


def _difference_notes(compared: pl.DataFrame, confidence: float) -> list[str]:
    """How differences were tested, and which of them are no more than what nobody has judged."""
    measure, method = compared["measure"][0], compared["method"][0]
    asked = f"{confidence * 100:g}% intervals and p_value"
    notes = [
        f"difference: {measure} of the checkpoint - of the baseline, on the same images; {asked}: {method}.",
        "p_mcnemar: exact McNemar test of the images that only one of the two has right, each counted alike.",
        _AGREEMENT,
    ]
    if compared.height > 1:
        notes.append(
            f"p_holm, p_bh: p_value adjusted for {compared.height:,} comparisons, for any false discovery (Holm, 1979) "
            "and for the share of false ones (Benjamini and Hochberg, 1995)."
        )
    if compared["lowest"].null_count() == compared.height:
        return notes
    notes.append("lowest, highest: what the difference could become if experts judged the labels that none has judged.")
    turning = compared.filter(pl.col("lowest") < -_ROUNDING, pl.col("highest") > _ROUNDING)
    if turning.height:
        ends = (
            f"{name} ({difference * 100:+.2f} pp, between {lowest * 100:+.2f} pp and {highest * 100:+.2f} pp)"
            for name, difference, lowest, highest in turning.select(
                "checkpoint", "difference", "lowest", "highest"
            ).iter_rows()
        )
        notes.append(
            "Beware: labels that no expert judged leave open which is better, for they could turn these differences "
            f"round: {some(ends, turning.height)}. `ml-scorer review` lists them."
        )
    return notes


def _limited(name: str, frame: pl.DataFrame, asked: Asked) -> tuple[Table, list[str]]:
    """As much of a table as is to be shown, and what to say of the rest."""
    shown = frame.drop(_FOR_PROGRAMS, strict=False) if asked.for_people else frame
    if asked.limit is None or frame.height <= asked.limit:
        return Table(name, shown, {"difference": "points"}), []
    note = f"{name}: the first {asked.limit:,} of {frame.height:,}; `--table {name}` shows all of them."
    return Table(name, shown.head(asked.limit), {"difference": "points"}), [note]


def _label_notes(outcomes: Outcomes) -> list[str]:
    """What has to be said of a measure that looks at several labels."""
    measure = outcomes.measures[0]
    k = outcomes.rules[str(measure)].k
    if k == LABELS:
        return [f"{measure}: an image is right when every accepted label was found, and more so the more were found."]
    if k > 1:
        return [f"{measure} looks at {k} labels of an image; names and verdicts are those of the most likely one."]
    return []
