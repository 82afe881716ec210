"""What a difference between two checkpoints is made of: the images that only one of them has right, and the classes."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.comparison.right import first_measure, rows_of, values_of
from ml_scorer.imagenet import class_names, classes
from ml_scorer.kernel import Values
from ml_scorer.measures import Measure
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.schema import MISSING, NUM_CLASSES, Labels, image_names
from ml_scorer.scoring.judged import accepted_lists, original_labels
from ml_scorer.scoring.outcomes import Outcomes


def deciding_images(
    outcomes: Outcomes, checkpoint: int, baseline: int, measure: str | Measure | None = None
) -> pl.DataFrame:
    """The images of which one of two checkpoints alone has the label right, those that weigh most first.

    Parameters
    ----------
    outcomes : Outcomes
    checkpoint, baseline : int
        Their rows.
    measure : measure, optional
        None is the first. With k=labels, the images of which one has found more accepted labels than the other.

    Returns
    -------
    polars.DataFrame
        One row an image: `image` (file name); `right`, the checkpoint that is; `difference`, what the image adds to
        the score of the checkpoint minus that of the baseline; `original_label` (uint16), `original_name`; the most
        likely label of each (uint16, null without a prediction), its name and its verdict (null off the images of
        MLA): `checkpoint_label`, `checkpoint_name`, `checkpoint_verdict`, `baseline_label`, …; `accepted_labels` and
        `accepted_names`, the labels that the measure accepts (of all but some, the judged ones).
    """
    rule = outcomes.rules[first_measure(outcomes, measure)]
    change = _change(values_of(outcomes, rule, (checkpoint, baseline)))
    differing = np.flatnonzero(change)
    contribution = rule.weights[differing].astype(np.float64) * change[differing] / rule.denominator
    order = np.lexsort((rule.images[differing], -np.abs(contribution)))
    differing, contribution = differing[order], contribution[order]
    images = rule.images[differing]
    original = original_labels(outcomes.annotations, images)
    right = [outcomes.names[checkpoint if share > 0 else baseline] for share in contribution.tolist()]
    return pl.DataFrame(
        [
            image_names(pl.Series("image", images)).alias("image"),
            pl.Series("right", right, dtype=pl.String),
            pl.Series("difference", contribution, dtype=pl.Float64),
            *_labelled("original", original),
            *_predicted("checkpoint", outcomes, checkpoint, images),
            *_predicted("baseline", outcomes, baseline, images),
            *accepted_lists(outcomes.annotations, rule)[differing],
        ]
    )


def deciding_classes(
    outcomes: Outcomes, checkpoint: int, baseline: int, measure: str | Measure | None = None
) -> pl.DataFrame:
    """The classes that make a difference between two checkpoints, those that make most of it first.

    Parameters
    ----------
    outcomes : Outcomes
    checkpoint, baseline : int
        Their rows.
    measure : measure, optional
        None is the first.

    Returns
    -------
    polars.DataFrame
        One row for each original class in which they differ: `class` (uint16), `wordnet_id`, `name`, `images`,
        `checkpoint_right`, `baseline_right` (int64, or float64 with k=labels), and `difference`, what the class adds
        to the score of the checkpoint minus that of the baseline: over all classes this adds up to the difference.
    """
    rule = outcomes.rules[first_measure(outcomes, measure)]
    values = values_of(outcomes, rule, (checkpoint, baseline))
    original = original_labels(outcomes.annotations, rule.images)

    def in_class(weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = np.bincount(original, weights, minlength=NUM_CLASSES).astype(np.float64)
        return sums

    # Sums of whole numbers below 2**53 are exact, so that classes that add the same tie.
    difference = in_class(rule.weights.astype(np.float64) * _change(values)) / rule.denominator
    counted = np.int64 if values.dtype == np.bool_ else np.float64
    right = [in_class(of_one.astype(np.float64)).astype(counted) for of_one in values]
    known = classes()
    table = pl.DataFrame(
        [
            known["index"].alias("class"),
            known["wordnet_id"],
            pl.Series("name", class_names()),
            pl.Series("images", in_class().astype(np.int64)),
            pl.Series("checkpoint_right", right[0]),
            pl.Series("baseline_right", right[1]),
            pl.Series("difference", difference),
        ]
    )
    differing = np.bincount(original[np.flatnonzero(_change(values))], minlength=NUM_CLASSES) > 0
    return table.filter(pl.Series(differing)).sort(pl.col("difference").abs(), "class", descending=[True, False])


def _change(values: Values) -> NDArray[np.float64]:
    """How much more right each image is for the first of two checkpoints: (images,)."""
    first, second = values.astype(np.float64)
    change: NDArray[np.float64] = first - second
    return change


def _labelled(whose: str, labels: Labels) -> tuple[pl.Series, pl.Series]:
    """Labels and their names; null without a prediction."""
    names = class_names()
    known = [None if label == MISSING else label for label in labels.tolist()]
    called = [None if label is None else names[label] for label in known]
    return pl.Series(f"{whose}_label", known, dtype=pl.UInt16), pl.Series(f"{whose}_name", called, dtype=pl.String)


def _predicted(
    whose: str, outcomes: Outcomes, checkpoint: int, images: NDArray[np.int32]
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """What a checkpoint predicts for some images: labels, names, verdicts."""
    labels = outcomes.top1[checkpoint, np.searchsorted(outcomes.images, images)]
    rows = rows_of(outcomes.scored_images, images)
    found = np.append(outcomes.verdicts(slice(checkpoint, checkpoint + 1))[0], MISSING)[rows]
    said = [None if verdict == MISSING else VERDICT_COUNTS[verdict] for verdict in found.tolist()]
    return *_labelled(whose, labels), pl.Series(f"{whose}_verdict", said, dtype=pl.String)
