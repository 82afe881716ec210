"""What the kernel gives, and how many checkpoints it takes at a time."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_scorer.measures.rule import EXACT

BATCH: Final = 32
"""Checkpoints in a batch: enough to spread the cost of a call, few enough to stay in the cache."""

Sums: TypeAlias = NDArray[Any]
"""Whole numbers: float64 while all of them are below 2**53, else Python integers in an object array."""


def number_type(denominator: int) -> np.dtype[Any]:
    """Type of sums that reach a denominator at most."""
    return np.dtype(np.float64) if denominator < EXACT else np.dtype(object)
