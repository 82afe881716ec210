"""What experts should look at next: labels that checkpoints predict and that nobody judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.breakdowns.asked import asked_measure
from ml_scorer.breakdowns.wrong import BATCH
from ml_scorer.errors import MeasureError
from ml_scorer.kernel import compile_values, image_values
from ml_scorer.measures import MLA, Measure
from ml_scorer.measures.rule import LABELS, Rule
from ml_scorer.measures.verdict_counts import UNREVIEWED, VERDICT_COUNTS, verdict_table
from ml_scorer.schema import MISSING, NUM_CLASSES, image_names
from ml_scorer.scoring.judged import accepted_lists, named, original_labels
from ml_scorer.scoring.outcomes import Outcomes


def reviewable(measure: Measure) -> MLA:
    """The measure that counts unreviewed labels as wrong, in place of itself or of its upper bound.

    >>> str(reviewable(MLA(unreviewed="correct", k=5)))
    'MLA(k=5)'

    Raises
    ------
    MeasureError
        If it is not MLA, of whose images experts judged the labels; or k=labels, which has no upper bound.
    """
    if not isinstance(measure, MLA):
        raise MeasureError(
            f"{measure} has no labels to review: the queue holds those that MLA counts as wrong since no expert judged "
            "them. Leave --measure out, or give a form of MLA, such as MLA(classes=dog) or MLA(k=5)."
        )
    if measure.k == LABELS:
        raise MeasureError(
            f"{measure} cannot say which labels to review: each that is judged correct changes how many are looked at. "
            "Give a number, such as MLA(k=5)."
        )
    return replace(measure, unreviewed="wrong")


def review_queue(outcomes: Outcomes, measure: str | Measure = "MLA") -> pl.DataFrame:
    """Pairs of an image of MLA and a label that no expert judged, by how many checkpoints predict it.

    Were every one of them judged, the measure and its upper bound would be the same number for each of these
    checkpoints.

    Parameters
    ----------
    outcomes : Outcomes
    measure : Measure or str
        A form of MLA, which says what images these are. With k > 1, a checkpoint predicts a label if that is among its
        first k; an image of which one of these is accepted needs no review for that checkpoint.

    Returns
    -------
    polars.DataFrame
        `image` (file name), `label` (uint16) and its `name`, `original_label` and `original_name`; `checkpoints`, how
        many predict it (first of all labels, for k=1), and their `share`; `accepted_names`, what the measure accepts
        for that image. Most checkpoints first, then by image and label.

    Raises
    ------
    KeyError
        If that measure was not asked for.
    MeasureError
        If it is no form of MLA, or one with k=labels.
    """
    rule = reviewable(asked_measure(outcomes, measure)).rule(outcomes.annotations)
    rows, labels, votes = _unreviewed_votes(outcomes, rule)
    order = np.lexsort((labels, rows, -votes))
    rows, labels, votes = rows[order], labels[order], votes[order]
    originals = original_labels(outcomes.annotations, rule.images)[rows]
    queue = pl.DataFrame(
        {
            "image": image_names(pl.Series(rule.images)).gather(rows),
            "label": labels.astype(np.uint16),
            "original_label": originals.astype(np.uint16),
            "checkpoints": votes,
            "share": votes / len(outcomes.labels),
            "accepted_names": accepted_lists(outcomes.annotations, rule)["accepted_names"].gather(rows),
        }
    )
    return queue.select(
        "image",
        "label",
        named(queue["label"]).alias("name"),
        "original_label",
        named(queue["original_label"]).alias("original_name"),
        "checkpoints",
        "share",
        "accepted_names",
    )


def _unreviewed_votes(outcomes: Outcomes, rule: Rule) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]:
    """Row in the rule, label and number of checkpoints of each pair that is predicted, not accepted and not judged."""
    plan = compile_values(rule, outcomes.images)
    columns = np.searchsorted(outcomes.images, rule.images)
    images = rule.images.size
    votes = np.zeros(images * NUM_CLASSES, np.int32)
    first = np.arange(images) * NUM_CLASSES
    for start in range(0, len(outcomes.labels), BATCH):
        batch = outcomes.labels[start : start + BATCH]
        right = image_values(plan, batch)
        for of_one, is_right in zip(batch.reshape(len(batch), outcomes.images.size, -1), right, strict=True):
            labels = of_one[columns, : rule.labels_needed]
            open_ = (labels != MISSING) & ~is_right[:, None]
            # A checkpoint predicts a label of an image once, so that no pair stands here twice.
            votes[(first[:, None] + labels)[open_]] += 1
    unreviewed = verdict_table(outcomes.annotations, rule.images) == VERDICT_COUNTS.index(UNREVIEWED)
    pairs = np.flatnonzero(unreviewed.ravel() & (votes > 0))
    rows, labels = np.divmod(pairs, NUM_CLASSES)
    return rows, labels, votes[pairs].astype(np.int64)
