"""The report as HTML: everything that it shows, put into the template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml_scorer.annotations import Identity
from ml_scorer.errors import MissingExtraError
from ml_scorer.measures.rule import scored_rows
from ml_scorer.report.cells import warnings
from ml_scorer.report.charts.embedding import CHART_STYLE, vega_script
from ml_scorer.report.page.bits import MOST, comparable_measure, comparison_data
from ml_scorer.report.page.data import best_outcomes, leaderboard_frame
from ml_scorer.report.page.figures import figures
from ml_scorer.report.page.leaderboard import CLAMPED, Leaderboard, leaderboard_of
from ml_scorer.report.page.policy import content_policy, json_for_html, script_for_html
from ml_scorer.report.page.sources import citations, other_data
from ml_scorer.report.page.words import headline, leaderboard_words, method_words, terms
from ml_scorer.report.printable import printable, printable_lines
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.steps import STEP_PATTERN
from ml_scorer.version import tool_version

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER: Final = Path(__file__).parent


def report_page(
    outcomes: Outcomes,
    *,
    title: str = "ImageNet multi-label accuracy",
    step_pattern: str = STEP_PATTERN,
    comparable: int = MOST,
) -> str:
    """The report on some checkpoints, as one HTML document that loads nothing.

    Parameters
    ----------
    outcomes : Outcomes
        Of one checkpoint at least, with intervals.
    title : str
        Its heading.
    step_pattern : str
        How names tell run and step; see `steps_of`.
    comparable : int
        How many of the best checkpoints can be compared in it, two at a time; about 5 kB each.

    Raises
    ------
    MissingExtraError
        If a package of the extra `report` is not installed.
    ValueError
        If there is no checkpoint, the scores have no intervals, or the pattern is not one.
    """
    if not outcomes.names:
        raise ValueError("a report needs at least one checkpoint.")
    template = _template()
    scores = outcomes.scores
    frame = leaderboard_frame(outcomes)
    measures = [str(measure) for measure in outcomes.measures]
    leaderboard = leaderboard_of(frame, measures)
    drawn, left_out = figures(outcomes, frame, step_pattern)
    comparison = _comparison(outcomes, comparable)
    if comparison is None:
        left_out.append(
            "Comparison of two checkpoints: it needs two, and a measure under which an image is right or wrong."
        )
    blocks: dict[str, Any] = {"leaderboard-data": leaderboard.numbers} | {
        f"{figure.name}-data": figure.chart for figure in drawn
    }
    if comparison is not None:
        blocks["comparison-data"] = comparison
    scripts = [_own(f"{name}.js") for name in ("theme", "leaderboard")]
    scripts += [vega_script(), _own("charts.js")] if drawn else []
    scripts += [_own("compare.js")] if comparison else []
    scripts = [script_for_html(script) for script in scripts]
    style = _style(leaderboard)
    return template.render(
        title=printable(title),
        version=tool_version(),
        policy=content_policy(scripts, [style]),
        style=_safe(style),
        scripts=[_safe(script) for script in scripts],
        data_blocks=[{"name": name, "text": _safe(json_for_html(data))} for name, data in blocks.items()],
        warnings=warnings(scores.annotations),
        headline=headline(frame, measures[0]),
        facts=_facts(outcomes, measures[0]),
        leaderboard=leaderboard,
        clamped=CLAMPED,
        explanation=leaderboard_words(scores, measures[0]),
        doubts=[printable(doubt) for doubt in scores.doubts],
        figures=drawn,
        comparison=comparison,
        failed=[printable_lines(failure.error) for failure in scores.failed],
        terms=terms(outcomes.measures, frame.columns, scored_rows(outcomes.annotations).size),
        annotations=_annotations(scores.annotations),
        other_data=other_data(scores.signatures, scores.annotations),
        signatures=tuple(scores.signatures.values()),
        methods=method_words(scores, compared=comparison is not None),
        left_out=left_out,
        citations=citations(outcomes.measures),
    )


def _template() -> Template:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("a report", "report") from error
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html.j2")


def _own(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _safe(text: str) -> Any:  # noqa: ANN401 (a type of an optional package)
    """A text that the template is to leave as it is: the page's own, or escaped already."""
    from markupsafe import Markup  # comes with jinja2

    return Markup(text)  # noqa: S704 (see above)


def _style(leaderboard: Leaderboard) -> str:
    widths = {"columns": leaderboard.widths, "least": leaderboard.least_width, "name": leaderboard.name_width}
    widths |= {"place": leaderboard.place_width, "narrow-place": leaderboard.narrow_place_width}
    variables = " ".join(f"--{name}: {width};" for name, width in widths.items())
    return f"\n{_own('page.css')}{CHART_STYLE}#scores {{ {variables} }}\n"


def _comparison(outcomes: Outcomes, comparable: int) -> dict[str, Any] | None:
    """Data for comparing two checkpoints; None where there are not two, or no measure for it."""
    measure = comparable_measure(outcomes)
    best = best_outcomes(outcomes, comparable)
    if measure is None or len(best.names) < 2:  # noqa: PLR2004
        return None
    return comparison_data(best, measure)


def _facts(outcomes: Outcomes, measure: str) -> list[tuple[str, str]]:
    rule, identity = outcomes.rules[measure], outcomes.scores.annotations
    confidence = outcomes.scores.confidence or 0.95
    return [
        ("Checkpoints", f"{len(outcomes.names):,}"),
        ("Images", f"{rule.images.size:,}"),
        ("Classes", f"{rule.classes:,}"),
        ("Intervals", f"{100 * confidence:g}%"),
        ("Annotations", f"{identity}" + (" (genuine)" if identity.genuine else "")),
    ]


def _annotations(identity: Identity) -> dict[str, str]:
    if identity.genuine:
        sentence = f"{identity.name} {identity.version}, genuine: the content has the fingerprint of that release."
    else:
        sentence = " ".join(warnings(identity))
    return {"sentence": sentence, "fingerprint": f"sha256 {identity.fingerprint}"}
