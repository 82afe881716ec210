"""`ml-scorer classes`: how right each class is, and what it is taken for."""

from __future__ import annotations

from typing import Final

import click
import polars as pl

from ml_scorer.breakdowns.class_shares import class_shares
from ml_scorer.breakdowns.classes import described_classes
from ml_scorer.cli.binding import Bind, scorer_options
from ml_scorer.cli.breakdown import (
    breakdown_options,
    checked_level,
    emit_breakdown,
    first_label_notes,
    missing_notes,
    read_outcomes,
    shown_rows,
)
from ml_scorer.cli.class_options import class_options
from ml_scorer.cli.confidence import confidence_option
from ml_scorer.cli.output import FOR_PEOPLE, chosen_format, output_options
from ml_scorer.imagenet import class_names
from ml_scorer.report.document import Kind
from ml_scorer.scoring import OnError
from ml_scorer.scoring.counter import MISSING_COUNT

_SORTS: Final[dict[str, tuple[pl.Expr, ...]]] = {
    "share": (pl.col("share"), -pl.col("images")),
    "wrong": (((pl.col("share") - 1) * pl.col("images")).round(6),),
    "images": (pl.col("images"), pl.col("share")),
    "class": (),
    "name": (pl.lit(pl.Series(class_names()).str.to_lowercase()).gather(pl.col("class")),),
}
"""What each order sorts by, the smallest first; the class comes last in all of them."""

_SHARES: Final[dict[str, Kind]] = dict.fromkeys(("share", "low", "high", "share_worst", "share_best", "upper"), "share")


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@click.option("--pooled", is_flag=True, help="One row a class over all checkpoints, instead of one for each.")
@click.option(
    "--sort",
    type=click.Choice(list(_SORTS)),
    default="share",
    show_default=True,
    help="Worst share first, most wrong images first, fewest images first, or by class index or name.",
)
@class_options
@click.option("--max-share", type=click.FloatRange(0, 1), metavar="S", help="Only classes of at most this share.")
@confidence_option("Of the interval of each share (extra `stats`).")
@click.option("--no-intervals", is_flag=True, help="Shares alone; needs no extra.")
@breakdown_options
@scorer_options
@output_options
def classes(  # noqa: PLR0913 (one parameter for each option)
    *,
    predictions: tuple[str, ...],
    bind: Bind,
    pooled: bool,
    sort: str,
    class_: tuple[int, ...],
    classes: frozenset[int],
    max_share: float | None,
    confidence: float,
    no_intervals: bool,
    limit: int | None,
    on_error: OnError,
    format_: str | None,
    output: str | None,
) -> None:
    """Show each class under the first measure: how many of its images are right, and its most frequent wrong labels.

    A class of fewer than ten images is marked as small.

    \b
    ml-scorer classes resnet50.csv
    ml-scorer classes resnet50.csv --class "golden retriever" --class 208
    ml-scorer classes sweep/ --order imagefolder --pooled --group dog -o dogs.csv
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)
    level = None if no_intervals or pooled else checked_level(confidence)
    outcomes = read_outcomes(predictions, bind, on_error, output)
    measure = outcomes.measures[0]
    frame = class_shares(outcomes, measure, pooled=pooled)
    wanted = classes.union(class_)
    if wanted:
        frame = frame.filter(pl.col("class").is_in(pl.Series(sorted(wanted), dtype=pl.UInt16).implode()))
    if max_share is not None:
        frame = frame.filter(pl.col("share") <= max_share)
    frame = frame.sort(*_SORTS[sort], "class", maintain_order=True)
    rows = frame.height
    missing = int(frame[MISSING_COUNT].sum()) if MISSING_COUNT in frame.columns else 0
    frame = described_classes(frame.slice(0, shown_rows(chosen, limit)), outcomes, measure, level)
    if chosen in FOR_PEOPLE:  # names say enough
        counted = [[f"{one['name']} ({one['images']:,})" for one in cell] for cell in frame["wrong_labels"]]
        frame = frame.with_columns(pl.Series("wrong_labels", counted, pl.List(pl.String)))
    bounded = not frame["upper"].is_null().all()
    notes = first_label_notes(outcomes)
    if pooled:
        several = f"{len(outcomes.names):,} checkpoints" if len(outcomes.names) > 1 else "the one checkpoint"
        notes.append(
            f"share: the mean over {several}; share_worst and share_best: of the worst and the best one in that class. "
            "Wrong labels are counted over all of them."
        )
    notes += missing_notes(missing)
    if level is not None:
        notes.append(f"Intervals: {level * 100:.10g}% Clopper-Pearson, for each class by itself.")
    if bounded:
        notes.append("upper: the share if every label that no expert judged were correct.")
    emit_breakdown(
        "classes",
        frame if bounded else frame.drop("upper"),
        outcomes,
        format_=chosen,
        output=output,
        limit=limit,
        rows=rows,
        kinds=_SHARES,
        intervals={} if level is None else {"share": ("low", "high")},
        hidden=("wordnet_id",) if level is not None or pooled else ("wordnet_id", "low", "high"),
        notes=notes,
    )
