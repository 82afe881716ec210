"""Which points of a chart can have their name beside them without one name covering another, or a point."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

Side: TypeAlias = Literal["left", "right"]
"""How a text is aligned: one aligned left stands to the right of its point."""

_CHARACTER: Final = 6.2  # pixels of a character of 11 px, on average, rather more than less
_LINE: Final = 13.0  # pixels
AWAY: Final = 5  # pixels from a point to its text, across
ABOVE: Final = 10  # pixels from a point to the middle of its text, clear of an interval
_RADIUS: Final = 4.0  # pixels of a point
_SMALLEST: Final = 0.6
"""Of the width: names stay apart on a page that shows the chart so much narrower."""


def labelled(
    points: pl.DataFrame, domains: tuple[tuple[float, float], tuple[float, float]], most: int, size: tuple[int, int]
) -> dict[Side, pl.DataFrame]:
    """Choose points whose text fits beside them, the first rows first.

    Parameters
    ----------
    points : polars.DataFrame
        `x`, `y` and `text`.
    domains : (low, high), (low, high)
        Of `x` and of `y`.
    most : int
        Number of labels at most; only the first so many rows are tried.
    size : (width, height)
        Pixels of the plot.

    Returns
    -------
    Rows of `points` by the alignment of their text; sides without any are left out.
    """
    width, height = size[0] * _SMALLEST, size[1]
    across, up = _scaled(points["x"], domains[0], width), _scaled(points["y"], domains[1], height)
    taken: list[tuple[float, float, float]] = []  # left, right, middle
    chosen: dict[Side, list[int]] = {"left": [], "right": []}
    for row, text in enumerate(points["text"].head(most).to_list()):
        length = len(text) * _CHARACTER
        sides: tuple[tuple[Side, float], ...] = (("left", across[row] + AWAY), ("right", across[row] - AWAY - length))
        for side, start in sides:
            end, middle = start + length, up[row] + ABOVE
            inside = start >= 0 and end <= width and middle <= height
            apart = all(end < left or start > right or abs(middle - other) > _LINE for left, right, other in taken)
            covers = (across > start - _RADIUS) & (across < end + _RADIUS) & (abs(up - middle) < _LINE / 2 + _RADIUS)
            covers[row] = False
            if inside and apart and not covers.any():
                taken.append((start, end, middle))
                chosen[side].append(row)
                break
    return {side: points[rows] for side, rows in chosen.items() if rows}


def _scaled(values: pl.Series, domain: tuple[float, float], pixels: float) -> NDArray[np.float64]:
    low, high = domain
    return (values.to_numpy().astype(np.float64) - low) * (pixels / (high - low))
