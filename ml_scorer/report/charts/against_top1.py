"""MLA against top-1 accuracy: how far each checkpoint lies above the diagonal is what single labels hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ml_scorer.measures import MLA, Top1
from ml_scorer.report.charts.names import cut, narrow, tooltip_name
from ml_scorer.report.charts.placing import ABOVE, AWAY, labelled
from ml_scorer.report.charts.shares import PERCENT, axis_format, domain, measured, measures_of
from ml_scorer.report.charts.theme import FAINT, REFERENCE, WIDTH
from ml_scorer.report.charts.told import interval_words

if TYPE_CHECKING:
    import altair as alt

MOST_WITH_INTERVALS: Final = 100
"""With more checkpoints than this the intervals would cover the points."""

LABELLED: Final = 12
_ALWAYS_LABELLED: Final = 3  # on a phone, too
_HEIGHT: Final = 440
_LABEL_LENGTH: Final = 28
_FEW, _MANY = 60, 1000  # points: large, and translucent

_MLA: Final = str(MLA())
_TOP1: Final = str(Top1())


def summarise(frame: pl.DataFrame) -> str:
    """What the chart shows."""
    both = _both(frame)
    if both.is_empty():
        return f"There are no checkpoints with both {_MLA} and {_TOP1}."
    gaps = 100 * (both[_MLA] - both[_TOP1]).to_numpy()
    low, high, above = _points(gaps.min()), _points(gaps.max()), int((gaps > 0).sum())
    diagonal = f"the diagonal, where {_MLA} equals {_TOP1}"
    if both.height == 1:
        return f"The checkpoint lies {'above' if above else 'on or below'} {diagonal}, by {low} points."
    lie = "lies" if above == 1 else "lie"
    between = f"{low} points for all" if low == high else f"between {low} and {high} points"
    crosses = f" Crosses are {interval_words(frame)}." if both.height <= MOST_WITH_INTERVALS else ""
    return (
        f"Of {both.height:,} checkpoints, {above:,} {lie} above {diagonal}. {_MLA} minus {_TOP1} is {between}.{crosses}"
    )


def draw(frame: pl.DataFrame) -> alt.LayerChart | None:
    """One point a checkpoint, the diagonal, the names of a few, and intervals where there are few enough."""
    import altair as alt

    both = _both(frame)
    if both.is_empty():
        return None
    intervals = both.height <= MOST_WITH_INTERVALS
    ends = ["x_low", "x_high", "y_low", "y_high"] if intervals else []
    every = both.select(
        pl.col("checkpoint").map_elements(tooltip_name, pl.String).alias("name"),
        *measured(both, _TOP1, "x", "x_low", "x_high"),
        *measured(both, _MLA, "y", "y_low", "y_high"),
    )
    points = every.select("name", "x", "y", *ends)
    across = domain(*(points[column] for column in ("x", *ends[:2])))
    up = domain(*(points[column] for column in ("y", *ends[2:])))
    low, high = max(across[0], up[0]), min(across[1], up[1])  # where the diagonal crosses the picture
    titles = [f"{_TOP1}, on the same images"]
    if intervals:
        titles.append(f"crosses: {interval_words(frame)}")
    equal = f"{_MLA} = {_TOP1}"
    beyond = f"{equal} lies {'below' if up[0] > across[0] else 'above'} this picture"
    titles.append(f"dashed: {equal}" if low < high else beyond)
    x = alt.X("x:Q", scale=_scale(across), axis=_axis(across, titles))
    y = alt.Y("y:Q", scale=_scale(up), axis=_axis(up, _MLA))
    tooltip = [
        alt.Tooltip("name:N", title="checkpoint"),
        alt.Tooltip("y:Q", title=_MLA, format=PERCENT),
        alt.Tooltip("x:Q", title=_TOP1, format=PERCENT),
    ]
    base = alt.Chart(alt.InlineData(values=points.to_dicts()))
    layers: list[Any] = []
    if low < high:
        diagonal = alt.Chart(alt.InlineData(values=[{"x": low, "y": low}, {"x": high, "y": high}]))
        layers.append(diagonal.mark_line(style=REFERENCE, strokeWidth=1).encode(x=x, y=y))
    if intervals:
        layers.append(base.mark_rule(style=FAINT).encode(x=alt.X("x_low:Q"), x2="x_high:Q", y=y))
        layers.append(base.mark_rule(style=FAINT).encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q"))
    size, solid = (64, 1) if both.height <= _FEW else (28, 0.7) if both.height <= _MANY else (14, 0.5)
    layers.append(base.mark_point(size=size, opacity=solid).encode(x=x, y=y, tooltip=tooltip))
    texts = points.with_columns(
        both["checkpoint"].map_elements(lambda name: cut(name, _LABEL_LENGTH), pl.String).alias("text")
    )
    opacity = 1 if both.height <= _ALWAYS_LABELLED else narrow(0, 1)
    for side, placed in labelled(texts, (across, up), LABELLED, (WIDTH, _HEIGHT)).items():
        marks = alt.Chart(alt.InlineData(values=placed.select("text", "x", "y").to_dicts()))
        away = AWAY if side == "left" else -AWAY
        layers.append(
            marks.mark_text(align=side, dx=away, dy=-ABOVE, baseline="middle", opacity=opacity).encode(
                x=x, y=y, text="text:N"
            )
        )
    return alt.LayerChart(layer=layers, width=WIDTH, height=_HEIGHT)


def _points(gap: float) -> str:
    """A difference in percentage points, with its sign; nothing is +0.00."""
    return f"{round(float(gap), 2) + 0.0:+.2f}"


def _scale(ends: tuple[float, float]) -> alt.Scale:
    import altair as alt

    return alt.Scale(domain=list(ends), nice=False, zero=False)


def _axis(ends: tuple[float, float], title: str | list[str]) -> alt.Axis:
    import altair as alt

    return alt.Axis(title=title, format=axis_format(*ends), tickCount=7)


def _both(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that have both measures, best first."""
    if not {_MLA, _TOP1} <= set(measures_of(frame)):
        return frame.clear()
    both = frame.filter(pl.col(_MLA).is_not_null(), pl.col(_TOP1).is_not_null())
    return both.sort(_MLA, descending=True, maintain_order=True)
