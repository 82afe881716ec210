"""Designs of made-up measures."""

from __future__ import annotations

import numpy as np

from ml_scorer.statistics.design import Design


def within_classes(sizes, order=None):
    """The design of an average within classes of these sizes, then over them; `order` shuffles the images."""
    strata = np.repeat(np.arange(len(sizes)), sizes)
    strata = strata if order is None else strata[order]
    return Design(1 / (len(sizes) * np.asarray(sizes)[strata]), strata)


def alike(images):
    """The design of an average over so many images."""
    return Design(np.full(images, 1 / images), np.zeros(images, np.int64))
