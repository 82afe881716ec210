"""Sums of sizes with random signs, their whole distribution: exact but for the rounding of the sizes to a lattice."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.statistics.design import Floats

LEAST: Final = 1e-10
"""Smallest probability to read off: much below it, the rounding errors of the Fourier transform (1e-15) would show."""

_STEPS: Final = 2**10
"""Of the lattice to a size of average length, where its length allows."""

_LENGTHS: Final = (2**14, 2**17)
"""Points of a lattice, at least and at most: 1 to 10 ms for twenty different sizes."""

_TIE: Final = 4
"""Steps within which two sums are taken for equal: rounding moves sums of a few images by no more."""


def tail(sizes: Floats, counts: NDArray[np.int64], nets: NDArray[np.int64]) -> float:
    """The chance that a sum of sizes with random signs is at least as far from 0 as the observed one.

    The characteristic function of the sum is the product of cos(angle * size) over all images; its inverse Fourier
    transform has the chance of every sum (as Hong 2013, section 2.3, for the Poisson binomial distribution).

    Parameters
    ----------
    sizes : (levels,) float64
        Sizes that occur, positive.
    counts : (levels,) int64
        How many images have each.
    nets : (levels,) int64
        How many more of these have a positive than a negative sign in the observed sum.

    Returns
    -------
    float
        At most 1. Far below `LEAST` no digit is right.
    """
    length = _length(int(counts.sum()))
    steps = np.rint(sizes * ((length - 1 - int(counts.sum())) / float(sizes @ counts))).astype(np.int64)
    total, observed = int(steps @ counts), abs(int(steps @ nets))
    if observed <= _TIE:
        return 1.0
    logarithms, negatives = _cosines(length)
    angles = np.arange(length // 2 + 1)
    logarithm, negative = np.zeros(angles.size), np.zeros(angles.size, np.bool_)
    for step, count in zip(steps.tolist(), counts.tolist(), strict=True):
        places = angles * step & (2 * length - 1)
        logarithm += count * logarithms[places]
        if count % 2:
            negative ^= negatives[places]
    products = np.where(negative, -1, 1) * np.exp(logarithm)
    # Of the positive part alone, which is (total + sum) / 2 and so any whole number from 0 to total.
    shifts = np.exp(-1j * np.pi / length * (angles * total & (2 * length - 1)))
    chances = np.fft.irfft(products * shifts, length)
    first = -(-(total + observed - _TIE) // 2)
    return min(1.0, 2 * max(0.0, float(chances[first : total + 1].sum())))


def _length(images: int) -> int:
    """A power of 2, which fast Fourier transforms like."""
    least, most = _LENGTHS
    return min(max(1 << (_STEPS * images - 1).bit_length(), least), most)


@lru_cache(maxsize=8)
def _cosines(length: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Of the multiples of pi / length, once around: logarithms of their sizes, and which are negative."""
    cosines = np.cos(np.arange(2 * length) * (np.pi / length))
    return np.log(np.abs(cosines)), cosines < 0
