"""Averages over the seeds or folds of a run: the spread between them, apart from the sampling error of the images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.kernel import compile_values, image_values
from ml_scorer.measures import Measure
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.statistics.design import variance
from ml_scorer.statistics.score_intervals import score_interval

SPREAD = "_seed_sd"


class RunPatternError(ValueError):
    """A pattern that can tell no run from a name."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Averages over the checkpoints of each run.

    Attributes
    ----------
    frame : polars.DataFrame
        One row a run, in the order of their first checkpoints: `run`, `checkpoints` (int64), and for each measure its
        mean under its printed name, `<measure>_low` and `<measure>_high`, an interval for what other images would
        change in that mean, and `<measure>_seed_sd`, the standard deviation between the scores of the checkpoints
        (divisor n - 1; null for a single one). All float64.
    methods : dict of str to str
        How the interval of each measure was made.
    confidence : float
        Of the intervals.
    """

    frame: pl.DataFrame
    methods: dict[str, str]
    confidence: float


def over_seeds(outcomes: Outcomes, pattern: str, confidence: float = 0.95) -> Runs:
    r"""Average the scores of the checkpoints of each run.

    The images are the same for every seed, so that their sampling error does not shrink as that of independent samples
    would: the interval is that of the mean of the values of each image over the seeds, and for a run of a single
    checkpoint that of its score. It says nothing of what other
    seeds would give, which is what the spread is for (Bouthillier et al., MLSys 2021, tell the two sources apart).

    Parameters
    ----------
    outcomes : Outcomes
    pattern : str
        A regular expression that fits the whole name of each checkpoint; its groups are the name of the run, such as
        `(.+)-seed\d+`. See `run_names`.
    confidence : float
        Of the intervals, in (0, 1).

    Returns
    -------
    Runs

    Raises
    ------
    RunPatternError
        If the pattern is no regular expression, or has no group.
    PredictionsError
        If it does not fit the name of a checkpoint.
    """
    runs = run_names(outcomes.names, pattern)
    members: dict[str, list[int]] = {}
    for row, run in enumerate(runs):
        members.setdefault(run, []).append(row)
    columns = [
        pl.Series("run", list(members), dtype=pl.String),
        pl.Series("checkpoints", [len(rows) for rows in members.values()], dtype=pl.Int64),
    ]
    methods = {}
    for measure in outcomes.measures:
        averages, methods[str(measure)] = _averages(outcomes, measure, list(members.values()), confidence)
        columns += averages
    return Runs(pl.DataFrame(columns), methods, confidence)


def run_names(checkpoints: Sequence[str], pattern: str) -> list[str]:
    r"""The run of each checkpoint.

    Parameters
    ----------
    checkpoints : sequence of str
        Their names.
    pattern : str
        A regular expression that fits a whole name. What its group stands for is the run; of several groups, those
        that stand for anything, joined by ", ", the named ones with their names.

    Returns
    -------
    list of str

    Raises
    ------
    RunPatternError
        If the pattern is no regular expression, or has no group.
    PredictionsError
        If it does not fit a name, or its groups stand for nothing there.

    Examples
    --------
    >>> run_names(["vit-seed1", "vit-seed2"], r"(.+)-seed\d+")
    ['vit', 'vit']
    >>> run_names(["vit-lr3-s1"], r"(.+)-lr(?P<lr>\d+)-s\d+")
    ['vit, lr=3']
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise RunPatternError(f"{pattern!r} is no regular expression: {error}. Such as '(.+)-seed[0-9]+'.") from error
    if not compiled.groups:
        raise RunPatternError(
            f"{pattern!r} has no group, which would be the name of the run. Put that in parentheses: '(.+)-seed[0-9]+'."
        )
    group_names = {number: name for name, number in compiled.groupindex.items()} if compiled.groups > 1 else {}
    runs, unfit = [], []
    for checkpoint in checkpoints:
        match = compiled.fullmatch(checkpoint)
        groups = enumerate(match.groups() if match else (), start=1)
        parts = [f"{group_names[number]}={text}" if number in group_names else text for number, text in groups if text]
        runs.append(", ".join(parts))
        if not parts:
            unfit.append(checkpoint)
    if unfit:
        raise PredictionsError(
            f"{len(unfit):,} of {len(checkpoints):,} checkpoints have no run by the pattern {pattern!r}: "
            f"{some(unfit, len(unfit))}. It has to fit their whole names, and name the run by its groups."
        )
    return runs


def _averages(
    outcomes: Outcomes, measure: Measure, members: Sequence[Sequence[int]], confidence: float
) -> tuple[list[pl.Series], str]:
    """The columns of one measure, and how its intervals were made."""
    name = str(measure)
    rule, design = outcomes.rules[name], outcomes.design(name)
    plan = compile_values(rule, outcomes.images)

    def variance_of_mean(rows: Sequence[int]) -> float:
        values = image_values(plan, outcomes.labels[list(rows)])
        if len(rows) > 1:
            values = values.mean(axis=0, keepdims=True, dtype=np.float64)
        return float(variance(design, values)[0])

    exact = outcomes.scores.exact(name)
    means = np.array([float(sum(exact[row] for row in rows) / len(rows)) for rows in members])
    variances = np.array([variance_of_mean(rows) for rows in members])
    averaged = np.array([len(rows) > 1 for rows in members], np.bool_)
    interval = score_interval(rule, means, variances, confidence, averaged=averaged)
    scores = outcomes.scores.frame[name].to_numpy()
    spread = [float(np.std(scores[list(rows)], ddof=1)) if len(rows) > 1 else None for rows in members]
    columns = [
        pl.Series(name, means),
        pl.Series(f"{name}_low", interval.low),
        pl.Series(f"{name}_high", interval.high),
        pl.Series(f"{name}{SPREAD}", spread, dtype=pl.Float64),
    ]
    return columns, interval.method
