"""Designs, and sampling variances within strata."""

from __future__ import annotations

import numpy as np
import pytest
from designs import alike, within_classes
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.measures import MLA, Top1
from ml_scorer.statistics import design as module
from ml_scorer.statistics.design import Design, average, variance


def slow_variance(design, row):
    """Class by class: the squared weight of the class, times the variance within it, over its images."""
    total = 0.0
    for stratum in np.unique(design.strata):
        inside = design.strata == stratum
        share = design.weights[inside].sum()
        total += share**2 * np.var(row[inside].astype(float), ddof=1) / inside.sum()
    return total


def test_of_a_class_average(synthetic):
    design = Design.of(MLA().rule(synthetic))
    assert design.weights.sum() == pytest.approx(1, abs=1e-12)
    assert design.stratified
    assert np.unique(design.strata).tolist() == list(range(1000))
    by_class = np.bincount(design.strata, design.weights)
    assert by_class == pytest.approx(np.full(1000, 1 / 1000), abs=1e-15)


def test_of_an_average_over_images(synthetic):
    rule = Top1().rule(synthetic)
    design = Design.of(rule)
    assert not design.stratified
    assert (design.weights == 1 / rule.images.size).all()
    assert design.degrees_of_freedom == pytest.approx(rule.images.size - 1)
    assert design.effective_images == pytest.approx(rule.images.size)


def test_weights_that_are_pythons_integers(synthetic):
    rule = MLA(k="labels").rule(synthetic)
    assert Design.of(rule).weights.dtype == np.float64
    assert Design.of(rule).weights == pytest.approx(Design.of(MLA().rule(synthetic)).weights, rel=1e-15)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(2, 7), min_size=1, max_size=6), st.integers(0, 2**32 - 1), st.booleans())
def test_variance_equals_the_formula_class_by_class(sizes, seed, fractional):
    random = np.random.default_rng(seed)
    design = within_classes(sizes, random.permutation(sum(sizes)))
    values = random.random((3, design.images))
    values = values if fractional else values < 0.7
    expected = [slow_variance(design, row) for row in values]
    assert variance(design, values) == pytest.approx(expected, rel=1e-12, abs=1e-18)
    assert variance(design, values.astype(np.float64)) == pytest.approx(expected, rel=1e-12, abs=1e-18)


def test_variance_of_two_classes_by_hand():
    # Class averages 1/2 and 1, so 1/4 * (1/2) / 2 of the first, nothing of the second.
    assert variance(within_classes([2, 3]), np.array([[True, False, True, True, True]])).tolist() == [1 / 16]


def test_variance_of_a_share_of_images():
    values = np.arange(10)[None] < 7
    assert variance(alike(10), values) == pytest.approx([0.7 * 0.3 / 9], rel=1e-14)


@pytest.mark.parametrize("sizes", [[3], [6], [7], [5, 5], [7, 9], [20] * 3, [19, 18, 17], [1, 2, 5], [18_692]])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("share", [1 / 3, 2 / 3, 0.2, 0.6, 1 / 7])
def test_equal_values_have_no_variance_at_all(sizes, kind, share):
    design = within_classes(sizes)
    assert variance(design, np.full((2, design.images), share, kind)).tolist() == [0, 0]
    nearly = np.full((1, design.images), share)  # as sums of other shares of float32 come to the same
    nearly[0, ::2] += 3e-8
    assert variance(design, nearly).tolist() == [0]


def test_the_smallest_differences_have_a_variance():
    design = alike(50_000)
    values = np.zeros((1, 50_000))
    values[0, 0] = 1 / 900  # one of nine labels, of one seed of a hundred
    assert variance(design, values) == pytest.approx([(1 / 900 / 50_000) ** 2], rel=1e-3)


def test_variance_is_what_samples_show():
    random = np.random.default_rng(0)
    chances = random.random(40)
    design = within_classes(random.integers(2, 9, 40))
    values = random.random((4000, design.images)) < chances[design.strata]
    scores = average(design, values)
    assert variance(design, values).mean() == pytest.approx(scores.var(ddof=1), rel=0.08)


