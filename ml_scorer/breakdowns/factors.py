"""Scores by factor of variation, and how much more often each goes wrong than the average image."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.breakdowns.factor_files import FACTORS, Factors
from ml_scorer.breakdowns.missing import counts_missing, missing_images
from ml_scorer.breakdowns.subsets import (
    SubsetScores,
    by_part,
    exact_scores,
    original_classes,
    restricted,
    scores_with_interval,
    subset_signature,
)
from ml_scorer.errors import MeasureError
from ml_scorer.kernel import Values
from ml_scorer.measures import MLA, Measure, Top1, Top5
from ml_scorer.measures.bounds import upper_bound
from ml_scorer.measures.rule import Rule
from ml_scorer.schema import Images
from ml_scorer.scoring.outcomes import Outcomes

ALL: Final = "all"
"""In place of a factor: every image that is annotated, with which each factor is compared."""


def factor_measure(measure: Measure | None = None) -> Measure:
    """The measure over images that stands for another: factors mark few images of a class.

    >>> str(factor_measure(MLA(unclear="wrong")))
    'MLA(unclear=wrong, average=image)'
    """
    measure = MLA() if measure is None else measure
    return replace(measure, average="image") if isinstance(measure, MLA | Top1 | Top5) else measure


def factor_table(
    outcomes: Outcomes, factors: Factors, confidence: float | None = 0.95, measure: Measure | None = None
) -> pl.DataFrame:
    """Score of each checkpoint over the images that each factor marks.

    Parameters
    ----------
    outcomes : Outcomes
        Of measures that need the images of this one.
    factors : Factors
    confidence : float, optional
        Of the intervals. None makes none, and needs no extra.
    measure : Measure, optional
        What to measure over the images of a factor; an average over classes becomes one over images. None is
        MLA(average=image).

    Returns
    -------
    polars.DataFrame
        One row a checkpoint and factor, the factors of a checkpoint together, first `ALL` of them: `checkpoint`,
        `factor`, `images` (of the measure, that the factor marks), `missing` (how many of these have no prediction;
        only where that is allowed), `score`, `low` and `high` (Clopper-Pearson; analytic for k=labels), `upper` (had
        every unreviewed label been correct; null where the measure has no
        `upper_bound`), `error_ratio`: (1 - score) / (1 - score of all), as the authors of Imagenet-X define it, null
        where nothing is wrong. A factor that marks no image has nulls.

    Raises
    ------
    MeasureError
        If predictions for the images were not kept, or none of them is annotated.
    MissingExtraError
        If scipy is not installed.
    """
    measure = factor_measure(measure)
    rule = _rule(outcomes, measure)
    bound = upper_bound(measure)
    upper = None if bound is None else _rule(outcomes, bound)
    parts = _images(factors)
    rules = [restricted(rule, images) for images in parts.values()]
    if not rules[0].images.size:
        raise MeasureError(f"{measure}: none of its {rule.images.size:,} images is among those that have factors.")
    found = [_scores(outcomes, one, confidence) for one in rules]
    wrong_of_all = 1 - found[0].scores
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [np.where(wrong_of_all > 0, (1 - one.scores) / wrong_of_all, np.nan) for one in found]
    images = pl.Series([one.images.size for one in rules], dtype=pl.Int64)
    columns: dict[str, list[Values]] = {}
    if counts_missing(outcomes):
        columns["missing"] = [missing_images(outcomes, one.images) for one in rules]
    columns |= {
        "score": [one.scores for one in found],
        "low": [one.low for one in found],
        "high": [one.high for one in found],
        "upper": [_upper(outcomes, upper, images) for images in parts.values()],
        "error_ratio": ratios,
    }
    return by_part(outcomes, pl.DataFrame({"factor": list(parts), "images": images}), columns)


def factor_signature(outcomes: Outcomes, factors: Factors, measure: Measure | None = None) -> dict[str, str]:
    """Signature of the score over all annotated images, by the measure's printed name: the factors are in its data."""
    measure = factor_measure(measure)
    rule = restricted(_rule(outcomes, measure), factors.images)
    named = replace(rule, data=f"{rule.data}+{factors}", classes=original_classes(rule.images, outcomes.annotations))
    return {str(measure): subset_signature(outcomes, measure, named)}


def _rule(outcomes: Outcomes, measure: Measure) -> Rule:
    name = str(measure)
    return outcomes.rules[name] if name in outcomes.rules else measure.rule(outcomes.annotations)


def _images(factors: Factors) -> dict[str, Images]:
    """Images of each factor, and first of all."""
    marked = {name: factors.images[factors.marked[:, place]] for place, name in enumerate(FACTORS)}
    return {ALL: factors.images, **marked}


def _scores(outcomes: Outcomes, rule: Rule, confidence: float | None) -> SubsetScores:
    if rule.images.size:
        return scores_with_interval(outcomes, rule, confidence)
    return SubsetScores(*(np.full(len(outcomes.labels), np.nan),) * 3)


def _upper(outcomes: Outcomes, rule: Rule | None, images: Images) -> NDArray[np.float64]:
    part = None if rule is None else restricted(rule, images)
    if part is None or not part.images.size:
        return np.full(len(outcomes.labels), np.nan)
    return exact_scores(outcomes, part)
