"""Differences between checkpoints on the same images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ml_scorer.errors import MissingExtraError
from ml_scorer.statistics.confidence import check_confidence
from ml_scorer.statistics.design import Design, Floats, Values, average, blocks, checked, variance
from ml_scorer.statistics.lattice import LEAST
from ml_scorer.statistics.sign_flips import SignFlips

RESAMPLES: Final = 0
"""Random draws of a permutation test: none, its p-value is exact, or as good as."""


@dataclass(frozen=True, eq=False)
class PairedTest:
    """Differences of scores on the same images, with intervals and p-values.

    Attributes
    ----------
    difference : (pairs,) float64
        Of the two averages; a single number (0-dimensional) for a single pair.
    low, high : (pairs,) float64
        Its confidence interval, within [-1, 1].
    p_value : (pairs,) float64
        Two-sided, of no difference; not adjusted for their number.
    method : str
        How both were made, for people.
    confidence : float
    """

    difference: Floats
    low: Floats
    high: Floats
    p_value: Floats
    method: str
    confidence: float


def paired_test(
    design: Design,
    values_a: Values,
    values_b: Values,
    confidence: float,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> PairedTest:
    """The difference a - b of checkpoints on the same images.

    The p-value is that of the permutation test that exchanges the two checkpoints image by image: `SignFlips`. It is
    exact where at most 19 images differ, or where all that differ weigh the same (it is then that of `mcnemar`). Where
    a few images weigh much more than the others that differ, it is exact for weights rounded to a lattice; a
    saddlepoint approximation elsewhere, and below 1e-10.

    The interval is difference +- t sqrt(variance of the difference + t^2 w^2), Student's t with the design's degrees of
    freedom, w^2 the mean of the squared weights: t^2 more images differ. Without them it would be too short where few
    images differ, and none where none does. A Poisson number of mean m lies within z sqrt(m) of it, so that m lies
    within z sqrt(number + z^2 / 4) of number + z^2 / 2 (Wilson's argument, 1927); about the number itself it takes z^2
    rather than z^2 / 4 for both ends. In simulations where all images that differ favour the same checkpoint, 95 %
    intervals miss in at most 5 % of the cases; with one image added, in up to 14 %.

    Parameters
    ----------
    design : Design
    values_a, values_b : (images,) or (pairs, images) bool or float
    confidence : float
    seed : int
        Of the random draws.
    resamples : int
        Draw so many signs at random for the p-value, which is then at least 1 / (resamples + 1). 0: draw none.

    Raises
    ------
    ValueError, TypeError
        If the values do not fit the design or each other, or `confidence` does not lie between 0 and 1.
    MissingExtraError
        If SciPy is not installed.
    """
    check_confidence(confidence)
    if resamples < 0:
        raise ValueError(f"resamples={resamples}: expected a number of random draws, or 0 for none.")
    if values_a.shape != values_b.shape:
        raise ValueError(
            f"a pair is of the same images, and these have values of shapes {values_a.shape} and {values_b.shape}."
        )
    first, second = (checked(design, np.atleast_2d(values)) for values in (values_a, values_b))
    return _tests(design, first, second, (confidence, resamples, seed), values_a.shape[:-1])


def paired_tests(
    design: Design,
    values: Values,
    baseline_row: int,
    confidence: float,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> PairedTest:
    """The differences of all checkpoints from one of them: as `paired_test`.

    Parameters
    ----------
    design : Design
    values : (checkpoints, images) bool or float
    baseline_row : int
        Which of them is the baseline. Its own difference is 0 with p-value 1; leave it out before adjusting p-values.
    confidence, seed, resamples
        As in `paired_test`.

    Returns
    -------
    PairedTest
        Of (checkpoints,), in their order.

    Raises
    ------
    IndexError
        If there is no such row.
    ValueError, TypeError, MissingExtraError
        As in `paired_test`.
    """
    values = checked(design, values)
    return paired_test(
        design, values, np.broadcast_to(values[baseline_row], values.shape), confidence, seed=seed, resamples=resamples
    )


def _tests(
    design: Design, first: Values, second: Values, asked: tuple[float, int, int], shape: tuple[int, ...]
) -> PairedTest:
    """Tests of rows of values, with (confidence, resamples, seed); results in this shape."""
    from scipy.special import stdtrit

    confidence, resamples, seed = asked
    difference, variances, p_values = (np.empty(len(first)) for _ in range(3))
    ways = set()
    for block in blocks(design, len(first)):
        gains = np.subtract(first[block], second[block], dtype=np.float64)
        difference[block] = average(design, gains)
        variances[block] = variance(design, gains)
        for row, gain in enumerate(gains, block.start):
            flips = SignFlips.of(gain * design.weights)
            way, p_values[row] = _p_value(flips, resamples, seed)
            if flips.sizes.size:
                ways.add(way)
    if design.degrees_of_freedom:
        student = stdtrit(design.degrees_of_freedom, (1 + confidence) / 2)
        reach = student * np.sqrt(variances + added_variance(design, student))
    else:
        reach = np.full(len(first), np.inf)
    low, high = np.clip(difference - reach, -1, 1), np.clip(difference + reach, -1, 1)
    method = f"sign-flip permutation test ({' or '.join(sorted(ways) or ['exact'])}), Student's t interval"
    difference, low, high, p_values = (np.reshape(result, shape) for result in (difference, low, high, p_values))
    return PairedTest(difference, low, high, p_values, method, confidence)


def added_variance(design: Design, student: float) -> float:
    """Of as many images of average weight as Student's t squared, which differ one way or the other."""
    return student**2 * float(np.square(design.weights).mean())


def _p_value(flips: SignFlips, resamples: int, seed: int) -> tuple[str, float]:
    """The way to a p-value, and the p-value."""
    if resamples:
        return f"{resamples:,} draws", flips.drawn(resamples, seed)
    if flips.enumerable:
        return "exact", flips.exact()
    p_value = flips.saddlepoint()
    if flips.few and p_value >= LEAST:
        return "exact on a lattice", flips.on_lattice()
    return "saddlepoint approximation", p_value


def mcnemar(only_a: ArrayLike, only_b: ArrayLike) -> Floats:
    """McNemar's exact test: two-sided p-values of images on which just one of two checkpoints is right.

    Twice the smaller tail of the binomial distribution with even chances, at most 1.

    Parameters
    ----------
    only_a, only_b : (...) int
        Images that only the one, and only the other has right.

    Returns
    -------
    (...) float64

    Raises
    ------
    ValueError
        If a number is negative.
    MissingExtraError
        If SciPy is not installed.
    """
    try:
        from scipy.special import bdtr
    except ImportError as error:
        raise MissingExtraError("McNemar's test", "stats") from error
    only_a, only_b = np.asarray(only_a, np.int64), np.asarray(only_b, np.int64)
    if (only_a < 0).any() or (only_b < 0).any():
        raise ValueError("McNemar's test takes numbers of images, and one is negative.")
    tail = bdtr(np.minimum(only_a, only_b).astype(np.float64), only_a + only_b, 0.5)
    return np.asarray(np.minimum(1, 2 * tail))
