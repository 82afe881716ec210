"""Predictions that carry the names of their images: a name and a label a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.labels import exact_labels, label_faults, other_numberings
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.image_rows import ImageRows, image_rows
from ml_scorer.schema import Labels

_DEFAULT = ReadOptions()


def named_predictions(
    names: pl.Series,
    labels: NDArray[Any],
    where: str,
    options: ReadOptions = _DEFAULT,
) -> Predictions:
    """Predictions of one checkpoint from names and labels, row by row.

    An image may stand in several rows if its label is the same in all.

    Parameters
    ----------
    names : polars.Series of str
    labels : (rows,) or (rows, k) integers, or floats that are whole
    where : str
        What to call the input in an error.
    options : ReadOptions
        Its `class_ids` say what the numbers mean.

    Raises
    ------
    PredictionsError
        If there is no row, a name is no validation image, a label is no class, or an image has two labels.
    """
    rows = image_rows(names)
    values = row_labels(labels[None], names, rows, where, options)
    return Predictions(rows.images, values, "names")


def row_labels(
    labels: NDArray[Any],
    names: pl.Series,
    rows: ImageRows,
    where: str,
    options: ReadOptions,
) -> Labels:
    """Class indices for each image, from numbers row by row.

    Parameters
    ----------
    labels : (checkpoints, rows) or (checkpoints, rows, k) integers, or floats that are whole
    names : (rows,) polars.Series of str
    rows : ImageRows
        The images of these names.
    where : str
        What to call the input in an error.
    options : ReadOptions

    Returns
    -------
    (checkpoints, images) or (checkpoints, images, k) int16

    Raises
    ------
    PredictionsError
        If there is no row, a name is no validation image, a label is no class, an image has two labels, or one of the
        top k twice.
    """
    if not names.len():
        raise PredictionsError(f"{where}: there are no predictions in it: expected a row for each image.")
    faults = rows.strange_names(names)
    if labels.dtype.kind in "iuf":
        of_labels = [fault for of_one in labels for fault in label_faults(of_one, names, options.class_ids)]
        if of_labels:
            of_labels[-1] += other_numberings(labels, options, None if faults else rows.numbers)
        faults += of_labels
    if not faults:
        values = exact_labels(labels, where, options, rows.numbers)
        distinct, faults = rows.once(values)
        faults += repeated_labels(values, names)
        if not faults:
            return distinct
    raise PredictionsError(faults_text(where, faults))


def repeated_labels(labels: NDArray[Any], names: pl.Series) -> list[str]:
    """What is wrong where a label stands twice among the top k of an image: a sentence, or nothing.

    Parameters
    ----------
    labels : (checkpoints, rows) or (checkpoints, rows, k)
    names : (rows,) polars.Series of str
    """
    if labels.ndim == 2:  # noqa: PLR2004
        return []
    ordered = np.sort(labels, axis=2)
    twice = (ordered[:, :, 1:] == ordered[:, :, :-1]).any(axis=(0, 2))
    if not twice.any():
        return []
    from ml_scorer.predictions.tables.cells import repeated_fault

    checkpoint = labels[int((ordered[:, :, 1:] == ordered[:, :, :-1]).any(axis=(1, 2)).argmax())]
    return [repeated_fault(checkpoint, names.__getitem__)]


def name_text(name: object) -> str:
    r"""A file name (str, bytes, path) as Unicode text; what cannot be decoded, in a folder's name say, is replaced.

    >>> name_text(b"ILSVRC2012_val_00000001.JPEG"), name_text("\udcff.csv")
    ('ILSVRC2012_val_00000001.JPEG', '?.csv')
    """
    if isinstance(name, bytes):
        return name.decode(errors="replace")
    text = str(name)
    return text if text.isascii() else text.encode(errors="replace").decode()
