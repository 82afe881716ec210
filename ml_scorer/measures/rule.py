"""What a measure comes down to: a set of accepted labels for each image, and a weight for each image.

    score(checkpoint) = sum over images of weight[image] * (prediction[checkpoint, image] in accepted[image])

Weights are fractions with one common denominator, so that a score is an integer sum divided once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations
from ml_scorer.errors import MeasureError, some
from ml_scorer.schema import Images, Labels

EXACT: Final = 2**53
"""Integers below this are exact as float64, in which the kernel counts; above it, Python's integers take over."""


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
    """

    images: Images
    weights: NDArray[np.int64] | NDArray[np.object_]
    denominator: int
    pair_rows: NDArray[np.int64]
    pair_labels: Labels
    rejects: bool
    data: str
    classes: int


def image_weights(images: int) -> tuple[NDArray[np.int64], int]:
    """Every one of so many images weighs 1 / images: numerators and denominator."""
    return np.ones(images, np.int64), images


def class_weights(
    original_labels: Labels, classes: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | NDArray[np.object_], int]:
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
    dtype = np.dtype(np.int64) if denominator < EXACT else np.dtype(object)
    weight_of_class = np.array([multiple // int(size) if size else 0 for size in sizes], dtype)
    return weight_of_class[original_labels], denominator


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
    """
    labels = annotations.original_labels[rows]
    weights, denominator = image_weights(labels.size) if classes is None else class_weights(labels, classes)
    position = np.full(len(annotations), -1, np.int64)
    position[rows] = np.arange(rows.size)
    pair_rows = position[annotations.reviewed_rows]
    chosen = (pair_rows >= 0) & np.isin(annotations.verdicts, verdicts)
    return Rule(
        images=annotations.images[rows],
        weights=weights,
        denominator=denominator,
        pair_rows=pair_rows[chosen],
        pair_labels=annotations.reviewed_labels[chosen],
        rejects=rejects,
        data=str(annotations.identity),
        classes=np.unique(labels).size,
    )
