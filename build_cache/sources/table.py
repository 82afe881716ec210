"""A table that somebody exported: CSV, Parquet or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, ClassVar, Final

import polars as pl
from polars.datatypes import DataTypeClass

from build_cache.sources.source import Export, schema_errors
from ml_scorer.annotations.load import FORMAT, load_annotations
from ml_scorer.errors import AnnotationsError, faults_text, some
from ml_scorer.schema import COLUMNS, CORRECT, LABEL_LISTS, image_name, image_numbers

ALIASES: Final = {"file_name": ("id",), CORRECT: ("proposed_labels",)}
"""What the public table calls columns that the dataset calls otherwise."""


def _read_csv(content: bytes) -> pl.DataFrame:
    """Every cell as text. Polars would fill up a row that is too short with nulls: here it is refused."""
    reader = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    header = next(filter(None, reader), [])
    if not header:
        raise csv.Error("it is empty")
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise csv.Error(f"columns stand twice in the header: {some(repeated, len(repeated))}")
    rows = []
    for row in filter(None, reader):
        if len(row) != len(header):
            raise csv.Error(f"line {reader.line_num:,} has {len(row)} fields, where the header has {len(header)}")
        rows.append(row)
    return pl.DataFrame(rows, schema=[(name, pl.String) for name in header], orient="row")


def _read_json_lines(content: bytes) -> pl.DataFrame:
    """Every cell as text, lists as `[415, 813]`: as types, Polars would make one of 5 and 5.5, and of 1 and true."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        try:
            row = json.loads(line) if line.strip() else None
        except ValueError as error:
            raise ValueError(f"line {number:,}: {error}") from error
        if isinstance(row, dict):
            rows.append(row)
        elif line.strip():
            raise ValueError(f"line {number:,} is no JSON object")
    columns = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame({name: [_text(row.get(name)) for row in rows] for name in columns})


def _text(cell: object) -> str | None:
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell)


_READERS: Final[dict[str, Callable[[bytes], pl.DataFrame]]] = {
    ".csv": _read_csv,
    ".parquet": pl.read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}

_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}

_LIST: Final = r"^(\[\s*(\d+\s*(,\s*\d+\s*)*)?\]|\d+\s*(,\s*\d+\s*)*)$"
"""A list of labels as text: `415, 813` or `[415, 813]`."""


@dataclass(frozen=True)
class TableSource:
    """A CSV, Parquet or JSON lines file with one row an image.

    Columns are named as in the dataset's documentation, or as in the public table (`id`, `proposed_labels`); others
    are ignored, and `is_imagenet_m` may be left out. A list of labels is a list, or a text: `415, 813` or `[415, 813]`.
    """

    path: str | Path
    kind: ClassVar[str] = "table"

    def export(self) -> Export:
        """Read the table."""
        path, where = Path(self.path), str(self.path)
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            raise AnnotationsError(f"{where}: not a table that is read here; expected {', '.join(_READERS)}.")
        if not path.is_file():
            raise FileNotFoundError(f"{where}: no such file.")
        content = path.read_bytes()  # Polars would take a `[1]` in a path for a pattern
        metadata: dict[str, str] = {}
        try:
            raw = reader(content)
            if path.suffix.lower() == ".parquet":
                metadata = pl.read_parquet_metadata(BytesIO(content))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, csv.Error, ValueError) as error:
            what = str(error).partition("\n")[0]
            raise AnnotationsError(f"{where}: not a whole {path.suffix[1:]} file: {what}") from error
        ours = metadata.get("format") == FORMAT
        return Export(
            frame=load_annotations(path).frame if ours else to_schema(raw, where),
            where=where,
            sha256=sha256(content).hexdigest(),
            version=metadata.get("version") or None if ours else None,
            synthetic=ours and metadata.get("source") == "synthetic",
        )


