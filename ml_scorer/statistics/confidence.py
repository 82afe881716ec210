"""What can be asked of intervals, checked before anything is scored for nothing."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from ml_scorer.errors import MissingExtraError


def check_level(confidence: float) -> None:
    """Make sure that this is a confidence level.

    Raises
    ------
    ValueError
        If it is no share between 0 and 1.
    TypeError
        If it is no number.
    """
    if isinstance(confidence, bool) or not isinstance(confidence, int | float | np.number):
        raise TypeError(f"confidence={confidence!r}: expected a share between 0 and 1, such as 0.95.")
    if not 0 < confidence < 1:
        hint = f" Did you mean {confidence / 100:g}?" if 1 < confidence < 100 else ""  # noqa: PLR2004 (percent)
        raise ValueError(f"confidence={confidence:g}: expected a share between 0 and 1, such as 0.95.{hint}")


def check_confidence(confidence: float) -> None:
    """Make sure that intervals of this confidence level can be had.

    Raises
    ------
    ValueError
        If the level is no share between 0 and 1.
    MissingExtraError
        If scipy is not installed.
    """
    check_level(confidence)
    if find_spec("scipy") is None:
        raise MissingExtraError("a confidence interval", "stats")
