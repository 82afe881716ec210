"""Two ways of reading that top-1 accuracy cannot tell apart: class folders by WordNet id, or by their numbers as text.

Where both the images and the numbers of the classes follow the same folders, the labels of each class are merely those
of another one under the wrong reading, and top-1 stays as it is. The mistakes tell: under the right reading, experts
have looked at many of the labels that a model gives instead; under the wrong one, at hardly any.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.class_ids import CLASS_IDS
from ml_scorer.predictions.orders import ORDERS
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import NUM_CLASSES, VALIDATION_IMAGES, Images, Labels

_TWIN: Final = {
    ("imagefolder", "imagenet"): ("imagefolder-as-text", "as-text"),
    ("imagefolder-as-text", "as-text"): ("imagefolder", "imagenet"),
}

_MISTAKES: Final = 100
"""Mistakes on annotated images that it takes to tell."""

_TIMES: Final = 2
_MORE: Final = 0.1
"""The twin is right where the share of mistakes that experts looked at is so many times as large, and so much more."""


class ReviewedLabels:
    """Which labels of which images experts have judged; made for looking many up at once.

    Parameters
    ----------
    images : (pairs,) int32
    labels : (pairs,) int16
    """

    def __init__(self, images: Images, labels: Labels) -> None:
        self._images, self._labels = images, labels

    @cached_property
    def _annotated(self) -> NDArray[np.bool_]:
        """Which images have reviewed labels: (50001,)."""
        annotated = np.zeros(VALIDATION_IMAGES + 1, bool)
        annotated[self._images] = True
        return annotated

    @cached_property
    def _bits(self) -> NDArray[np.uint8]:
        """A bit for each image and class: 6 MB."""
        keys = np.unique(_keys(self._images, self._labels))
        starts = np.flatnonzero(np.diff(keys >> 3, prepend=-1))
        bits = np.zeros(((VALIDATION_IMAGES + 1) * NUM_CLASSES >> 3) + 1, np.uint8)
        bits[keys[starts] >> 3] = np.bitwise_or.reduceat(np.left_shift(1, keys & 7).astype(np.uint8), starts)
        return bits

    def share_of_mistakes(self, images: Images, labels: Labels) -> tuple[int, float]:
        """Mistakes on images with reviewed labels, and the share of them that is reviewed.

        Parameters
        ----------
        images : (images,) int32
        labels : (images,) int16
        """
        mistaken = self._annotated[images] & (labels != validation_labels()[images])
        keys = _keys(images[mistaken], labels[mistaken])
        reviewed = np.count_nonzero(self._bits[keys >> 3] >> (keys & 7).astype(np.uint8) & 1)
        return keys.size, reviewed / max(1, keys.size)


def check_twin(
    predictions: Predictions, rows: NDArray[np.intp], options: ReadOptions, reviewed: ReviewedLabels, where: str
) -> None:
    """Raise PredictionsError if one of these checkpoints fits the twin of what was said better than that.

    Parameters
    ----------
    predictions : Predictions
    rows : (rows,) int
        The checkpoints that are looked at.
    options : ReadOptions
        What they were read by.
    reviewed : ReviewedLabels
    where : str
        What to call the input in an error.
    """
    order = options.order
    twin = _TWIN.get((predictions.order, options.class_ids.name))
    if twin is None or order is None or options.annotated is None or not rows.size:
        return
    images = ORDERS[twin[0]](options.annotated)[order.places(predictions.images)]
    for labels in predictions.top1[rows]:
        mistakes, as_said = reviewed.share_of_mistakes(predictions.images, labels)
        others = CLASS_IDS[twin[1]].labels[options.class_ids.numbers[labels]]
        _, as_twin = reviewed.share_of_mistakes(images, others)
        if mistakes >= _MISTAKES and as_twin > max(_TIMES * as_said, as_said + _MORE):
            said = f"{order.name} with {options.class_ids.name} class ids"
            raise PredictionsError(
                f"{where}: top-1 is the same as {said} and as {twin[0]} with {twin[1]} class ids, but of the mistakes "
                f"experts have looked at {as_said:.0%} in the first case and at {as_twin:.0%} in the second: pass "
                f'--order {twin[0]} --class-ids {twin[1]} (order="{twin[0]}", class_ids="{twin[1]}"), or --trust-order '
                "(trust_order=True) to score what was said."
            )


def _keys(images: Images, labels: Labels) -> NDArray[np.int64]:
    return images.astype(np.int64) * NUM_CLASSES + labels
