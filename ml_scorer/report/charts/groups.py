"""Groups of classes: the score of each checkpoint in each group, with interval and upper bound; the best come first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ml_scorer.report.charts.names import LONGEST_ON_A_PHONE, cut, distinct, row_axis, tooltip_name, with_names
from ml_scorer.report.charts.shares import DIGITS, PERCENT, axis_format, domain, percent
from ml_scorer.report.charts.theme import INTERVAL, MUTED, WIDTH
from ml_scorer.report.charts.told import interval_words, measure_of

if TYPE_CHECKING:
    import altair as alt

CHECKPOINTS: Final = 10
GROUPS: Final = 30
ROWS: Final = 70
"""With many groups there are fewer checkpoints in each, so that the chart stays on a page."""

_ROW: Final = 18  # pixels


def summarise(frame: pl.DataFrame) -> str:
    """What the chart shows."""
    shown = _shown(frame)
    if shown.is_empty():
        return "There are no groups to draw."
    best = shown["checkpoint"][0]
    own = shown.filter(pl.col("checkpoint") == best).sort("score", descending=True)
    high, low = own.row(0, named=True), own.row(-1, named=True)
    groups, checkpoints = shown["group"].n_unique(), shown["checkpoint"].n_unique()
    of = "one checkpoint" if checkpoints == 1 else f"the best {checkpoints:,} checkpoints"
    one = f"{tooltip_name(best)} has {percent(high['score'])} in {tooltip_name(high['group'])}"
    other = f" and {percent(low['score'])} in {tooltip_name(low['group'])}" if groups > 1 else ""
    if groups > 1 and low["score"] == high["score"]:
        one, other = f"{tooltip_name(best)} has {percent(high['score'])} in each", ""
    where = "one group" if groups == 1 else f"{groups:,} groups"
    return f"{measure_of(frame) or 'The score'} of {of} in {where}, with {interval_words(frame)}. {one}{other}."


def draw(frame: pl.DataFrame) -> alt.LayerChart | None:
    """One block a group, its checkpoints below each other; a tick where the score would be at most."""
    import altair as alt

    shown = _shown(frame)
    if shown.is_empty():
        return None
    texts: list[str] = []
    short: list[str] = []
    headings: list[int] = []
    rows: list[dict[str, Any]] = []
    for (group,), part in shown.group_by("group", maintain_order=True):
        first = part.row(0, named=True)
        if texts:
            texts.append("")
            short.append("")
        headings.append(len(texts))
        short.append(cut(str(group), LONGEST_ON_A_PHONE))
        texts.append(f"{cut(str(group), 24)} ({first['images']:,} images)")
        short += distinct(part["checkpoint"].to_list(), LONGEST_ON_A_PHONE)
        for row in part.iter_rows(named=True):
            rows.append(_row(row, len(texts)))
            texts.append(row["checkpoint"])
    table = pl.DataFrame(rows, infer_schema_length=None)
    low, high = domain(table["low"], table["high"], table["upper"])
    ends = table["low"].is_not_null() & table["high"].is_not_null()
    weight = {"condition": {"test": f"indexof({headings}, datum.value) >= 0", "value": "bold"}, "value": "normal"}
    y = alt.Y("row:O", axis=row_axis(labelFontWeight=weight), scale=alt.Scale(domain=list(range(len(texts)))))
    title = [f"{measure_of(frame) or 'score'}, {interval_words(frame)}"]
    if not table["upper"].is_null().all():
        title.append("mark: upper bound")
    axis = alt.Axis(title=title, format=axis_format(low, high), tickCount=6)
    x = alt.X("score:Q", scale=alt.Scale(domain=[low, high], nice=True, zero=False), axis=axis)
    tooltip = [
        alt.Tooltip("group:N", title="group"),
        alt.Tooltip("name:N", title="checkpoint"),
        alt.Tooltip("score:Q", title=measure_of(frame) or "score", format=PERCENT),
        alt.Tooltip("low:Q", title="from", format=PERCENT),
        alt.Tooltip("high:Q", title="to", format=PERCENT),
        alt.Tooltip("upper:Q", title="upper bound", format=PERCENT),
    ]
    base = alt.Chart(alt.InlineData(values=table.to_dicts()))
    intervals = alt.Chart(alt.InlineData(values=table.filter(ends).to_dicts()))
    layers = (
        base.transform_filter("isValid(datum.upper)")
        .mark_tick(style=MUTED, thickness=2, height=10)
        .encode(x=alt.X("upper:Q", title=title), y=y),
        intervals.mark_rule(style=INTERVAL).encode(x=alt.X("low:Q", title=title), x2="high:Q", y=y),
        base.mark_point().encode(x=x, y=y, tooltip=tooltip),
    )
    chart = alt.LayerChart(layer=layers, width=WIDTH, height=_ROW * len(texts))
    return with_names(chart, texts, short)


def _row(row: dict[str, Any], number: int) -> dict[str, Any]:
    shares = {
        column: None if row[column] is None else round(row[column], DIGITS)
        for column in ("score", "low", "high", "upper")
    }
    return {"row": number, "name": tooltip_name(row["checkpoint"]), "group": tooltip_name(row["group"]), **shares}


def _shown(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows to draw: the largest groups in their order, in each the first checkpoints of the frame."""
    scored = frame.filter(pl.col("score").is_not_null())
    groups = (
        scored.group_by("group", maintain_order=True)
        .agg(pl.max("images"))
        .sort("images", descending=True, maintain_order=True)
    )
    kept = groups.head(GROUPS)["group"]
    scored = scored.filter(pl.col("group").is_in(kept.to_list()))
    number = max(1, min(CHECKPOINTS, ROWS // max(1, kept.len())))
    first = scored.select("checkpoint").unique(maintain_order=True).head(number)
    places = first.with_columns(pl.int_range(pl.len()).alias("place"))
    order = scored.select("group").unique(maintain_order=True).with_row_index("block")
    return (
        scored.join(places, on="checkpoint", maintain_order="left")
        .join(order, on="group", maintain_order="left")
        .sort("block", "place", maintain_order=True)
    )
