"""Scores over part of a measure's images: exact, each with an interval, and the line that says what they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations
from ml_scorer.errors import MeasureError
from ml_scorer.kernel import (
    BATCH,
    Sums,
    Values,
    compile_plan,
    compile_top_k,
    compile_values,
    count,
    count_top_k,
    image_values,
)
from ml_scorer.measures import Measure
from ml_scorer.measures.rule import Rule
from ml_scorer.schema import Images
from ml_scorer.scoring.judged import original_labels
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.statistics.design import Design, variance
from ml_scorer.statistics.score_intervals import score_interval

_WIDE: Final = 256
"""Checkpoints whose variances are made at a time: some tens of megabytes."""


@dataclass(frozen=True, eq=False)
class SubsetScores:
    """What each checkpoint scores under one rule, and the interval; all (checkpoints,) float64."""

    scores: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def restricted(rule: Rule, images: Images) -> Rule:
    """The same rule over those of its images that are among others, averaged over them alike.

    Parameters
    ----------
    rule : Rule
        One that averages over images.
    images : (images,) int32
    """
    kept = np.isin(rule.images, images)
    row = np.cumsum(kept) - 1
    pairs = kept[rule.pair_rows]
    weights = rule.weights[kept]
    return replace(
        rule,
        images=rule.images[kept],
        weights=weights,
        denominator=int(weights.sum()),
        pair_rows=row[rule.pair_rows[pairs]],
        pair_labels=rule.pair_labels[pairs],
    )


def original_classes(images: Images, annotations: Annotations) -> int:
    """Number of different original labels of some images."""
    return int(np.unique(original_labels(annotations, images)).size)


def exact_scores(outcomes: Outcomes, rule: Rule) -> NDArray[np.float64]:
    """What each checkpoint scores under a rule, to the bit as if the rule were of a measure: (checkpoints,).

    Raises
    ------
    MeasureError
        If there are images of the rule whose predictions were not kept, or fewer labels than the rule looks at.
    """
    return (_sums(outcomes, rule) / rule.denominator).astype(np.float64)


def scores_with_interval(outcomes: Outcomes, rule: Rule, confidence: float | None) -> SubsetScores:
    """What each checkpoint scores under a rule, with an interval, or NaN for confidence=None.

    It is that of a measure with the same rule: `score_interval`.

    Raises
    ------
    MeasureError
        As `exact_scores`.
    MissingExtraError
        If scipy is not installed.
    """
    scores = exact_scores(outcomes, rule)
    if confidence is None:
        return SubsetScores(scores, *(np.full(scores.size, np.nan),) * 2)
    variances = None if rule.counts_images else _variances(outcomes, rule)
    interval = score_interval(rule, scores, variances, confidence)
    return SubsetScores(scores, interval.low, interval.high)


def subset_signature(outcomes: Outcomes, measure: Measure, rule: Rule) -> str:
    """Signature of a measure under a rule of its own, for predictions that were scored by other measures.

    Order, missing images and version are those of the scores that there are.
    """
    _, *parts = next(iter(outcomes.scores.signatures.values())).split("|")
    own = {"data": rule.data, "images": str(rule.images.size), "classes": str(rule.classes)}
    pairs = [part.partition(":") for part in parts]
    return "|".join([str(measure), *(f"{key}:{own.get(key, value)}" for key, _, value in pairs)])


def by_part(outcomes: Outcomes, parts: pl.DataFrame, columns: Mapping[str, Sequence[Values]]) -> pl.DataFrame:
    """A table with one row a checkpoint and part, the parts of a checkpoint together.

    Parameters
    ----------
    outcomes : Outcomes
    parts : polars.DataFrame
        What is the same for every checkpoint, one row a part.
    columns : mapping of str to sequence of (checkpoints,) float64
        What is not: one array a part; NaN becomes a null.
    """
    number = len(outcomes.names)
    names = np.repeat(np.arange(number), parts.height)
    values = {
        name: pl.Series(np.stack(arrays, axis=1).ravel() if arrays else np.zeros(0), nan_to_null=True)
        for name, arrays in columns.items()
    }
    return pl.select(
        pl.Series("checkpoint", outcomes.names, dtype=pl.String).gather(names),
        *parts[np.tile(np.arange(parts.height), number)],
        *(series.alias(name) for name, series in values.items()),
    )


def _variances(outcomes: Outcomes, rule: Rule) -> NDArray[np.float64]:
    """Sampling variance of each score: (checkpoints,)."""
    design, plan = Design.of(rule), compile_values(rule, outcomes.images)
    variances = [variance(design, image_values(plan, outcomes.labels[rows])) for rows in _batches(outcomes, _WIDE)]
    return np.concatenate([np.zeros(0), *variances])


def _sums(outcomes: Outcomes, rule: Rule) -> Sums:
    """Weighted number of right images: (checkpoints,)."""
    absent = int(np.count_nonzero(~np.isin(rule.images, outcomes.images)))
    if absent:
        raise MeasureError(
            f"predictions for {absent:,} of the {rule.images.size:,} images of this part were not kept. "
            "Score a measure over all of them as well, such as MLA."
        )
    k = outcomes.labels.shape[2] if outcomes.labels.ndim == 3 else 1  # noqa: PLR2004
    if rule.labels_needed > k:
        raise MeasureError(f"{rule.labels_needed} labels of an image are looked at, and {k} of each were kept.")
    if rule.k == 1:
        plan = compile_plan([rule], missing_allowed=True)
        columns, top1 = np.searchsorted(outcomes.images, plan.images), outcomes.top1
        sums = [count(plan, top1[rows][:, columns])[:, 0] for rows in _batches(outcomes, BATCH)]
    else:
        plan_k = compile_top_k(rule, missing_allowed=True)
        columns = np.searchsorted(outcomes.images, plan_k.images)
        sums = [count_top_k(plan_k, outcomes.labels[rows][:, columns]) for rows in _batches(outcomes, BATCH)]
    return np.concatenate(sums) if sums else np.zeros(0)


def _batches(outcomes: Outcomes, size: int) -> Iterator[slice]:
    return (slice(first, first + size) for first in range(0, len(outcomes.labels), size))
