"""How many images of each class are right, in numbers alone: what is filtered and sorted before anything is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.breakdowns.asked import asked_measure
from ml_scorer.breakdowns.missing import counts_missing, is_missing
from ml_scorer.breakdowns.wrong import BATCH
from ml_scorer.kernel import Values, compile_values, image_values
from ml_scorer.measures import MLA, Measure
from ml_scorer.measures.rule import LABELS, Rule
from ml_scorer.schema import Labels
from ml_scorer.scoring.judged import original_labels
from ml_scorer.scoring.outcomes import Outcomes

SMALL: Final = 10
"""A class of fewer images is small: a single one moves its share by more than ten points."""


def class_shares(outcomes: Outcomes, measure: str | Measure = "MLA", *, pooled: bool = False) -> pl.DataFrame:
    """The share of each class that is right under a measure; some 40 bytes for each checkpoint and class.

    Parameters
    ----------
    outcomes, measure, pooled
        As of `class_table`.

    Returns
    -------
    polars.DataFrame
        A row for each checkpoint and each class that has images, in their order: `position` (int32, of the checkpoint),
        and of the columns of `class_table` those with numbers: `class`, `images`, `missing`, `right`, `share`, `small`,
        `upper`. Pooled, a row for each class: `position` 0, and `share_worst` and `share_best` in place of `right`.

    Raises
    ------
    KeyError
        If that measure was not asked for.
    """
    rule = outcomes.rules[str(measure)]
    originals = original_labels(outcomes.annotations, rule.images)
    present, images = np.unique(originals, return_counts=True)
    right = _right(outcomes, rule, originals)
    upper_rule = _upper_rule(outcomes, str(measure))
    upper = None if upper_rule is None else _right(outcomes, upper_rule, originals) / images
    missing = _missing(outcomes, rule, originals) if counts_missing(outcomes) else None
    columns = _pooled(right / images, upper, missing) if pooled else _apart(right, images, upper, missing)
    rows = columns.height // present.size if present.size else 0
    return pl.DataFrame(
        {
            "position": np.repeat(np.arange(rows, dtype=np.int32), present.size),
            "class": np.tile(present.astype(np.uint16), rows),
            "images": np.tile(images, rows),
            "small": np.tile(images < SMALL, rows),
        }
    ).hstack(columns)


def _by_class(
    outcomes: Outcomes, originals: Labels, values: Callable[[slice], Values], dtype: type[np.generic]
) -> NDArray[Any]:
    """Sum over the images of each class that occurs, from values of a batch of checkpoints: (checkpoints, classes)."""
    order = np.argsort(originals, kind="stable")
    starts = np.flatnonzero(np.diff(originals[order], prepend=-1))
    sums = np.zeros((len(outcomes.labels), starts.size), dtype)
    for first in range(0, len(sums), BATCH):
        rows = slice(first, first + BATCH)
        np.add.reduceat(values(rows)[:, order], starts, axis=1, dtype=sums.dtype, out=sums[rows])
    return sums


def _right(outcomes: Outcomes, rule: Rule, originals: Labels) -> NDArray[Any]:
    """How many images of each class are right: (checkpoints, classes) int64, or float64 for k=labels."""
    plan = compile_values(rule, outcomes.images)
    dtype = np.float64 if rule.k == LABELS else np.int64
    return _by_class(outcomes, originals, lambda rows: image_values(plan, outcomes.labels[rows]), dtype)


def _missing(outcomes: Outcomes, rule: Rule, originals: Labels) -> NDArray[np.int64]:
    """How many images of each class have no prediction: (checkpoints, classes)."""
    return _by_class(outcomes, originals, lambda rows: is_missing(outcomes, rule.images, rows), np.int64)


def _upper_rule(outcomes: Outcomes, name: str) -> Rule | None:
    """The rule of the upper bound of a measure, of the same images; None where there is none."""
    measure = asked_measure(outcomes, name)
    if not isinstance(measure, MLA) or measure.k == LABELS:
        return None
    return replace(measure, unreviewed="correct").rule(outcomes.annotations)


def _apart(
    right: NDArray[Any],
    images: NDArray[np.int64],
    upper: NDArray[np.float64] | None,
    missing: NDArray[np.int64] | None,
) -> pl.DataFrame:
    """A row for each checkpoint and class."""
    counted = {} if missing is None else {"missing": missing.ravel()}
    share = (right / images).ravel()
    return pl.DataFrame({**counted, "right": right.ravel(), "share": share, "upper": _known(upper, right.size)})


def _pooled(
    share: NDArray[np.float64], upper: NDArray[np.float64] | None, missing: NDArray[np.int64] | None
) -> pl.DataFrame:
    """A row for each class; none where there is no checkpoint."""
    number = share.shape[1] if len(share) else 0
    share = share[:, :number]
    return pl.DataFrame(
        {
            **({} if missing is None else {"missing": missing[:, :number].sum(axis=0)}),
            "share": share.sum(axis=0) / max(1, len(share)),
            "share_worst": share.min(axis=0, initial=1.0),
            "share_best": share.max(axis=0, initial=0.0),
            "upper": _known(None if upper is None else upper[:, :number].sum(axis=0) / max(1, len(upper)), number),
        }
    )


def _known(values: NDArray[np.float64] | None, number: int) -> pl.Series:
    return pl.Series([None] * number, dtype=pl.Float64) if values is None else pl.Series(values.ravel())
