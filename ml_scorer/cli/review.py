"""`ml-scorer review`: the labels that experts should judge next."""

from __future__ import annotations

import click
import polars as pl

from ml_scorer.breakdowns.review import review_queue, reviewable
from ml_scorer.cli.binding import Bind, scorer_options
from ml_scorer.cli.breakdown import breakdown_options, emit_breakdown, read_outcomes
from ml_scorer.cli.class_options import class_options
from ml_scorer.cli.output import chosen_format, output_options
from ml_scorer.scoring import OnError


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@class_options
@click.option(
    "--min-checkpoints",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Only labels that at least N checkpoints predict.",
)
@breakdown_options
@scorer_options
@output_options
def review(  # noqa: PLR0913 (one parameter for each option)
    *,
    predictions: tuple[str, ...],
    bind: Bind,
    class_: tuple[int, ...],
    classes: frozenset[int],
    min_checkpoints: int,
    limit: int | None,
    on_error: OnError,
    format_: str | None,
    output: str | None,
) -> None:
    """List the labels that checkpoints predict for images of MLA and that no expert judged, most predicted first.

    MLA counts them as wrong. Once they are judged, it is no longer a lower bound for these checkpoints.

    Images and labels are those of the first measure, which is a form of MLA: with --measure 'MLA(classes=dog)' the
    images of dogs; with --measure 'MLA(k=5)' the first five labels, of images of which none of the five is accepted.

    \b
    ml-scorer review resnet50.csv dino.csv -o queue.csv
    ml-scorer review sweep/ --order imagefolder --min-checkpoints 10
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)

    reviewable(click.get_current_context().params["measures"][0])  # refused before anything is looked for or read
    outcomes = read_outcomes(predictions, bind, on_error, output)
    measure = outcomes.measures[0]
    queue = review_queue(outcomes, measure).filter(pl.col("checkpoints") >= min_checkpoints)
    wanted = classes.union(class_)
    if wanted:
        queue = queue.filter(pl.col("original_label").is_in(pl.Series(sorted(wanted), dtype=pl.UInt16).implode()))
    rule = outcomes.rules[str(measure)]
    images, k = rule.images.size, rule.labels_needed
    labels = f"{queue.height:,} labels on {queue['image'].n_unique():,} images that no expert judged"
    which = "the most likely label of each" if k == 1 else f"the {k:,} most likely labels of each, if none is accepted"
    emit_breakdown(
        "review",
        queue,
        outcomes,
        format_=chosen,
        output=output,
        limit=limit,
        kinds={"share": "share"},
        hidden=("label", "original_label"),
        notes=(f"{labels}, of the {images:,} images of {measure}; {which}.",),
    )
