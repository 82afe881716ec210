"""All classes as a strip of dots by their share of right predictions, and the worst of them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ml_scorer.report.charts.class_names import short_name
from ml_scorer.report.charts.names import narrow, row_axis, with_names
from ml_scorer.report.charts.shares import DIGITS, PERCENT, percent
from ml_scorer.report.charts.theme import FAINT, WIDTH
from ml_scorer.report.charts.told import interval_words, measure_of

if TYPE_CHECKING:
    import altair as alt

NAMED: Final = 20
_ROW: Final = 20  # pixels
_STRIP: Final = 5
"""Rows that the strip of all classes is high."""

_GOLDEN: Final = (5**0.5 - 1) / 2


def summarise(frame: pl.DataFrame) -> str:
    """What the chart shows."""
    if frame.is_empty():
        return "There are no classes to draw."
    worst = _worst(frame)
    middle, perfect = frame["share"].median(), int((frame["share"] >= 1).sum())
    small = int(frame["small"].sum())
    names = ", ".join(
        f"{short_name(row['name'])} ({percent(row['share'])})" for row in worst.head(3).iter_rows(named=True)
    )
    are = f"The worst are {names}" if worst.height > 1 else f"It is {names}"
    return (
        f"Share of right predictions{_under(frame)} in each of {frame.height:,} classes: the median is "
        f"{percent(middle)}, {perfect:,} {'is' if perfect == 1 else 'are'} at 100%, and {small:,} "
        f"{'has' if small == 1 else 'have'} fewer than 10 images. {are}."
    )


def draw(frame: pl.DataFrame) -> alt.LayerChart | None:
    """The strip above, the worst classes below it on the same axis; classes with few images are triangles."""
    import altair as alt

    every = (
        frame.sort("share", "class")
        .select(
            pl.col("name").map_elements(short_name, pl.String),
            pl.col("share").round(DIGITS),
            "images",
            "small",
            pl.Series("row", (_STRIP - 1) * ((np.arange(frame.height) * _GOLDEN) % 1)).round(2),
        )
        .sort("small", maintain_order=True)
    )  # triangles stand before dots
    worst = _worst(frame)
    spread = not {"low", "high"} <= set(frame.columns)
    ends = ("share_worst", "share_best") if spread else ("low", "high")
    rows = worst.select(
        pl.int_range(pl.len()).add(_STRIP).alias("row"),
        pl.col("name").map_elements(short_name, pl.String),
        *(
            pl.col(column).round(DIGITS).alias(plain)
            for column, plain in zip(("share", *ends), ("share", "low", "high"), strict=True)
        ),
        "images",
        "small",
        pl.col("wrong_labels").map_elements(_mistakes, pl.String).alias("mistakes"),
    )
    height = rows.height + _STRIP
    scale = alt.Scale(domain=[-0.5, height - 0.4], reverse=True, nice=False, zero=False)
    y = alt.Y("row:Q", scale=scale, axis=row_axis(values=[(_STRIP - 1) // 2, *rows["row"]]))
    line = "line: from the worst to the best checkpoint" if spread else f"line: {interval_words(frame, 1)}"
    axis = alt.Axis(title=[f"share of right predictions{_under(frame)}", line], format=".0%", tickCount=6)
    x = alt.X("share:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    label = "datum.value ? 'under 10 images' : '10 or more images'"
    legend = alt.Legend(title=None, labelExpr=label, symbolSize=60, columns=narrow(1, 2))
    shape = alt.Shape("small:N", scale=alt.Scale(domain=[False, True], range=["circle", "triangle-up"]), legend=legend)
    tooltip = [
        alt.Tooltip("name:N", title="class"),
        alt.Tooltip("share:Q", title="right", format=PERCENT),
        alt.Tooltip("images:Q", title="images"),
    ]
    ranges = [
        alt.Tooltip("low:Q", title="worst checkpoint" if spread else "from", format=PERCENT),
        alt.Tooltip("high:Q", title="best checkpoint" if spread else "to", format=PERCENT),
        alt.Tooltip("mistakes:N", title="predicted instead"),
    ]
    base = alt.Chart(alt.InlineData(values=rows.to_dicts()))
    strip = alt.Chart(alt.InlineData(values=every.to_dicts()))
    layers = (
        strip.mark_point().encode(x=x, y=y, shape=shape, size=_small(14, 70), opacity=_small(0.5, 1), tooltip=tooltip),
        base.mark_rule(style=FAINT).encode(x=alt.X("low:Q"), x2="high:Q", y=y),
        base.mark_point().encode(x=x, y=y, shape=shape, size=_small(50, 90), tooltip=[*tooltip, *ranges]),
    )
    chart = alt.LayerChart(layer=layers, width=WIDTH, height=height * _ROW)
    texts = [""] * _STRIP + rows["name"].to_list()
    texts[(_STRIP - 1) // 2] = f"all {frame.height:,}" if frame.height > rows.height else ""
    return with_names(chart, texts)


def _worst(frame: pl.DataFrame) -> pl.DataFrame:
    """The worst classes, the worst first; of equal ones those with more images."""
    return frame.sort("share", "images", "class", descending=[False, True, False]).head(NAMED)


def _small(dot: float, triangle: float) -> Any:  # noqa: ANN401 (Altair's own)
    """A property of dots, and of triangles: these are larger and solid, to be told from dots."""
    import altair as alt

    return alt.condition("datum.small", alt.value(triangle), alt.value(dot))


def _under(frame: pl.DataFrame) -> str:
    measure = measure_of(frame)
    return f" under {measure}" if measure else ""


def _mistakes(labels: pl.Series) -> str:
    return ", ".join(f"{short_name(label['name'])} ({label['images']:,})" for label in labels.to_list())
