"""From slots to predictions: what all batches together say of each image, once all that is wrong with them is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.predictions.arrays.logits import SOUND, fault_texts
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.label_lists import LIST_FAULTS
from ml_scorer.predictions.labels import exact_labels, label_faults, other_numberings
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.slots import (
    BY_NAME,
    BY_POSITION,
    EMPTY,
    FAULT,
    KNOWN,
    TIE,
    TIED,
    labels_kept,
)
from ml_scorer.predictions.tables.named import repeated_labels
from ml_scorer.schema import Images, image_names


def slot_predictions(slots: NDArray[np.int32], options: ReadOptions, where: str) -> Predictions:
    """Predictions for the images that were seen.

    Parameters
    ----------
    slots : (50001, 2k + 3) int32
    options : ReadOptions
        What positions and numbers of classes mean.
    where : str
        What to call the input in an error.

    Raises
    ------
    PredictionsError
        If nothing was seen, or an image was seen with two predictions, its logits or labels are refused, or a position
        does not exist; every kind of fault is named.
    """
    k = labels_kept(slots)
    images = np.flatnonzero(slots[1:, 0] != EMPTY).astype(np.int32) + np.int32(1)
    seen = slots[images]
    faults = list(_position_faults(slots[0], options))
    if not images.size:
        faults.append("there are no predictions in it: no batch was given")
        raise PredictionsError(faults_text(where, faults))
    # Where some were given fewer labels than others, all have as few: a measure that needs more says so.
    given = np.maximum(1, np.count_nonzero((seen[:, :k] != EMPTY).all(axis=0)))
    labels, smallest = seen[:, :given], -seen[:, k : k + given]
    faults += _faults_of_rows(seen[:, FAULT], images, k)
    whole = seen[:, FAULT] == SOUND
    differ = (labels != smallest).any(axis=1)
    faults += _contradictions(labels, smallest, images, whole & differ)
    faults += _label_faults(labels[whole & ~differ], images[whole & ~differ], options)
    if faults:
        raise PredictionsError(faults_text(where, faults))
    values = np.ascontiguousarray(labels[:, 0] if given == 1 else labels)
    return Predictions(
        images=images,
        labels=exact_labels(values, where, options, images)[None],
        order=_order_name(seen[:, KNOWN], options),
        ties=(seen[:, TIE] == TIED)[None] if (seen[:, TIE] != EMPTY).any() else None,
    )


def _position_faults(of_no_image: NDArray[np.int32], options: ReadOptions) -> Iterator[str]:
    """What is wrong with positions, from row 0: there lie those that do not exist."""
    highest, lowest = int(of_no_image[0]), -int(of_no_image[(of_no_image.size - 3) // 2])
    if highest == EMPTY or options.order is None:
        return
    found = f"{lowest:,}" if lowest == highest else f"from {lowest:,} to {highest:,}"
    yield f"positions outside 0-{options.order.images.size - 1:,} of the order {options.order.name}: {found}"


def _faults_of_rows(codes: NDArray[np.int32], images: Images, k: int) -> Iterator[str]:
    for code, text in (fault_texts(k) | LIST_FAULTS).items():
        bad = images[codes == code]
        if bad.size:
            yield f"{text} for {bad.size:,} images: {some(_names(bad[:3]), bad.size)}"


def _contradictions(labels: NDArray[Any], smallest: NDArray[Any], images: Images, bad: NDArray[np.bool_]) -> list[str]:
    rows = np.flatnonzero(bad)
    if not rows.size:
        return []
    places = (labels[rows[:3]] != smallest[rows[:3]]).argmax(axis=1)
    examples = [
        f"{name} ({smallest[row, place]} and {labels[row, place]})"
        for name, row, place in zip(_names(images[rows[:3]]), rows, places, strict=False)
    ]
    found = f"{rows.size:,} images were given again with another prediction: {some(examples, rows.size)}"
    return [f"{found} (start anew, by reset, for each epoch and each checkpoint, and with the model in eval mode)"]


def _label_faults(labels: NDArray[Any], images: Images, options: ReadOptions) -> list[str]:
    """What keeps numbers from being the labels of these images."""
    names = _names(images)
    faults = label_faults(labels, names, options.class_ids)
    if faults:
        faults[-1] += other_numberings(labels, options, images)
    elif labels.shape[1] > 1:
        faults = repeated_labels(labels[None], names)
    return faults


def _order_name(known: NDArray[np.int32], options: ReadOptions) -> str:
    """How the images were known, for the signature."""
    names = {"names"} if (known == BY_NAME).any() else set()
    if options.order is not None and (known == BY_POSITION).any():
        names.add(options.order.name)
    return "+".join(sorted(names))


def _names(images: Images) -> pl.Series:
    return image_names(pl.Series(images))
