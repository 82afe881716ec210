"""Averages over resampled images: the rescaled bootstrap within strata."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ml_scorer.statistics.design import BLOCK_NUMBERS, Design, Floats, Values, blocks, checked


def resampled_averages(design: Design, values: Values, *, seed: int, resamples: int) -> Floats:
    """Each checkpoint's weighted average over resamples of the images.

    Of a stratum's n images n - 1 are drawn with replacement, and their average stands for the stratum (Rao & Wu 1988,
    section 2, with m = n - 1). Drawing n would understate the variance of classes of two images by half. Strata of one
    image are joined as for the variance: `Groups`.

    Parameters
    ----------
    design : Design
    values : (checkpoints, images) bool or float
    seed : int
        All checkpoints see the same resamples, which follow from the seed alone. So differences between checkpoints may
        be formed resample by resample, and it does not matter with which others a checkpoint is resampled (but for the
        last bits of float64).
    resamples : int

    Returns
    -------
    (resamples, checkpoints) float64

    Raises
    ------
    ValueError
        If `resamples` is not positive, or the values do not fit the design.
    """
    if resamples < 1:
        raise ValueError(f"a bootstrap needs at least 1 resample, not {resamples}.")
    values = checked(design, values)
    ordered = np.take(values, design.groups.order, axis=1)
    averages = np.empty((resamples, len(values)))
    start = 0
    for weights in _resampled_weights(design, seed, resamples):
        stop = start + len(weights)
        for block in blocks(design, len(values)):
            averages[start:stop, block] = weights @ ordered[block].astype(np.float64).T
        start = stop
    return averages


def _resampled_weights(design: Design, seed: int, resamples: int) -> Iterator[Floats]:
    """Weights of the images in the order of `Design.groups`, some resamples at a time: (resamples, images) float64."""
    groups = design.groups
    draws = np.maximum(groups.sizes - 1, 1)
    firsts = np.repeat(groups.starts, draws)
    sizes = np.repeat(groups.sizes, draws)
    scales = groups.weights * np.repeat(groups.sizes / draws, groups.sizes)
    random = np.random.default_rng(seed)
    step = max(1, BLOCK_NUMBERS // design.images)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = firsts + (random.random((rows, firsts.size)) * sizes).astype(np.int64)
        drawn += np.arange(rows)[:, None] * design.images
        counts: NDArray[np.int64] = np.bincount(drawn.ravel(), minlength=rows * design.images)
        yield counts.reshape(rows, design.images) * scales
