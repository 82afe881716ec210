"""What a command says: tables of exact data, how people read their columns, and the lines that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import polars as pl

from ml_scorer.annotations import Identity
from ml_scorer.scores import Failure

Kind: TypeAlias = Literal["text", "count", "share", "points", "spread", "p", "number", "flag"]
"""How people read a column: a text; a whole number; a share in [0, 1], as a percentage; a difference of shares, in
percentage points with a sign; a spread of shares, in percentage points; a p-value; a number with three digits; yes or
no."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a document.

    Attributes
    ----------
    name : str
        Its key in JSON, such as `scores` or `classes`.
    frame : polars.DataFrame
        The data as programs get them, unrounded and unescaped.
    kinds : mapping of str to Kind
        Of columns that are not what their type says: text for strings and lists, count for integers, number for
        floats, flag for booleans.
    intervals : mapping of str to (str, str)
        The columns that hold the lower and the upper end of another column's interval; people read the three as one.
        A name that is no column stands for a range of places: people read `3-11` under it, with an en dash.
    best : tuple of str
        Columns whose largest value is set in bold where a format can.
    counted : mapping of str to (str, int)
        Of a share over a handful of images, the column of how many are right, and of how many images; people read both
        in one cell.
    """

    name: str
    frame: pl.DataFrame
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    intervals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    best: tuple[str, ...] = ()
    counted: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Document:
    """Tables, and what has to be said with them.

    Attributes
    ----------
    tables : tuple of Table
        The first is the main one: formats that hold a single table take it.
    annotations : Identity
        Which annotations all of this is measured by.
    signatures : mapping of str to str
        What each measure in the tables is a measurement of.
    notes : tuple of str
        Sentences for people: how intervals and tests were made, and what to beware of.
    failed : tuple of Failure
        Inputs that could not be scored.
    extra : mapping of str to object
        More keys of the JSON object.
    """

    tables: tuple[Table, ...]
    annotations: Identity
    signatures: Mapping[str, str]
    notes: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
