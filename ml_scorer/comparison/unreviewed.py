"""How far a difference could move if experts judged the labels that none has judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_scorer.kernel import Values
from ml_scorer.measures import MLA, Measure
from ml_scorer.measures.rule import LABELS
from ml_scorer.measures.verdict_counts import UNREVIEWED, VERDICT_COUNTS, verdict_table
from ml_scorer.schema import MISSING, Labels
from ml_scorer.scoring.outcomes import Outcomes


def left_open(
    outcomes: Outcomes, measure: Measure, rows: Sequence[int], values: Values
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """What judging them could still take from, and add to, the difference of each checkpoint from a baseline.

    A label that no expert judged counts as wrong. Were it correct, its image would be right for every checkpoint that
    predicts it. So a difference can grow by an image that the checkpoint has wrong, if it predicts an unreviewed label
    which the baseline does not predict (or the baseline has the image right by another label already); and shrink
    likewise. Labels of different images are judged apart, so that both ends could be reached.

    Parameters
    ----------
    outcomes : Outcomes
    measure : Measure
    rows : sequence of int
        Of the baseline, then of the other checkpoints.
    values : (rows, images) bool
        Which images they have right.

    Returns
    -------
    less, more : (rows - 1,) float64
        Shares, 0 or more. None for a measure under which unreviewed labels do not count as wrong, or cannot be counted.
    """
    if not isinstance(measure, MLA) or measure.unreviewed != "wrong" or measure.k == LABELS:
        return None
    rule = measure.rule(outcomes.annotations)
    weights = (rule.weights / rule.denominator).astype(np.float64)
    positions = np.searchsorted(outcomes.images, rule.images)
    unreviewed = verdict_table(outcomes.annotations, rule.images) == VERDICT_COUNTS.index(UNREVIEWED)

    def looked_at(row: int) -> tuple[Labels, NDArray[np.bool_]]:
        """Labels that the rule looks at, and which of them no expert judged: (images, k)."""
        labels: Labels = outcomes.labels[row][positions]
        labels = labels[:, None] if labels.ndim == 1 else labels[:, : rule.labels_needed]
        rows = np.arange(len(labels))[:, None]
        return labels, unreviewed[rows, labels] & (labels != MISSING)

    baseline, baseline_open = looked_at(rows[0])
    less, more = np.zeros(len(rows) - 1), np.zeros(len(rows) - 1)
    for index, row in enumerate(rows[1:]):
        labels, is_open = looked_at(row)
        same = labels[:, :, None] == baseline[:, None, :]
        grows = is_open & (values[0][:, None] | ~same.any(axis=2))
        shrinks = baseline_open & (values[index + 1][:, None] | ~same.any(axis=1))
        more[index] = weights @ (grows.any(axis=1) & ~values[index + 1])
        less[index] = weights @ (shrinks.any(axis=1) & ~values[0])
    return less, more
