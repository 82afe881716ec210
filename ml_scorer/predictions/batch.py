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
    labels : (checkpoints, images) or (checkpoints, images, k) int16
        Class indices 0-999; with k, the most likely first, and no two of an image equal.
    order : str
        How the images were known, for the signature: `names`, or the order that was said.
    ties : (checkpoints, images) bool, optional
        Where the arg-max of an image was a tie; None where the source held labels.
    names : tuple of str, optional
        What the source calls each checkpoint; None where it does not say.
    """

    images: Images
    labels: Labels
    order: str
    ties: NDArray[np.bool_] | None = None
    names: tuple[str, ...] | None = None

    def part(self, start: int, stop: int) -> Predictions:
        """Some of the checkpoints, without a copy."""
        return Predictions(
            self.images,
            self.labels[start:stop],
            self.order,
            None if self.ties is None else self.ties[start:stop],
            None if self.names is None else self.names[start:stop],
        )

    def called(self, row: int) -> str:
        """What to call a checkpoint at the beginning of a sentence; empty where it has no name of its own."""
        return "" if self.names is None else f"checkpoint {self.names[row]}: "

    @property
    def k(self) -> int:
        """Labels for each image of a checkpoint."""
        return 1 if self.labels.ndim == 2 else self.labels.shape[2]  # noqa: PLR2004

    @property
    def top1(self) -> Labels:
        """The most likely label of each image: (checkpoints, images) int16."""
        return self.labels if self.labels.ndim == 2 else self.labels[:, :, 0]  # noqa: PLR2004
