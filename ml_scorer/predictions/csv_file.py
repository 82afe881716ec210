"""Predictions from a CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.columns import chosen_columns, column_predictions
from ml_scorer.predictions.orders import Order

_ROWS_TO_INFER = 100


def read_csv(path: Path, _: Order | None) -> Predictions:
    """Read a comma-separated file with a header: a column of image names and a column of labels.

    Raises
    ------
    PredictionsError
        If the file is no such table, or its predictions are refused.
    """
    where = str(path)
    try:
        _check_header(path)
        schema = pl.scan_csv(path, infer_schema_length=_ROWS_TO_INFER, glob=False).collect_schema()
        name, label = chosen_columns(schema, where)
        columns = _read_columns(path, name, label, schema[label])
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, UnicodeDecodeError, csv.Error) as error:
        fault = _first_bad_line(path) or _first_line(error)
        raise PredictionsError(f"{where}: not a table of comma-separated values: {fault}.") from error
    rows = columns.filter(pl.any_horizontal(pl.all().is_not_null()))  # a blank line is no row
    return column_predictions(rows[name], rows[label], where)


def _read_columns(path: Path, name: str, label: str, label_type: pl.DataType) -> pl.DataFrame:
    def read(dtype: pl.DataType) -> pl.DataFrame:
        types = {name: pl.String(), label: dtype}
        return pl.read_csv(path, columns=[name, label], schema_overrides=types, glob=False)

    try:
        return read(label_type if label_type.is_numeric() else pl.String())
    except pl.exceptions.ComputeError:
        return read(pl.String())  # further down stands what is no such number: read it as text, to say what and where


def _check_header(path: Path) -> None:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = next(filter(None, csv.reader(file)), [])  # as Polars, past blank lines
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise PredictionsError(f"{path}: columns stand twice in the header: {some(repeated, len(repeated))}.")


def _first_bad_line(path: Path) -> str:
    """Where the file stops being a table, if that is a line that is not UTF-8, or one that is too long."""
    content = path.read_bytes()
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        width = len(next(filter(None, reader), []))
        fields = next((len(row) for row in reader if len(row) > width), 0)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line:,} is not UTF-8 text"
    except csv.Error:
        return ""
    return f"line {reader.line_num:,} has {fields} fields, where the header has {width}" if fields else ""


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
