"""P-values of many tests at once, adjusted for their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml_scorer.statistics.design import Floats


def holm(p_values: ArrayLike) -> Floats:
    """P-values adjusted for the family-wise error (Holm 1979): one below 5 % among those of no effect in 5 % of cases.

    Parameters
    ----------
    p_values : (..., tests) float
        The tests of a family along the last axis.

    Returns
    -------
    (..., tests) float64

    Raises
    ------
    ValueError
        If one is NaN or outside [0, 1].
    """
    order, ascending = _sorted(p_values)
    steps = ascending * np.arange(ascending.shape[-1], 0, -1)
    return _in_place_of(order, np.maximum.accumulate(steps, axis=-1))


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """P-values adjusted for the false discovery rate (Benjamini & Hochberg 1995).

    Of those below 5 %, 5 % are expected to be of no effect.

    Parameters
    ----------
    p_values : (..., tests) float
        The tests of a family along the last axis.

    Returns
    -------
    (..., tests) float64

    Raises
    ------
    ValueError
        If one is NaN or outside [0, 1].
    """
    order, ascending = _sorted(p_values)
    tests = ascending.shape[-1]
    steps = ascending * tests / np.arange(1, tests + 1)
    return _in_place_of(order, np.minimum.accumulate(steps[..., ::-1], axis=-1)[..., ::-1])


def _sorted(p_values: ArrayLike) -> tuple[NDArray[np.intp], Floats]:
    """The order of the p-values of each family, and these in it."""
    p_values = np.atleast_1d(np.asarray(p_values, np.float64))
    faulty = ~((p_values >= 0) & (p_values <= 1))  # so is NaN
    if faulty.any():
        raise ValueError(
            f"p-values lie between 0 and 1; {np.count_nonzero(faulty):,} of {p_values.size:,} do not, such as "
            f"{p_values[faulty][0]:g}. Leave out tests that have none before they are adjusted."
        )
    order = np.argsort(p_values, axis=-1, kind="stable")
    return order, np.take_along_axis(p_values, order, -1)


def _in_place_of(order: NDArray[np.intp], adjusted: Floats) -> Floats:
    """Adjusted p-values back in the order of the tests, none above 1."""
    result = np.empty_like(adjusted)
    np.put_along_axis(result, order, np.minimum(adjusted, 1), -1)
    return result
