"""Places that data cannot tell apart, and agreement of errors."""

from __future__ import annotations

import subprocess
import sys
from statistics import NormalDist

import numpy as np
import pytest
from designs import alike, within_classes

from ml_scorer.statistics import agreement, ranking
from ml_scorer.statistics.agreement import error_consistency
from ml_scorer.statistics.design import average
from ml_scorer.statistics.ranking import rank_intervals


def slow_places(design, values, confidence):
    """Pair by pair, step by step."""
    count = len(values)
    scores = average(design, values)
    places = []
    for one in range(count):
        tests = []
        for other in set(range(count)) - {one}:
            error = np.sqrt(np.sum((design.weights * (values[one] * 1.0 - values[other])) ** 2))
            gain = (scores[other] - scores[one]) / error if error else 0.0
            tests += [(1 - NormalDist().cdf(gain), -1), (1 - NormalDist().cdf(-gain), 1)]
        better = worse = 0
        for step, (p_value, side) in enumerate(sorted(tests)):
            if p_value >= (1 - confidence) / (len(tests) - step):
                break
            better, worse = better + (side < 0), worse + (side > 0)
        places.append((1 + better, count - worse))
    return np.array(places).T.tolist()


def checkpoints(random, design, count, spread):
    """Right or not, of checkpoints whose skill spreads this far, and how good they truly are."""
    hard, skill = random.normal(0, 1, design.images), random.normal(1, spread, count)
    chances = 1 / (1 + np.exp(-2 * (skill[:, None] + hard)))
    return random.random(chances.shape) < chances, average(design, chances)


@pytest.mark.parametrize("spread", [0.02, 0.3, 2])
@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_places_equal_the_slow_way(spread, confidence):
    random = np.random.default_rng(0)
    design = within_classes(random.integers(2, 21, 60))
    values, _ = checkpoints(random, design, 15, spread)
    lowest, highest = rank_intervals(design, values, confidence)
    assert [lowest.tolist(), highest.tolist()] == slow_places(design, values, confidence)


def test_places_of_shares_equal_the_slow_way():
    random = np.random.default_rng(0)
    values = (random.random((8, 300)) ** np.linspace(0.5, 1, 8)[:, None] * 4).round() / 4
    lowest, highest = rank_intervals(alike(300), values.astype(np.float32), 0.95)
    assert [lowest.tolist(), highest.tolist()] == slow_places(alike(300), values, 0.95)


def test_parts_and_the_order_of_checkpoints_do_not_matter(monkeypatch):
    random = np.random.default_rng(0)
    design = within_classes(random.integers(2, 21, 60))
    values, _ = checkpoints(random, design, 23, 0.2)
    whole = np.array(rank_intervals(design, values, 0.95))
    order = random.permutation(23)
    assert (np.array(rank_intervals(design, values[order], 0.95)) == whole[:, order]).all()
    monkeypatch.setattr(ranking, "_PAIRS", 120)
    monkeypatch.setattr(ranking, "_COMPARED", 50)
    assert (np.array(rank_intervals(design, values, 0.95)) == whole).all()


def test_places_hold_the_true_one():
    random = np.random.default_rng(0)
    design = within_classes(random.integers(2, 21, 50))
    held = []
    for _ in range(100):
        values, truth = checkpoints(random, design, 20, 0.15)
        lowest, highest = rank_intervals(design, values, 0.95)
        places = 1 + np.count_nonzero(truth > truth[:, None], axis=1)
        held.append((lowest <= places) & (places <= highest))
    assert 0.95 <= np.mean(held) <= 1


def test_equally_good_checkpoints_share_all_places():
    random = np.random.default_rng(0)
    missed = 0
    for _ in range(200):
        values = random.random((6, 400)) < 0.8
        lowest, highest = rank_intervals(alike(400), values, 0.95)
        missed += (lowest[0] > 1) or (highest[0] < 6)
    assert missed / 200 <= 0.08


