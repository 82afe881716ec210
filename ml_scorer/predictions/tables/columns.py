"""Predictions of one checkpoint from columns: image names, and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.named import named_predictions
from ml_scorer.schema import NUM_CLASSES

_NUMPY_NUMBERS: Final = {
    *(pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64()),
    *(pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64()),
    *(pl.Float32(), pl.Float64()),
}
_DEFAULT: Final = ReadOptions()


def column_predictions(
    names: pl.Series,
    labels: pl.Series | Sequence[pl.Series],
    where: str,
    options: ReadOptions = _DEFAULT,
) -> Predictions:
    """Predictions of one checkpoint from its columns; see `named_predictions`.

    Parameters
    ----------
    names : polars.Series
    labels : polars.Series, or several
        One column; or one for each of the most likely classes, in that order.
    where : str
        What to call the input in an error.
    options : ReadOptions

    Raises
    ------
    PredictionsError
        As `name_column`, `label_values` and `named_predictions`.
    """
    names = name_column(names, where)
    several = [labels] if isinstance(labels, pl.Series) else labels
    return named_predictions(names, label_values(several, names, where, options), where, options)


def name_column(names: pl.Series, where: str) -> pl.Series:
    """A column of image names as text, without nulls.

    Raises
    ------
    PredictionsError
        If it cannot be text.
    """
    try:
        return names.cast(pl.String).fill_null("(no name)")
    except pl.exceptions.PolarsError as error:
        raise PredictionsError(
            f"{where}: column {names.name!r} is {names.dtype}, expected image names ({error})."
        ) from error


def label_values(labels: Sequence[pl.Series], names: pl.Series, where: str, options: ReadOptions) -> NDArray[Any]:
    """Numbers of classes, as NumPy has them, from columns.

    Parameters
    ----------
    labels : sequence of polars.Series
        One column; or one for each of the most likely classes, in that order.
    names : polars.Series of str
        For the errors.
    where : str
        What to call the input in an error.
    options : ReadOptions

    Returns
    -------
    (rows,) or (rows, k) integers or floats
        Not checked to be classes.

    Raises
    ------
    PredictionsError
        If a column holds nothing that means classes, or there is a null in it.
    """
    if not names.len():
        raise PredictionsError(f"{where}: there are no predictions in it: expected a row for each image.")
    if len(labels) == 1:
        return _values(labels[0], names, where, options)
    if len(labels) == NUM_CLASSES and any(column.dtype.is_float() for column in labels):
        from ml_scorer.predictions.tables.cells import score_columns

        return score_columns(labels, names, where, options)
    columns = [_values(column, names, where, options) for column in labels]
    if any(column.ndim > 1 for column in columns):
        raise PredictionsError(
            f"{where}: columns {labels[0].name!r} to {labels[-1].name!r} hold lists, expected labels."
        )
    return np.stack(columns, axis=1)


def _values(labels: pl.Series, names: pl.Series, where: str, options: ReadOptions) -> NDArray[Any]:
    if not labels.dtype.is_numeric():
        from ml_scorer.predictions.tables.cells import label_cells  # most tables hold numbers, and start without it

        return label_cells(labels, names, where, options)
    if nulls := labels.null_count():
        empty = names.filter(labels.is_null())
        raise PredictionsError(
            f"{where}: column {labels.name!r} is empty in {nulls:,} rows: {some(empty, nulls)}. "
            f"Leave out the rows of images without a prediction, and pass missing='wrong' (--missing wrong)."
        )
    if labels.dtype not in _NUMPY_NUMBERS:
        labels = labels.cast(pl.Float64)  # decimals, and integers of 128 bits
    return labels.to_numpy()
