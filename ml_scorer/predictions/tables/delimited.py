"""How a file of delimited values begins: its separator, its columns, and what they seem to hold."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.tables.roles import Kind

_SEPARATORS: Final = ",\t;|"
"""In the order in which they are preferred where a header has as many of one as of the other."""

_BLOCK: Final = 1 << 16
_ROWS: Final = 100
"""Rows that are looked at to tell what a column holds."""

COMPRESSED: Final = {".gz", ".zst"}


@dataclass(frozen=True)
class Beginning:
    """The header of a file of delimited values, and what the first rows hold.

    Attributes
    ----------
    separator : str
    types : dict of str to polars type
        Int32, Float64 or String by the first rows; columns without a name have the one that Polars gives them.
    """

    separator: str
    types: dict[str, pl.DataType]

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each column seems to hold."""
        return {name: "numbers" if dtype.is_numeric() else "text" for name, dtype in self.types.items()}


def beginning(path: Path) -> Beginning:
    """Look at the first rows of a file of delimited values.

    Raises
    ------
    PredictionsError
        If there is no header, or a column stands twice in it.
    UnicodeDecodeError, csv.Error
        If the first rows are no such values.
    """
    text, whole = _first_text(path)
    if "\r" in text and "\n" not in text:
        raise PredictionsError(f"{path}: its lines end in carriage returns alone. Save it with line feeds.")
    separator = _separator(text, path.suffix.lower())
    rows = list(islice(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=separator)), _ROWS + 1))
    if not rows:
        raise PredictionsError(f"{path}: not a table of comma-separated values: empty CSV.")
    if not whole and 1 < len(rows) <= _ROWS:
        rows.pop()  # it may be cut
    header = _named_as_polars_does(rows[0])
    repeated = sorted(name for name, count in Counter(header).items() if count > 1)
    if repeated:
        raise PredictionsError(f"{path}: columns stand twice in the header: {some(repeated, len(repeated))}.")
    return Beginning(separator, {
        name: _type([row[index] for row in rows[1:] if index < len(row)]) for index, name in enumerate(header)
    })  # fmt: skip


def _named_as_polars_does(header: list[str]) -> list[str]:
    unnamed = [index for index, name in enumerate(header) if not name]
    for count, index in enumerate(unnamed[1:]):
        header[index] = f"_duplicated_{count}"
    return header


def _type(cells: list[str]) -> pl.DataType:
    cells = [cell for cell in cells if cell]
    if cells and all(cell.isdecimal() and cell.isascii() for cell in cells):
        return pl.Int32()
    try:
        for cell in cells:
            float(cell)
    except ValueError:
        return pl.String()
    return pl.Float64() if cells else pl.String()


def _separator(text: str, ending: str) -> str:
    header = next(filter(str.strip, text.splitlines()), "")
    counts: dict[str, int] = {}
    fault: csv.Error | None = None
    for separator in _SEPARATORS:
        try:
            counts[separator] = len(next(csv.reader([header], delimiter=separator), []))
        except csv.Error as error:  # without its separator, a long header is one field that is too long
            fault = error
    if not counts and fault is not None:
        raise fault
    if ending == ".tsv" and counts.get("\t", 0) > 1:
        return "\t"
    return max(counts, key=counts.__getitem__)


def _first_text(path: Path) -> tuple[str, bool]:
    """Enough text of the beginning for a header and some rows; and whether it is the whole file."""
    if path.suffix.lower() in COMPRESSED:
        return _first_lines_unpacked(path), True
    with path.open("rb") as file:
        block, more = b"", True
        for size in _growing():
            new = file.read(size)
            block, more = block + new, len(new) == size
            if not more or block.lstrip().count(b"\n"):
                break
    text = block.decode("utf-8-sig", errors="ignore" if more else "strict")
    return text, not more


def _growing() -> Iterator[int]:
    size = _BLOCK
    while True:
        yield size
        size *= 2


def _first_lines_unpacked(path: Path) -> str:
    # A separator that no header has, so that a line is a cell.
    lines = pl.read_csv(
        path, has_header=False, n_rows=10 * _ROWS, infer_schema=False, separator="\x1f", quote_char=None, glob=False
    )
    return "\n".join(lines.to_series().fill_null("")) + "\n" if lines.width else ""
