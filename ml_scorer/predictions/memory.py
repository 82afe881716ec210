"""Predictions that are in memory: mappings, frames, arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.array import array_predictions
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.columns import chosen_columns, column_predictions
from ml_scorer.predictions.named import named_predictions
from ml_scorer.predictions.orders import Order


def memory_predictions(source: Any, order: Order | None, where: str) -> Predictions:  # noqa: ANN401
    """Predictions from a mapping, a Polars or pandas frame, or whatever NumPy takes for an array.

    Raises
    ------
    PredictionsError
        If the predictions are refused.
    """
    if isinstance(source, Mapping):
        return _from_mapping(source, where)
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    elif is_pandas_frame(source):
        source = _from_pandas(source, where)
    if isinstance(source, pl.DataFrame):
        name, label = chosen_columns(source.schema, where)
        return column_predictions(source[name], source[label], where)
    try:
        array = np.asarray(source)
    except (TypeError, ValueError) as error:
        raise PredictionsError(
            f"{where}: {type(source).__name__} is nothing that predictions are read from."
        ) from error
    return array_predictions(array, order, where)


def _from_mapping(source: Mapping[Any, Any], where: str) -> Predictions:
    names = [name.decode(errors="replace") if isinstance(name, bytes) else name for name in source]
    strange = next((name for name in names if not isinstance(name, str)), None)
    if strange is not None:
        raise PredictionsError(f"{where}: the keys must be file names (str or bytes), not {strange!r}.")
    labels = np.asarray(list(source.values()))
    if labels.ndim != 1 or labels.dtype.kind not in "iuf":
        wrong = next((f"{value!r} at {name}" for name, value in source.items() if not _is_number(value)), "")
        raise PredictionsError(f"{where}: the values must be class indices 0-999, not {wrong or labels.dtype}.")
    return named_predictions(pl.Series(names, dtype=pl.String), labels, where)


def _is_number(value: object) -> bool:
    return np.asarray(value).dtype.kind in "iuf" and np.ndim(value) == 0  # type: ignore[arg-type]


def is_pandas_frame(source: object) -> bool:
    """Whether this is a pandas DataFrame, told without importing pandas."""
    kind = type(source)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"


def _from_pandas(source: Any, where: str) -> pl.DataFrame:  # noqa: ANN401
    """Column by column through NumPy: Polars' own way needs pyarrow, which scoring does without."""
    columns = {}
    for name in source.columns:
        values = source[name].to_numpy()
        if values.ndim != 1:
            raise PredictionsError(f"{where}: columns stand twice in the frame: {name}.")
        if values.dtype.kind not in "iufb":
            texts = [None if value is None or value != value else str(value) for value in values.tolist()]  # noqa: PLR0124 (NaN)
            columns[str(name)] = pl.Series(str(name), texts, dtype=pl.String)
        else:
            columns[str(name)] = pl.Series(str(name), values)
    return pl.DataFrame(columns)
