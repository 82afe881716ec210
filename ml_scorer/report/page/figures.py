"""The charts of the report, each with its words and a table of what it shows; and which ones are left out, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from ml_scorer.report.chart_frames import DETAILED, chart_frame
from ml_scorer.report.charts import CHARTS
from ml_scorer.report.charts.embedding import EMBED_OPTIONS, spec
from ml_scorer.report.charts.theme import theme
from ml_scorer.report.document import Kind
from ml_scorer.report.kinds import texts
from ml_scorer.scoring.outcomes import Outcomes

LISTED: Final = 40
"""Rows of a table below a chart."""

ORDER: Final = ("leaderboard", "mla-against-top1", "training", "verdicts", "classes", "confusions", "groups")

_SINGLE_VERDICT: Final = "it needs MLA with k=1 among the measures, in any form"

_NEEDS: Final = {
    "leaderboard": "it needs at least two checkpoints",
    "mla-against-top1": "it needs two checkpoints and, among the measures, MLA and Top1, both without arguments",
    "training": "no run has two steps in the names of its checkpoints (--step-pattern says how to read them)",
    "verdicts": "it needs predictions for all images of MLA",
    "classes": _SINGLE_VERDICT,
    "confusions": _SINGLE_VERDICT,
    "groups": "it needs predictions for all images of MLA",
}

_SEVERAL: Final = frozenset({"leaderboard", "mla-against-top1"})
"""Charts in which a single checkpoint would stand alone."""

_EVERY_ROW: Final = frozenset({"mla-against-top1", "training"})
"""Charts with a mark for every row, and not of the best alone."""

_MANY_MARKS: Final = 1_500
"""With more, a chart is drawn as pixels and not as shapes."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart in the page.

    Attributes
    ----------
    name, title : str
    summary : str
        What it shows, in words.
    chart : dict
        `spec`, `config` for light and dark, `options` of `vegaEmbed`.
    table_title : str
    headings : tuple of (str, str)
        Heading and CSS class of each column; empty without a table.
    rows : tuple of tuple of str
    """

    name: str
    title: str
    summary: str
    chart: Mapping[str, Any]
    table_title: str = ""
    headings: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def instead(self) -> str:
        """Where its data are for those who cannot see it."""
        return f"its data are in the {'table below' if self.rows else 'leaderboard above'}"


@dataclass(frozen=True)
class _Listing:
    """The table below a chart: how its frame is sorted and which columns are shown, as heading and kind."""

    title: str
    columns: Mapping[str, tuple[str, Kind]]
    sort: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame


_LISTINGS: Final = {
    "classes": _Listing(
        "The worst classes",
        {
            "name": ("Class", "text"),
            "images": ("Images", "count"),
            "share": ("Right", "share"),
            "share_worst": ("Worst checkpoint", "share"),
            "share_best": ("Best checkpoint", "share"),
            "wrong_labels": ("Taken for", "text"),
        },
        lambda frame: frame.sort("share", "class", maintain_order=True),
    ),
    "confusions": _Listing(
        "The most frequent confusions",
        {
            "original_name": ("Original label", "text"),
            "predicted_name": ("Predicted", "text"),
            "predictions": ("Predictions", "count"),
            "images": ("Images", "count"),
            "checkpoints": ("Checkpoints", "count"),
            "wrong": ("Judged wrong", "count"),
            "unreviewed": ("Unreviewed", "count"),
        },
    ),
    "groups": _Listing(
        "The groups in numbers",
        {
            "checkpoint": ("Checkpoint", "text"),
            "group": ("Group", "text"),
            "images": ("Images", "count"),
            "score": ("Score", "share"),
            "low": ("From", "share"),
            "high": ("To", "share"),
            "upper": ("Upper bound", "share"),
        },
    ),
}


def figures(outcomes: Outcomes, leaderboard: pl.DataFrame, step_pattern: str) -> tuple[list[Figure], list[str]]:
    """The charts that these checkpoints can make, in order, and a sentence for each that is left out.

    Parameters
    ----------
    outcomes : Outcomes
    leaderboard : polars.DataFrame
        Of all checkpoints, best first.
    step_pattern : str
        As of `training_frame`.
    """
    drawn, left_out = list[Figure](), list[str]()
    for name in ORDER:
        kind = CHARTS[name]
        frame = chart_frame(kind.frame, outcomes, leaderboard, step_pattern)
        lonely = name in _SEVERAL and leaderboard.height == 1
        chart = None if frame is None or frame.is_empty() or lonely else kind.build(frame)
        if frame is None or chart is None:
            need = "no prediction is wrong" if name == "confusions" and frame is not None else _NEEDS[name]
            left_out.append(f"{kind.title}: {need}.")
            continue
        many = name in _EVERY_ROW and frame.height > _MANY_MARKS
        embedded: dict[str, Any] = {
            "spec": spec(chart, None),
            "config": {"light": theme("light"), "dark": theme("dark")},
            "options": EMBED_OPTIONS | {"actions": False} | ({"renderer": "canvas"} if many else {}),
        }
        title = "Intervals of the best" if name == "leaderboard" else kind.title
        summary = kind.summary(frame)
        if name in {"classes", "confusions"} and leaderboard.height > DETAILED:
            summary += f" Of the best {DETAILED} checkpoints."
        embedded["spec"]["description"] = summary
        drawn.append(_with_listing(Figure(f"chart-{name}", title, summary, embedded), name, frame))
    return drawn, left_out


def _with_listing(figure: Figure, name: str, frame: pl.DataFrame) -> Figure:
    if name not in _LISTINGS:
        return figure
    listing = _LISTINGS[name]
    shown = listing.sort(frame).head(LISTED)
    columns = [texts(shown[column], kind) for column, (_, kind) in listing.columns.items()]
    return Figure(
        figure.name,
        figure.title,
        figure.summary,
        figure.chart,
        f"{listing.title}: {shown.height:,} of {frame.height:,} rows" if shown.height < frame.height else listing.title,
        tuple((heading, "text" if kind == "text" else "number") for heading, kind in listing.columns.values()),
        tuple(zip(*columns, strict=True)),
    )
