"""Whether checkpoints are wrong on the same images."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ml_scorer.comparison.right import first_measure, values_of, whole
from ml_scorer.measures import Measure
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.statistics.agreement import error_consistency

FIRST_COLUMN = "checkpoint"


def agreement(
    outcomes: Outcomes, measure: str | Measure | None = None, *, checkpoints: Sequence[int] | None = None
) -> pl.DataFrame:
    """Error consistency of every two checkpoints: Cohen's kappa of being right or wrong (Geirhos et al., NeurIPS 2020).

    1 is right and wrong on the same images, 0 as often as by chance, given both accuracies; null where one is right,
    or wrong, on all images, and so is the other.

    Parameters
    ----------
    outcomes : Outcomes
    measure : measure, optional
        What right means. None is the first measure. With k=labels, that every accepted label was found.
    checkpoints : sequence of int, optional
        Which of the checkpoints; None is all.

    Returns
    -------
    polars.DataFrame
        A row and a float64 column for each: `checkpoint`, then their names. A name that a column has already goes on
        with ` (2)`.
    """
    rows = list(range(len(outcomes.names))) if checkpoints is None else list(checkpoints)
    rule = outcomes.rules[first_measure(outcomes, measure)]
    kappa = error_consistency(whole(values_of(outcomes, rule, rows)))
    names = [outcomes.names[row] for row in rows]
    columns = [pl.Series(FIRST_COLUMN, names, dtype=pl.String)]
    taken = {FIRST_COLUMN}
    for name, column in zip(names, kappa.T, strict=True):
        heading = name
        number = 1
        while heading in taken:
            number += 1
            heading = f"{name} ({number})"
        taken.add(heading)
        columns.append(pl.Series(heading, column, dtype=pl.Float64).fill_nan(None))
    return pl.DataFrame(columns)
