"""ImageNet-M: the images that strong models still get badly wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml_scorer.annotations import Annotations
from ml_scorer.errors import MeasureError
from ml_scorer.measures.measure import Measure
from ml_scorer.measures.mla import CORRECT, UNCLEAR
from ml_scorer.measures.rule import Rule, verdict_rule


@dataclass(frozen=True)
class ImageNetM(Measure):
    """ImageNet-M: accuracy on the 68 images that the best models of 2022 got badly wrong, and how many are right.

    A label judged correct or unclear is right (Vasudevan et al., arXiv:2205.04596).
    """

    reports_count: ClassVar[bool] = True

    def rule(self, annotations: Annotations) -> Rule:
        """Accepted labels of the images of the `imagenet_m` split, each with the same weight."""
        marked = annotations.is_imagenet_m
        if marked is None or not marked.any():
            raise MeasureError(
                "ImageNetM: this annotation table does not say which images are in ImageNet-M. The published "
                "annotation file (`build-cache json`) and a prepared dataset of version 3.0.0 (`build-cache tfds`) "
                "carry it, and so does a table with a column is_imagenet_m (`build-cache table`)."
            )
        return verdict_rule(annotations, np.flatnonzero(marked), (CORRECT, UNCLEAR))
