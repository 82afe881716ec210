"""Predictions from a file of values that commas, tabs, semicolons or bars part."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import polars as pl
from polars.selectors import by_name

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.delimited import COMPRESSED, Beginning, beginning
from ml_scorer.predictions.tables.form import form_predictions
from ml_scorer.predictions.tables.image_rows import image_rows
from ml_scorer.predictions.tables.roles import Form, table_form
from ml_scorer.predictions.tables.table import Table, first_line

_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, UnicodeDecodeError, csv.Error)

_TAIL_BYTES = 1 << 12


def read_csv(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Read a file of delimited values with a header, in any form; it may be compressed by gzip or Zstandard.

    The separator is told by the header. In the long form, the columns that are needed come into memory whole.

    Raises
    ------
    PredictionsError
        If the file is no such table, or its predictions are refused.
    """
    where = str(path)
    try:
        start = beginning(path)
        form = table_form(start.kinds, where, options.key)
        needed = [*form.checkpoint, form.image, *form.labels]
        file = _File(path, start, form)
        table = Table(
            where,
            start.kinds,
            columns=file.columns,
            rows=lambda names, first, count: file.all_of(tuple(needed))[list(names)].slice(first, count),
        )
        yield from form_predictions(table, form, options)
    except _UNREADABLE as error:
        raise _no_table(path, error) from error
    except OSError as error:
        if path.suffix.lower() not in COMPRESSED or error.errno is not None:
            raise
        raise PredictionsError(
            f"{where}: the compressed file is damaged or truncated ({first_line(error)})."
        ) from error


class _File:
    """Reads columns of a file of delimited values."""

    def __init__(self, path: Path, start: Beginning, form: Form) -> None:
        self._path = path
        self._start = start
        self._form = form
        self.all_of = cache(self.columns)

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        """Some columns whole, without blank lines."""
        # A row with too many cells shows only where the last column is read, too; as text, which anything can be.
        last = next(reversed(self._start.types))
        read = [*names, *({last} - {*names})]
        texts = {*self._form.checkpoint, self._form.image, *read[len(names) :]}
        types = {name: pl.String() if name in texts else dtype for name, dtype in self._start.types.items()}
        try:
            rows = self._read(read, types)
        except pl.exceptions.ComputeError:
            # Further down stands what is no such number: read it as text, to say what and where.
            rows = self._read(read, dict.fromkeys(types, pl.String()))
        if rows[names[0]].null_count():
            rows = rows.filter(pl.any_horizontal(pl.all().is_not_null()))  # a blank line is no row
        rows = rows.select(names)
        self._refuse_cut(rows)
        return rows

    def _read(self, names: Sequence[str], types: dict[str, pl.DataType]) -> pl.DataFrame:
        table = pl.scan_csv(self._path, schema=types, separator=self._start.separator, glob=False)
        return table.select(by_name(*names)).collect()

    def _refuse_cut(self, rows: pl.DataFrame) -> None:
        """Refuse a file that ends within its last row: no line end, and cells are absent, empty, or no image's name."""
        if not rows.height or self._path.suffix.lower() in COMPRESSED or _ends_with_line_end(self._path):
            return
        last = rows[-1]
        names = last[self._form.image] if self._form.image in last.columns else pl.Series([], dtype=pl.String)
        before, there = _cells_of_last_lines(self._path, self._start.separator)
        absent = there < before
        empty = any(column.null_count() for column in last.iter_columns())
        if absent or empty or not image_rows(names).numbers.all():
            cells = ", ".join(str(value) for value in last.row(0) if value is not None)
            raise PredictionsError(
                f"{self._path}: the file is cut: its last line ends early, after {cells!r:.100}. "
                "Copy or write it again."
            )


def _ends_with_line_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read() in {b"\n", b"\r"}


def _cells_of_last_lines(path: Path, separator: str) -> tuple[int, int]:
    """How many cells the last two lines have of a file that does not end in a line end.

    0 and 0 where there are quotes: these can hold separators and line ends.
    """
    with path.open("rb") as file:
        tail = b""
        while tail.count(b"\n") < 2 and len(tail) < file.seek(0, io.SEEK_END):  # noqa: PLR2004 (so that both are whole)
            file.seek(-min(file.tell(), 2 * len(tail) or _TAIL_BYTES), io.SEEK_END)
            tail = file.read()
    before, last = [b"", *tail.split(b"\n")][-2:]
    if b'"' in before + last:
        return 0, 0
    return before.count(separator.encode()) + 1, last.count(separator.encode()) + 1


def _no_table(path: Path, error: BaseException) -> PredictionsError:
    return PredictionsError(
        f"{path}: not a table of comma-separated values: {_first_bad_line(path) or first_line(error)}."
    )


def _first_bad_line(path: Path) -> str:
    """Where the file stops being a table, if that is a line that is not UTF-8, or one that is too long."""
    if path.suffix.lower() in COMPRESSED:
        return ""
    content = path.read_bytes()
    line_end = content.endswith((b"\n", b"\r"))
    try:
        text = content.decode("utf-8-sig")
        separator = beginning(path).separator
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        width = len(next(filter(None, reader), []))
        fields = next((len(row) for row in reader if len(row) > width), 0)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line:,} is not UTF-8 text"
    except csv.Error as error:
        cut = "" if line_end else ": the file is cut in its last line; copy or write it again"
        return f"a quote that never ends{cut}" if "unexpected end of data" in str(error) else ""
    return f"line {reader.line_num:,} has {fields} fields, where the header has {width}" if fields else ""
