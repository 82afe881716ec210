"""What `ml-scorer score` shows: scores, with places where these are asked for, or averages over the seeds of runs."""

from __future__ import annotations

from dataclasses import replace

import click

from ml_scorer.cli.ordering import in_order, row_order
from ml_scorer.comparison import RunPatternError, over_seeds, with_places
from ml_scorer.report.document import Document
from ml_scorer.report.runs import runs_document
from ml_scorer.report.scores import scores_document
from ml_scorer.scoring.outcomes import Outcomes


def ranked(outcomes: Outcomes, confidence: float, sort: str | None, top: int | None) -> Document:
    """The scores with the places of each checkpoint, the best first unless another order is asked for."""
    measure = str(outcomes.measures[0])
    scores = outcomes.scores
    if not scores.frame.is_empty():
        scores = replace(scores, frame=with_places(outcomes, measure, confidence))
    document = scores_document(in_order(scores, sort or measure, top))
    note = f"place: the places that the data leave open, by {measure}; {confidence * 100:g}% confidence for each."
    extra = {**document.extra, "places": {"measure": measure, "confidence": confidence}}
    return replace(document, notes=(*document.notes, note), extra=extra)


def averaged(outcomes: Outcomes, pattern: str, confidence: float, sort: str | None, top: int | None) -> Document:
    """Averages over the checkpoints of each run.

    Raises
    ------
    click.BadParameter
        If the pattern can tell no run from a name.
    """
    try:
        runs = over_seeds(outcomes, pattern, confidence)
    except RunPatternError as error:
        raise click.BadParameter(str(error), param_hint="--group-by") from error
    rows = row_order(runs.frame, "run", list(outcomes.scores.signatures), sort, top)
    shown = runs if rows is None else replace(runs, frame=runs.frame[rows])
    return runs_document(shown, outcomes.scores)
