"""Accuracy on the reassessed labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml_scorer.annotations import Annotations
from ml_scorer.errors import MeasureError
from ml_scorer.imagenet import validation_labels
from ml_scorer.measures.measure import Measure
from ml_scorer.measures.rule import Rule, image_weights, scored_rows
from ml_scorer.schema import VALIDATION_IMAGES


@dataclass(frozen=True)
class ReaL(Measure):
    """ReaL accuracy: the share of images whose prediction is among their reassessed labels.

    An image without a reassessed label is left out, which leaves 46,837 of the 50,000 validation images (Beyer et al.,
    Are we done with ImageNet?, arXiv:2006.07159). The labels are a table of their own: `build-cache real`.

    Parameters
    ----------
    images : {"validation", "annotated"}
        All validation images that have a reassessed label; or of the images of MLA those that have one, so that the two
        compare.

    Raises
    ------
    MeasureError
        If an argument is none of these.
    """

    images: str = "validation"

    choices: ClassVar[dict[str, tuple[str, ...]]] = {"images": ("validation", "annotated")}
    needs_real_labels: ClassVar[bool] = True

    def rule(self, annotations: Annotations) -> Rule:
        """Accepted labels and weights: the reassessed labels, each image alike."""
        real = annotations.real
        if real is None:
            raise MeasureError(
                f"{self}: these annotations come without the reassessed labels. `Scorer` and `score` look for them; "
                "elsewhere, take them in with ml_scorer.annotations.reassessed.with_real_labels(annotations)."
            )
        images, data = real.images, str(real.identity)
        if self.images == "annotated":
            images = images[np.isin(images, annotations.images[scored_rows(annotations)])]
            data += f"+{annotations.identity}"  # which says what images these are
            if not images.size:
                raise MeasureError(f"{self}: none of the annotated images has a reassessed label.")
        position = np.full(VALIDATION_IMAGES + 1, -1, np.int64)
        position[images] = np.arange(images.size)
        rows = position[real.pair_images]
        weights, denominator = image_weights(images.size)
        return Rule(
            images=images,
            weights=weights,
            denominator=denominator,
            pair_rows=rows[rows >= 0],
            pair_labels=real.pair_labels[rows >= 0],
            rejects=False,
            data=data,
            classes=np.unique(validation_labels()[images]).size,
        )
