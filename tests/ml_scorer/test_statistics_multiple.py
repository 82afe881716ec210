"""Adjusted p-values."""

from __future__ import annotations

import numpy as np
import pytest

from ml_scorer.statistics.multiple import benjamini_hochberg, holm

PAIRS = [(holm, "holm"), (benjamini_hochberg, "fdr_bh")]


@pytest.mark.parametrize(("adjust", "name"), PAIRS)
@pytest.mark.parametrize("tests", [1, 2, 7, 100])
def test_adjusted_p_values_equal_statsmodels(adjust, name, tests):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.random.default_rng(tests).random(tests) ** 4
    p_values[tests // 2] = p_values[0]
    assert adjust(p_values) == pytest.approx(multitest.multipletests(p_values, method=name)[1], rel=1e-12)


def test_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert holm([0.9, 0.8]).tolist() == [1, 1]


@pytest.mark.parametrize(("adjust", "_name"), PAIRS)
def test_families_along_the_last_axis(adjust, _name):
    p_values = np.random.default_rng(0).random((3, 4, 5))
    adjusted = adjust(p_values)
    assert adjusted.shape == p_values.shape
    assert adjusted[2, 1] == pytest.approx(adjust(p_values[2, 1]))
    assert adjust(np.empty((2, 0))).shape == (2, 0)


@pytest.mark.parametrize(("adjust", "_name"), PAIRS)
@pytest.mark.parametrize(("faulty", "found"), [(np.nan, "nan"), (-0.1, "-0.1"), (1.5, "1.5")])
def test_what_is_no_p_value_is_refused(adjust, _name, faulty, found):
    with pytest.raises(ValueError, match=f"between 0 and 1; 1 of 3 do not, such as {found}. Leave out"):
        adjust([0.1, faulty, 0.2])
