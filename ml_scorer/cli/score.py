"""`ml-scorer score`: score files of predictions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import polars as pl

from ml_scorer.annotations import load_annotations
from ml_scorer.errors import MeasureError, some
from ml_scorer.measures import DEFAULT_MEASURES, Measure, parse_measures
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.predictions import ORDERS
from ml_scorer.report import ENDINGS, FORMATS
from ml_scorer.report.cells import printable, printable_lines
from ml_scorer.scores import Scores
from ml_scorer.scoring import Missing, OnError, Scorer


def _measures(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Measure, ...]:
    try:
        return parse_measures(texts) if texts else DEFAULT_MEASURES
    except MeasureError as error:
        raise click.BadParameter(str(error)) from error


def _order(_: click.Context, __: click.Parameter, order: str | None) -> str | None:
    if order is not None and order not in ORDERS and not Path(order).is_file():
        raise click.BadParameter(f"{order!r} is neither a file of image names nor one of {', '.join(ORDERS)}.")
    return order


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@click.option(
    "--annotations", metavar="FILE", help="Annotation table. Default: the one that `ml-scorer annotations` finds."
)
@click.option(
    "--measure",
    "measures",
    metavar="M",
    multiple=True,
    callback=_measures,
    help="What to compute, e.g. 'MLA(classes=dog)'; give it again for more. See `ml-scorer measures`.",
)
@click.option(
    "--order",
    metavar="O",
    callback=_order,
    help=f"Which image each position of an array is: {', '.join(ORDERS)}, or a file that lists image names.",
)
@click.option(
    "--missing",
    type=click.Choice(["error", "wrong"]),
    default="error",
    show_default=True,
    help="What a needed image without a prediction is.",
)
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="At an input that cannot be scored: stop, or list it as failed and go on (exit status 1 either way).",
)
@click.option(
    "--top", type=click.IntRange(min=1), metavar="N", help="Only the N best by the first measure, best first."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    help="Default: told by the ending of -o, else a table. Shares are percentages in table and markdown.",
)
@click.option("-o", "--output", metavar="FILE", help="Write the result to FILE.")
def score(  # noqa: PLR0913, PLR0917 (one parameter for each option)
    predictions: tuple[str, ...],
    annotations: str | None,
    measures: tuple[Measure, ...],
    order: str | None,
    missing: Missing,
    on_error: OnError,
    top: int | None,
    format_: str | None,
    output: str | None,
) -> None:  # fmt: skip
    """Score PREDICTIONS: .csv and .parquet files with image names and class indices, .npy arrays.

    \b
    ml-scorer score resnet50.csv
    ml-scorer score sweep/*.npy --order imagefolder --format csv -o scores.csv
    ml-scorer score resnet50.csv --measure MLA --measure 'Top1(images=validation)'
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = _format(format_, output)
    if output is not None and Path(output).resolve() in {Path(file).resolve() for file in predictions}:
        raise click.UsageError(f"-o {output} would overwrite predictions that are to be scored.")
    scorer = Scorer(load_annotations(annotations), measures, order=order, missing=missing)
    with _progress(len(predictions)) as advance:
        scores = scorer.score(list(predictions), on_error=on_error, advance=advance)
    on_terminal = output is None and chosen == "table" and sys.stdout.isatty()
    _emit(scores.best(top) if top else scores, chosen, output, on_terminal=on_terminal)
    _warn_of_strangers(scores)
    if not on_terminal:  # there they stand below the table
        for failure in scores.failed:
            click.echo(f"Error: {printable_lines(failure.error)}", err=True)
    if scores.failed:
        sys.exit(1)


def _warn_of_strangers(scores: Scores) -> None:
    """Say on standard error when nearly all predictions are labels that no expert judged: a wrong order looks so."""
    counts = scores.frame.select("checkpoint", *VERDICT_COUNTS)
    strange = counts.filter(pl.col("unreviewed") > 0.9 * pl.sum_horizontal(VERDICT_COUNTS))["checkpoint"]
    if strange.len():
        names = some(map(printable, strange), strange.len())
        click.echo(
            f"Warning: nearly all predictions of {names} are labels that no expert was ever asked about. "
            "Is --order right, do labels count from 0, is the model trained?",
            err=True,
        )


def _format(said: str | None, output: str | None) -> str:
    """The format that was said, or that the ending of the output tells; a table where neither does."""
    if said is not None:
        return said
    ending = Path(output or "").suffix.lower()
    if ending and ending not in ENDINGS:
        raise click.UsageError(
            f"-o {output}: the ending tells no format. Use one of {', '.join(ENDINGS)}, or say it with --format."
        )
    return ENDINGS.get(ending, "table")


def _emit(scores: Scores, format_: str, output: str | None, *, on_terminal: bool) -> None:
    if output is not None:
        try:
            Path(output).write_text(f"{FORMATS[format_](scores)}\n", encoding="utf-8")
        except OSError as error:
            raise click.ClickException(
                f"-o {output}: cannot be written: {error.strerror}. Name another file."
            ) from error
        click.echo(f"wrote {output}", err=True)
    elif on_terminal:
        from rich.console import Console

        from ml_scorer.report.terminal import print_scores

        print_scores(scores, Console())
    else:
        click.echo(FORMATS[format_](scores))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error where that is a terminal and there is more than one file."""
    if total == 1 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("scoring", total=total)
        yield lambda: progress.advance(task)
