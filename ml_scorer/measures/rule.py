"""What a measure comes down to: a set of accepted labels for each image, and a weight for each image.

    score(checkpoint) = sum over images of weight[image] * (prediction[checkpoint, image] in accepted[image])

Of several predictions of an image, the first `k`, any that is accepted makes it right; or, with k=labels, an image of n
accepted labels gives the share of these that are among its first n predictions.

Weights are fractions with one common denominator, so that a score is an integer sum divided once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations
from ml_scorer.errors import MeasureError, some
from ml_scorer.schema import Images, Labels

EXACT: Final = 2**53
"""Integers below this are exact as float64, in which the kernel counts; above it, Python's integers take over."""

LABELS: Final = "labels"
"""In place of a number of predictions: as many as the image has accepted labels."""

LabelCount: TypeAlias = int | Literal["labels"]

Weights: TypeAlias = NDArray[Any]
"""Numerators of weights: int64, or Python integers in an object array where their sum reaches 2**53."""


@dataclass(frozen=True, eq=False)
class Rule:
    """Accepted labels and weights of the images of one measure.

    Attributes
    ----------
    images : (images,) int32
        Numbers of the images that have weight; each once.
    weights : (images,) int64, or object (Python integers)
        Numerators of their weights.
    denominator : int
        Of all weights. The weights add up to it, where a perfect score is 1.
    pair_rows : (pairs,) int64
        Row in `images` of each pair of an image and a label.
    pair_labels : (pairs,) int16
        Its label; no pair stands twice.
    rejects : bool
        The pairs are the labels that are *not* accepted; every other label is.
    data : str
        The `data` part of the signature: which labels these are.
    classes : int
        Number of original classes among the images, for the signature.
    k : int or "labels"
        How many predictions of an image are looked at, the most likely first; any that is accepted makes it right. With
        "labels", as many as it has accepted labels, and each of these that is among them adds its share of the image's
        weight, which is a whole number.
    strata : (images,) int16, optional
        The original class of each image, where the average is within each class, then over the classes: all images of
        a class weigh the same. None where it is over all images alike.
    """

    images: Images
    weights: Weights
    denominator: int
    pair_rows: NDArray[np.int64]
    pair_labels: Labels
    rejects: bool
    data: str
    classes: int
    k: LabelCount = 1
    strata: Labels | None = None

    @property
    def looked_at(self) -> NDArray[np.int64]:
        """How many predictions of each image are looked at: (images,) int64."""
        if self.k == LABELS:
            return np.bincount(self.pair_rows, minlength=self.images.size)
        return np.full(self.images.size, self.k)

    @property
    def labels_needed(self) -> int:
        """How many predictions an image needs at most."""
        return int(self.looked_at.max(initial=1))

    @property
    def counts_images(self) -> bool:
        """Whether a score is a number of right images over their number.

        It is so where images are right or wrong, and none is in a class apart from the others.
        """
        one_average = self.strata is None or bool((self.strata == self.strata[0]).all())
        return one_average and self.k != LABELS

    def too_few(self, k: int) -> int:
        """Number of images of which more than `k` predictions are looked at."""
        return int(np.count_nonzero(self.looked_at > k))


def image_weights(images: int) -> tuple[NDArray[np.int64], int]:
    """Every one of so many images weighs 1 / images: numerators and denominator."""
    return np.ones(images, np.int64), images


def class_weights(original_labels: Labels, classes: NDArray[np.int64]) -> tuple[Weights, int]:
    """An image of class c weighs 1 / (classes * images in c): the average within each class, averaged over classes.

    Parameters
    ----------
    original_labels : (images,) int16
        Original class of each image.
    classes : (classes,) int64
        The classes to average over.

    Returns
    -------
    weights : (images,) int64, or object
        Numerators; Python integers where their sum reaches 2**53.
    denominator : int
        Number of classes times the least common multiple of the class sizes that occur.

    Raises
    ------
    MeasureError
        If a class has no image.
    """
    sizes = np.bincount(original_labels, minlength=int(classes.max(initial=0)) + 1)
    empty = classes[sizes[classes] == 0]
    if empty.size:
        raise MeasureError(
            f"a per-class average needs an image of every class, and {empty.size:,} of {classes.size:,} classes have "
            f"none here (class {some(empty, empty.size)}). Use the full annotations, or average=image."
        )
    multiple = math.lcm(*np.unique(sizes[classes]).tolist())
    denominator = classes.size * multiple
    weight_of_class = np.array([multiple // int(size) if size else 0 for size in sizes], _whole_number(denominator))
    return weight_of_class[original_labels], denominator


def _whole_number(denominator: int) -> np.dtype[Any]:
    """Type of weights that add up to a denominator."""
    return np.dtype(np.int64) if denominator < EXACT else np.dtype(object)


def _divisible(weights: Weights, denominator: int, divisors: NDArray[np.int64]) -> tuple[Weights, int]:
    """The same weights over a larger denominator: each can be divided by each of these divisors (0 is left out)."""
    multiple = math.lcm(*divisors[divisors > 0].tolist())
    return weights.astype(_whole_number(denominator * multiple)) * multiple, denominator * multiple


def scored_rows(annotations: Annotations) -> NDArray[np.int64]:
    """Rows of the images that are not problematic: those of MLA and of all that is compared with it."""
    return np.flatnonzero(~annotations.is_problematic)


def verdict_rule(
    annotations: Annotations,
    rows: NDArray[np.int64],
    verdicts: tuple[int, ...],
    *,
    rejects: bool = False,
    classes: NDArray[np.int64] | None = None,
    k: LabelCount = 1,
) -> Rule:
    """The rule that accepts (or rejects) the labels with one of some verdicts.

    Parameters
    ----------
    annotations : Annotations
    rows : (images,) int64
        Rows of the images that have weight.
    verdicts : tuple of int
        Indices into `VERDICTS`.
    rejects : bool
        Accept every label but those.
    classes : (classes,) int64, optional
        Average within each of these classes, then over them; None averages over the images.
    k : int or "labels"
        How many predictions of an image are looked at; see `Rule`.
    """
    labels = annotations.original_labels[rows]
    weights, denominator = image_weights(labels.size) if classes is None else class_weights(labels, classes)
    position = np.full(len(annotations), -1, np.int64)
    position[rows] = np.arange(rows.size)
    pair_rows = position[annotations.reviewed_rows]
    chosen = (pair_rows >= 0) & np.isin(annotations.verdicts, verdicts)
    if k == LABELS:
        weights, denominator = _divisible(weights, denominator, np.unique(np.bincount(pair_rows[chosen])))
    return Rule(
        images=annotations.images[rows],
        weights=weights,
        denominator=denominator,
        pair_rows=pair_rows[chosen],
        pair_labels=annotations.reviewed_labels[chosen],
        rejects=rejects,
        data=str(annotations.identity),
        classes=np.unique(labels).size,
        k=k,
        strata=None if classes is None else labels,
    )
