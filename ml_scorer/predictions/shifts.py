"""Predictions that are one off: a place or two along the order, or a class along the numbering.

Where images are sorted by class, their neighbours have the same original label, so that a shift along the order costs
two points of top-1 and looks like a somewhat worse model. But in the right order no shift makes anything better.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.candidates import FEWEST, LOWEST, TIMES
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import VALIDATION_IMAGES, Images, Labels

_NEAR: Final = 2
_FAR: Final = 1000
"""Places: how far off every checkpoint is tried, and one that is off."""

_BETTER: Final = 0.002
"""Share of the images that a shift must have right in addition: a tenth of those beside one of another class."""


def check_shift(predictions: Predictions, options: ReadOptions, where: str) -> None:
    """Raise PredictionsError if one of the checkpoints fits images a place or two along the order better.

    Parameters
    ----------
    predictions : Predictions
    options : ReadOptions
        What they were read by.
    where : str
        What to call the input in an error.
    """
    order = options.order
    if order is None or predictions.order != order.name or not predictions.images.size:
        return
    shifted = _ShiftedOrder(predictions.images, order)
    better = max(FEWEST, _BETTER * predictions.images.size)
    for row, labels in enumerate(predictions.top1):
        near = shifted.right(labels, _NEAR)
        if max(near.values()) - near[0] <= better:
            continue
        far = shifted.right(labels, _FAR)
        shift = max(far, key=lambda each: (far[each], -abs(each)))
        raise PredictionsError(
            f"{where}: {predictions.called(row)}{far[0] / labels.size:.2%} top-1 as {order.name}; "
            f"{far[shift] / labels.size:.2%} if each position is that of the image {_places(shift)} it there. "
            f"{_question(shift)} Mend that, or pass --trust-order (trust_order=True) to score what was said."
        )


class _ShiftedOrder:
    """Original labels of what lies further on or back in an order than some images."""

    def __init__(self, images: Images, order: Order) -> None:
        place = np.zeros(VALIDATION_IMAGES + 1, np.intp)
        place[order.images] = np.arange(order.images.size)
        self._places = place[images] + _FAR
        self._known = np.pad(validation_labels()[order.images], _FAR, constant_values=-1)
        self._at = lru_cache(2 * _NEAR + 1)(self._labels)

    def right(self, labels: Labels, furthest: int) -> dict[int, int]:
        """How many of the labels are right for the images so many places further on, up to the furthest."""
        shifts = range(-furthest, furthest + 1)
        return {shift: int(np.count_nonzero(labels == self._at(shift))) for shift in shifts}

    def _labels(self, shift: int) -> Labels:
        return self._known[self._places + shift]


def off_by_one(numbers: NDArray[Any], known: Labels, right: int, *, columns: bool) -> str:
    """A sentence where numbers of classes fit once 1 is added or taken away; empty where they do not.

    Parameters
    ----------
    numbers : (images,) integers
        As they stand in the input.
    known : (images,) int16
        What a perfect model's would be.
    right : int
        How many are right as they are.
    columns : bool
        Whether the numbers are columns of logits.
    """
    fewest = max(FEWEST, TIMES * right, LOWEST * numbers.size)
    for step in (1, -1):
        fitting = numbers == known + step
        if np.count_nonzero(fitting) < fewest or np.unique(known[fitting]).size < FEWEST:
            continue
        found = f"{right / numbers.size:.2%} top-1; {np.count_nonzero(fitting) / numbers.size:.2%}"
        if columns and step == 1:
            return (
                f"{found} if column 0 is a background class and the last class is cut off: give all 1,001 columns and "
                'pass --class-ids background (class_ids="background")'
            )
        return f"{found} if every class had the number {'below' if step == 1 else 'above'} its own: mend that"
    return ""


def _places(shift: int) -> str:
    number = "one place" if abs(shift) == 1 else f"{abs(shift)} places"
    return f"{number} {'after' if shift > 0 else 'before'}"


def _question(shift: int) -> str:
    if shift > 0:
        return "Was the first image left out?" if shift == 1 else f"Were the first {shift} images left out?"
    return f"Does something else stand in the first {'place' if shift == -1 else f'{-shift} places'}?"
