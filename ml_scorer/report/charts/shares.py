"""Shares on an axis: rounded as far as anyone sees, in a domain that shows their differences, in percent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

DIGITS: Final = 4
"""Decimals of a share in a chart: hundredths of a percent, what a tooltip says."""

PERCENT: Final = ".2%"
"""How a tooltip says a share."""

_MARGIN: Final = 0.04  # of the range, on either side


def measures_of(frame: pl.DataFrame) -> list[str]:
    """The measures of a leaderboard: the columns that have an interval beside them."""
    columns = set(frame.columns)
    return [name for name in frame.columns if {f"{name}_low", f"{name}_high"} <= columns]


def measured(frame: pl.DataFrame, measure: str, score: str, low: str, high: str) -> list[pl.Expr]:
    """A measure's score and interval under plain names, rounded; without an interval, it is the score itself."""
    value = pl.col(measure)
    ends = [
        value if frame[f"{measure}_{end}"].is_null().all() else pl.col(f"{measure}_{end}") for end in ("low", "high")
    ]
    expressions = [value.alias(score), ends[0].fill_null(value).alias(low), ends[1].fill_null(value).alias(high)]
    return [expression.round(DIGITS) for expression in expressions]


def domain(*columns: pl.Series) -> tuple[float, float]:
    """From a little below the smallest to a little above the largest share, within [0, 1]."""
    low = min(_numbers(column.min() for column in columns))
    high = max(_numbers(column.max() for column in columns))
    margin = max((high - low) * _MARGIN, 10.0**-DIGITS)
    return max(0.0, low - margin), min(1.0, high + margin)


def axis_format(low: float, high: float) -> str:
    """How an axis from here to there says its shares."""
    return ".0%" if high - low > 0.05 else ".1%" if high - low > 0.005 else ".2%"  # noqa: PLR2004 (5 ticks or so)


def percent(share: object) -> str:
    """A share as people read it.

    >>> percent(0.8508)
    '85.08%'
    """
    return f"{share:.2%}" if isinstance(share, float | int) else "unknown"


def _numbers(values: Iterable[object]) -> list[float]:
    return [float(value) for value in values if isinstance(value, float | int)]
