"""Predictions that are in memory: mappings, frames, arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.array import array_predictions
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.columns import chosen_columns, column_predictions
from ml_scorer.predictions.named import choose_columns, name_text, named_predictions
from ml_scorer.predictions.orders import Order

_READ_FROM: Final = "a path, a mapping from image name to label, a frame or an array, or a list of these"


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
        source = _collected(source, where)
    elif is_pandas_frame(source):
        source = _from_pandas(source, where)
    if isinstance(source, pl.DataFrame):
        name, label = chosen_columns(source.schema, where)
        return column_predictions(source[name], source[label], where)
    try:
        array = np.asarray(source)
    except (TypeError, ValueError, RuntimeError) as error:  # the last by a tensor that NumPy cannot reach
        raise PredictionsError(f"{where}: {_nothing_to_read(source)}: {error}") from error
    if array.dtype.kind == "O" and not array.ndim:
        raise PredictionsError(f"{where}: {_nothing_to_read(source)}; expected {_READ_FROM}.")
    return array_predictions(array, order, where)


def _collected(source: pl.LazyFrame, where: str) -> pl.DataFrame:
    try:
        return source.collect()
    except pl.exceptions.PolarsError as error:
        raise PredictionsError(f"{where}: the lazy frame cannot be collected: {error}") from error


def _nothing_to_read(source: object) -> str:
    return f"{type(source).__name__} is nothing that predictions are read from"


def _from_mapping(source: Mapping[Any, Any], where: str) -> Predictions:
    strange = [name for name in source if not isinstance(name, str | bytes)]
    if strange:
        raise PredictionsError(f"{where}: the keys must be file names (str or bytes), not {strange[0]!r}.")
    names = [name_text(name) for name in source]
    try:
        labels = np.asarray(list(source.values()))
    except ValueError:  # lists of unequal lengths among them
        labels = np.empty(0, object)
    strange_value = any(isinstance(value, bool | np.bool_) for value in source.values())  # NumPy takes them for 0 and 1
    if labels.ndim != 1 or labels.dtype.kind not in "iuf" or strange_value:
        wrong = next((f"{value!r} at {name}" for name, value in source.items() if not _is_number(value)), "")
        raise PredictionsError(f"{where}: the values must be class indices 0-999, not {wrong or labels.dtype}.")
    return named_predictions(pl.Series(names, dtype=pl.String), labels, where)


def _is_number(value: object) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    try:
        number = np.asarray(value)
    except ValueError:
        return False
    return number.dtype.kind in "iuf" and number.ndim == 0


def is_pandas_frame(source: object) -> bool:
    """Whether this is a pandas DataFrame, told without importing pandas."""
    kind = type(source)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"


def _from_pandas(source: Any, where: str) -> pl.DataFrame:  # noqa: ANN401
    """Names and labels through NumPy: Polars' own way needs pyarrow, which scoring does without."""
    columns = [str(column) for column in source.columns]
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise PredictionsError(f"{where}: columns stand twice in the frame: {some(repeated, len(repeated))}.")
    holds_numbers = {name: dtype.kind in "iuf" for name, dtype in zip(columns, source.dtypes, strict=True)}
    chosen = choose_columns(holds_numbers, where)
    return pl.DataFrame([_series(name, source.iloc[:, columns.index(name)]) for name in chosen])


def _series(name: str, column: Any) -> pl.Series:  # noqa: ANN401
    values = column.to_numpy()
    if values.dtype.kind in "iufb":
        return pl.Series(name, values)
    missing = column.isna().to_numpy()
    texts = [
        None if absent else name_text(value) for value, absent in zip(values.tolist(), missing.tolist(), strict=True)
    ]
    return pl.Series(name, texts, dtype=pl.String)
