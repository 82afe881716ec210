"""Differences on the same images: p-values against enumeration and other implementations, intervals by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from designs import alike, within_classes

from ml_scorer.errors import MissingExtraError
from ml_scorer.statistics import confidence, design
from ml_scorer.statistics.design import average, variance
from ml_scorer.statistics.lattice import LEAST
from ml_scorer.statistics.paired import mcnemar, paired_test, paired_tests
from ml_scorer.statistics.sign_flips import SignFlips

scipy = pytest.importorskip("scipy")


def enumerated(parts):
    """Two-sided p-value by all signs of all parts."""
    sums = [abs(np.dot(signs, parts)) for signs in product([-1, 1], repeat=len(parts))]
    return np.mean(np.array(sums) >= abs(np.sum(parts)) - 1e-9)


def made_up(random, sizes, images_that_differ):
    """Two checkpoints that differ on so many images."""
    plan = within_classes(sizes)
    first = random.random(plan.images) < 0.7
    second = first.copy()
    second[random.choice(plan.images, images_that_differ, replace=False)] ^= True
    return plan, first, second


@pytest.mark.parametrize("seed", range(8))
def test_exact_p_value_equals_enumeration(seed):
    random = np.random.default_rng(seed)
    plan, first, second = made_up(random, random.integers(2, 21, 30), 10)
    parts = (first * 1.0 - second) * plan.weights
    test = paired_test(plan, first, second, 0.95)
    assert float(test.p_value) == pytest.approx(enumerated(parts[parts != 0]), rel=1e-9)
    assert test.method == "sign-flip permutation test (exact), Student's t interval"
    assert float(test.difference) == pytest.approx(parts.sum())


def test_exact_p_value_of_shares_equals_scipys_permutation_test():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 4, (2, 9)) / 3
    expected = scipy.stats.permutation_test(
        (first, second), lambda a, b, axis: (a - b).mean(axis=axis), permutation_type="samples", n_resamples=np.inf
    )
    test = paired_test(alike(9), first.astype(np.float32), second.astype(np.float32), 0.95)
    assert float(test.p_value) == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 5), (3, 12), (40, 90), (400, 900), (1000, 4)])
def test_of_images_that_weigh_the_same_it_is_mcnemars(only_a, only_b):
    first, second = np.zeros((2, 3000), bool)
    first[:only_a] = True
    second[only_a : only_a + only_b] = True
    test = paired_test(alike(3000), first, second, 0.95)
    assert float(test.p_value) == pytest.approx(float(mcnemar(only_a, only_b)), rel=1e-8)


def test_mcnemar_equals_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    only_a, only_b = np.array([0, 1, 5, 12, 120, 431]), np.array([3, 1, 2, 40, 90, 512])
    expected = [tables.mcnemar([[0, a], [b, 0]], exact=True).pvalue for a, b in zip(only_a, only_b, strict=True)]
    assert mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(only_b, only_a) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_by_hand():
    assert float(mcnemar(0, 0)) == 1
    assert float(mcnemar(0, 5)) == pytest.approx(2 / 32)
    assert float(mcnemar(2000, 0)) == pytest.approx(0, abs=1e-300)


@pytest.mark.parametrize(("seed", "tilt"), [(0, 0.5), (1, 0.55), (2, 0.6), (3, 0.7), (4, 0.8), (5, 0.9)])
def test_saddlepoint_is_near_the_exact_p_value(seed, tilt):
    random = np.random.default_rng(seed)
    parts = np.repeat(1 / np.array([14, 17, 18, 19, 20]), [3, 8, 10, 40, 40])
    flips = SignFlips.of(parts * np.where(random.random(parts.size) < tilt, 1, -1))
    assert flips.saddlepoint() == pytest.approx(flips.exact(), rel=0.1)


def convolved(sizes, signs):
    """Two-sided p-value of whole sizes with signs, adding one image after the other."""
    total = int(sizes.sum())
    chances = np.zeros(2 * total + 1)
    chances[total] = 1
    for size in sizes.tolist():
        chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2
    return chances[np.abs(np.arange(-total, total + 1)) >= abs(sizes @ signs)].sum()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "sizes",
    [
        np.array([500, 499, 498, *range(1, 25)]),
        np.concatenate([[500], np.repeat(np.arange(20, 45), 2)]),
        np.concatenate([[190, 190], np.random.default_rng(0).integers(19, 25, 120)]),
        np.concatenate([[950] * 3, np.random.default_rng(0).integers(19, 30, 400)]),
    ],
    ids=["three heavy", "one heavy", "two of a class of two", "many"],
)
def test_where_few_images_weigh_much_the_p_value_is_exact_on_a_lattice(sizes, seed):
    random = np.random.default_rng(seed)
    signs = np.where(random.random(sizes.size) < 0.5 + 0.03 * seed, 1, -1)
    plan = design.Design(sizes / sizes.sum(), np.zeros(sizes.size, np.int64))
    test = paired_test(plan, signs > 0, signs < 0, 0.95)
    assert float(test.p_value) == pytest.approx(convolved(sizes, signs), rel=0.01)
    assert test.method == "sign-flip permutation test (exact on a lattice), Student's t interval"


def test_lattice_and_saddlepoint_meet():
    sizes = np.random.default_rng(0).uniform(10, 20, 60)
    for opposite in (30, 24, 18, 14):
        flips = SignFlips.of(np.where(np.arange(60) < opposite, -sizes, sizes))
        assert flips.on_lattice() == pytest.approx(flips.saddlepoint(), rel=0.02)


def test_p_values_below_what_a_transform_can_tell_are_saddlepoints():
    sizes = np.concatenate([[400, 300], np.linspace(10, 20, 60)])
    signs = np.where(np.arange(62) < 60, 1, -1)
    flips = SignFlips.of(sizes * signs)
    assert flips.few
    assert flips.saddlepoint() < LEAST
    plan = design.Design(sizes / sizes.sum(), np.zeros(sizes.size, np.int64))
    test = paired_test(plan, signs > 0, signs < 0, 0.95)
    assert 2**-62 < float(test.p_value) == flips.saddlepoint()


def test_saddlepoint_far_out_equals_the_exact_p_value():
    flips = SignFlips.of(np.concatenate([np.full(1500, 0.05), np.full(500, -0.05)]))
    assert flips.exact() == pytest.approx(2 * scipy.stats.binom.sf(1499, 2000, 0.5), rel=1e-8)
    assert flips.exact() < 1e-110
    assert flips.saddlepoint() == pytest.approx(flips.exact(), rel=0.3)


def test_saddlepoint_of_no_difference_and_of_all_on_one_side():
    sizes = np.linspace(1, 2, 40)
    assert SignFlips.of(np.concatenate([sizes, -sizes])).saddlepoint() == 1
    assert SignFlips.of(sizes).saddlepoint() == pytest.approx(2**-39)
    assert SignFlips.of(np.concatenate([sizes, -sizes, [1e-4]])).saddlepoint() == pytest.approx(1, abs=1e-3)


def test_drawn_p_values_are_near_and_never_0():
    random = np.random.default_rng(0)
    parts = np.where(random.random(300) < 0.55, 1, -1) / random.integers(2, 21, 300)
    flips = SignFlips.of(parts)
    assert flips.drawn(20_000, 0) == pytest.approx(flips.saddlepoint(), abs=0.01)
    assert flips.drawn(20_000, 0) == flips.drawn(20_000, 0) != flips.drawn(20_000, 1)
    assert SignFlips.of(np.ones(100)).drawn(999, 0) == 1 / 1000


def test_p_values_are_uniform_or_larger_where_checkpoints_are_equally_good():
    random = np.random.default_rng(0)
    plan = within_classes(random.integers(2, 21, 40))
    chances = random.random(plan.images)
    first, second = random.random((2, 1000, plan.images)) < chances
    p_values = paired_test(plan, first, second, 0.95).p_value
    for level in (0.01, 0.05, 0.2):
        assert (p_values <= level).mean() < level + 3 * np.sqrt(level / 1000)


@pytest.mark.parametrize(("classes", "most"), [(300, 20), (5, 4), (3, 2)])
def test_intervals_of_differences_cover(classes, most):
    random = np.random.default_rng(0)
    sizes = random.integers(2, most + 1, classes)
    plan = within_classes(sizes)
    hard, better = random.uniform(0.3, 0.9, classes)[plan.strata], random.uniform(0, 0.1, classes)[plan.strata]
    common = random.random((800, plan.images))  # what is hard for one is hard for the other
    first = np.where(random.random(common.shape) < 0.8, common, random.random(common.shape)) < hard + better
    second = np.where(random.random(common.shape) < 0.8, common, random.random(common.shape)) < hard
    truth = average(plan, (hard + better)[None])[0] - average(plan, hard[None])[0]
    test = paired_test(plan, first, second, 0.95)
    assert 0.93 <= ((test.low <= truth) & (truth <= test.high)).mean() <= 1


def test_checkpoints_that_agree_everywhere_are_not_certain_to_be_equal():
    values = np.ones(1000, bool)
    test = paired_test(alike(1000), values, values, 0.95)
    # t times the standard error of t^2 images in 1,000; t of 999 degrees of freedom is 1.96234, a table's.
    assert (float(test.low), float(test.high)) == pytest.approx((-(1.96234**2) / 1000, 1.96234**2 / 1000), rel=1e-5)
    assert (float(test.difference), float(test.p_value)) == (0, 1)
    test = paired_test(alike(1), values[:1], values[:1], 0.95)
    assert (float(test.low), float(test.high), float(test.p_value)) == (-1, 1, 1)


@pytest.mark.parametrize("level", [0.95, 0.995])
@pytest.mark.parametrize("expected", [0.5, 2, 3.5, 5, 8, 15])
def test_intervals_cover_where_few_images_differ_and_all_one_way(expected, level):
    random = np.random.default_rng(0)
    plan = alike(2000)
    first = random.random((2000, 2000)) < expected / 2000
    test = paired_test(plan, first, np.zeros_like(first), level)
    truth = expected / 2000
    missed = ((test.low > truth) | (truth > test.high)).mean()
    assert missed < (1 - level) + 3 * np.sqrt((1 - level) / 2000)


@pytest.mark.parametrize("images", range(1, 15))
def test_intervals_of_images_that_differ_one_way_exclude_0_only_where_the_p_value_is_small(images):
    test = paired_test(alike(3000), np.arange(3000) < images, np.zeros(3000, bool), 0.95)
    assert float(test.low) <= 0 or float(test.p_value) < 0.05


def test_interval_by_hand():
    plan, first, second = made_up(np.random.default_rng(0), [5, 6, 7], 9)
    student = scipy.stats.t.ppf(0.995, plan.degrees_of_freedom)
    spread = variance(plan, (first * 1.0 - second)[None])[0] + student**2 * np.mean(plan.weights**2)
    reach = student * np.sqrt(spread)
    test = paired_test(plan, first, second, 0.99)
    assert (float(test.low), float(test.high)) == pytest.approx(
        (max(float(test.difference) - reach, -1), min(float(test.difference) + reach, 1))
    )


def test_many_against_a_baseline(monkeypatch):
    random = np.random.default_rng(0)
    plan = within_classes(random.integers(8, 21, 50))
    values = random.random((6, plan.images)) < 0.8
    tests = paired_tests(plan, values, 2, 0.9)
    assert (tests.difference[2], tests.p_value[2]) == (0, 1)
    assert "saddlepoint approximation" in tests.method
    for row in range(6):
        test = paired_test(plan, values[row], values[2], 0.9)
        for field in ("difference", "low", "high", "p_value"):
            assert getattr(tests, field)[row] == pytest.approx(float(getattr(test, field)))
        back = paired_test(plan, values[2], values[row], 0.9)
        assert float(back.difference) == pytest.approx(-float(test.difference))
        assert float(back.p_value) == pytest.approx(float(test.p_value))
    monkeypatch.setattr(design, "BLOCK_NUMBERS", 1000)
    assert paired_tests(plan, values, 2, 0.9).p_value.tolist() == tests.p_value.tolist()
    drawn = paired_tests(plan, values, 2, 0.9, seed=1, resamples=2000)
    assert drawn.p_value == pytest.approx(tests.p_value, abs=0.05)
    assert "2,000 draws" in drawn.method


def test_no_pairs():
    none = np.empty((0, 4), bool)
    assert paired_test(alike(4), none, none, 0.95).p_value.shape == (0,)


def test_errors():
    plan, values = alike(4), np.ones((3, 4), bool)
    with pytest.raises(ValueError, match=r"of the same images, .* shapes \(4,\) and \(3, 4\)"):
        paired_test(plan, values[0], values, 0.95)
    with pytest.raises(ValueError, match=r"expected values of shape \(checkpoints, 4\)"):
        paired_test(plan, values[0, :3], values[0, :3], 0.95)
    with pytest.raises(ValueError, match="resamples=-1: expected a number of random draws"):
        paired_test(plan, values, values, 0.95, resamples=-1)
    with pytest.raises(ValueError, match="confidence=95: expected a share"):
        paired_tests(plan, values, 0, 95)
    with pytest.raises(IndexError, match="out of bounds"):
        paired_tests(plan, values, 3, 0.95)
    with pytest.raises(ValueError, match="numbers of images, and one is negative"):
        mcnemar([1, -1], 3)


def test_without_scipy(monkeypatch):
    monkeypatch.setattr(confidence, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"ml-scorer\[stats\]"):
        paired_test(alike(2), np.ones(2, bool), np.ones(2, bool), 0.95)
    monkeypatch.setitem(__import__("sys").modules, "scipy.special", None)
    with pytest.raises(MissingExtraError, match=r"McNemar's test needs .*ml-scorer\[stats\]"):
        mcnemar(1, 2)
