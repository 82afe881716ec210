"""Predictions from a table: a column of image names and a column of labels."""

from __future__ import annotations

from typing import Final

import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.named import choose_columns, named_predictions

_NUMPY_INTEGERS: Final = {
    *(pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64()),
    *(pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64()),
}


def chosen_columns(schema: pl.Schema, where: str) -> tuple[str, str]:
    """Name column and label column of a table with this schema; see `choose_columns`."""
    return choose_columns({name: dtype.is_numeric() for name, dtype in schema.items()}, where)


def column_predictions(names: pl.Series, labels: pl.Series, where: str) -> Predictions:
    """Predictions of one checkpoint from two columns; see `named_predictions`.

    Raises
    ------
    PredictionsError
        If the labels are not numbers, or there is a null among them; and as `named_predictions`.
    """
    try:
        names = names.cast(pl.String).fill_null("(no name)")
    except pl.exceptions.PolarsError as error:
        raise PredictionsError(
            f"{where}: column {names.name!r} is {names.dtype}, expected image names ({error})."
        ) from error
    if labels.dtype.is_nested() or not (labels.dtype.is_numeric() or labels.dtype == pl.String):
        raise PredictionsError(f"{where}: column {labels.name!r} is {labels.dtype}, expected class indices 0-999.")
    if labels.dtype == pl.String:
        labels = _numbers(labels, names, where)
    if nulls := labels.null_count():
        empty = names.filter(labels.is_null())
        raise PredictionsError(
            f"{where}: column {labels.name!r} is empty in {nulls:,} rows: {some(empty, nulls)}. "
            f"Leave out the rows of images without a prediction, and pass missing='wrong' (--missing wrong)."
        )
    if not labels.dtype.is_float() and labels.dtype not in _NUMPY_INTEGERS:
        labels = labels.cast(pl.Float64)  # decimals, and integers of 128 bits
    return named_predictions(names, labels.to_numpy(), where)


def _numbers(labels: pl.Series, names: pl.Series, where: str) -> pl.Series:
    texts = labels.str.strip_chars().replace("", None)
    numbers = texts.cast(pl.Float64, strict=False)
    words = numbers.is_null() & texts.is_not_null()
    if words.any():
        found = [
            f"{label!r} at {name}"
            for label, name in zip(labels.filter(words)[:3], names.filter(words)[:3], strict=True)
        ]
        raise PredictionsError(
            f"{where}: column {labels.name!r} holds text where class indices 0-999 are expected: "
            f"{some(found, int(words.sum()))}. Write indices instead of names or WordNet ids (timm: --include-index)."
        )
    return numbers
