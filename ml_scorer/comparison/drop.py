"""Whether checkpoints are worse than a baseline: on the same images, or from scores with their intervals alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_scorer.measures import Measure
from ml_scorer.scores import Scores
from ml_scorer.scoring.outcomes import Outcomes

PAIRED, UNPAIRED = "paired", "unpaired"


@dataclass(frozen=True, eq=False)
class Changes:
    """Checkpoints against a baseline.

    Attributes
    ----------
    checkpoints, baselines : tuple of str
        What was compared with what.
    scores, earlier : (checkpoints,) float64
        Their scores.
    difference, low, high : (checkpoints,) float64
        Score less that of the baseline, and its two-sided interval.
    p_value : (checkpoints,) float64
        One-sided, of a drop; adjusted for the number of checkpoints (Holm).
    confidence : float
        Of the intervals; a drop is significant where the p-value is below 1 less this.
    method : str
    """

    checkpoints: tuple[str, ...]
    baselines: tuple[str, ...]
    scores: NDArray[np.float64]
    earlier: NDArray[np.float64]
    difference: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p_value: NDArray[np.float64]
    confidence: float
    method: str

    @property
    def significant(self) -> NDArray[np.bool_]:
        """Which of them dropped significantly: (checkpoints,)."""
        dropped: NDArray[np.bool_] = (self.difference < 0) & (self.p_value < 1 - self.confidence)
        return dropped


def changes_on_images(outcomes: Outcomes, baseline: Outcomes, measure: str | Measure, confidence: float) -> Changes:
    """Compare checkpoints with one baseline on the same images.

    Parameters
    ----------
    outcomes : Outcomes
    baseline : Outcomes
        Of one checkpoint, by the same scorer.
    measure : measure
    confidence : float
    """
    from ml_scorer.statistics.paired import paired_tests

    name = str(measure)
    values = np.concatenate([baseline.values(name), outcomes.values(name)])
    test = paired_tests(outcomes.design(name), values, 0, confidence)
    scores, (earlier,) = outcomes.scores.frame[name].to_numpy(), baseline.scores.frame[name].to_numpy()
    difference, low, high, p_value = (
        np.asarray(part)[-len(scores) :] for part in (test.difference, test.low, test.high, test.p_value)
    )
    return Changes(
        outcomes.names,
        baseline.names * len(scores),
        scores,
        np.full(len(scores), earlier),
        difference,
        low,
        high,
        _holm(np.where(difference < 0, p_value / 2, 1 - p_value / 2)),
        confidence,
        f"{PAIRED}, {test.method}",
    )


def changes_of_scores(
    scores: Scores, earlier: Sequence[Mapping[str, Any]], level: float | None, measure: str
) -> Changes:
    """Compare checkpoints with earlier scores of which the images are not known any more.

    The two are taken for independent, though they are of the same images as a rule, so that a drop has to be larger to
    show. The variance of a difference is that of both scores, each recovered from the side of its interval that points
    at the other score (MOVER: Zou and Donner, Statistics in Medicine 27, 2008; Newcombe, ibid. 17, 1998).

    Parameters
    ----------
    scores : Scores
        With intervals.
    earlier : sequence of mapping of str to object
        The earlier row to compare each checkpoint with.
    level : float, optional
        Confidence of the intervals in these. None, or a row without one: the earlier score is taken to be as uncertain
        as the new one, of which it is the same measurement.
    measure : str
    """
    confidence = scores.confidence
    if confidence is None:
        raise ValueError("the scores have no intervals: score with a confidence.")
    frame = scores.frame
    now, low, high = (
        frame[name].to_numpy().astype(np.float64) for name in (measure, f"{measure}_low", f"{measure}_high")
    )
    then = _column(earlier, measure)
    then_low, then_high = _column(earlier, f"{measure}_low"), _column(earlier, f"{measure}_high")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    scale = z / NormalDist().inv_cdf((1 + level) / 2) if level is not None else np.nan
    difference = now - then
    below, above = (then - then_low) * scale, (then_high - then) * scale
    given = ~np.isnan(below) & ~np.isnan(above)
    up = np.hypot(high - now, np.where(given, below, now - low))
    down = np.hypot(now - low, np.where(given, above, high - now))
    p_value = np.array([_p_of_drop(d, side / z) for d, side in zip(difference.tolist(), up.tolist(), strict=True)])
    return Changes(
        tuple(frame["checkpoint"]),
        tuple(str(row["checkpoint"]) for row in earlier),
        now,
        then,
        difference,
        difference - down,
        difference + up,
        _holm(p_value),
        confidence,
        f"{UNPAIRED}, from their intervals"
        + ("" if given.all() else "; an earlier score without one is taken to be as uncertain as the new one"),
    )


def _p_of_drop(difference: float, deviation: float) -> float:
    """One-sided p-value of a difference below zero."""
    if deviation:
        return NormalDist().cdf(difference / deviation)
    return float(difference >= 0)


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    """A column of rows, NaN where there is none."""
    return np.array([np.nan if row.get(name) is None else row[name] for row in rows], np.float64)


def _holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    if p_values.size < 2:  # noqa: PLR2004 (one needs no adjustment)
        return p_values
    from ml_scorer.statistics.multiple import holm

    return np.asarray(holm(p_values))
