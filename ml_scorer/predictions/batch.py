"""Predictions once they are read: checked labels, and the image that each belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_scorer.schema import Images, Labels


@dataclass(frozen=True, eq=False)
class Predictions:
    """Labels of one or more checkpoints for the same images.

    Attributes
    ----------
    images : (images,) int32
        Image numbers, each once, in any order.
    labels : (checkpoints, images) int16
        Class indices 0-999.
    order : str
        How the images were known, for the signature: `names`, or the order that was said.
    ties : (checkpoints, images) bool, optional
        Where the arg-max of an image was a tie; None where the source held labels.
    """

    images: Images
    labels: Labels
    order: str
    ties: NDArray[np.bool_] | None = None
