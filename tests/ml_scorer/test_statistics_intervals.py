"""Confidence intervals of single scores: against other implementations, by hand, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from designs import alike, within_classes

from ml_scorer import Scorer
from ml_scorer.errors import MissingExtraError
from ml_scorer.statistics import bootstrap, confidence
from ml_scorer.statistics.bootstrap import resampled_averages
from ml_scorer.statistics.design import average, variance
from ml_scorer.statistics.intervals import analytic_interval, bootstrap_interval, clopper_pearson

scipy = pytest.importorskip("scipy")


def covered(interval, truth):
    return ((interval.low <= truth) & (truth <= interval.high)).mean()


def analytic(design, values, level=0.95):
    return analytic_interval(average(design, values), variance(design, values), design, level)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.995])
def test_clopper_pearson_equals_statsmodels(level):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    right, number = np.array([0, 1, 7, 68, 15_903]), np.array([3, 2, 10, 68, 18_692])
    interval = clopper_pearson(right, number, level)
    low, high = proportion.proportion_confint(right, number, 1 - level, method="beta")
    assert interval.low == pytest.approx(np.nan_to_num(low, nan=0), rel=1e-10)
    assert interval.high == pytest.approx(np.nan_to_num(high, nan=1), rel=1e-10)
    assert (interval.method, interval.confidence) == ("Clopper-Pearson", level)


def test_clopper_pearson_at_its_ends_by_hand():
    interval = clopper_pearson([0, 10, 0], [10, 10, 0], 0.95)
    assert interval.low.tolist() == pytest.approx([0, 0.025**0.1, 0])
    assert interval.high.tolist() == pytest.approx([1 - 0.025**0.1, 1, 1])


def test_clopper_pearson_equals_scipy():
    expected = scipy.stats.binomtest(59, 68).proportion_ci(0.995, "exact")
    interval = clopper_pearson(59, 68, 0.995)
    assert (float(interval.low), float(interval.high)) == pytest.approx((expected.low, expected.high), rel=1e-10)


def test_analytic_interval_of_images_alike_is_clopper_pearson_of_one_image_less():
    values = np.arange(50)[None] < 40
    interval, expected = analytic(alike(50), values), clopper_pearson(0.8 * 49, 49, 0.95)
    assert (interval.low[0], interval.high[0]) == pytest.approx((float(expected.low), float(expected.high)))
    assert interval.method == "Korn-Graubard"


def test_a_few_small_classes_all_right_are_not_certain():
    design = within_classes([2, 2, 2])
    interval = analytic(design, np.ones((1, 6), bool))
    # 6 images of equal weight, times (t of 5 / t of 3 degrees of freedom)^2 = (2.5706 / 3.1824)^2 = 0.65246, a table's.
    assert interval.low == pytest.approx([0.025 ** (1 / (6 * 0.65246))], rel=1e-4)
    assert interval.high.tolist() == [1]
    assert interval.method == "stratified Korn-Graubard"
    assert analytic(design, np.zeros((1, 6), bool)).low.tolist() == [0]


def test_classes_that_do_not_vary_within_are_not_certain():
    interval = analytic(within_classes([2, 2]), np.array([[True, True, False, False]]))
    assert 0 < interval.low[0] < 0.3
    assert 0.7 < interval.high[0] < 1


@pytest.mark.parametrize("sizes", [[3], [7], [5, 5], [7, 9], [20] * 3, [1, 2, 5]])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("share", [1 / 3, 2 / 3, 0.6])
def test_shares_that_are_all_equal_are_not_certain(sizes, kind, share):
    design = within_classes(sizes)
    values = np.full((1, design.images), share, kind)
    for interval in (analytic(design, values), bootstrap_interval(design, values, 0.95, resamples=50)):
        assert 0 <= interval.low[0] < share - 0.1 < share + 0.1 < interval.high[0] <= 1


@pytest.mark.parametrize("level", [0.05, 0.95, 0.9999])
@pytest.mark.parametrize("sizes", [[1], [7], [2, 20], [19] * 50], ids=str)
def test_analytic_intervals_contain_the_score(sizes, level):
    scores, variances = np.meshgrid([0, 1e-9, 1 / 3, 0.5, 1 - 1e-9, 1], [np.nan, 0, 1e-300, 1e-34, 1e-9, 1e-3, 1])
    interval = analytic_interval(scores.ravel(), variances.ravel(), within_classes(sizes), level)
    assert (interval.low <= scores.ravel()).all()
    assert (interval.high >= scores.ravel()).all()


def test_a_tiny_class_beside_larger_ones_by_hand():
    # The class of two is all right; 5 of 20 wrong: variance 1/4 * (3/4 * 1/4) / 19, effective images 1 / (1/8 + 1/80),
    # and at most so many times 1 + (freedom / 20)^2, with (11/20)^2 / (1/4 + 1/400/19) degrees of freedom.
    values = np.arange(22)[None] >= 0
    values[0, 2:7] = False
    freedom = 0.55**2 / (1 / 4 + 1 / 7600)
    student = scipy.stats.t.ppf(0.975, [21, freedom])
    effective = 80 / 11 * (1 + (freedom / 20) ** 2) * (student[0] / student[1]) ** 2
    expected = clopper_pearson(0.875 * effective, effective, 0.95)
    interval = analytic(within_classes([2, 20]), values)
    assert (interval.low[0], interval.high[0]) == pytest.approx((float(expected.low), float(expected.high)))


def test_a_single_image():
    interval = analytic(alike(1), np.array([[True]]))
    assert (interval.low.tolist(), interval.high.tolist()) == ([pytest.approx(0.025)], [1])
    interval = bootstrap_interval(alike(1), np.array([[True]]), 0.95)
    assert (interval.low.tolist(), interval.high.tolist()) == ([pytest.approx(0.025)], [1])


def test_more_confidence_is_wider_and_scores_may_exceed_1_by_rounding():
    narrow, wide = (
        analytic_interval([0.85, 1 + 1e-16], [1e-5, 0], within_classes([9] * 200), level) for level in (0.95, 0.995)
    )
    assert (wide.low < narrow.low).all()
    assert narrow.high.tolist()[1] == wide.high.tolist()[1] == 1


@pytest.mark.parametrize(
    ("sizes", "chance"),
    [
        (np.random.default_rng(1).integers(2, 21, 1000), np.random.default_rng(2).beta(8, 1.5, 1000)),
        (np.random.default_rng(1).integers(2, 21, 1000), np.random.default_rng(2).beta(200, 1, 1000)),
        (np.full(3, 2), np.full(3, 0.8)),
        (np.full(3, 2), np.full(3, 0.99)),
        (np.full(5, 4), np.full(5, 0.95)),
        (np.full(100, 2), np.full(100, 0.95)),
        (np.full(100, 2), np.full(100, 0.99)),
        (np.array([2, 20]), np.array([0.6, 0.9])),
        (np.array([2, 20, 20]), np.array([0.5, 0.95, 0.95])),
        (np.array([2, 2, 20]), np.array([0.7, 0.7, 0.9])),
        (np.array([2] + [20] * 10), np.array([0.5] + [0.98] * 10)),
        (np.array([1] * 5 + [4] * 5), np.full(10, 0.8)),
        (np.array([1] + [4] * 5), np.linspace(0.2, 0.9, 6)),
    ],
    ids=[
        "MLA",
        "MLA near 1",
        "3x2",
        "3x2 at 0.99",
        "5x4",
        "100x2",
        "100x2 at 0.99",
        "2 and 20",
        "2 and 2x20",
        "2x2 and 20",
        "2 and 10x20",
        "singles",
        "a single",
    ],
)
def test_analytic_intervals_cover(sizes, chance):
    design = within_classes(sizes)
    random = np.random.default_rng(0)
    values = random.random((600 if len(sizes) > 200 else 2000, design.images)) < chance[design.strata]
    assert 0.93 <= covered(analytic(design, values), chance.mean()) <= 1


def test_bootstrap_intervals_cover_where_shares_are_not_near_1():
    random = np.random.default_rng(0)
    design, chance = within_classes(random.integers(2, 21, 60)), random.uniform(0.4, 0.9, 60)
    values = random.random((500, design.images)) < chance[design.strata]
    assert 0.92 <= covered(bootstrap_interval(design, values, 0.95, resamples=1000), chance.mean()) <= 0.98


def test_resampling_shows_the_variance_of_classes_of_two_images_too():
    random = np.random.default_rng(0)
    design = within_classes([2] * 30 + [5] * 10 + [1] * 4)
    values = np.concatenate([random.random((3, design.images)) < 0.7, random.random((1, design.images)) > 0])
    averages = resampled_averages(design, values, seed=0, resamples=20_000)
    assert averages.mean(axis=0) == pytest.approx(average(design, values), abs=2e-3)
    assert averages.var(axis=0) == pytest.approx(variance(design, values), rel=0.03)


def test_resampling_images_is_drawing_binomials_of_each_class():
    design = within_classes([2, 3, 8])
    right = np.array([1, 2, 6])
    values = np.concatenate([np.arange(n) < r for n, r in zip([2, 3, 8], right, strict=True)])[None]
    random = np.random.default_rng(1)
    drawn = sum(random.binomial(n - 1, r / n, 40_000) / (n - 1) for n, r in zip([2, 3, 8], right, strict=True)) / 3
    averages = resampled_averages(design, values, seed=0, resamples=40_000)[:, 0]
    assert scipy.stats.ks_2samp(averages.round(9), drawn.round(9)).statistic < 0.015


def test_bootstrap_of_images_alike_equals_scipys():
    values = np.random.default_rng(0).random(400) < 0.8
    expected = scipy.stats.bootstrap(
        (values.astype(float),), np.mean, method="percentile", n_resamples=5000, rng=np.random.default_rng(0)
    ).confidence_interval
    interval = bootstrap_interval(alike(400), values[None], 0.95, resamples=5000)
    assert (interval.low[0], interval.high[0]) == pytest.approx((expected.low, expected.high), abs=5e-3)
    assert interval.method == "bootstrap"


def test_a_checkpoints_bootstrap_does_not_depend_on_the_others_or_on_parts(monkeypatch):
    design = within_classes([2, 3, 4])
    values = np.random.default_rng(0).random((6, 9)) < 0.6
    values[:, :2] = [True, False]
    together = bootstrap_interval(design, values, 0.9, seed=3, resamples=500)
    alone = bootstrap_interval(design, values[4:5], 0.9, seed=3, resamples=500)
    assert (together.low[4], together.high[4]) == pytest.approx((alone.low[0], alone.high[0]), rel=1e-12)
    monkeypatch.setattr(bootstrap, "BLOCK_NUMBERS", 100)
    parts = bootstrap_interval(design, values, 0.9, seed=3, resamples=500)
    assert parts.low == pytest.approx(together.low, rel=1e-12)
    other = resampled_averages(design, values, seed=4, resamples=500)
    assert not np.allclose(other, resampled_averages(design, values, seed=3, resamples=500))


def test_bootstrap_of_all_right_is_not_certain():
    design = within_classes([2, 2, 2])
    values = np.ones((2, 6), bool)
    values[1, 0] = False
    interval = bootstrap_interval(design, values, 0.95)
    assert interval.low[0] == pytest.approx(analytic(design, values).low[0])
    assert interval.low[1] < interval.high[1]


def test_analytic_and_bootstrap_agree_on_real_predictions(genuine, real_data):
    measures = ["MLA", "MLA(classes=dog)", "MLA(average=image)", "Top1"]
    files = [real_data / "predictions" / f"{name}.csv" for name in ("ResNet50", "DINO")]
    outcomes = Scorer(genuine, measures).outcomes(files)
    for measure in measures:
        values, design = outcomes.values(measure), outcomes.design(measure)
        first, second = analytic(design, values), bootstrap_interval(design, values, 0.95, resamples=2000)
        assert first.high - first.low == pytest.approx(second.high - second.low, rel=0.06)
        assert first.low == pytest.approx(second.low, abs=0.06 * (first.high - first.low).max())


@pytest.mark.parametrize(
    ("level", "hint"),
    [(95, r"Did you mean 0\.95\?"), (0, "between 0 and 1"), (1, "such as 0.95"), (-1, ""), (np.nan, "")],
)
def test_levels_that_are_none(level, hint):
    with pytest.raises(ValueError, match=f"confidence={level:g}: expected a share.*{hint}"):
        clopper_pearson(1, 2, level)
    with pytest.raises(ValueError, match=f"confidence={level:g}: expected a share.*{hint}"):
        bootstrap_interval(alike(2), np.ones((1, 2), bool), level)
    with pytest.raises(ValueError, match=f"confidence={level:g}: expected a share.*{hint}"):
        analytic_interval([0.5], [0.1], alike(2), level)


def test_other_errors():
    with pytest.raises(ValueError, match="0 <= right <= number"):
        clopper_pearson([3], [2], 0.95)
    with pytest.raises(ValueError, match="at least 1 resample, not 0"):
        bootstrap_interval(alike(2), np.ones((1, 2), bool), 0.95, resamples=0)


def test_without_scipy(monkeypatch):
    monkeypatch.setattr(confidence, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"a confidence interval needs .* pip install 'ml-scorer\[stats\]'"):
        clopper_pearson(1, 2, 0.95)
    with pytest.raises(MissingExtraError, match=r"ml-scorer\[stats\]"):
        analytic_interval([0.5], [0.1], alike(2), 0.95)
