"""Which mistakes to look at: some classes, images or verdicts, or what several checkpoints have in common."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.breakdowns.asked import asked_measure
from ml_scorer.breakdowns.wrong import WrongPredictions
from ml_scorer.measures import MLA, ImageNetM, Measure
from ml_scorer.measures.verdict_counts import UNREVIEWED, VERDICT_COUNTS, verdict_table
from ml_scorer.schema import MISSING, NUM_CLASSES
from ml_scorer.scoring.judged import original_labels
from ml_scorer.scoring.outcomes import Outcomes

NOT_ANNOTATED: Final = "not_annotated"

MISTAKE_VERDICTS: Final = (*VERDICT_COUNTS, NOT_ANNOTATED, "missing")
"""What a wrong prediction can be: judged correct or unclear, too, where a measure accepts other labels than experts do;
on an image that no expert annotated; or missing."""


@dataclass(frozen=True)
class Chosen:
    """What a mistake has to be to be shown.

    Attributes
    ----------
    verdicts : collection of str
        One of these `MISTAKE_VERDICTS`.
    classes : collection of int
        An image of one of these original classes.
    predicted : collection of int
        A prediction of one of these classes.
    images : collection of int
        One of these image numbers. Of each collection, an empty one leaves nothing out.
    checkpoints : int
        An image that at least so many checkpoints get wrong.
    same_label : bool
        Or rather: with the same label.
    """

    verdicts: Collection[str] = ()
    classes: Collection[int] = ()
    predicted: Collection[int] = ()
    images: Collection[int] = ()
    checkpoints: int = 1
    same_label: bool = False

    def among(self, wrong: WrongPredictions, outcomes: Outcomes) -> NDArray[np.bool_]:
        """Which of all wrong predictions are so: (wrong,) bool."""
        chosen = np.ones(wrong.rows.size, bool)
        if self.classes:
            chosen &= np.isin(original_labels(outcomes.annotations, wrong.images), list(self.classes))[wrong.rows]
        if self.images:
            chosen &= np.isin(wrong.images, list(self.images))[wrong.rows]
        if self.predicted:
            chosen &= np.isin(wrong.labels, list(self.predicted))
        if self.checkpoints > 1:
            shared = same_label(wrong) if self.same_label else on_image(wrong)[wrong.rows]
            chosen &= shared >= self.checkpoints
        if self.verdicts:
            wanted = [MISTAKE_VERDICTS.index(verdict) for verdict in self.verdicts]
            chosen &= np.isin(mistake_verdicts(wrong, outcomes), wanted)
        return chosen


def mistake_verdicts(wrong: WrongPredictions, outcomes: Outcomes) -> NDArray[np.int8]:
    """Verdict of each wrong prediction, (wrong,) int8: index into `MISTAKE_VERDICTS`."""
    verdicts = verdict_table(outcomes.annotations, wrong.images)[wrong.rows, wrong.labels]
    annotated = np.isin(wrong.images, outcomes.annotations.images)
    verdicts[~annotated[wrong.rows]] = MISTAKE_VERDICTS.index(NOT_ANNOTATED)
    verdicts[wrong.labels == MISSING] = MISTAKE_VERDICTS.index("missing")
    return verdicts


def possible_verdicts(outcomes: Outcomes, measure: str | Measure) -> tuple[str, ...]:
    """Verdicts that a prediction which is wrong under a measure can have, in the order of `MISTAKE_VERDICTS`.

    Raises
    ------
    KeyError
        If that measure was not asked for.
    """
    kind = asked_measure(outcomes, measure)
    images = outcomes.rules[str(measure)].images
    if not follows_verdicts(kind):
        possible = {*VERDICT_COUNTS}
    elif isinstance(kind, MLA) and kind.unclear == "wrong":
        possible = {"unclear", "wrong", UNREVIEWED}
    else:
        possible = {"wrong", UNREVIEWED}
    if not np.isin(images, outcomes.annotations.images).all():
        possible.add(NOT_ANNOTATED)
    return tuple(verdict for verdict in MISTAKE_VERDICTS if verdict in possible)


def follows_verdicts(measure: Measure) -> bool:
    """Whether a measure accepts what the experts of these annotations accept, and not labels from somewhere else."""
    return isinstance(measure, MLA | ImageNetM)


def on_image(wrong: WrongPredictions) -> NDArray[np.int64]:
    """How many checkpoints are wrong on each image: (images,) int64."""
    return np.bincount(wrong.rows, minlength=wrong.images.size)


def same_label(wrong: WrongPredictions) -> NDArray[np.int64]:
    """How many checkpoints among these make each of the mistakes, with the same label: (wrong,) int64."""
    pairs = wrong.rows.astype(np.int64) * (NUM_CLASSES + 1) + wrong.labels - MISSING
    _, same, made = np.unique(pairs, return_inverse=True, return_counts=True)
    of_each: NDArray[np.int64] = made[same]
    return of_each
