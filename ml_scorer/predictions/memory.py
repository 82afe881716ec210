"""Predictions that are in memory: mappings, frames, arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.arrays.array import array_predictions
from ml_scorer.predictions.arrays.choose import NamedArrays, is_one_result, named_array_predictions, order_of_names
from ml_scorer.predictions.arrays.stored import StoredArray
from ml_scorer.predictions.arrays.tensors import as_array
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.form import frame_predictions, table_predictions
from ml_scorer.predictions.tables.named import name_text, named_predictions
from ml_scorer.predictions.tables.table import lazy_table
from ml_scorer.schema import NUM_CLASSES

_READ_FROM: Final = "a path, a mapping from image name to label, a frame or an array, or a list of these"


def memory_predictions(source: Any, options: ReadOptions, where: str) -> Iterator[Predictions]:  # noqa: ANN401
    """Predictions from a mapping, a Polars or pandas frame, or whatever has the numbers of an array.

    A mapping goes from image name to label, to the best labels of the image, or to its logits; or it holds arrays as an
    archive does, logits beside targets, say.

    Raises
    ------
    PredictionsError
        If the predictions are refused.
    """
    if isinstance(source, Mapping):
        if is_one_result(source):
            yield from named_array_predictions(_named_arrays(source, where), options, where)
        else:
            yield from _from_mapping(source, options, where)
        return
    if isinstance(source, pl.LazyFrame):
        yield from table_predictions(lazy_table(source, where, "the lazy frame cannot be collected"), options)
    elif isinstance(source, pl.DataFrame):
        yield from frame_predictions(source, options, where)
    elif is_pandas_frame(source):
        yield from frame_predictions(_from_pandas(source, where), options, where)
    else:
        yield from array_predictions(_array(source, where), options, where)


def _array(source: Any, where: str) -> StoredArray:  # noqa: ANN401
    try:
        array = as_array(source)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:  # the last two by an array out of reach
        raise PredictionsError(f"{where}: {_nothing_to_read(source)}: {error}") from error
    if array.dtype.kind == "O" and not array.shape:
        raise PredictionsError(f"{where}: {_nothing_to_read(source)}; expected {_READ_FROM}.")
    return array


def _named_arrays(source: Mapping[str, Any], where: str) -> NamedArrays:
    texts = {key: found for key, value in source.items() if (found := _texts(value))}
    return NamedArrays(
        {key: partial(_array, value, f"{where}[{key}]") for key, value in source.items() if key not in texts},
        {key: partial(list[str], found) for key, found in texts.items()},
    )


def _texts(value: Any) -> list[str]:  # noqa: ANN401
    """Texts in a list or an array; empty if it holds anything else."""
    if isinstance(value, np.ndarray | pl.Series):
        value = value.to_list() if isinstance(value, pl.Series) else value.reshape(-1).tolist()
    if not isinstance(value, list | tuple) or not all(isinstance(one, str | bytes) for one in value):
        return []
    return [name_text(one) for one in value]


def _nothing_to_read(source: object) -> str:
    return f"{type(source).__name__} is nothing that predictions are read from"


def _from_mapping(source: Mapping[Any, Any], options: ReadOptions, where: str) -> Iterator[Predictions]:
    strange = [name for name in source if not isinstance(name, str | bytes)]
    if strange:
        raise PredictionsError(f"{where}: the keys must be file names (str or bytes), not {strange[0]!r}.")
    names = [name_text(name) for name in source]
    try:
        labels = np.asarray(list(source.values()))
    except ValueError:  # lists of unequal lengths among them
        labels = np.empty(0, object)
    strange_value = any(isinstance(value, bool | np.bool_) for value in source.values())  # NumPy takes them for 0 and 1
    if labels.ndim not in {1, 2} or labels.dtype.kind not in "iuf" or strange_value or labels.shape[1:] == (0,):
        raise PredictionsError(f"{where}: {_what_is_no_label(source, labels)}")
    if labels.ndim == 2 and labels.dtype.kind == "f" and labels.shape[1] >= NUM_CLASSES:  # noqa: PLR2004
        yield from array_predictions(labels[None], replace(options, order=order_of_names(names, where)), where)
        return
    yield named_predictions(pl.Series(names, dtype=pl.String), labels, where, options)


def _what_is_no_label(source: Mapping[Any, Any], labels: NDArray[Any]) -> str:
    counts = {name: _labels_in(value) for name, value in source.items()}
    first, count = next(iter(counts.items()))
    other = next((name for name in counts if counts[name] != count), first)
    if all(counts.values()) and other != first:
        return (
            "the values must be as many labels for each image, the most likely first, not "
            f"{count} at {name_text(first)} and {counts[other]} at {name_text(other)}."
        )
    wrong = next((f"{source[name]!r:.50} at {name_text(name)}" for name in source if not counts[name]), labels.dtype)
    return f"the values must be class indices 0-999, or the most likely ones of each image, not {wrong}."


def _labels_in(value: object) -> int:
    """How many labels a value is; 0 if it is anything else."""
    if isinstance(value, bool | np.bool_):
        return 0
    try:
        numbers = np.asarray(value)
    except ValueError:
        return 0
    return numbers.size if numbers.dtype.kind in "iuf" and numbers.ndim <= 1 else 0


def is_pandas_frame(source: object) -> bool:
    """Whether this is a pandas DataFrame, told without importing pandas."""
    kind = type(source)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"


def _from_pandas(source: Any, where: str) -> pl.DataFrame:  # noqa: ANN401
    """The frame through NumPy: Polars' own way needs pyarrow, which scoring does without."""
    columns = [str(column) for column in source.columns]
    repeated = sorted(name for name, count in Counter(columns).items() if count > 1)
    if repeated:
        raise PredictionsError(f"{where}: columns stand twice in the frame: {some(repeated, len(repeated))}.")
    return pl.DataFrame([_series(name, source.iloc[:, index]) for index, name in enumerate(columns)])


def _series(name: str, column: Any) -> pl.Series:  # noqa: ANN401
    values = column.to_numpy()
    if values.dtype.kind in "iufb":
        return pl.Series(name, values)
    missing = column.isna().to_numpy()
    texts = [
        None if absent else name_text(value) for value, absent in zip(values.tolist(), missing.tolist(), strict=True)
    ]
    return pl.Series(name, texts, dtype=pl.String)
