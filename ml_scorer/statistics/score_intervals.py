"""Which interval a score gets: one and the same for a measure, wherever it is reported."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ml_scorer.measures.rule import Rule
from ml_scorer.statistics.design import Design
from ml_scorer.statistics.intervals import Interval, analytic_interval, clopper_pearson


def score_interval(
    rule: Rule, scores: ArrayLike, variances: ArrayLike | None, confidence: float, *, averaged: ArrayLike = False
) -> Interval:
    """Clopper-Pearson for a number of right images over their number (`Rule.counts_images`), else the analytic one.

    Parameters
    ----------
    rule : Rule
    scores : (checkpoints,) float
    variances : (checkpoints,) float, optional
        As of `variance`; not needed where every score counts images.
    confidence : float
    averaged : (checkpoints,) bool
        Which scores are means over several checkpoints, and so count no images under any rule.

    Raises
    ------
    ValueError
        If `confidence` does not lie between 0 and 1, or variances are needed and there are none.
    MissingExtraError
        If SciPy is not installed.
    """
    scores, averaged = np.broadcast_arrays(np.asarray(scores, np.float64), np.asarray(averaged, np.bool_))
    number = rule.images.size
    if rule.counts_images:
        counted = clopper_pearson(np.rint(scores * number), number, confidence)
        if not averaged.any():
            return counted
    if variances is None:
        raise ValueError("averages within classes, shares of images and means over checkpoints need variances.")
    estimated = analytic_interval(scores, variances, Design.of(rule), confidence)
    if not rule.counts_images or averaged.all():
        return estimated
    low = np.where(averaged, estimated.low, counted.low)
    high = np.where(averaged, estimated.high, counted.high)
    return Interval(low, high, f"{counted.method}, of means {estimated.method}", confidence)
