"""Whether checkpoints are wrong on the same images."""

from __future__ import annotations

import numpy as np

from ml_scorer.statistics.design import BLOCK_NUMBERS, Floats, Values


def error_consistency(values: Values) -> Floats:
    """Cohen's kappa of being right or wrong, of every two checkpoints (Geirhos, Meding & Wichmann 2020, section 2).

    (observed - expected) / (1 - expected) agreement: 1 where two are right and wrong on the same images, 0 where they
    agree as often as their accuracies make two independent ones agree. Every image counts alike.

    Parameters
    ----------
    values : (checkpoints, images) bool
        Whether each checkpoint is right.

    Returns
    -------
    (checkpoints, checkpoints) float64
        NaN where agreement is certain: both are right on all images, or both wrong.

    Raises
    ------
    ValueError
        If the values have another shape, or no images.
    TypeError
        If they are not bool.
    """
    if values.dtype != np.bool_:
        raise TypeError(f"error consistency is of right and wrong, so values are bool, not {values.dtype}.")
    checkpoints, images = len(values), values.shape[-1]
    if values.shape != (checkpoints, images) or not images:
        raise ValueError(
            f"expected values of shape (checkpoints, images) with an image at least, found {values.shape}."
        )
    both = np.zeros((checkpoints, checkpoints), np.float32)  # counts below 2**24, and so exact
    step = max(1, 2 * BLOCK_NUMBERS // max(checkpoints, 1))
    for start in range(0, images, step):
        some = values[:, start : start + step].astype(np.float32)
        both += some @ some.T
    right = np.count_nonzero(values, axis=1)
    wrong = images - right
    observed = images * (images - right[:, None] - right + 2 * both.astype(np.int64))
    expected = np.outer(right, right) + np.outer(wrong, wrong)
    kappa: Floats = np.full(both.shape, np.nan)
    np.divide(observed - expected, images**2 - expected, out=kappa, where=expected < images**2)
    return kappa