def test_it_does_not_matter_how_many_are_taken_at_a_time(monkeypatch):
    random = np.random.default_rng(0)
    design = within_classes([2, 3, 4])
    values = random.random((7, 9)) < 0.5
    whole = variance(design, values), average(design, values)
    monkeypatch.setattr(module, "BLOCK_NUMBERS", 20)
    parts = variance(design, values), average(design, values)
    for one, other in zip(whole, parts, strict=True):
        assert one == pytest.approx(other, rel=1e-13)


def test_classes_of_one_image_are_taken_for_one():
    # The three single images have weight 1/4 each and values 1, 0, 1: 3/2 * (1/4)^2 * (1/9 + 4/9 + 1/9).
    values = np.array([[True, False, True, True, True]])
    design = within_classes([1, 1, 1, 2])
    assert variance(design, values) == pytest.approx([3 / 2 / 16 * 6 / 9])
    assert variance(design, values.astype(float)) == pytest.approx([3 / 2 / 16 * 6 / 9])


def test_a_single_class_of_one_image_joins_the_smallest_and_is_unbiased_where_they_are_alike():
    random = np.random.default_rng(0)
    design = within_classes([5, 1, 2])
    values = random.random((20_000, 8)) < 0.6
    expected = 0.6 * 0.4 * np.square(design.weights).sum()
    assert design.groups.sizes.tolist() == [5, 3]
    assert variance(design, values).mean() == pytest.approx(expected, rel=0.02)
    apart = np.where(design.strata == 1, False, random.random((20_000, 8)) < 0.6)
    assert variance(design, apart).mean() > 0.6 * 0.4 * np.square(design.weights[design.strata != 1]).sum()


def test_one_image_has_no_variance():
    design = alike(1)
    assert np.isnan(variance(design, np.array([[True]]))).all()
    assert np.isnan(variance(design, np.array([[0.5]]))).all()
    assert design.degrees_of_freedom == 0


def test_degrees_of_freedom():
    assert within_classes([4, 4, 4]).degrees_of_freedom == pytest.approx(9)
    assert within_classes([2, 20]).degrees_of_freedom == pytest.approx((1 / 2 + 1 / 20) ** 2 / (1 / 4 + 1 / 400 / 19))


def test_no_checkpoints():
    none = np.empty((0, 5), bool)
    design = within_classes([2, 3])
    assert variance(design, none).shape == average(design, none).shape == (0,)


def test_average_of_shares_and_of_all_right():
    design = within_classes([2, 3])
    values = np.array([[1, 0, 0.5, 0.5, 0.5], [1, 1, 1, 1, 1]], np.float32)
    assert average(design, values) == pytest.approx([0.5, 1])


@pytest.mark.parametrize(
    ("weights", "strata", "message"),
    [
        (
            np.ones(2),
            np.zeros(3, int),
            r"one weight and one stratum for each image, not weights \(2,\) and strata \(3,\)",
        ),
        (np.ones(0), np.zeros(0, int), "at least one image"),
        (np.array([1.0, 0.0]), np.zeros(2, int), "a positive weight; leave out those that weigh nothing"),
        (np.array([1.0, np.nan]), np.zeros(2, int), "a positive weight"),
    ],
)
def test_designs_that_are_none(weights, strata, message):
    with pytest.raises(ValueError, match=message):
        Design(weights, strata)


def test_values_that_do_not_fit():
    design = alike(5)
    with pytest.raises(
        ValueError, match=r"shape \(checkpoints, 5\).* found \(5,\)\. Give a single checkpoint as values\[None\]"
    ):
        variance(design, np.ones(5, bool))
    with pytest.raises(ValueError, match=r"found \(2, 4\)"):
        average(design, np.ones((2, 4), bool))
    with pytest.raises(TypeError, match=r"bool .* or float .*, not int64"):
        variance(design, np.ones((2, 5), np.int64))
