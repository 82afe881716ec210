"""Columns of lists and of records, as one text a cell."""

from __future__ import annotations

from typing import Final

import polars as pl

BETWEEN: Final = "; "
"""Stands between the entries of a list: names of classes have commas in them."""


def listed(values: pl.Series) -> pl.Series:
    """Each value as a text, null as null; the entries of a list with a semicolon between them.

    >>> listed(pl.Series([["tench", "goldfish"], [], None])).to_list()
    ['tench; goldfish', '', None]
    >>> listed(pl.Series([[{"label": 0, "name": "tench", "images": 3}]])).to_list()
    ['0 tench (3)']
    """
    if isinstance(values.dtype, pl.List | pl.Array):
        entries = values.arr.to_list() if isinstance(values.dtype, pl.Array) else values
        inner = entries.dtype.inner  # type: ignore[attr-defined]
        return entries.list.eval(_text(pl.element(), inner)).list.join(BETWEEN)
    if isinstance(values.dtype, pl.Struct):
        return values.to_frame("value").select(_text(pl.col("value"), values.dtype)).to_series()
    return values.cast(pl.String)


def _text(entry: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A text of an entry; of a record its fields, the last one in brackets if it is a number."""
    if not isinstance(dtype, pl.Struct):
        return entry.cast(pl.String)
    fields = [entry.struct.field(field.name).cast(pl.String).fill_null("") for field in dtype.fields]
    holes = ["{}"] * len(fields)
    if len(fields) > 1 and dtype.fields[-1].dtype.is_numeric():
        holes[-1] = "({})"
    return pl.format(" ".join(holes), *fields)
