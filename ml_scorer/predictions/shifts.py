"""Predictions that are off: some places along the order, or one class along the numbering.

Where images are sorted by class, their neighbours have the same original label, so that a shift along the order costs
two points of top-1 and looks like a somewhat worse model. But in the right order no shift makes anything better.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.candidates import FEWEST, IMPLAUSIBLE, LOWEST, TIMES, is_one_off, same_images
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import Images, Labels

_NEAR: Final = (1, -1)
_FAR: Final = 1000
"""Places: how far off every checkpoint is tried, and at most one that is off. Where images are sorted by class, one
that is far off is better already after a first step."""

_SAMPLE: Final = 1024
"""Images at most that are looked at for each shift, of those that would have another original label."""

_WHOLE: Final = 0.9
"""Share of the images that have another class after a shift by a whole class."""

_BETTER: Final = 0.1
"""Share of these that a shift must have right in addition. Where nothing is off, it has as many fewer as are right."""


def check_shift(predictions: Predictions, rows: NDArray[np.intp], options: ReadOptions, where: str) -> None:
    """Raise PredictionsError if one of these checkpoints fits images further on or back in the order better.

    Parameters
    ----------
    predictions : Predictions
    rows : (rows,) int
        The checkpoints that are looked at.
    options : ReadOptions
        What they were read by.
    where : str
        What to call the input in an error.
    """
    order = options.order
    if order is None or predictions.order != order.name or not predictions.images.size:
        return
    shifts = _CACHE.of(predictions.images, order)
    for row in rows[shifts.suspects(predictions.top1, rows)].tolist():
        labels = predictions.top1[row]
        right = {shift: int(np.count_nonzero(labels == shifts.known(shift))) for shift in range(-_FAR, _FAR + 1)}
        shift = max(right, key=lambda each: (right[each], -abs(each)))
        others = np.count_nonzero(shifts.known(shift) != shifts.known(0))
        # Where hardly any image keeps its label, this may be a model that takes classes for their neighbours.
        is_whole_class = shifts.by_class and others > _WHOLE * labels.size and right[0] >= IMPLAUSIBLE * labels.size
        if right[shift] - right[0] > _BETTER * others and not is_whole_class:
            raise PredictionsError(
                f"{where}: {predictions.called(row)}{right[0] / labels.size:.2%} top-1 as {order.name}; "
                f"{right[shift] / labels.size:.2%} if each position is that of the image {_places(shift)} it there. "
                f"{_question(shift)} Mend that, or pass --trust-order (trust_order=True) to score what was said."
            )


class _Shifts:
    """What lies further on or back in an order than some images."""

    def __init__(self, images: Images, order: Order) -> None:
        self.images, self.order = images, order
        self._places = order.places(images) + _FAR
        self._known = np.pad(validation_labels()[order.images], _FAR, constant_values=-1)
        self._samples = [self._sample(shift) for shift in _NEAR]

    @property
    def by_class(self) -> bool:
        """Whether the images are sorted by class, so that neighbours are mostly of the same one."""
        return bool(np.count_nonzero(self.known(1) != self.known(0)) < (1 - _WHOLE) * self.images.size)

    def known(self, shift: int) -> Labels:
        """Original labels of the images so many places further on: (images,) int16; -1 beyond the ends."""
        return self._known[self._places + shift]

    def suspects(self, top1: Labels, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of these checkpoints have more images right after one of the near shifts: (rows,)."""
        suspects = np.zeros(rows.size, bool)
        for sample, as_said, shifted in self._samples:
            labels = top1[:, sample][rows]  # in this sequence it takes half of the time
            more = (labels == shifted).sum(axis=1, dtype=np.int32) - (labels == as_said).sum(axis=1, dtype=np.int32)
            suspects |= more > max(FEWEST, _BETTER * sample.size)
        return suspects

    def _sample(self, shift: int) -> tuple[NDArray[np.intp], Labels, Labels]:
        """Some of the images that would have another original label, with the label as said, and the other one."""
        as_said, shifted = self.known(0), self.known(shift)
        others = np.flatnonzero(shifted != as_said)
        sample = np.sort(np.random.default_rng(0).permutation(others)[:_SAMPLE])  # not each second class, say
        return sample, as_said[sample], shifted[sample]


class _Cache:
    """The shifts of the latest predictions: many files in a row have the same images."""

    def __init__(self) -> None:
        self._latest: _Shifts | None = None

    def of(self, images: Images, order: Order) -> _Shifts:
        """Those of these images."""
        latest = self._latest
        if latest is None or latest.order is not order or not same_images(latest.images, images):
            latest = self._latest = _Shifts(images, order)
        return latest


_CACHE: Final = _Cache()


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
        if np.count_nonzero(fitting) < fewest or not is_one_off(numbers, known, step):
            continue
        if np.unique(known[fitting]).size < FEWEST:
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
