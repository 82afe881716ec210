"""Predictions from a Parquet file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.columns import chosen_columns, column_predictions
from ml_scorer.predictions.orders import Order


def read_parquet(path: Path, _: Order | None) -> Predictions:
    """Read a Parquet file: a column of image names and a column of labels; no other column is read.

    Raises
    ------
    PredictionsError
        If the file is damaged, or its predictions are refused.
    """
    where = str(path)
    try:
        table = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        name, label = chosen_columns(table.collect_schema(), where)
        columns = table.select(name, label).collect()
    except pl.exceptions.DuplicateError as error:
        raise PredictionsError(f"{where}: columns stand twice in the table: {error}.") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise PredictionsError(f"{where}: the Parquet file is damaged or truncated ({error}).") from error
    return column_predictions(columns[name], columns[label], where)
