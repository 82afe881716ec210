"""The compiled plan: its layout, and that nothing in it counts twice or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from ml_scorer.kernel import compile_plan, count, top1
from ml_scorer.measures import DEFAULT_MEASURES, MLA, Top1, Top5
from ml_scorer.measures.verdict_counts import verdict_rules
from ml_scorer.schema import MISSING, NO_LABEL


@pytest.fixture(scope="module")
def plan(synthetic):
    rules = [measure.rule(synthetic) for measure in DEFAULT_MEASURES]
    return compile_plan([*rules, *verdict_rules(synthetic).values()])


def aligned(plan, annotations, label_of_image):
    table = np.full(50_001, NO_LABEL, np.int16)
    table[annotations.images] = label_of_image
    return table[plan.images][None]


def test_each_layer_is_a_prefix_of_whole_words(plan):
    widths = [layer.size for layer in plan.layers]
    assert widths == sorted(widths, reverse=True)
    assert all(width % 8 == 0 for width in widths)
    assert plan.images.size == widths[0]


def test_padding_is_a_small_part(plan):
    images_with_labels = plan.layers[0] != NO_LABEL
    assert np.count_nonzero(images_with_labels) > 0.95 * plan.images.size


def test_original_labels_are_all_right_under_top1(synthetic):
    plan = compile_plan([Top1().rule(synthetic)])
    assert count(plan, aligned(plan, synthetic, synthetic.original_labels)).tolist() == [[plan.denominators[0]]]


def test_predictions_that_are_missing_are_right_in_no_rule(synthetic):
    rules = [MLA().rule(synthetic), MLA(unreviewed="correct").rule(synthetic), MLA(unclear="wrong").rule(synthetic)]
    plan = compile_plan(rules, missing_allowed=True)
    missing = np.full((1, plan.images.size), MISSING, np.int16)
    assert count(plan, missing).tolist() == [[0, 0, 0]]


def test_every_prediction_has_exactly_one_verdict(plan, synthetic):
    rng = np.random.default_rng(0)
    for _ in range(5):
        labels = rng.integers(0, 1000, len(synthetic), dtype=np.int16)
        counts = count(plan, aligned(plan, synthetic, labels))[0, len(DEFAULT_MEASURES) :]
        assert counts.sum() == np.count_nonzero(~synthetic.is_problematic)
        assert (counts >= 0).all()


@pytest.mark.parametrize("narrowest", [1, 100, 10**6])
def test_sums_do_not_depend_on_the_number_of_layers(narrowest, plan, synthetic, monkeypatch):
    rules = [measure.rule(synthetic) for measure in DEFAULT_MEASURES]
    monkeypatch.setattr(top1, "_NARROWEST", narrowest)
    other = compile_plan([*rules, *verdict_rules(synthetic).values()])
    assert len(other.layers) != len(plan.layers)
    reviewed = synthetic.original_labels.copy()
    reviewed[synthetic.reviewed_rows] = synthetic.reviewed_labels  # the last of each image
    sums = count(plan, aligned(plan, synthetic, reviewed))
    assert (sums == count(other, aligned(other, synthetic, reviewed))).all()


@pytest.mark.parametrize("measure", [MLA(k=5), MLA(k="labels"), Top5()])
def test_a_rule_that_looks_at_more_labels_is_not_taken_for_another(measure, synthetic):
    with pytest.raises(ValueError, match=r"one prediction of an image; compile_top_k the others"):
        compile_plan([MLA().rule(synthetic), measure.rule(synthetic)])


def test_sums_are_whole_numbers(plan, synthetic):
    labels = np.random.default_rng(0).integers(0, 1000, len(synthetic), dtype=np.int16)
    sums = count(plan, aligned(plan, synthetic, labels))
    assert (sums == np.floor(sums)).all()
