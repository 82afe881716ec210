"""`ml-scorer compare`: checkpoints against a baseline, on the same images."""

from __future__ import annotations

import sys
from typing import Final

import click

from ml_scorer.cli.binding import Bind, on_error_option, scorer_options
from ml_scorer.cli.compared import compared, named
from ml_scorer.cli.comparison_document import FOR_TWO, TABLES, Asked, comparison_document
from ml_scorer.cli.confidence import confidence_option
from ml_scorer.cli.output import FOR_PEOPLE, chosen_format, emit, output_options, refuse_overwriting
from ml_scorer.cli.progress import ProgressBar
from ml_scorer.scoring import OnError
from ml_scorer.statistics.paired import RESAMPLES

SHOWN: Final = 10
"""Images and classes that people are shown, unless they ask for more."""


@click.command()
@click.argument("predictions", nargs=-1, required=True, metavar="A B [C…]")
@scorer_options
@on_error_option
@click.option(
    "--baseline",
    metavar="NAME",
    help="What the others are compared with: a checkpoint's name, or a file that holds one. Default: the first.",
)
@confidence_option("Of the intervals: a share, such as 0.95 or 0.995.")
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the random numbers of --resamples.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=RESAMPLES,
    show_default=True,
    metavar="N",
    help="Random draws of the permutation test; 0: none, exact or by an approximation that is named.",
)
@click.option("--agreement", is_flag=True, help="Show how far every two checkpoints are wrong on the same images, too.")
@click.option(
    "--table",
    type=click.Choice(TABLES),
    help="Show this table alone, all of it. Formats of a single table (csv, parquet) else hold the differences.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Images and classes shown at most. Default: {SHOWN} in {', '.join(FOR_PEOPLE)}; with --table, and else, all.",
)
@output_options
def compare(  # noqa: PLR0913, PLR0917 (one parameter for each option)
    predictions: tuple[str, ...],
    bind: Bind,
    on_error: OnError,
    baseline: str | None,
    confidence: float,
    seed: int,
    resamples: int,
    agreement: bool,
    table: str | None,
    limit: int | None,
    format_: str | None,
    output: str | None,
) -> None:  # fmt: skip
    """Compare checkpoints with the first of them, or with the --baseline, in the first measure, on the same images.

    A, B, … are files, folders and patterns as in `ml-scorer score`, and names of checkpoints in them; where there are
    names, only these are compared. Of two checkpoints, the images and the classes that decide are shown, too.

    \b
    ml-scorer compare ResNet50.csv DINO.csv
    ml-scorer compare sweep/*.npy --order imagefolder --baseline ResNet50.csv
    ml-scorer compare sweep.parquet step-100 step-200 --measure Top1
    ml-scorer compare ResNet50.csv DINO.csv --table images -o images.csv
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)
    for_people = chosen in FOR_PEOPLE
    tables = tuple(name for name in TABLES if name != "agreement" or agreement) if table is None else (table,)
    if limit is None and for_people and table is None:
        limit = SHOWN
    asked_for = named(predictions, baseline)
    refuse_overwriting(
        output, [*(source.path for source in asked_for.sources), baseline and baseline.removeprefix("@")]
    )
    scorer = bind()
    with ProgressBar() as progress:
        found = compared(scorer, asked_for, confidence, on_error, progress)
    if table in FOR_TWO and len(found.rows) > 2:  # noqa: PLR2004 (two checkpoints)
        raise click.UsageError(f"--table {table} is for two checkpoints, and there are {len(found.rows):,}.")
    asked = Asked(confidence, seed, resamples, tables, limit, for_people)
    emit(comparison_document(found.outcomes, found.rows, asked), chosen, output)
    if found.outcomes.scores.failed:
        sys.exit(1)
