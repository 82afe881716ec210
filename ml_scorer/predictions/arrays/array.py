"""Predictions from an array: labels or logits of images whose order is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.arrays.logits import best_columns
from ml_scorer.predictions.arrays.shape import Form, form_of
from ml_scorer.predictions.arrays.stored import StoredArray, in_memory
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.class_ids import NO_CLASS, ClassIds
from ml_scorer.predictions.labels import exact_labels
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import NUM_CLASSES, VALIDATION_IMAGES, Labels, image_name

_BATCH: Final = 64
_BATCH_BYTES: Final = 16 << 20
"""Labels are given out by so many checkpoints, or by as many as take so much memory in the source, if that is less."""


def array_predictions(
    array: StoredArray | NDArray[Any], options: ReadOptions, where: str, name: str | None = None
) -> Iterator[Predictions]:
    """Predictions of one or more checkpoints from an array.

    Parameters
    ----------
    array : labels or logits
        Labels: (images,), (checkpoints, images), and with k of an image, the most likely first, (images, k) or
        (checkpoints, images, k), as integers or whole floats. Logits or probabilities: (images, 1000) or
        (checkpoints, images, 1000) floats; 1,001 columns if `options.class_ids` is `background`.
    options : ReadOptions
        Without an order it is an error: an array has no names. Of logits, only the rows of required images are read.
    where : str
        What to call the input in an error.
    name : str, optional
        What the source calls it: the checkpoint's name, or if there are several, `name[0]` and so on.

    Raises
    ------
    PredictionsError
        If the order is missing, the shape does not fit it, or the numbers are refused.
    """
    stored = array if isinstance(array, StoredArray) else in_memory(array)
    form, order = form_of(stored, options, where)
    read = _from_logits if form.has_logits else _from_labels
    several = stored.shape[0] if form.has_checkpoints else None
    start = 0
    for predictions in read(stored, form, options, order, where):
        stop = start + len(predictions.labels)
        names = (
            None if name is None else (name,) if several is None else tuple(f"{name}[{i}]" for i in range(start, stop))
        )
        yield Predictions(predictions.images, predictions.labels, order.name, predictions.ties, names)
        start = stop


def _from_labels(
    stored: StoredArray, form: Form, options: ReadOptions, order: Order, where: str
) -> Iterator[Predictions]:
    if stored.is_bfloat16:
        raise PredictionsError(
            f"{where}: labels as bfloat16, which holds whole numbers only up to 256. Save them as integers."
        )
    checkpoints = stored.shape[0] if form.has_checkpoints else 1
    batch = max(1, min(_BATCH, _BATCH_BYTES // stored.row_bytes)) if form.has_checkpoints else 1
    for start in range(0, checkpoints, batch):
        stop = min(start + batch, checkpoints)
        values = stored.values(start, stop) if form.has_checkpoints else stored.values()[None]
        part = where if stop - start == checkpoints else f"{where}, checkpoints {start:,} to {stop - 1:,}"
        # What is wrong in the only checkpoint is placed by its image alone.
        labels = exact_labels(values if form.has_checkpoints else values[0], part, options, order.images)
        labels = labels.reshape(values.shape)
        if form.has_several_labels:
            _check_repeats(labels, order, part)
            labels = labels[:, :, 0] if stored.shape[-1] == 1 else labels
        yield Predictions(order.images, labels, order.name)


def _check_repeats(labels: Labels, order: Order, where: str) -> None:
    in_order = np.sort(labels, axis=2)
    repeats = (in_order[:, :, 1:] == in_order[:, :, :-1]).any(axis=2)
    if not repeats.any():
        return
    found = np.argwhere(repeats)
    examples = [
        f"{labels[checkpoint, place].tolist()} for {image_name(int(order.images[place]))}"
        for checkpoint, place in found[:3].tolist()
    ]
    raise PredictionsError(
        f"{where}: {len(found):,} images have a label more than once among their {labels.shape[2]}: "
        f"{some(examples, len(found))}. Expected different labels, the most likely first; if the last axis holds "
        "checkpoints, put it first (array.T)."
    )


def _from_logits(
    stored: StoredArray, form: Form, options: ReadOptions, order: Order, where: str
) -> Iterator[Predictions]:
    rows = _rows_needed(options, order)
    images = order.images if rows is None else order.images[rows]
    labels_of_columns = column_labels(options.class_ids)
    background = stored.shape[-1] > NUM_CLASSES
    for checkpoint in range(stored.shape[0] if form.has_checkpoints else 1):
        logits = stored.part(checkpoint) if form.has_checkpoints else stored
        part = f"{where}, checkpoint {checkpoint:,}" if form.has_checkpoints and stored.shape[0] > 1 else where
        k = min(options.k, NUM_CLASSES)
        columns, ties = best_columns(logits, part, k=k, rows=rows, background=background)
        labels = labels_of_columns[columns]
        yield Predictions(images, labels[None] if k > 1 else labels[None, :, 0], order.name, ties[None])


def _rows_needed(options: ReadOptions, order: Order) -> NDArray[np.intp] | None:
    if options.required is None:
        return None
    is_required = np.zeros(VALIDATION_IMAGES + 1, bool)
    is_required[options.required] = True
    return np.flatnonzero(is_required[order.images])


def column_labels(class_ids: ClassIds) -> Labels:
    """Class index that each of the 1,000 columns of logits stands for: (1000,) int16."""
    labels: Labels = class_ids.labels[class_ids.labels != NO_CLASS]
    return labels
