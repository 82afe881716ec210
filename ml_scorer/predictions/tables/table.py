"""A table of which only the columns and rows that are asked for come into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import polars as pl
from polars.selectors import by_name  # where pl.col would take ^…$ for a pattern

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.tables.roles import Kind, column_kinds

_Result = TypeVar("_Result")


@dataclass(frozen=True, eq=False)
class Table:
    """A table in a file or in memory.

    Attributes
    ----------
    where : str
        What to call it in an error.
    kinds : dict of str to Kind
        What each column holds.
    columns : callable
        Gives some columns whole.
    rows : callable
        Gives some columns of the rows from a first one (counted from 0) on, at most so many.
    """

    where: str
    kinds: dict[str, Kind]
    columns: Callable[[Sequence[str]], pl.DataFrame]
    rows: Callable[[Sequence[str], int, int], pl.DataFrame]


def frame_table(frame: pl.DataFrame, where: str) -> Table:
    """A table in memory."""
    return Table(
        where,
        column_kinds(frame.schema),
        columns=lambda names: frame[list(names)],
        rows=lambda names, first, count: frame[list(names)].slice(first, count),
    )


def lazy_table(table: pl.LazyFrame, where: str, damaged: str) -> Table:
    """A table of which Polars reads what is asked for.

    Parameters
    ----------
    table : polars.LazyFrame
    where : str
    damaged : str
        What to say where it cannot be read.

    Raises
    ------
    PredictionsError
        If it cannot be read; so do the methods of what is returned.
    """

    def collect(chosen: pl.LazyFrame) -> pl.DataFrame:
        return read_or_refuse(chosen.collect, where, damaged)

    return Table(
        where,
        column_kinds(read_or_refuse(table.collect_schema, where, damaged)),
        columns=lambda names: collect(table.select(by_name(*names))),
        rows=lambda names, first, count: collect(table.select(by_name(*names)).slice(first, count)),
    )


def read_or_refuse(read: Callable[[], _Result], where: str, damaged: str) -> _Result:
    """What reading gives; or the errors of Polars as one of ours, which says that it is damaged."""
    try:
        return read()
    except pl.exceptions.DuplicateError as error:
        raise PredictionsError(f"{where}: columns stand twice in the table: {error}.") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise PredictionsError(f"{where}: {damaged} ({first_line(error)}).") from error


def first_line(error: BaseException) -> str:
    """The first line of an error of Polars, without its full stop; what follows is advice for programmers."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
