"""The frame that each chart draws, made from what checkpoints predict; and what its numbers are a measurement of."""

from __future__ import annotations

from typing import Final

import polars as pl

from ml_scorer.breakdowns.classes import class_table
from ml_scorer.breakdowns.confusions import confusion_pairs
from ml_scorer.breakdowns.groups import group_signatures, group_table
from ml_scorer.errors import MeasureError
from ml_scorer.measures import MLA, Measure, Top1
from ml_scorer.measures.class_sets import ALL
from ml_scorer.report.charts import groups
from ml_scorer.report.charts.kind import FrameName
from ml_scorer.report.charts.told import CONFIDENCE, MEASURED
from ml_scorer.report.page.data import best_outcomes, training_frame
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.steps import STEP_PATTERN

DETAILED: Final = 100
"""Classes and confusions are those of so many checkpoints at most, the best."""


def chart_frame(
    name: FrameName, outcomes: Outcomes, leaderboard: pl.DataFrame, step_pattern: str = STEP_PATTERN
) -> pl.DataFrame | None:
    """The frame of some charts; None where what was measured does not give it.

    It says of itself how sure its intervals are and, where no column is named after it, which measure it is of: see
    `report.charts.told`. Classes are those of all checkpoints pooled; of a single one they have intervals, too.

    Parameters
    ----------
    name : str
        As `ChartKind.frame` says it.
    outcomes : Outcomes
    leaderboard : polars.DataFrame
        Of the same checkpoints; see `leaderboard_frame`.
    step_pattern : str
        As of `training_frame`.

    Raises
    ------
    ValueError
        If the pattern is no regular expression with the groups `run` and `step`.
    """
    level = pl.lit(outcomes.scores.confidence, pl.Float64).alias(CONFIDENCE)
    if name == "leaderboard":
        return leaderboard.with_columns(level)
    if name == "training":
        return training_frame(leaderboard, step_pattern).with_columns(level)
    measure = _measure_of_groups(outcomes) if name == "groups" else _judging_measure(outcomes)
    if measure is None:
        return None
    frame = _of_groups(outcomes, measure) if name == "groups" else _of_classes(name, outcomes, measure)
    return None if frame is None else frame.with_columns(level, pl.lit(str(measure)).alias(MEASURED))


def chart_signatures(chart: str, outcomes: Outcomes) -> tuple[str, ...]:
    """Signatures of the measures that a chart draws; none where what it draws was not measured as such.

    Parameters
    ----------
    chart : str
        A key of `CHARTS`.
    outcomes : Outcomes
        Those of which the chart can be drawn.
    """
    signatures = outcomes.scores.signatures
    if chart == "groups":
        measure = _measure_of_groups(outcomes)
        return () if measure is None else tuple(group_signatures(outcomes, measure=measure).values())
    drawn: dict[str, tuple[Measure | None, ...]] = {
        "leaderboard": outcomes.measures[:1],
        "training": outcomes.measures[:1],
        "mla-against-top1": (MLA(), Top1()),
        "verdicts": (MLA(average="image"),),
        "classes": (_judging_measure(outcomes),),
        "confusions": (_judging_measure(outcomes),),
    }
    return tuple(signatures[str(measure)] for measure in drawn[chart] if str(measure) in signatures)


def _judging_measure(outcomes: Outcomes) -> MLA | None:
    """The first measure that judges one prediction of an image as experts do."""
    return next((measure for measure in outcomes.measures if isinstance(measure, MLA) and measure.k == "1"), None)


def _measure_of_groups(outcomes: Outcomes) -> MLA | None:
    """The first measure that can be measured over groups."""
    found = (measure for measure in outcomes.measures if isinstance(measure, MLA) and measure.classes == ALL)
    return next(found, None)


def _of_groups(outcomes: Outcomes, measure: MLA) -> pl.DataFrame | None:
    best = best_outcomes(outcomes, groups.CHECKPOINTS)
    try:
        return group_table(best, confidence=outcomes.scores.confidence, measure=measure)
    except MeasureError:  # predictions for these images were not kept
        return None


def _of_classes(name: FrameName, outcomes: Outcomes, measure: MLA) -> pl.DataFrame:
    best = best_outcomes(outcomes, DETAILED)
    if name == "confusions":
        return confusion_pairs(best, measure)
    if len(best.names) > 1:
        return class_table(best, measure, None, pooled=True)
    alone = class_table(best, measure, outcomes.scores.confidence)
    return alone.with_columns(share_worst="share", share_best="share")
