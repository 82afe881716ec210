"""Orders and numberings that predictions may be in, and which of them fits.

A candidate is what a perfect model would have written in some order and numbering. The original labels of all 50,000
validation images are known, so how well it fits is the number of places in which the predictions equal it: top-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions.class_ids import CLASS_IDS, NO_CLASS, ClassIds
from ml_scorer.predictions.orders import orders_of_size
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import NUM_CLASSES, Images, Labels

TIMES: Final = 5
"""How many times as many images must be right as in what was said; below as many times chance, top-1 is near it."""

IMPLAUSIBLE: Final = 0.05
"""Top-1 below which predictions may be read in a wrong way: other orders and numberings are tried."""

LOWEST: Final = 0.02
"""Top-1 of a candidate that fits: twenty times chance. Numberings alike in part, such as numbers that count from 0 and
from 1 where neighbours are similar classes, reach one half of it."""

FEWEST: Final = 10
"""Images, and classes, of which a candidate must be right, so that no constant prediction fits by accident."""

_AS_GOOD: Final = 0.9
"""Share of the images that the best candidate has right from which a simpler one is preferred to it."""

_MOST_STRANGE: Final = 0.01
"""Share of the numbers that may be no class in a numbering that fits."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """An order and a numbering.

    Attributes
    ----------
    numbers : (images,) int16
        What a perfect model's predictions would be.
    order : str
    class_ids : ClassIds
    new_order, new_ids : bool
        Whether this is another order, or numbering, than was said.
    columns : bool
        Whether the numbers are columns of logits: counted from 0 in every numbering.
    """

    numbers: Labels
    order: str
    class_ids: ClassIds
    columns: bool
    new_order: bool
    new_ids: bool

    @property
    def changes(self) -> int:
        """How much of what was said would have to change."""
        return self.new_order + self.new_ids

    def right(self, numbers: NDArray[Any]) -> int:
        """How many of the numbers are those of a perfect model."""
        return int(np.count_nonzero(numbers == self.numbers))

    def classes_right(self, numbers: NDArray[Any]) -> int:
        """Of how many classes there is an image that is right."""
        return int(np.unique(self.numbers[numbers == self.numbers]).size)

    def strange(self, numbers: NDArray[Any]) -> int:
        """How many of the numbers are no class, nor the background."""
        if self.columns:
            return 0
        inside = (numbers >= 0) & (numbers <= NUM_CLASSES)
        labels = self.class_ids.labels[np.where(inside, numbers, 0).astype(np.intp)]
        strange = ~inside | (labels == NO_CLASS)
        return int(np.count_nonzero(strange & (numbers != 0) if self.class_ids.zero_is_background else strange))


@dataclass(frozen=True, eq=False)
class Fit:
    """What predictions fit.

    Attributes
    ----------
    candidates : tuple of Candidate
        Several where labels cannot tell them apart: class folders sorted in one way and numbered so are like the same
        folders sorted and numbered in another.
    right : int
        Images that are right.
    """

    candidates: tuple[Candidate, ...]
    right: int


def best_fit(numbers: NDArray[Any], candidates: Sequence[Candidate], said: int) -> Fit | None:
    """The candidate that fits; None where none does.

    Of candidates that fit about as well, it is the one that changes least of what was said, the order rather than the
    numbering.

    Parameters
    ----------
    numbers : (images,) integers, or floats that are whole
    candidates : sequence of Candidate
    said : int
        How many images are right in the order and the numbering that were said.
    """
    fewest = max(FEWEST, TIMES * said, LOWEST * numbers.size)
    found = [(candidate, right) for candidate in candidates if (right := candidate.right(numbers)) >= fewest]
    fits = [
        (candidate, right, strange)
        for candidate, right in found
        if (strange := candidate.strange(numbers)) <= _MOST_STRANGE * numbers.size
        and candidate.classes_right(numbers) >= FEWEST
    ]
    if not fits:
        return None
    most = max(right for _, right, _ in fits)
    ranks = {
        (candidate.changes, strange, -right, candidate.new_ids, place): candidate
        for place, (candidate, right, strange) in enumerate(fits)
        if right >= _AS_GOOD * most
    }
    rank = min(ranks)
    alike = {ranks[rank].order: ranks[rank]}
    for other in sorted(ranks):
        if other[:3] == rank[:3]:
            alike.setdefault(ranks[other].order, ranks[other])
    return Fit(tuple(alike.values()), -rank[2])


class CandidateCache:
    """The candidates for the images of the latest predictions: many files in a row have the same."""

    def __init__(self) -> None:
        # One tuple, so that a thread never finds the key of one and the candidates of another.
        self._latest: tuple[ReadOptions, Images, tuple[bool, bool], tuple[Candidate, ...]] | None = None

    def of(self, options: ReadOptions, images: Images, *, by_order: bool, columns: bool) -> tuple[Candidate, ...]:
        """What was said, and after it every other order and numbering.

        Parameters
        ----------
        options : ReadOptions
        images : (images,) int32
            As said: the images that the predictions are for.
        by_order : bool
            Whether the images were known by `options.order`, so that it may be another one.
        columns : bool
            Whether the labels are the arg-max of logits.
        """
        latest, how = self._latest, (by_order, columns)
        if latest is None or latest[0] is not options or latest[2] != how or not same_images(latest[1], images):
            sequences = dict(_sequences(options, images, by_order=by_order))
            said = next(iter(sequences))
            latest = options, images, how, _in_every_numbering(sequences, options, said, columns=columns)
            self._latest = latest
        return latest[3]


def is_one_off(numbers: NDArray[Any], known: Labels, step: int) -> bool:
    """Whether numbers are off by a step on one side; one that takes classes for their neighbours does so on both."""
    return bool(np.count_nonzero(numbers == known + step) >= TIMES * np.count_nonzero(numbers == known - step))


def candidates_of_size(options: ReadOptions, size: int, *, columns: bool) -> tuple[Candidate, ...]:
    """Every order of so many images, in every numbering; no order is said."""
    return _in_every_numbering(orders_of_size(size, options.annotated), options, None, columns=columns)


def same_images(one: Images, other: Images) -> bool:
    """Whether these are the same images in the same sequence; many files in a row have one array."""
    return one is other or np.array_equal(one, other)


def _sequences(options: ReadOptions, images: Images, *, by_order: bool) -> Iterator[tuple[str, Images]]:
    """The images as said, and what the same positions are in other orders."""
    order = options.order
    if order is None or not by_order:
        yield "names", images
        return
    yield order.name, images
    positions = order.places(images)
    if positions.min(initial=0) >= 0:
        for name, sequence in orders_of_size(order.images.size, options.annotated).items():
            if name != order.name:
                yield name, sequence[positions]


def _in_every_numbering(
    sequences: dict[str, Images], options: ReadOptions, said_order: str | None, *, columns: bool
) -> tuple[Candidate, ...]:
    candidates = (
        Candidate(
            numbers=(ids.numbers - ids.first * columns)[validation_labels()[images]],
            order=name,
            class_ids=ids,
            columns=columns,
            new_order=name != said_order,
            new_ids=ids is not options.class_ids,
        )
        for name, images in sequences.items()
        for ids in CLASS_IDS.values()
    )
    return tuple(sorted(candidates, key=lambda candidate: candidate.changes))
