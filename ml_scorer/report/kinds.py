"""Values as the texts that people read, by what kind of value they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import polars as pl

from ml_scorer.report.document import Kind
from ml_scorer.report.lists import listed
from ml_scorer.report.printable import printable

NOTHING: Final = "-"
"""Stands for a value that is not known."""

_DIGITS: Final = 3
"""Significant digits of a number that is none of the other kinds."""


def kind_of(dtype: pl.DataType) -> Kind:
    """The kind of a column of which none is said."""
    if dtype.is_integer():
        return "count"
    if dtype.is_numeric():
        return "number"
    return "flag" if dtype == pl.Boolean else "text"


def texts(values: pl.Series, kind: Kind) -> list[str]:
    """Each value as people read it; what is null or not a number is `-`.

    Names from files are safe to print, and escaped for no format yet.
    """
    if kind == "text":
        return [NOTHING if text is None else printable(text) for text in listed(values)]
    text_of = _TEXT_OF[kind]
    return [NOTHING if value is None or value != value else text_of(value) for value in values.to_list()]  # noqa: PLR0124 (NaN)


def number_text(value: float) -> str:
    """A number with three significant digits, or as many as it has before the point.

    >>> number_text(0.123456), number_text(12345.6), number_text(1e-9)
    ('0.123', '12,346', '1e-09')
    """
    return f"{value:,.0f}" if abs(value) >= 10**_DIGITS else f"{value:.{_DIGITS}g}"


def p_text(value: float) -> str:
    """A p-value: three decimals, or a power of ten where they would all be zeros.

    >>> p_text(0.0421), p_text(1.23e-9), p_text(0.0)
    ('0.042', '1.2e-09', '<1e-300')
    """
    if value >= 0.001:  # noqa: PLR2004 (the three decimals)
        return f"{value:.3f}"
    return f"{value:.1e}" if value else "<1e-300"


_TEXT_OF: Final[dict[Kind, Callable[..., str]]] = {
    "count": "{:,}".format,
    "share": "{:.2%}".format,
    "points": lambda value: f"{value * 100:+.2f} pp",
    "spread": lambda value: f"{value * 100:.2f} pp",
    "p": p_text,
    "number": lambda value: number_text(value) if math.isfinite(value) else f"{value}",
    "flag": lambda value: "yes" if value else "no",
}