def test_far_apart_and_identical():
    values = np.zeros((4, 1000), bool)
    values[0, :900] = values[1, :900] = values[2, :500] = True
    lowest, highest = rank_intervals(alike(1000), values, 0.95)
    assert list(zip(lowest.tolist(), highest.tolist(), strict=True)) == [(1, 2), (1, 2), (3, 3), (4, 4)]
    lowest, highest = rank_intervals(alike(1000), values[[0] * 5], 0.95)
    assert (lowest.tolist(), highest.tolist()) == ([1] * 5, [5] * 5)


def test_one_class_of_difference_tells_nothing_though_it_does_not_vary_within():
    values = np.ones((2, 20), bool)
    values[1, :2] = False
    assert [places.tolist() for places in rank_intervals(within_classes([2] * 10), values, 0.95)] == [[1, 1], [2, 2]]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_rank(count):
    lowest, highest = rank_intervals(alike(5), np.ones((count, 5), bool), 0.95)
    assert lowest.tolist() == highest.tolist() == [1] * count
    assert lowest.dtype == highest.dtype == np.int64


def test_ranking_errors():
    with pytest.raises(ValueError, match=r"confidence=95: .*Did you mean 0.95\?"):
        rank_intervals(alike(5), np.ones((2, 5), bool), 95)
    with pytest.raises(ValueError, match=r"expected values of shape \(checkpoints, 5\)"):
        rank_intervals(alike(5), np.ones((2, 4), bool), 0.95)


def test_ranking_needs_no_scipy():
    code = (
        "import sys; sys.modules['scipy'] = None; import numpy as np\n"
        "from ml_scorer.statistics.ranking import rank_intervals\n"
        "from ml_scorer.statistics.design import Design\n"
        "print(*rank_intervals(Design(np.full(4, 1 / 4), np.zeros(4, int)), np.eye(2, 4) > 0, 0.95))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[1 1] [2 2]\n"


def test_error_consistency_by_hand():
    # Both right on 2, both wrong on 1 of 5: 15/25 observed; 3/5 * 3/5 + 2/5 * 2/5 = 13/25 expected.
    first = np.array([1, 1, 1, 0, 0], bool)
    second = np.array([1, 1, 0, 1, 0], bool)
    assert error_consistency(np.stack([first, second])) == pytest.approx(np.array([[1, 1 / 6], [1 / 6, 1]]))
    assert error_consistency(np.stack([first, ~first]))[0, 1] == pytest.approx((0 - 12 / 25) / (1 - 12 / 25))


def test_error_consistency_equals_statsmodels():
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    values = np.random.default_rng(0).random((4, 500)) < np.array([[0.5], [0.8], [0.9], [0.99]])
    kappa = error_consistency(values)
    for one in range(4):
        for other in range(4):
            table = np.histogram2d(values[one] * 1.0, values[other] * 1.0, bins=2, range=[[0, 1], [0, 1]])[0]
            expected = inter_rater.cohens_kappa(table, return_results=False)
            assert kappa[one, other] == pytest.approx(expected, abs=1e-12)


def test_error_consistency_of_all_right_or_all_wrong():
    values = np.array([[1, 1, 1], [1, 1, 1], [0, 0, 0], [1, 0, 0]], bool)
    kappa = error_consistency(values)
    assert np.isnan(kappa).tolist() == [[True, True, False, False]] * 2 + [[False, False, True, False], [False] * 4]
    assert kappa[0, 2] == kappa[0, 3] == kappa[2, 3] == 0
    assert error_consistency(values[:0]).shape == (0, 0)


def test_error_consistency_in_parts(monkeypatch):
    values = np.random.default_rng(0).random((5, 97)) < 0.7
    whole = error_consistency(values)
    monkeypatch.setattr(agreement, "BLOCK_NUMBERS", 20)
    assert (error_consistency(values) == whole).all()


def test_error_consistency_errors():
    with pytest.raises(TypeError, match="bool, not float64"):
        error_consistency(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"\(checkpoints, images\) with an image at least, found \(2, 0\)"):
        error_consistency(np.ones((2, 0), bool))
    with pytest.raises(ValueError, match=r"found \(3,\)"):
        error_consistency(np.ones(3, bool))
