"""Which predictions a measure does not accept: what tables of mistakes, confusions and classes count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.kernel import compile_values, image_values
from ml_scorer.measures import Measure
from ml_scorer.schema import Images, Labels
from ml_scorer.scoring.outcomes import Outcomes

BATCH: Final = 128
"""Checkpoints at a time: 2.4 million predictions of MLA's images."""


@dataclass(frozen=True, eq=False)
class WrongPredictions:
    """The images that each checkpoint gets wrong, 10 bytes each: by checkpoint, then by image.

    Attributes
    ----------
    images : (images,) int32
        Numbers of all images of the measure.
    checkpoints : (wrong,) int32
        Position of the checkpoint.
    rows : (wrong,) int32
        Position of the image in `images`.
    labels : (wrong,) int16
        The first prediction for it; `MISSING` where there is none.
    """

    images: Images
    checkpoints: NDArray[np.int32]
    rows: NDArray[np.int32]
    labels: Labels

    def only(self, chosen: NDArray[np.bool_ | np.int64]) -> WrongPredictions:
        """Some of them: `chosen` (wrong,) bool, or (chosen,) int64."""
        return WrongPredictions(self.images, self.checkpoints[chosen], self.rows[chosen], self.labels[chosen])


def wrong_predictions(outcomes: Outcomes, measure: str | Measure) -> WrongPredictions:
    """The images of which nothing that a measure looks at is accepted.

    With k=labels, an image some of whose accepted labels were found is not among them.

    Raises
    ------
    KeyError
        If that measure was not asked for.
    """
    rule = outcomes.rules[str(measure)]
    plan = compile_values(rule, outcomes.images)
    columns = np.searchsorted(outcomes.images, rule.images)
    top1 = outcomes.top1
    parts = [(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int16))]
    for start in range(0, len(top1), BATCH):
        values = image_values(plan, outcomes.labels[start : start + BATCH])
        checkpoints, rows = np.nonzero(values == 0)
        labels = top1[start + checkpoints, columns[rows]]
        parts.append(((start + checkpoints).astype(np.int32), rows.astype(np.int32), labels))
    return WrongPredictions(
        images=rule.images,
        checkpoints=np.concatenate([part[0] for part in parts]),
        rows=np.concatenate([part[1] for part in parts]),
        labels=np.concatenate([part[2] for part in parts]),
    )
