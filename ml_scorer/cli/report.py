"""`ml-scorer report`: everything about some checkpoints in one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ml_scorer.cli.binding import Bind, on_error_option, scorer_options
from ml_scorer.cli.breakdown import read_outcomes
from ml_scorer.cli.confidence import confidence_option
from ml_scorer.cli.doubts import say_doubts
from ml_scorer.cli.output import writing
from ml_scorer.cli.step_pattern import step_pattern_option
from ml_scorer.report.packages import check_packages
from ml_scorer.report.printable import printable_lines
from ml_scorer.scoring import OnError
from ml_scorer.writing import write_output


def _html(_: click.Context, __: click.Parameter, output: str) -> str:
    if Path(output).suffix.lower() not in {".html", ".htm"}:
        raise click.BadParameter(f"{output}: a report is HTML. Name a file that ends in .html.")
    return output


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@scorer_options
@click.option("-o", "--output", metavar="FILE.html", required=True, callback=_html, help="Where the report goes.")
@click.option("--title", metavar="TEXT", default="ImageNet multi-label accuracy", show_default=True, help="Heading.")
@confidence_option("Of the intervals and the places.")
@step_pattern_option
@click.option(
    "--compare",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    metavar="N",
    help="How many of the best checkpoints can be compared, two at a time, in the report (about 5 kB each).",
)
@on_error_option
def report(  # noqa: PLR0913, PLR0917 (one parameter for each option)
    predictions: tuple[str, ...],
    bind: Bind,
    output: str,
    title: str,
    confidence: float,
    step_pattern: str,
    compare: int,
    on_error: OnError,
) -> None:  # fmt: skip
    """Write a report on PREDICTIONS: one HTML file, complete in itself, that loads nothing from anywhere.

    Leaderboard with intervals and ties, verdicts, MLA against top-1, training runs, classes, confusions, groups, a
    comparison of any two checkpoints, and what was measured. Needs the extra `report`.

    \b
    ml-scorer report ResNet50.csv DINO.csv -o report.html
    ml-scorer report sweep/ --order imagefolder -o sweep.html
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    check_packages("ml-scorer report")
    from ml_scorer.report.page.build import report_page

    outcomes = read_outcomes(predictions, bind, on_error, output, confidence)
    failed = outcomes.scores.failed
    for failure in failed:
        click.echo(f"Error: {printable_lines(failure.error)}", err=True)
    if not outcomes.names:
        raise click.ClickException("no checkpoint could be scored, so that there is nothing to report.")
    say_doubts(outcomes.scores)
    page = report_page(outcomes, title=title, step_pattern=step_pattern, comparable=compare)
    with writing(output):
        write_output(page.encode(), output)
    click.echo(f"wrote {output} ({len(page.encode()) / 1e6:.1f} MB)", err=True)
    if failed:
        sys.exit(1)
