"""The leaderboard as dots: the score of each of the best checkpoints, with its confidence interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from ml_scorer.report.charts.names import row_axis, tooltip_name, with_names
from ml_scorer.report.charts.shares import PERCENT, axis_format, domain, measured, measures_of, percent
from ml_scorer.report.charts.theme import INTERVAL, TIE, WIDTH
from ml_scorer.report.charts.told import interval_words

if TYPE_CHECKING:
    import altair as alt

SHOWN: Final = 40
_ROW: Final = 18  # pixels


def summarise(frame: pl.DataFrame) -> str:
    """What the chart shows."""
    best, measure = _best(frame)
    if best.is_empty():
        return "There are no scores to draw."
    shown = f"the best {best.height:,} of {frame.height:,}" if best.height < frame.height else f"{frame.height:,}"
    first, last = best.row(0, named=True), best.row(-1, named=True)
    ends = f"{percent(first[measure])} ({tooltip_name(first['checkpoint'])})"
    if best.height > 1 and first[measure] == last[measure]:
        ends = f"all {percent(first[measure])}"
    elif best.height > 1:
        ends = f"from {ends} to {percent(last[measure])} ({tooltip_name(last['checkpoint'])})"
    checkpoints = "checkpoint" if frame.height == 1 else "checkpoints"
    text = f"{measure} of {shown} {checkpoints}, with {interval_words(frame, frame.height)}: {ends}."
    return text if frame.height == 1 else f"{text} {_first(int((frame['place_low'] == 1).sum()))}"


def draw(frame: pl.DataFrame) -> alt.LayerChart | None:
    """Dots filled where the data allow a checkpoint the first place, hollow where they do not."""
    import altair as alt

    best, measure = _best(frame)
    if best.is_empty():
        return None
    rows = best.select(
        pl.int_range(pl.len()).alias("row"),
        pl.col("checkpoint").map_elements(tooltip_name, pl.String).alias("name"),
        *measured(best, measure, "score", "low", "high"),
        pl.format("{}\N{EN DASH}{}", "place_low", "place_high").alias("place"),
        (pl.col("place_low") == 1).alias("first"),
    )
    low, high = domain(rows["low"], rows["high"])
    title = [f"{measure}, {interval_words(frame, rows.height)}"]
    if not rows["first"].all():
        title.append("filled: may be in first place")
    y = alt.Y("row:O", axis=row_axis(domain=False), scale=alt.Scale(domain=list(range(rows.height))))
    x = alt.X(
        "score:Q",
        scale=alt.Scale(domain=[low, high], nice=True, zero=False),
        axis=alt.Axis(title=title, format=axis_format(low, high), tickCount=6),
    )
    tooltip = [
        alt.Tooltip("name:N", title="checkpoint"),
        alt.Tooltip("score:Q", title=measure, format=PERCENT),
        alt.Tooltip("low:Q", title="from", format=PERCENT),
        alt.Tooltip("high:Q", title="to", format=PERCENT),
        alt.Tooltip("place:N", title="place"),
    ]
    base = alt.Chart(alt.InlineData(values=rows.to_dicts()))
    intervals = base.mark_rule(style=INTERVAL).encode(y=y, x=alt.X("low:Q", title=title), x2="high:Q")
    dots = base.transform_filter("datum.first").mark_point().encode(x=x, y=y, tooltip=tooltip)
    told = base.transform_filter("!datum.first").mark_point(style=TIE, filled=False).encode(x=x, y=y, tooltip=tooltip)
    chart = alt.LayerChart(layer=[intervals, dots, told], width=WIDTH, height=_ROW * rows.height)
    return with_names(chart, best["checkpoint"].to_list())


def _best(frame: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """The rows to draw, best first, and the measure; no rows where there is none."""
    measures = measures_of(frame)
    if not measures:
        return frame.clear(), ""
    scored = frame.filter(pl.col(measures[0]).is_not_null())
    return scored.sort(measures[0], descending=True, maintain_order=True).head(SHOWN), measures[0]


def _first(number: int) -> str:
    if number > 1:
        return f"Filled dots: {number:,} checkpoints may be in first place."
    return "Filled dot: only one checkpoint may be in first place."
