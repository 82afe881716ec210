"""Differences between checkpoints and a baseline, on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.comparison.right import first_measure, values_of, whole
from ml_scorer.comparison.unreviewed import left_open
from ml_scorer.measures import Measure
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.statistics.agreement import error_consistency
from ml_scorer.statistics.multiple import benjamini_hochberg, holm
from ml_scorer.statistics.paired import RESAMPLES, mcnemar, paired_test

_SCHEMA: Final = {
    **dict.fromkeys(("checkpoint", "baseline", "measure"), pl.String),
    **dict.fromkeys(("difference", "low", "high", "p_value", "p_holm", "p_bh"), pl.Float64),
    **dict.fromkeys(("only_checkpoint_right", "only_baseline_right"), pl.Int64),
    **dict.fromkeys(("p_mcnemar", "agreement", "lowest", "highest"), pl.Float64),
    "method": pl.String,
}


def pairs(
    outcomes: Outcomes,
    measure: str | Measure | None = None,
    *,
    baseline: int = 0,
    checkpoints: Sequence[int] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> pl.DataFrame:
    """Compare checkpoints with a baseline, image by image.

    Parameters
    ----------
    outcomes : Outcomes
    measure : measure, optional
        None is the first.
    baseline : int
        Its row.
    checkpoints : sequence of int, optional
        The rows of the others; None is all but the baseline.
    confidence : float
        Of the intervals, in (0, 1).
    seed, resamples : int
        Of the random numbers, where a test draws any.

    Returns
    -------
    polars.DataFrame
        One row a checkpoint:

        - `checkpoint`, `baseline`, `measure`;
        - `difference`, of the checkpoint's score minus the baseline's, rounded once from exact fractions; `low` and
          `high`, its interval;
        - `p_value` of no difference, and the same adjusted for all the rows: `p_holm` (family-wise), `p_bh` (false
          discovery rate);
        - `only_checkpoint_right`, `only_baseline_right`: images (int64) that only one of them has right; `p_mcnemar`,
          the exact test of whether both are equally likely;
        - `agreement`, error consistency: Cohen's kappa of right and wrong; null where it has none;
        - `lowest`, `highest`: what the difference could become, were the unreviewed labels judged; null for a measure
          under which they do not count as wrong;
        - `method`, how `low`, `high` and `p_value` were made.

        With k=labels, where an image can be right in part, `only_…_right` count the images of which one found more
        accepted labels, and `agreement` is of having found them all.

    Raises
    ------
    KeyError
        If the measure was not measured.
    ValueError
        If `confidence` does not lie between 0 and 1.
    MissingExtraError
        If a package that the tests need is not installed.
    """
    name = first_measure(outcomes, measure)
    others = [row for row in range(len(outcomes.names)) if row != baseline] if checkpoints is None else checkpoints
    rows = [baseline, *others]
    rule, design = outcomes.rules[name], outcomes.design(name)
    values = values_of(outcomes, rule, rows)
    exact = outcomes.scores.exact(name)
    differences = np.array([float(exact[row] - exact[baseline]) for row in others])
    of_baseline, of_others = values[0], values[1:]
    test = paired_test(
        design, of_others, np.broadcast_to(of_baseline, of_others.shape), confidence, seed=seed, resamples=resamples
    )
    only_checkpoint, only_baseline = (_counts(of_others > of_baseline), _counts(of_others < of_baseline))
    opened = left_open(outcomes, _measured(outcomes, name), rows, values)
    columns = {
        "checkpoint": [outcomes.names[row] for row in others],
        "baseline": outcomes.names[baseline],
        "measure": name,
        "difference": differences,
        "low": test.low,
        "high": test.high,
        "p_value": test.p_value,
        "p_holm": holm(test.p_value),
        "p_bh": benjamini_hochberg(test.p_value),
        "only_checkpoint_right": only_checkpoint,
        "only_baseline_right": only_baseline,
        "p_mcnemar": mcnemar(only_checkpoint, only_baseline),
        "agreement": _agreement(whole(values)),
        "lowest": differences - opened[0] if opened else None,
        "highest": differences + opened[1] if opened else None,
        "method": test.method,
    }
    return pl.DataFrame(columns, schema=_SCHEMA)


def _counts(images: NDArray[np.bool_]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.count_nonzero(images, axis=1)
    return counts


def _agreement(right: NDArray[np.bool_]) -> list[float | None]:
    """Error consistency of the first checkpoint with each of the others; a matrix of all would be too much."""
    kappas = (float(error_consistency(right[[0, row]])[0, 1]) for row in range(1, len(right)))
    return [None if isnan(kappa) else kappa for kappa in kappas]


def _measured(outcomes: Outcomes, name: str) -> Measure:
    return next(measure for measure in outcomes.measures if str(measure) == name)
