"""The best labels of rows of logits, on whatever device these lie: for torch, and for libraries of the array API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ml_scorer.predictions.arrays.logits import INFINITE, NAN, SOUND, TOO_FEW
from ml_scorer.predictions.slots import TIED, UNTIED

_INFINITY: Final = float("inf")


@dataclass(frozen=True, eq=False)
class BestLabels:
    """What is found for each row; arrays of integers of the library that the logits are of.

    Attributes
    ----------
    columns : tuple of (rows,) arrays
        The best column, the second best, and so on.
    values : tuple of (rows,) arrays
        What stands in them.
    ties : (rows,)
        `TIED` where another column has the same largest logit, else `UNTIED`.
    faults : (rows,)
        `NAN`, `INFINITE`, `TOO_FEW` or `SOUND`.
    """

    columns: tuple[Any, ...]
    values: tuple[Any, ...]
    ties: Any
    faults: Any


def best_labels(
    logits: Any,  # noqa: ANN401 (of any library)
    positions: Any,  # noqa: ANN401
    k: int,
    library: Any,  # noqa: ANN401
    *,
    nan_is_largest: bool,
) -> BestLabels:
    """Columns of the k largest logits of each row, the largest first; of equal ones the first column goes first.

    Nothing here waits for the device, or depends on values in its shape. Maxima are found by value and the columns by
    comparison, which is exact: no library's arg-max is relied on for which of two equal ones it takes.

    Parameters
    ----------
    logits : (rows, columns) floats
        Minus infinity is a mask.
    positions : (columns,) int16
        1, 2, 3, … on the same device.
    k : int
    library : module
        `torch`, or the array API namespace of the logits.
    nan_is_largest : bool
        Whether a maximum is sure to be NaN where there is one. JAX's is not; looking for NaN by itself takes longer.
    """
    largest = library.amax if hasattr(library, "amax") else library.max
    width = logits.shape[1]
    has_nan = None if nan_is_largest else library.any(library.isnan(logits), axis=1)
    columns, values = list[Any](), list[Any]()
    for place in range(k):
        best = largest(logits, axis=1)
        is_best = logits == best[:, None]
        column = width - largest(is_best * (width + 1 - positions), axis=1)  # `width` where the best is NaN
        if place == 0:
            last = largest(is_best * positions, axis=1) - 1
            ties = library.where(column < last, TIED, UNTIED)
            faults = library.where(best == _INFINITY, INFINITE, SOUND)
            has_nan = best != best if has_nan is None else has_nan  # noqa: PLR0124
        columns.append(column)
        values.append(best)
        if place + 1 < k:
            logits = library.where(positions == column[:, None] + 1, -_INFINITY, logits)
    faults = library.where(has_nan, NAN, library.where(best == -_INFINITY, TOO_FEW, faults))
    return BestLabels(tuple(columns), tuple(values), ties, faults)
