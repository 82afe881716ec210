"""How right each class is: how many of its images, within which interval, and what they are taken for instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.breakdowns.class_shares import class_shares
from ml_scorer.breakdowns.wrong_labels import frequent_wrong_labels
from ml_scorer.imagenet import classes
from ml_scorer.measures import Measure
from ml_scorer.schema import VALIDATION_IMAGES
from ml_scorer.scoring.judged import named
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.statistics.intervals import clopper_pearson

_COLUMNS = (
    "checkpoint", "class", "wordnet_id", "name", "images", "missing", "right", "share", "share_worst", "share_best",
    "low", "high", "small", "wrong_labels", "upper",
)  # fmt: skip
"""In this order, those that there are."""


def class_table(
    outcomes: Outcomes, measure: str | Measure = "MLA", confidence: float | None = 0.95, *, pooled: bool = False
) -> pl.DataFrame:
    """The share of each class that is right under a measure: for each checkpoint, or over all of them.

    Parameters
    ----------
    outcomes : Outcomes
    measure : Measure or str
    confidence : float, optional
        Of the Clopper-Pearson interval of each share; None leaves `low` and `high` null. Under k=labels an image can be
        right in part, which varies less than right or wrong, so that the interval then covers more than that.
    pooled : bool
        One row a class over all checkpoints together; no intervals, since all of them share the same images.

    Returns
    -------
    polars.DataFrame
        A row for each checkpoint and each class that has images, in their order: `checkpoint`, `class` (uint16),
        `wordnet_id`, `name`, `images`, `missing` (how many of these have no prediction; only where that is allowed),
        `right` (of these images; float64 under k=labels), `share`, `low`, `high`, `small` (fewer than `SMALL` images),
        `wrong_labels` (see `frequent_wrong_labels`), and `upper`, the share if every label that no expert judged were
        correct; null where the measure does not say what that would be.

        Pooled, a row for each class: `class`, `wordnet_id`, `name`, `images`, `missing` (sum over checkpoints), `share`
        (mean over checkpoints), `share_worst` and `share_best` (of the worst and the best checkpoint in that class),
        `small`, `wrong_labels` (where `images` counts predictions), and `upper` (mean).

    Raises
    ------
    KeyError
        If that measure was not asked for.
    MissingExtraError
        If intervals are wanted and scipy is not installed.
    """
    return described_classes(class_shares(outcomes, measure, pooled=pooled), outcomes, measure, confidence)


def described_classes(
    shares: pl.DataFrame, outcomes: Outcomes, measure: str | Measure, confidence: float | None = 0.95
) -> pl.DataFrame:
    """Rows of `class_shares`, as many as are to be shown, with names, intervals and wrong labels: see `class_table`."""
    pooled = "right" not in shares.columns
    wrong_labels = frequent_wrong_labels(outcomes, measure, shares, pooled=pooled)
    table = shares.join(wrong_labels, on=["position", "class"], how="left", maintain_order="left").with_columns(
        classes()["wordnet_id"].gather(shares["class"]),
        named(shares["class"]).alias("name"),
        pl.col("wrong_labels").fill_null([]),
    )
    if not pooled:
        ends = _interval(shares["right"].to_numpy(), shares["images"].to_numpy(), confidence)
        names = pl.Series("checkpoint", outcomes.names, dtype=pl.String).gather(shares["position"])
        table = table.with_columns(names, *ends)
    return table.select(column for column in _COLUMNS if column in table.columns)


def _interval(right: NDArray[Any], images: NDArray[np.int64], confidence: float | None) -> tuple[pl.Series, pl.Series]:
    """Both ends of each interval; each different pair of numbers is worked out once, since there are few."""
    if confidence is None:
        unknown = pl.Series("low", [None] * right.size, dtype=pl.Float64)
        return unknown, unknown.alias("high")
    _, first, where = np.unique(right + images * (VALIDATION_IMAGES + 1), return_index=True, return_inverse=True)
    interval = clopper_pearson(right[first], images[first], confidence)
    return pl.Series("low", interval.low[where]), pl.Series("high", interval.high[where])
