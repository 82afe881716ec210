"""Top-1 and top-5 accuracy on the original labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml_scorer.annotations import Annotations
from ml_scorer.imagenet import validation_fingerprint, validation_labels
from ml_scorer.measures.measure import Measure
from ml_scorer.measures.rule import Rule, class_weights, image_weights, scored_rows
from ml_scorer.schema import NUM_CLASSES, VALIDATION_IMAGES


@dataclass(frozen=True)
class _TopK(Measure):
    """The share of images whose original label is among the first k predictions."""

    average: str = "image"
    images: str = "annotated"

    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "average": ("image", "class"),
        "images": ("annotated", "validation"),
    }
    k: ClassVar[int]

    def rule(self, annotations: Annotations) -> Rule:
        """Accepted labels and weights: the original label of each image."""
        if self.images == "validation":
            images = np.arange(1, VALIDATION_IMAGES + 1, dtype=np.int32)
            labels = validation_labels()[1:]
            data, num_classes = f"imagenet2012_validation@{validation_fingerprint()[:8]}", NUM_CLASSES
        else:
            rows = scored_rows(annotations)
            images, labels = annotations.images[rows], annotations.original_labels[rows]
            data, num_classes = str(annotations.identity), annotations.num_classes
        by_class = self.average == "class"
        weights, denominator = class_weights(labels, np.arange(num_classes)) if by_class else image_weights(labels.size)
        return Rule(
            images=images,
            weights=weights,
            denominator=denominator,
            pair_rows=np.arange(labels.size),
            pair_labels=labels,
            rejects=False,
            data=data,
            classes=np.unique(labels).size,
            k=self.k,
            strata=labels if by_class else None,
        )


@dataclass(frozen=True)
class Top1(_TopK):
    """Top-1 accuracy: the share of images whose prediction is the original ImageNet label.

    Parameters
    ----------
    average : {"image", "class"}
        Over all images alike, as usual; or within each original class, then over the classes, as MLA.
    images : {"annotated", "validation"}
        The images of MLA, so that the two compare; or all 50,000 validation images.

    Raises
    ------
    MeasureError
        If an argument is none of these.
    """

    k: ClassVar[int] = 1


@dataclass(frozen=True)
class Top5(_TopK):
    """Top-5 accuracy: the share of images whose original ImageNet label is among the first five predictions.

    Parameters
    ----------
    average, images
        As in `Top1`.

    Raises
    ------
    MeasureError
        If an argument is none of these.
    """

    k: ClassVar[int] = 5
