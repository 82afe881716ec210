"""What the report shows of every checkpoint: scores with intervals, places, verdicts; and the course of training."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import polars as pl

from ml_scorer.comparison.ranking import PLACES, with_places
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.scoring.counter import MISSING_COUNT
from ml_scorer.scoring.outcomes import Outcomes

_STEP = r"(?:step|epoch|iter(?:ation)?|checkpoint|ckpt)"

STEP_PATTERN: Final = (
    rf"(?i)^(?P<run>.*?)(?:^|[-_./ ])(?:global[-_]?)?(?:{_STEP}[-_= ]?|(?=0\d|\d{{4}}))(?P<step>\d+)"
    rf"(?:[-_. ]{_STEP}[-_= ]?\d+)?$"
)
"""Finds run and step in `name-step-500`, `name-00500` and `name/epoch=3`. A bare number is a step only if it has a
leading zero or at least four digits: `resnet-50` is a model."""


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
    pattern = parsed_step_pattern(step_pattern)
    matches = [pattern.search(name) for name in leaderboard["checkpoint"].to_list()]
    runs = [match and (match["run"] or "run") for match in matches]
    steps = [match and match["step"] for match in matches]
    frame = leaderboard.with_columns(
        pl.Series("run", runs, pl.String), pl.Series("step", steps, pl.String).cast(pl.Int64, strict=False)
    ).drop_nulls(["run", "step"])
    several = pl.col("step").n_unique().over("run") > 1
    return frame.filter(several).sort("run", "step", maintain_order=True)


def parsed_step_pattern(text: str) -> re.Pattern[str]:
    """The regular expression of a text, with the groups `run` and `step`; ValueError where it is none."""
    example = r"'(?P<run>.+)-step-(?P<step>\d+)'"
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}. An example: {example}.") from error
    lacking = [name for name in ("run", "step") if name not in pattern.groupindex]
    if lacking:
        raise ValueError(f"{text!r} has no group {' and no group '.join(lacking)}. An example: {example}.")
    return pattern
