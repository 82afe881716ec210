"""What a frame says of itself, in columns of one value: the measure behind its numbers, and the level of intervals."""

from __future__ import annotations

from typing import Final

import polars as pl

MEASURED: Final = "measured"
"""Column: the printed name of the measure; only where no column is named after it."""

CONFIDENCE: Final = "confidence"
"""Column: the level of the intervals, as a share."""


def measure_of(frame: pl.DataFrame) -> str | None:
    """The measure that a frame says it is of; None where it says none."""
    found = frame[MEASURED].drop_nulls() if MEASURED in frame.columns else pl.Series()
    return str(found[0]) if found.len() else None


def interval_words(frame: pl.DataFrame, number: int = 2) -> str:
    """What to call this number of intervals.

    >>> interval_words(pl.DataFrame({"confidence": [0.995]})), interval_words(pl.DataFrame(), 1)
    ('99.5% intervals', 'confidence interval')
    """
    found = frame[CONFIDENCE].drop_nulls() if CONFIDENCE in frame.columns else pl.Series()
    level = f"{100 * float(found[0]):.6g}%" if found.len() else "confidence"
    return f"{level} interval" + ("" if number == 1 else "s")
