"""What the report shows of every checkpoint: scores with intervals, places, verdicts; and the course of training."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from ml_scorer.comparison.ranking import PLACES, with_places
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.scoring.counter import MISSING_COUNT
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.steps import STEP_PATTERN, steps_of


def leaderboard_frame(outcomes: Outcomes) -> pl.DataFrame:
    """Every checkpoint with its places and its scores, best first by the first measure.

    Parameters
    ----------
    outcomes : Outcomes
        With intervals; the places have the same confidence level.

    Returns
    -------
    polars.DataFrame
        `checkpoint`; `place_low` and `place_high`, the places that its true score can have, int64; each measure under
        its printed name with `<measure>_low` and `<measure>_high`, shares; the verdict counts, int64 (null where not
        known); and `missing` where that is counted.

    Raises
    ------
    ValueError
        If the scores have no intervals.
    """
    confidence = outcomes.scores.confidence
    if confidence is None:
        raise ValueError("a leaderboard needs intervals: ask for the outcomes with confidence=0.95, say.")
    scores = with_places(outcomes, None, confidence)
    measures = [name for measure in outcomes.measures for name in (f"{measure}", f"{measure}_low", f"{measure}_high")]
    counts = [name for name in (*VERDICT_COUNTS, MISSING_COUNT) if name in scores.columns]
    frame = scores.select("checkpoint", *PLACES, *measures, *counts)
    return frame.sort(str(outcomes.measures[0]), descending=True, maintain_order=True)


def best_outcomes(outcomes: Outcomes, number: int) -> Outcomes:
    """The best checkpoints by the first measure, best first, in the order of `leaderboard_frame`."""
    first = str(outcomes.measures[0])
    order = outcomes.scores.frame.select(pl.arg_sort_by(first, descending=True, maintain_order=True)).to_series()
    labels = outcomes.labels[order.head(number).to_numpy()]
    return replace(outcomes, scores=outcomes.scores.best(number), labels=labels)


def training_frame(leaderboard: pl.DataFrame, step_pattern: str = STEP_PATTERN) -> pl.DataFrame:
    """The checkpoints whose names tell a run and a step, of the runs that have at least two steps.

    Parameters
    ----------
    leaderboard : polars.DataFrame
        With a column `checkpoint`.
    step_pattern : str
        A regular expression with the groups `run` and `step`, searched for in each name.

    Returns
    -------
    polars.DataFrame
        The same columns, and `run` (str) and `step` (int64); by run, then step. It may be empty.

    Raises
    ------
    ValueError
        If the pattern is no regular expression, or lacks one of the groups.
    """
    steps = list(steps_of(leaderboard["checkpoint"].to_list(), step_pattern))
    frame = leaderboard.with_columns(
        pl.Series("run", [step and step.run for step in steps], pl.String),
        pl.Series("step", [step and step.step for step in steps], pl.Int64),
    ).drop_nulls(["run", "step"])
    several = pl.col("step").n_unique().over("run") > 1
    return frame.filter(several).sort("run", "step", maintain_order=True)
