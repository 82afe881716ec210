"""The leaderboard as the page shows it: texts for people, and the numbers that its rows are sorted by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from ml_scorer.comparison.ranking import PLACES
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.report.intervals import TO, margins, places
from ml_scorer.report.kinds import texts
from ml_scorer.scoring.counter import MISSING_COUNT

LARGE: Final = 300
"""With more rows, those out of sight are not laid out: the table is drawn as a grid, in chunks."""

CHUNK: Final = 50
PRINTED: Final = 200
"""Rows of a large table that are printed (four chunks in page.css)."""

CLAMPED: Final = 36
"""Longer names are shown on three lines at most (of a large table, on one), and whole where the pointer rests."""

_MILLIONTHS: Final = 1_000_000

Row = tuple[str, str, list[tuple[str, str]], list[str]]
"""Places, name, (share, margin) of each measure, counts."""


@dataclass(frozen=True)
class Column:
    """A heading; `sorted` is its `aria-sort`. `MLA(average=image)` has the arguments `average=` and `image`."""

    name: str
    arguments: tuple[str, ...] = ()
    kind: str = "number"
    sorted: str = ""


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """What the template needs for the leaderboard."""

    columns: tuple[Column, ...]
    rows: list[Row]
    numbers: list[list[int | None] | None]
    """To sort by, for each column; None for the names."""
    widths: str
    """Of the columns of a large table, as `grid-template-columns`."""
    least_width: str
    """Of a large table."""
    place_width: str
    narrow_place_width: str
    """On a phone, where a range of places stands on two lines."""
    name_width: str
    """In which most names stand on one line."""
    cut: str
    """What to say on paper, where not all rows are printed."""

    @property
    def large(self) -> bool:
        """Whether the table is drawn in chunks."""
        return len(self.rows) > LARGE

    @property
    def searchable(self) -> bool:
        """Whether there are enough rows to search."""
        return len(self.rows) > 5  # noqa: PLR2004 (fewer are seen at once)

    @property
    def count(self) -> str:
        """How many rows there are, in words."""
        return f"{len(self.rows):,} checkpoints"

    @property
    def chunks(self) -> Iterator[list[Row]]:
        """The rows; of a large table, so many at a time."""
        step = CHUNK if self.large else max(1, len(self.rows))
        return (self.rows[start : start + step] for start in range(0, max(1, len(self.rows)), step))


def leaderboard_of(frame: pl.DataFrame, measures: list[str]) -> Leaderboard:
    """Turn the frame of `leaderboard_frame` into texts and sortable numbers.

    Parameters
    ----------
    frame : polars.DataFrame
        Best first.
    measures : list of str
        Printed names, in their order.
    """
    counted = [name for name in (*VERDICT_COUNTS, MISSING_COUNT) if name in frame.columns]
    columns = [Column("Place"), Column("Checkpoint", kind="text")]
    columns += [_heading(name, first=not at) for at, name in enumerate(measures)]
    columns += [Column(name) for name in counted]
    shares = [_shares(frame, name) for name in measures]
    counts = [texts(frame[name], "count") for name in counted]
    ranges = places(*(frame[name] for name in PLACES))
    names = texts(frame["checkpoint"], "text")
    rows: list[Row] = [
        (place, name, [share[at] for share in shares], [count[at] for count in counts])
        for at, (place, name) in enumerate(zip(ranges, names, strict=True))
    ]
    millionths = [(frame[name] * _MILLIONTHS).round().cast(pl.Int64).to_list() for name in measures]
    low, high = (frame[name].cast(pl.Int64) for name in PLACES)
    places_in_order = (low * (frame.height + 1) + high).to_list()  # by the first, then by the last
    numbers = [places_in_order, None, *millionths, *(frame[name].to_list() for name in counted)]
    name = f"min({min(40, max(16, _width(names) + 2))}ch, 38vw)"  # on a phone it leaves room for the scores
    widths = [_width([around for _, around in share]) + 9 for share in shares]
    widths += [max(len(name), _width(cells)) + 5 for name, cells in zip(counted, counts, strict=True)]
    place = max(6, _width(ranges)) + 3
    half = max(6, _width([part for text in ranges for part in text.split(TO)]) + 1) + 3
    return Leaderboard(
        columns=tuple(columns),
        rows=rows,
        numbers=numbers,
        widths=" ".join(["var(--place)", f"minmax({name}, 1fr)", *(f"{width}ch" for width in widths)]),
        least_width=f"calc(var(--place) + {sum(widths)}ch + {name})",
        place_width=f"{place}ch",
        narrow_place_width=f"{half}ch",
        name_width=f"{min(30, _width(names) + 3)}ch",
        cut=f"On paper: the first {PRINTED} of {frame.height:,} checkpoints." if frame.height > LARGE else "",
    )


def _heading(measure: str, *, first: bool) -> Column:
    name, _, arguments = measure.partition("(")
    parts = tuple(re.findall(r"[^=,]*[=,]? ?", arguments.removesuffix(")"))[:-1])
    return Column(name, parts, sorted="descending" if first else "")


def _shares(frame: pl.DataFrame, measure: str) -> list[tuple[str, str]]:
    """Each share as a percentage without its sign, and its interval."""
    shares = [text.removesuffix("%") for text in texts(frame[measure], "share")]
    around = margins(frame[measure], frame[f"{measure}_low"], frame[f"{measure}_high"], "share")
    return list(zip(shares, map(str.strip, around), strict=True))


def _width(cells: list[str]) -> int:
    return max(map(len, cells), default=1)
