"""What experts say of the predictions of each checkpoint: the four verdicts as one bar, and the bounds they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from ml_scorer.report.charts.names import narrow, row_axis, tooltip_name, with_names
from ml_scorer.report.charts.shares import DIGITS, PERCENT, measures_of, percent
from ml_scorer.report.charts.theme import BOUND, WIDTH

if TYPE_CHECKING:
    import altair as alt

SHOWN: Final = 30
STACKED: Final = ("correct", "unclear", "unreviewed", "wrong")
"""From left to right: MLA(average=image) counts the first two, its upper bound the first three."""

MISSING: Final = "missing"
"""Stands last where predictions may be missing, and some are."""

_ROW: Final = 24  # pixels


def summarise(frame: pl.DataFrame) -> str:
    """What the chart shows."""
    bars = _bars(frame)
    if bars.is_empty():
        return "There are no verdicts to draw."
    first = bars.row(0, named=True)
    several = f"the best {bars.height:,} of {frame.height:,} checkpoints" if bars.height < frame.height else None
    several = several or ("one checkpoint" if bars.height == 1 else f"{bars.height:,} checkpoints")
    shares = ", ".join(f"{percent(first[verdict])} {verdict}" for verdict in _stacked(bars))
    most = bars.sort("unreviewed", descending=True, maintain_order=True).row(0, named=True)
    alike = bars["unreviewed"].n_unique() == 1
    whose = "" if alike else f" at most ({tooltip_name(most['checkpoint'])})"
    return (
        f"The predictions of {several} by verdict; {tooltip_name(first['checkpoint'])}: {shares}. Had every unreviewed "
        f"label been correct, the share of right images, of the {first['images']:,} of MLA, would rise by "
        f"{100 * most['unreviewed']:.2f} points{whose}."
    )


def draw(frame: pl.DataFrame) -> alt.LayerChart | None:
    """One stacked bar a checkpoint, from zero; a line at the upper bound, and the bounds in figures beside it."""
    import altair as alt

    bars = _bars(frame)
    if bars.is_empty():
        return None
    stacked = _stacked(bars)
    ends = pl.cum_sum_horizontal(*stacked).struct.rename_fields(list(stacked))
    rows = bars.select(
        pl.int_range(pl.len()).alias("row"),
        pl.col("checkpoint").map_elements(tooltip_name, pl.String).alias("name"),
        *(pl.col(verdict).round(DIGITS).alias(verdict) for verdict in stacked),
        ends.alias("ends"),
    )
    segments = pl.concat(
        rows.select(
            "row",
            pl.lit(verdict).alias("verdict"),
            (pl.col("ends").struct.field(verdict) - pl.col(verdict)).round(DIGITS).alias("start"),
            pl.col("ends").struct.field(verdict).round(DIGITS).alias("end"),
        )
        for verdict in stacked
    ).filter(pl.col("end") > pl.col("start"))
    bounds = rows.select(
        "row",
        "name",
        *stacked,
        pl.col("ends").struct.field("unclear").round(DIGITS).alias("lower"),
        pl.col("ends").struct.field("unreviewed").round(DIGITS).alias("upper"),
    )
    texts = [
        f"{100 * low:.2f}\N{EN DASH}{100 * high:.2f}%" for low, high in bounds.select("lower", "upper").iter_rows()
    ]
    bounds = bounds.with_columns(pl.Series("text", texts))
    band = alt.Scale(domain=list(range(rows.height)), paddingInner=0.3, paddingOuter=0.15)
    y = alt.Y("row:O", axis=row_axis(), scale=band)
    title = [f"share of the {bars['images'][0]:,} images of MLA", "in figures: MLA(average=image), to its bound"]
    x_axis = alt.Axis(title=title, format=".0%", tickCount=5)
    color = alt.Color(
        "verdict:N",
        scale=alt.Scale(domain=list(stacked), range="ordinal"),
        legend=alt.Legend(title=None, symbolType="square", symbolStrokeWidth=0, columns=narrow(2, len(stacked))),
    )
    tooltip = [
        alt.Tooltip("name:N", title="checkpoint"),
        *(alt.Tooltip(f"{verdict}:Q", title=verdict, format=PERCENT) for verdict in stacked),
        alt.Tooltip("lower:Q", title="lower bound", format=PERCENT),
        alt.Tooltip("upper:Q", title="upper bound", format=PERCENT),
    ]
    base = alt.Chart(alt.InlineData(values=bounds.to_dicts()))
    layers = (
        alt.Chart(alt.InlineData(values=segments.to_dicts()))
        .mark_bar()
        .encode(x=alt.X("start:Q", scale=alt.Scale(domain=[0, 1]), axis=x_axis), x2="end:Q", y=y, color=color),
        base.mark_tick(style=BOUND, thickness=2, height=alt.RelativeBandSize(1.2)).encode(x="upper:Q", y=y),
        base.mark_text(align="left", baseline="middle", dx=8).encode(x=alt.datum(1), y=y, text="text:N"),
        base.mark_bar(opacity=0).encode(x=alt.datum(0), x2=alt.datum(1), y=y, tooltip=tooltip),
    )
    chart = alt.LayerChart(layer=layers, width=WIDTH, height=_ROW * rows.height)
    return with_names(chart, bars["checkpoint"].to_list())


def _bars(frame: pl.DataFrame) -> pl.DataFrame:
    """The best checkpoints by the first measure, with the shares of the images that each verdict has."""
    if not set(STACKED) <= set(frame.columns):
        return frame.clear()
    missing = pl.col(MISSING).fill_null(0) if MISSING in frame.columns else pl.lit(0)
    images = pl.sum_horizontal(*STACKED, missing)
    judged = frame.filter(pl.all_horizontal(pl.col(STACKED).is_not_null()), images > 0)
    measures = measures_of(frame)
    if measures:
        judged = judged.sort(measures[0], descending=True, nulls_last=True, maintain_order=True)
    return judged.head(SHOWN).with_columns(pl.col(STACKED) / images, (missing / images).alias(MISSING), images=images)


def _stacked(bars: pl.DataFrame) -> tuple[str, ...]:
    """What the bars are made of, from left to right."""
    return (*STACKED, MISSING) if bars[MISSING].sum() else STACKED
