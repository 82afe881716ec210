"""Places of checkpoints in a ranking, as far as the images can tell them apart."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_scorer.statistics.confidence import check_level
from ml_scorer.statistics.design import Design, Values, average, checked

Places: TypeAlias = NDArray[np.int64]

_PAIRS: Final = 2**26
"""Of checkpoints, compared at a time: 256 MB of float32, which 8,192 checkpoints fill."""

_COMPARED: Final = 2**20
"""Of these, looked at a time: they stay in the cache."""

_LEAST_DIFFERENCE: Final = 0.01
"""Of two shares of an image; what is nearer counts as this far apart."""


def rank_intervals(design: Design, values: Values, confidence: float) -> tuple[Places, Places]:
    """Of each checkpoint the places that its true score may have among the others.

    A place is 1 + the number of checkpoints that are truly better. A checkpoint is compared with every other one, one-
    sided and both ways, with a family-wise error of 1 - confidence (Holm 1979); those that are surely better and those
    that are surely worse bound its place: the marginal confidence sets of Mogstad, Romano, Shaikh & Wilhelm, "Inference
    for Ranks", 2024. Each checkpoint's places hold its true one with this confidence; all at once they need not.

    Two checkpoints are compared by the difference of their averages over the root of sum w^2 (a - b)^2, its standard
    deviation if on every image either might as well have had the other's result. That is a little more than what
    `variance` gives, by the squares of the mean differences within classes; but for two that differ it is never 0.

    Parameters
    ----------
    design : Design
    values : (checkpoints, images) bool or float
    confidence : float

    Returns
    -------
    lowest, highest : (checkpoints,) int64
        From 1 on; the best is 1.

    Raises
    ------
    ValueError, TypeError
        If the values do not fit the design, or `confidence` does not lie between 0 and 1.
    """
    check_level(confidence)
    values = checked(design, values)
    count = len(values)
    lowest, highest = np.ones(count, np.int64), np.full(count, count, np.int64)
    scores = average(design, values)
    critical = _critical(count, confidence)
    rows_of_products = max(1, _PAIRS // max(count, 1))
    rows_of_tests = max(1, _COMPARED // max(count, 1))
    for first in range(0, count, rows_of_products):
        errors = _squared_errors(design, values, slice(first, first + rows_of_products))
        for start in range(0, len(errors), rows_of_tests):
            some = errors[start : start + rows_of_tests]
            rows = slice(first + start, first + start + len(some))
            gains = (scores - scores[rows, None]).astype(np.float32)
            distinct = _distinct(np.divide(np.square(gains), some, dtype=np.float32), critical)
            lowest[rows] += np.count_nonzero(distinct & (gains > 0), axis=1)
            highest[rows] -= np.count_nonzero(distinct & (gains < 0), axis=1)
    return lowest, highest


def _squared_errors(design: Design, values: Values, rows: slice) -> NDArray[np.float32]:
    """The sum of w^2 (a - b)^2 of some checkpoints with all: (rows, checkpoints) float32, positive."""
    middle = values.mean(axis=0, dtype=np.float32)
    varied = np.flatnonzero((values != values[0]).any(axis=0))
    products = np.zeros((len(values[rows]), len(values)), np.float32)
    squares = np.zeros(len(values), np.float32)
    step = max(1, 4 * _COMPARED // len(values))
    for start in range(0, varied.size, step):
        images = varied[start : start + step]
        # About the image's middle, numbers are small, and so are the rounding errors of float32.
        scaled: NDArray[Any] = np.subtract(np.take(values, images, axis=1), middle[images], dtype=np.float32)
        scaled *= design.weights[images].astype(np.float32)
        products += scaled[rows] @ scaled.T
        squares += np.einsum("ci,ci->c", scaled, scaled)
    products *= -2
    products += squares
    products += squares[rows, None]
    least = design.weights.min() * (1 if values.dtype == np.bool_ else _LEAST_DIFFERENCE)
    return np.maximum(products, np.float32(least**2), out=products)


def _critical(count: int, confidence: float) -> NDArray[np.float32]:
    """Squared normal deviates that a difference must pass, with none, one … all of the others told apart already."""
    from statistics import NormalDist

    hypotheses = 2 * (count - 1)  # better than each other one, and worse
    level = 1 - confidence
    told_apart = range(max(count - 1, 0))
    deviates = [NormalDist().inv_cdf(1 - level / (hypotheses - told)) for told in told_apart]
    last = deviates[-1] if deviates else np.inf  # with all told apart nothing is left to test
    return np.square([*deviates, last], dtype=np.float32)


def _distinct(squared_deviates: NDArray[np.float32], critical: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which others Holm's procedure tells apart from each checkpoint: (rows, checkpoints) bool.

    Its steps are taken many at a time: all that pass the threshold for the number told apart so far, until no more do.
    """
    told = np.zeros(len(squared_deviates), np.int64)
    while True:
        distinct = squared_deviates > critical[told][:, None]
        more = np.count_nonzero(distinct, axis=1)
        if (more == told).all():
            return distinct
        told = more
