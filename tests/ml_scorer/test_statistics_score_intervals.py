"""One measure, one interval: wherever a score is reported."""

from __future__ import annotations

import numpy as np
import pytest

from ml_scorer import Scorer
from ml_scorer.breakdowns.subsets import scores_with_interval
from ml_scorer.measures import MLA, Top1
from ml_scorer.statistics.design import Design
from ml_scorer.statistics.intervals import analytic_interval, clopper_pearson
from ml_scorer.statistics.score_intervals import score_interval

pytest.importorskip("scipy")


def test_which_scores_count_images(synthetic):
    assert Top1().rule(synthetic).counts_images
    assert MLA(average="image").rule(synthetic).counts_images
    assert MLA(classes=(3,)).rule(synthetic).counts_images
    assert not MLA().rule(synthetic).counts_images
    assert not MLA(classes=(3,), k="labels").rule(synthetic).counts_images


def test_counts_get_the_exact_interval_and_means_the_estimated_one(synthetic):
    rule = Top1().rule(synthetic)
    number = rule.images.size
    right = np.arange(0, number + 1, 997)
    counted = score_interval(rule, right / number, None, 0.9)
    expected = clopper_pearson(right, number, 0.9)
    assert (counted.low.tolist(), counted.high.tolist()) == (expected.low.tolist(), expected.high.tolist())
    assert counted.method == "Clopper-Pearson"

    both = score_interval(rule, [0.5, 0.5], [1e-5, 1e-5], 0.9, averaged=[True, False])
    estimated = analytic_interval([0.5], [1e-5], Design.of(rule), 0.9)
    assert both.low.tolist() == [estimated.low[0], clopper_pearson(number / 2, number, 0.9).low]
    assert both.high.tolist() == [estimated.high[0], clopper_pearson(number / 2, number, 0.9).high]
    assert both.method == "Clopper-Pearson, of means Korn-Graubard"
    assert score_interval(rule, [0.5], [1e-5], 0.9, averaged=True).method == "Korn-Graubard"


def test_no_scores(synthetic):
    assert score_interval(MLA().rule(synthetic), [], [], 0.9).method == "stratified Korn-Graubard"
    assert score_interval(Top1().rule(synthetic), [], None, 0.9).low.shape == (0,)


def test_without_variances(synthetic):
    with pytest.raises(ValueError, match=r"averages within classes.* need variances"):
        score_interval(MLA().rule(synthetic), [0.5], None, 0.9)
    with pytest.raises(ValueError, match="means over checkpoints need variances"):
        score_interval(Top1().rule(synthetic), [0.5], None, 0.9, averaged=True)


@pytest.mark.parametrize("measure", ["MLA", "MLA(classes=3)", "Top1", "MLA(average=image)", "Top1(average=class)"])
def test_a_score_and_a_breakdown_by_the_same_rule_agree_to_the_bit(synthetic, measure):
    random = np.random.default_rng(0)
    labels = np.where(random.random((3, 50_000)) < 0.7, 3, random.integers(0, 1000, (3, 50_000))).astype(np.int16)
    scorer = Scorer(synthetic, [measure], order="ilsvrc", trust_order=True)
    frame = scorer.score(labels, confidence=0.95).frame
    outcomes = scorer.outcomes(labels)
    found = scores_with_interval(outcomes, outcomes.rules[measure], 0.95)
    assert found.low.tolist() == frame[f"{measure}_low"].to_list()
    assert found.high.tolist() == frame[f"{measure}_high"].to_list()
