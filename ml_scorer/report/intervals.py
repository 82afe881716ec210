"""Intervals as people read them, behind the value that they belong to."""

from __future__ import annotations

from typing import Final

import polars as pl

from ml_scorer.report.document import Kind
from ml_scorer.report.kinds import NOTHING, number_text

TO: Final = "\N{EN DASH}"
"""Stands between the ends of a range."""

_ALIKE: Final = 0.02
"""Half-widths that differ by no more than this, in percentage points, are told by one number."""

_ALIKE_PART: Final = 0.01
"""The same for values that are no shares, as a part of the half-width."""


def margins(values: pl.Series, low: pl.Series, high: pl.Series, kind: Kind) -> list[str]:
    """What follows each value of a column: ` ±0.48`, the larger half-width, or ` [84.59, 85.55]`.

    The latter where the two half-widths of a value are not alike, and then in the whole column. Shares and their
    differences in percentage points, all else as it is; nothing where an end is not known.
    """
    percent = kind in {"share", "points"}
    scale = 100 if percent else 1
    ends = [
        None if any(end is None or end != end for end in triple) else triple  # noqa: PLR0124 (NaN)
        for triple in zip(values.to_list(), low.to_list(), high.to_list(), strict=True)
    ]
    halves = [((value - lower) * scale, (upper - value) * scale) for value, lower, upper in filter(None, ends)]
    if all(_alike(*half, percent=percent) for half in halves):
        widest = iter([max(half) for half in halves])
        return ["" if triple is None else f" ±{_number(next(widest), kind)}" for triple in ends]
    sign = "+" if kind == "points" else ""
    return [
        "" if triple is None else f" [{', '.join(_number(end * scale, kind, sign) for end in triple[1:])}]"
        for triple in ends
    ]


def _number(value: float, kind: Kind, sign: str = "") -> str:
    return f"{value:{sign}.2f}" if kind in {"share", "points"} else number_text(value)


def _alike(below: float, above: float, *, percent: bool) -> bool:
    """Whether two half-widths can be told by one number."""
    allowed = _ALIKE if percent else _ALIKE_PART * max(below, above)
    return abs(below - above) <= allowed and min(below, above) >= 0


def places(low: pl.Series, high: pl.Series) -> list[str]:
    r"""Ranges of places, with an en dash, or one place where both ends are the same.

    >>> print(*map(ascii, places(pl.Series([1, 3]), pl.Series([1, 11]))))
    '1' '3\u201311'
    """
    return [
        NOTHING if first is None or last is None else f"{first:,}" if first == last else f"{first:,}{TO}{last:,}"
        for first, last in zip(low.to_list(), high.to_list(), strict=True)
    ]
