"""The course of training: a line for each run, from the steps in the names of its checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ml_scorer.report.charts.names import row_legend, tooltip_name, with_names
from ml_scorer.report.charts.shares import PERCENT, axis_format, domain, measured, measures_of, percent
from ml_scorer.report.charts.theme import FAINT, WIDTH
from ml_scorer.report.charts.told import interval_words

if TYPE_CHECKING:
    import altair as alt

NAMED: Final = 8
"""Runs with a colour, a dash and a name of their own: those that end best. Others are thin lines."""

_HEIGHT: Final = 380
_POINTS: Final = 40
"""Steps of a run up to which each has a point."""

_DASHES: Final = [[1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 4], [2, 5], [9, 3, 2, 3, 2, 3]]


def summarise(frame: pl.DataFrame) -> str:
    """What the chart shows."""
    courses, measure = _courses(frame)
    if courses.is_empty():
        return "No run with several steps is found in the names of the checkpoints."
    runs = courses.group_by("row", maintain_order=True).agg(
        pl.first("run"), pl.first(measure).alias("first"), pl.last(measure).alias("last"), pl.last("step")
    )
    best = runs.row(0, named=True)
    number = "one run" if runs.height == 1 else f"{runs.height:,} runs"
    alone = runs.height > 1 and runs["last"][1] < best["last"]
    return (
        f"{measure} by training step, {courses.height:,} checkpoints of {number}, with {interval_words(frame)}. "
        f"{tooltip_name(best['run'])} {'ends best: it goes' if alone else 'goes'} from "
        f"{percent(best['first'])} to {percent(best['last'])} at step {best['step']:,}."
    )


def draw(frame: pl.DataFrame) -> alt.LayerChart | None:
    """A line a run, the intervals as a band around those that have a name; None where no run has two steps."""
    import altair as alt

    courses, measure = _courses(frame)
    if courses.is_empty():
        return None
    rows = courses.select(
        "row",
        "step",
        *measured(courses, measure, "score", "low", "high"),
        pl.col("checkpoint").map_elements(tooltip_name, pl.String).alias("name"),
    )
    named, others = rows.filter(pl.col("row") < NAMED), rows.filter(pl.col("row") >= NAMED).drop("low", "high")
    runs = courses.unique("row", maintain_order=True).sort("row").head(NAMED)["run"].to_list()
    low, high = domain(named["low"], named["high"], others["score"])
    x = alt.X(
        "step:Q",
        scale=alt.Scale(zero=False, nice=False),
        axis=alt.Axis(title="step", format="~s", tickCount=7, grid=False),
    )
    title = f"{measure} (band: {interval_words(frame, 1)})"
    y = alt.Y(
        "score:Q",
        scale=alt.Scale(domain=[low, high], nice=True, zero=False),
        axis=alt.Axis(title=title, format=axis_format(low, high), tickCount=6),
    )
    numbers = list(range(len(runs)))
    legend: Any = row_legend()
    color = alt.Color("row:N", scale=alt.Scale(domain=numbers, range="category"), legend=legend)
    dash = alt.StrokeDash("row:N", scale=alt.Scale(domain=numbers, range=_DASHES[: len(runs)]), legend=legend)
    tooltip = [
        alt.Tooltip("name:N", title="checkpoint"),
        alt.Tooltip("step:Q", title="step", format=","),
        alt.Tooltip("score:Q", title=measure, format=PERCENT),
    ]
    best = alt.Chart(alt.InlineData(values=named.to_dicts()))
    layers: list[Any] = [best.mark_area().encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=color)]
    if not others.is_empty():
        rest = alt.Chart(alt.InlineData(values=others.to_dicts()))
        layers.append(rest.mark_line(style=FAINT, strokeWidth=1).encode(x=x, y=y, detail="row:N"))
    layers.append(best.mark_line().encode(x=x, y=y, color=color, strokeDash=dash))
    few = named.height <= _POINTS * len(runs)
    layers.append(
        best.mark_point(size=24 if few else 80, opacity=1 if few else 0).encode(x=x, y=y, color=color, tooltip=tooltip)
    )
    return with_names(alt.LayerChart(layer=layers, width=WIDTH, height=_HEIGHT), runs)


def _courses(frame: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Checkpoints of the runs that have several steps, and the measure: `row` is 0 for the run that ends best."""
    measures = measures_of(frame)
    if not measures or not {"run", "step"} <= set(frame.columns):
        return frame.clear(), ""
    measure = measures[0]
    steps = frame.filter(pl.col("step").is_not_null(), pl.col("run").is_not_null(), pl.col(measure).is_not_null())
    steps = steps.filter(pl.col("step").n_unique().over("run") > 1).sort("step", maintain_order=True)
    ends = steps.group_by("run", maintain_order=True).agg(pl.last(measure).alias("end"))
    ends = ends.sort("end", descending=True, maintain_order=True).select("run", pl.int_range(pl.len()).alias("row"))
    return steps.join(ends, on="run", maintain_order="left").sort("row", "step", maintain_order=True), measure
