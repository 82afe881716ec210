"""The confusions that checkpoints make most often: which class they predict in place of which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from ml_scorer.report.charts.class_names import short_names
from ml_scorer.report.charts.names import row_axis, with_names
from ml_scorer.report.charts.theme import WIDTH
from ml_scorer.report.charts.told import measure_of
from ml_scorer.report.charts.verdicts import STACKED

if TYPE_CHECKING:
    import altair as alt

SHOWN: Final = 20
_ROW: Final = 20  # pixels
_ON_A_PHONE: Final = 10  # characters of the name of a class
_LONGEST: Final = 60  # of a pair; its names are cut already
_ARROW: Final = " → "
_VERDICTS: Final = ("wrong", "unreviewed", "unclear")


def summarise(frame: pl.DataFrame) -> str:
    """What the chart shows."""
    if frame.is_empty():
        return "There are no confusions to draw."
    pairs, measure = _pairs(frame), measure_of(frame)
    first = pairs.row(0, named=True)
    images = "one image" if first["images"] == 1 else f"{first['images']:,} images"
    most = f"{pairs.height:,} most frequent of {frame.height:,} pairs" if frame.height > 1 else "only pair"
    return (
        f"The {most} of original and predicted class, by number of "
        f"predictions{f' that are wrong under {measure}' if measure else ''}. "
        f"The first, {first['pair']}, was predicted {_times(first['predictions'])} for {images}, "
        f"{_reviewed(first['predictions'], first['unreviewed'])}."
    )


def draw(frame: pl.DataFrame) -> alt.LayerChart | None:
    """One bar a pair, from zero, split by verdict; the number of images behind it."""
    import altair as alt

    pairs = _pairs(frame)
    rows = pairs.select(
        pl.int_range(pl.len()).alias("row"),
        "pair",
        "predictions",
        "images",
        "checkpoints",
        "wrong",
        "unreviewed",
        "unclear",
    )
    ends = pl.cum_sum_horizontal(*_VERDICTS).struct.rename_fields(list(_VERDICTS))
    segments = pl.concat(
        rows.with_columns(ends.alias("ends")).select(
            "row",
            pl.lit(verdict).alias("verdict"),
            (pl.col("ends").struct.field(verdict) - pl.col(verdict)).alias("start"),
            pl.col("ends").struct.field(verdict).alias("end"),
        )
        for verdict in _VERDICTS
    ).filter(pl.col("end") > pl.col("start"))
    there = [verdict for verdict in _VERDICTS if rows[verdict].sum()]
    y = alt.Y(
        "row:O", axis=row_axis(), scale=alt.Scale(domain=list(range(rows.height)), paddingInner=0.3, paddingOuter=0.15)
    )
    most = int(rows["predictions"].to_numpy().max())
    measure = measure_of(frame)
    title = ["predictions over checkpoints", *([f"wrong under {measure}"] if measure else [])]
    axis = alt.Axis(title=title, format=",d", tickMinStep=1, tickCount=6)
    x = alt.X("start:Q", scale=alt.Scale(domain=[0, most], nice=True), axis=axis)
    legend = alt.Legend(title=None, symbolType="square", symbolStrokeWidth=0, values=there)
    color = alt.Color("verdict:N", scale=alt.Scale(domain=list(STACKED), range="ordinal"), legend=legend)
    tooltip = [
        alt.Tooltip("pair:N", title="original → predicted"),
        *(
            alt.Tooltip(f"{column}:Q", title=column, format=",")
            for column in ("predictions", *there, "images", "checkpoints")
        ),
    ]
    base = alt.Chart(alt.InlineData(values=rows.to_dicts()))
    layers = (
        alt.Chart(alt.InlineData(values=segments.to_dicts())).mark_bar().encode(x=x, x2="end:Q", y=y, color=color),
        base.mark_bar(opacity=0).encode(x=alt.X("predictions:Q", stack=None), y=y, tooltip=tooltip),
    )
    chart = alt.LayerChart(layer=layers, width=WIDTH, height=_ROW * rows.height)
    return with_names(chart, pairs["pair"].to_list(), pairs["short_pair"].to_list(), _LONGEST)


def _pairs(frame: pl.DataFrame) -> pl.DataFrame:
    """The most frequent pairs, with a `pair` of short names; `unclear` predictions are those of no other verdict."""
    top = frame.sort("predictions", descending=True, maintain_order=True).head(SHOWN)
    names = top.select("original_name", "predicted_name").rows()
    return top.with_columns(
        pl.Series("pair", [_ARROW.join(short_names(one, other)) for one, other in names], pl.String),
        pl.Series("short_pair", [_ARROW.join(short_names(one, other, _ON_A_PHONE)) for one, other in names], pl.String),
        (pl.col("predictions") - pl.col("wrong") - pl.col("unreviewed")).alias("unclear"),
    )


def _reviewed(predictions: int, unreviewed: int) -> str:
    if not unreviewed:
        return "all of it reviewed by experts"
    return "none of it reviewed by experts" if unreviewed == predictions else f"{unreviewed:,} of these not reviewed"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"
