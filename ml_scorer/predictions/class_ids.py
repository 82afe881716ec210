"""The numberings of ImageNet's classes: what a number that stands for a class means.

Everywhere in this package a class is its index 0-999 in the order of WordNet ids. Predictions may come in another
numbering, if that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import devkit_ids
from ml_scorer.schema import NUM_CLASSES, Labels

NO_CLASS: Final = -1
"""Stands in a numbering for a number that is no class."""


@dataclass(frozen=True, eq=False)
class ClassIds:
    """A numbering of the classes: 1,000 numbers in a row, from 0 or from 1.

    Attributes
    ----------
    name : str
    meaning : str
        For a list of what there is.
    number_classes : callable
        Gives `numbers`, at first use.
    zero_is_background : bool
        Whether a network can give 0, and means none of the classes by it.
    """

    name: str
    meaning: str
    number_classes: Callable[[], Labels]
    zero_is_background: bool = False

    @cached_property
    def numbers(self) -> Labels:
        """The number of each class: (1000,) int16, by class index."""
        return self.number_classes()

    @cached_property
    def labels(self) -> Labels:
        """Class index of each number 0-1000, or `NO_CLASS`: (1001,) int16."""
        labels = np.full(NUM_CLASSES + 1, NO_CLASS, np.int16)
        labels[self.numbers] = np.arange(NUM_CLASSES)
        return labels

    @cached_property
    def first(self) -> int:
        """The lowest number of a class; the highest is 999 more."""
        return int(self.numbers.min())

    @cached_property
    def by_wordnet_id(self) -> bool:
        """Whether the numbers are class indices, counted from `first`."""
        return bool((np.diff(self.numbers) == 1).all())

    @property
    def last(self) -> int:
        """The highest number of a class."""
        return self.first + NUM_CLASSES - 1


def _from_0() -> Labels:
    return np.arange(NUM_CLASSES, dtype=np.int16)


def _from_1() -> Labels:
    return np.arange(1, NUM_CLASSES + 1, dtype=np.int16)


def _as_text() -> Labels:
    return np.argsort(np.arange(NUM_CLASSES).astype(str)).argsort().astype(np.int16)


CLASS_IDS: Final[dict[str, ClassIds]] = {
    ids.name: ids
    for ids in (
        ClassIds("imagenet", "0-999, classes by WordNet id: as in torchvision, timm, Keras", _from_0),
        ClassIds("one-based", "1-1000, classes by WordNet id", _from_1),
        ClassIds("background", "0-1000, 0 a background class, then classes by WordNet id", _from_1, True),
        ClassIds("devkit", "1-1000, ILSVRC2012_ID of the development kit: 1 is the kit fox", devkit_ids),
        ClassIds("as-text", "0-999, class folders named 0 to 999, sorted as text: 0, 1, 10, 100", _as_text),
    )
}
"""Every numbering by its name."""


def class_ids_named(name: str) -> ClassIds:
    """The numbering of this name.

    Raises
    ------
    PredictionsError
        If there is none.
    """
    if not isinstance(name, str) or name not in CLASS_IDS:
        raise PredictionsError(f"unknown class ids {name!r:.50}: expected one of {', '.join(CLASS_IDS)}.")
    return CLASS_IDS[name]
