"""Rankings that admit ties: of each checkpoint the places that the data cannot tell apart."""

from __future__ import annotations

import polars as pl

from ml_scorer.comparison.right import first_measure
from ml_scorer.measures import Measure
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.statistics.ranking import rank_intervals

PLACES = ("place_low", "place_high")


def ranking(outcomes: Outcomes, measure: str | Measure | None = None, confidence: float = 0.95) -> pl.DataFrame:
    """Checkpoints by their scores, the best first, each with the places that its true score may have.

    Parameters
    ----------
    outcomes : Outcomes
    measure : measure, optional
        None is the first.
    confidence : float
        Of each checkpoint's places, in (0, 1).

    Returns
    -------
    polars.DataFrame
        `checkpoint`, `score` (float64), `place_low`, `place_high` (int64, from 1 on); equal scores in their order.
    """
    name = first_measure(outcomes, measure)
    scores = with_places(outcomes, name, confidence).select("checkpoint", pl.col(name).alias("score"), *PLACES)
    return scores.sort("score", descending=True, maintain_order=True)


def with_places(outcomes: Outcomes, measure: str | Measure | None = None, confidence: float = 0.95) -> pl.DataFrame:
    """The frame of the scores, in its order, with the places of each checkpoint behind its name.

    Parameters
    ----------
    outcomes : Outcomes
    measure : measure, optional
        By which checkpoints are ranked; None is the first.
    confidence : float
        Of each checkpoint's places, in (0, 1).

    Returns
    -------
    polars.DataFrame
        The columns of `outcomes.scores.frame`, and `place_low` and `place_high` (int64, from 1 on) after the first.
    """
    name = first_measure(outcomes, measure)
    lowest, highest = rank_intervals(outcomes.design(name), outcomes.values(name), confidence)
    first, *others = outcomes.scores.frame.get_columns()
    places = (pl.Series(column, place) for column, place in zip(PLACES, (lowest, highest), strict=True))
    return pl.DataFrame([first, *places, *others])
