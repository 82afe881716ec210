"""Predictions from a CSV file."""

from __future__ import annotations

import csv
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
        schema = pl.read_csv(path, n_rows=_ROWS_TO_INFER).schema
        name, label = chosen_columns(schema, where)
        columns = _read_columns(path, name, label, schema[label])
    except (pl.exceptions.PolarsError, UnicodeDecodeError, csv.Error) as error:
        raise PredictionsError(f"{where}: not a table of comma-separated values: {_first_line(error)}") from error
    return column_predictions(columns[name], columns[label], where)


def _read_columns(path: Path, name: str, label: str, label_type: pl.DataType) -> pl.DataFrame:
    def read(dtype: pl.DataType) -> pl.DataFrame:
        return pl.read_csv(path, columns=[name, label], schema_overrides={name: pl.String(), label: dtype})

    try:
        return read(label_type if label_type.is_numeric() else pl.String())
    except pl.exceptions.ComputeError:
        return read(pl.String())  # further down stands what is no such number: read it as text, to say what and where


def _check_header(path: Path) -> None:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = next(csv.reader(file), [])
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise PredictionsError(f"{path}: columns stand twice in the header: {some(repeated, len(repeated))}.")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
