"""Confidence levels: what is one, and what is said of what is none."""

from __future__ import annotations

import numpy as np
import pytest

from ml_scorer.errors import MissingExtraError
from ml_scorer.statistics import confidence


@pytest.mark.parametrize("level", [0.95, 0.995, np.float32(0.9), np.float64(0.5)])
def test_levels(level):
    confidence.check_level(level)


@pytest.mark.parametrize(
    ("level", "sentence"),
    [(95, r"Did you mean 0\.95\?"), (99.5, r"Did you mean 0\.995\?"), (0, "such as"), (1, "such as"), (np.nan, "nan")],
)
def test_no_share_between_0_and_1(level, sentence):
    with pytest.raises(ValueError, match=sentence):
        confidence.check_level(level)


@pytest.mark.parametrize("level", ["0.95", True, None, [0.95]])
def test_no_number(level):
    with pytest.raises(TypeError, match="expected a share between 0 and 1"):
        confidence.check_level(level)


def test_without_scipy_no_interval(monkeypatch):
    monkeypatch.setattr(confidence, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"a confidence interval needs packages .*'ml-scorer\[stats\]'"):
        confidence.check_confidence(0.95)