def to_schema(raw: pl.DataFrame, where: str) -> pl.DataFrame:
    """Bring a table as somebody wrote it into the annotation table's schema.

    Raises
    ------
    AnnotationsError
        If a column is missing or a cell cannot be read; all such faults are named, with the images they are at.
    """
    chosen = {name: _column_of(raw, name) for name in COLUMNS}
    lacking = [name for name, column in chosen.items() if column is None and name != "is_imagenet_m"]
    if lacking:
        raise AnnotationsError(
            f"{where}: no column {', '.join(map(repr, lacking))}; the columns are {', '.join(map(repr, raw.columns))}. "
            f"Expected those of the dataset's documentation or of the public table (id, proposed_labels, …)."
        )
    with schema_errors(where):
        names = raw[chosen["file_name"] or ""].cast(pl.String).replace("", None)
    shown = names.fill_null("(no name)")
    numbers = image_numbers(names)
    known = pl.Series([image_name(number) if number else None for number in numbers.tolist()], dtype=pl.String)
    faults: list[str] = []
    columns = {"file_name": known.zip_with(known.is_not_null(), names)}
    for name, dtype in COLUMNS.items():
        if name == "file_name":
            continue
        column = chosen[name]
        if column is None:
            columns[name] = pl.Series([None] * raw.height, dtype=dtype)
            continue
        values, broken = _parsed(raw[column], name)
        columns[name] = values
        if broken.any():
            cells = [
                f"{cell!r} at {image}"
                for cell, image in zip(raw[column].filter(broken).to_list(), shown.filter(broken), strict=True)
            ]
            faults.append(f"column {column!r} cannot be read as {dtype}: {some(cells, int(broken.sum()))}")
    if faults:
        raise AnnotationsError(faults_text(where, faults))
    return pl.DataFrame({name: columns[name] for name in COLUMNS})


def _column_of(raw: pl.DataFrame, name: str) -> str | None:
    return next((column for column in (name, *ALIASES.get(name, ())) if column in raw.columns), None)


def _parsed(column: pl.Series, name: str) -> tuple[pl.Series, pl.Series]:
    """A column in its type, and a mask of the cells that could not be read."""
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        column = column.str.strip_chars().replace("", None)
    dtype = COLUMNS[name]
    parse = _lists if name in LABEL_LISTS else _booleans if dtype == pl.Boolean else _labels
    expression = parse(pl.col("cell"), column.dtype)
    values = (
        pl.Series([None] * column.len(), dtype=dtype)
        if expression is None
        else column.to_frame("cell").select(expression).to_series()
    )
    broken = values.is_null() & column.is_not_null()
    return values.fill_null(pl.Series([[]], dtype=dtype)) if name in LABEL_LISTS else values, broken


def _labels(cells: pl.Expr, dtype: pl.DataType | DataTypeClass) -> pl.Expr | None:
    """Cells as labels, null where one is no whole number that fits; None where the type has no such cells."""
    labels = cells.cast(pl.UInt16, strict=False)
    if dtype in (pl.String, pl.Null) or dtype.is_integer():
        return labels
    if dtype.is_numeric():
        return pl.when(labels.cast(pl.Float64) == cells.cast(pl.Float64)).then(labels)
    return None


def _booleans(cells: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype in (pl.Boolean, pl.Null):
        return cells.cast(pl.Boolean)
    if dtype == pl.String or dtype.is_integer():
        texts = cells.cast(pl.String).str.to_lowercase()
        return texts.replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
    return None


def _lists(cells: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Cells as lists of labels, null where one of its labels is; None where the type has no such cells."""
    if dtype == pl.Null:
        return cells.cast(COLUMNS[CORRECT])
    if dtype == pl.String or dtype.is_integer():
        texts = cells.cast(pl.String)
        cells = pl.when(texts.str.contains(_LIST)).then(texts.str.extract_all(r"\d+"))
        dtype = pl.List(pl.String())
    if isinstance(dtype, pl.Array):
        cells = cells.arr.to_list()
    labels = _labels(pl.element(), dtype.inner) if isinstance(dtype, pl.List | pl.Array) else None
    if labels is None:
        return None
    lists = cells.list.eval(labels)
    return pl.when(~lists.list.eval(pl.element().is_null()).list.any()).then(lists)
