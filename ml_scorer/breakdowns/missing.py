"""Images without a prediction: they are right in no measure, and counted by themselves where they are allowed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_scorer.breakdowns.wrong import BATCH
from ml_scorer.schema import MISSING, Images
from ml_scorer.scoring.counter import MISSING_COUNT
from ml_scorer.scoring.outcomes import Outcomes


def counts_missing(outcomes: Outcomes) -> bool:
    """Whether an image may be without a prediction: tables then have a column `missing`."""
    return MISSING_COUNT in outcomes.scores.frame.columns


def is_missing(outcomes: Outcomes, images: Images, checkpoints: slice) -> NDArray[np.bool_]:
    """Which of some images have no prediction: (checkpoints, images) bool."""
    absent: NDArray[np.bool_] = outcomes.top1[checkpoints][:, np.searchsorted(outcomes.images, images)] == MISSING
    return absent


def missing_images(outcomes: Outcomes, images: Images) -> NDArray[np.int64]:
    """How many of some images have no prediction: (checkpoints,) int64."""
    parts = [
        np.count_nonzero(is_missing(outcomes, images, slice(first, first + BATCH)), axis=1)
        for first in range(0, len(outcomes.labels), BATCH)
    ]
    return np.concatenate([np.zeros(0, np.int64), *parts])
