"""`ml-scorer chart`: one picture of some checkpoints, as a file."""

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
from ml_scorer.report.cells import warnings
from ml_scorer.report.charts import CHARTS
from ml_scorer.report.charts.saving import ENDINGS, save
from ml_scorer.report.packages import check_packages
from ml_scorer.report.page.data import leaderboard_frame
from ml_scorer.report.printable import printable_lines
from ml_scorer.scoring import OnError


def _picture(_: click.Context, __: click.Parameter, output: str) -> str:
    if Path(output).suffix.lower() not in ENDINGS:
        raise click.BadParameter(f"{output}: name a file that ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.")
    return output


@click.command()
@click.argument("name", type=click.Choice(list(CHARTS)))
@click.argument("predictions", nargs=-1, required=True)
@scorer_options
@click.option(
    "-o", "--output", metavar="FILE", required=True, callback=_picture, help="Where it goes: .svg, .png, .pdf."
)
@confidence_option("Of the intervals.")
@step_pattern_option
@click.option("--dark", is_flag=True, help="Light on dark.")
@click.option("--no-title", is_flag=True, help="No heading in the picture, as for a figure with a caption.")
@on_error_option
def chart(  # noqa: PLR0913 (one parameter for each option)
    *,
    name: str,
    predictions: tuple[str, ...],
    bind: Bind,
    output: str,
    confidence: float,
    step_pattern: str,
    dark: bool,
    no_title: bool,
    on_error: OnError,
) -> None:
    """Draw PREDICTIONS as a chart: SVG, PNG or PDF, as the ending of the output says. Needs the extra `report`.

    \b
    leaderboard       the best 40, with intervals; filled where they may be in first place
    mla-against-top1  every checkpoint above the diagonal: what single labels hide
    training          a line a run, with the step that the names tell
    verdicts          correct, unclear, unreviewed, wrong: the best 30, with their upper bound
    classes           all classes by their share, the worst 20 by name
    confusions        the 20 most frequent pairs of original and predicted class
    groups            organism, object, dog, organism-not-dog: the best 10

    \b
    ml-scorer chart verdicts ResNet50.csv DINO.csv -o verdicts.svg
    ml-scorer chart training sweep/ --order imagefolder -o training.pdf
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    from ml_scorer.report.chart_frames import DETAILED, chart_frame, chart_signatures

    check_packages("ml-scorer chart")
    outcomes = read_outcomes(predictions, bind, on_error, output, confidence)
    for failure in outcomes.scores.failed:
        click.echo(f"Error: {printable_lines(failure.error)}", err=True)
    say_doubts(outcomes.scores)
    kind = CHARTS[name]
    frame = None
    if outcomes.names:
        frame = chart_frame(kind.frame, outcomes, leaderboard_frame(outcomes), step_pattern)
    drawn = None if frame is None else kind.build(frame)
    if frame is None or drawn is None:
        why = _WHY_NOT[name] if outcomes.names else "no checkpoint could be scored."
        raise click.ClickException(f"there is nothing to draw: {why}")
    warned = warnings(outcomes.scores.annotations)
    title = "" if no_title else kind.title
    heading = (title, *warned) if title or warned else ()
    some = kind.frame in {"classes", "confusions"} and len(outcomes.names) > DETAILED
    parts = [f"Of the best {DETAILED} checkpoints."] if some else []
    summary = " ".join([kind.summary(frame), *parts, *warned])
    described = " ".join([summary, *chart_signatures(name, outcomes)])
    with writing(output):
        save(drawn, output, theme_name="dark" if dark else "light", heading=heading, description=described)
    click.echo(f"wrote {output}: {summary}", err=True)
    if outcomes.scores.failed:
        sys.exit(1)


_WHY_NOT = {
    "leaderboard": "no checkpoint has a score.",
    "mla-against-top1": "it needs both MLA and Top1 (see --measure).",
    "training": "no two names tell the same run and different steps. Say how they do: --step-pattern.",
    "verdicts": "it needs predictions for the images of MLA.",
    "classes": "it needs a measure of MLA with k=1 (see --measure).",
    "confusions": "it needs a measure of MLA with k=1 (see --measure), and a prediction that is wrong under it.",
    "groups": "it needs a measure of MLA over all classes (see --measure).",
}
"""What is the matter where there is nothing to draw."""
