"""Which images some checkpoints have right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_scorer.kernel import Values, compile_values, image_values
from ml_scorer.measures import Measure
from ml_scorer.measures.rule import Rule
from ml_scorer.schema import VALIDATION_IMAGES, Images
from ml_scorer.scoring.outcomes import Outcomes


def first_measure(outcomes: Outcomes, measure: str | Measure | None) -> str:
    """The printed name of a measure that was measured; None is the first.

    Raises
    ------
    KeyError
        If it was not measured.
    """
    name = str(outcomes.measures[0] if measure is None else measure)
    if name not in outcomes.rules:
        raise KeyError(f"{name} was not measured; there are {', '.join(outcomes.rules)}")
    return name


def values_of(outcomes: Outcomes, rule: Rule, checkpoints: Sequence[int]) -> Values:
    """How right the images of a rule are for some of the checkpoints: (checkpoints, rule's images)."""
    return image_values(compile_values(rule, outcomes.images), outcomes.labels[list(checkpoints)])


def whole(values: Values) -> NDArray[np.bool_]:
    """Which images are right altogether: with k=labels, those of which every accepted label was found."""
    return values if values.dtype == np.bool_ else values == 1


def rows_of(images: Images, chosen: Images) -> NDArray[np.int64]:
    """Row of each chosen image among some images, -1 where it is not one of them: (chosen,) int64."""
    row = np.full(VALIDATION_IMAGES + 1, -1, np.int64)
    row[images] = np.arange(images.size)
    rows: NDArray[np.int64] = row[chosen]
    return rows
