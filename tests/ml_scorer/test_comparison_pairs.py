"""Differences from a baseline on the same images."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import polars as pl
import pytest
from reference import mla
from tables import small_frame

from ml_scorer import Annotations, Scorer
from ml_scorer.comparison import pairs
from ml_scorer.measures import parse_measure
from ml_scorer.schema import CORRECT, UNCLEAR, WRONG, image_name
from ml_scorer.statistics.multiple import benjamini_hochberg, holm
from ml_scorer.statistics.paired import paired_test

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def annotations():
    """Ninety images of three classes, of 50, 30 and 10 images."""
    labels = [0] * 50 + [1] * 30 + [2] * 10
    frame = small_frame(
        90,
        **{
            "original_label": labels,
            CORRECT: [[label] for label in labels],
            WRONG: [[(label + 1) % 3] for label in labels],
            UNCLEAR: [[(label + 2) % 3] if image % 7 == 0 else [] for image, label in enumerate(labels)],
        },
    )
    return Annotations.from_frame(frame, num_classes=3)


@pytest.fixture(scope="module")
def predictions(annotations):
    random = np.random.default_rng(0)
    labels = annotations.original_labels
    return {
        name: np.where(random.random(90) < share, labels, random.integers(0, 4, 90)).astype(np.int16)
        for name, share in (("a", 0.5), ("b", 0.6), ("c", 0.9), ("d", 0.1))
    }


def outcomes_of(annotations, predictions, measures=("MLA", "Top1"), **options):
    scorer = Scorer(annotations, measures, order="annotations", trust_order=True, **options)
    return scorer.outcomes(predictions)


def mcnemar_by_hand(one, other):
    """Twice the smaller tail of a fair coin, in whole numbers."""
    tosses = one + other
    tail = sum(comb(tosses, heads) for heads in range(min(one, other) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**tosses)))


def test_every_figure_by_a_plain_loop(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    frame = pairs(outcomes)
    assert frame["checkpoint"].to_list() == ["b", "c", "d"]
    assert set(frame["baseline"]) == {"a"}
    assert set(frame["measure"]) == {"MLA"}
    images = [
        {
            "name": row["file_name"],
            "original": row["original_label"],
            "correct": row[CORRECT],
            "unclear": row[UNCLEAR],
            "wrong": row[WRONG],
            "problematic": False,
        }
        for row in annotations.frame.iter_rows(named=True)
    ]

    def named(labels):
        return {image["name"]: [label] for image, label in zip(images, labels.tolist(), strict=True)}

    def right(labels):
        return [label in {*i["correct"], *i["unclear"]} for i, label in zip(images, labels.tolist(), strict=True)]

    before = mla(images, named(predictions["a"]), 3)
    first = right(predictions["a"])
    for row in frame.iter_rows(named=True):
        labels = predictions[row["checkpoint"]]
        assert row["difference"] == float(mla(images, named(labels), 3) - before)
        second = right(labels)
        only = sum(b and not a for a, b in zip(first, second, strict=True))
        only_baseline = sum(a and not b for a, b in zip(first, second, strict=True))
        assert (row["only_checkpoint_right"], row["only_baseline_right"]) == (only, only_baseline)
        assert row["p_mcnemar"] == pytest.approx(mcnemar_by_hand(only, only_baseline), rel=1e-12)
        agree = sum(a == b for a, b in zip(first, second, strict=True)) / 90
        share, other = sum(first) / 90, sum(second) / 90
        chance = share * other + (1 - share) * (1 - other)
        assert row["agreement"] == pytest.approx((agree - chance) / (1 - chance), rel=1e-12)


def test_the_tests_are_those_of_the_statistics(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    frame = pairs(outcomes, baseline=2, checkpoints=[0, 3], confidence=0.9)
    values, design = outcomes.values("MLA"), outcomes.design("MLA")
    for row, checkpoint in zip(frame.iter_rows(named=True), (0, 3), strict=True):
        test = paired_test(design, values[checkpoint], values[2], 0.9)
        expected = [float(test.low), float(test.high), float(test.p_value)]
        assert [row["low"], row["high"], row["p_value"]] == pytest.approx(expected)
        assert row["low"] < row["difference"] < row["high"]
    assert frame["p_holm"].to_list() == holm(frame["p_value"].to_numpy()).tolist()
    assert frame["p_bh"].to_list() == benjamini_hochberg(frame["p_value"].to_numpy()).tolist()
    assert frame["method"].str.contains("permutation").all()


def test_the_other_way_round(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    there, back = (
        pairs(outcomes, baseline=one, checkpoints=[other]).row(0, named=True) for one, other in ((0, 1), (1, 0))
    )
    assert back["difference"] == -there["difference"]
    assert (back["low"], back["high"]) == pytest.approx((-there["high"], -there["low"]))
    assert (back["lowest"], back["highest"]) == pytest.approx((-there["highest"], -there["lowest"]))
    assert back["p_value"] == pytest.approx(there["p_value"])
    assert back["only_checkpoint_right"] == there["only_baseline_right"]
    assert back["agreement"] == pytest.approx(there["agreement"])


def test_draws_at_random_are_seeded(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    one, same, other = (pairs(outcomes, resamples=999, seed=seed) for seed in (0, 0, 1))
    assert one.equals(same)
    assert not one.equals(other)
    assert one["p_value"].to_list() == pytest.approx(pairs(outcomes)["p_value"].to_list(), abs=0.06)


def test_the_order_of_images_does_not_matter(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    order = np.random.default_rng(1).permutation(90)
    shuffled = {
        name: {image_name(int(image) + 1): int(labels[image]) for image in order}
        for name, labels in predictions.items()
    }
    assert pairs(Scorer(annotations, ["MLA"], trust_order=True).outcomes(shuffled)).equals(pairs(outcomes))


def test_checkpoints_that_are_alike(annotations, predictions):
    outcomes = outcomes_of(annotations, {"a": predictions["a"], "b": predictions["a"]})
    row = pairs(outcomes).row(0, named=True)
    assert (row["difference"], row["p_value"], row["p_mcnemar"], row["agreement"]) == (0, 1, 1, 1)
    assert (row["only_checkpoint_right"], row["only_baseline_right"]) == (0, 0)
    assert (row["lowest"], row["highest"]) == (0, 0)
    assert row["low"] < 0 < row["high"]


def test_nothing_to_compare(annotations, predictions):
    outcomes = outcomes_of(annotations, {"a": predictions["a"]})
    frame = pairs(outcomes)
    assert frame.height == 0
    assert frame.schema == pairs(outcomes_of(annotations, predictions)).schema


def test_a_missing_prediction_is_wrong(annotations, predictions):
    labels = predictions["a"].tolist()
    every = {image_name(image): label for image, label in enumerate(labels, 1)}
    right = next(image for image, label in enumerate(labels) if label == annotations.original_labels[image])
    few = {name: label for name, label in every.items() if name != image_name(right + 1)}
    scorer = Scorer(annotations, ["MLA"], missing="wrong", trust_order=True)
    row = pairs(scorer.outcomes({"every": every, "few": few})).row(0, named=True)
    assert (row["only_checkpoint_right"], row["only_baseline_right"]) == (0, 1)
    assert row["highest"] == row["difference"] < 0


def test_everything_right_has_no_agreement(annotations):
    labels = annotations.original_labels
    assert pairs(outcomes_of(annotations, {"a": labels, "b": labels}))["agreement"].to_list() == [None]


def test_several_labels_may_be_right_in_part(annotations):
    labels = np.stack([annotations.original_labels, (annotations.original_labels + 2) % 3], axis=1)
    second = labels.copy()
    second[0, 1] = 7  # of two accepted labels, one
    outcomes = outcomes_of(annotations, {"a": labels, "b": second}, ["MLA(k=labels)"])
    row = pairs(outcomes).row(0, named=True)
    assert row["difference"] == float(Fraction(-1, 2 * 50 * 3))
    assert (row["only_checkpoint_right"], row["only_baseline_right"]) == (0, 1)
    assert (row["lowest"], row["highest"]) == (None, None)
    assert row["agreement"] == 0


def test_a_measure_that_is_none(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    assert set(pairs(outcomes, "Top1")["measure"]) == {"Top1"}
    assert pairs(outcomes, "Top1")["lowest"].null_count() == 3
    with pytest.raises(KeyError, match="Top5 was not measured; there are MLA, Top1"):
        pairs(outcomes, "Top5")
    with pytest.raises(ValueError, match="share between 0 and 1"):
        pairs(outcomes, confidence=95)


def test_the_frame_is_typed(annotations, predictions):
    schema = pairs(outcomes_of(annotations, predictions)).schema
    assert list(schema)[:4] == ["checkpoint", "baseline", "measure", "difference"]
    assert schema["only_checkpoint_right"] == pl.Int64
    assert schema["lowest"] == schema["p_holm"] == pl.Float64


def test_real_checkpoints(genuine, real_data):
    """The scores are those of expected_scores.json; McNemar's p-value by whole numbers."""
    files = [str(real_data / "predictions" / name) for name in ("ResNet50.csv", "DINO.csv")]
    outcomes = Scorer(genuine, ["MLA", "Top1"]).outcomes(files)
    row = pairs(outcomes).row(0, named=True)
    first, second = outcomes.scores.exact("MLA")
    assert row["difference"] == float(second - first)
    assert row["p_mcnemar"] == pytest.approx(
        mcnemar_by_hand(row["only_checkpoint_right"], row["only_baseline_right"]), rel=1e-9
    )
    upper = Scorer(genuine, ["MLA(unreviewed=correct)"]).outcomes(files).scores.frame["MLA(unreviewed=correct)"]
    lower = outcomes.scores.frame["MLA"]
    # Unreviewed labels that both predict cancel, so the ends lie within those of the bounds of each.
    assert lower[1] - upper[0] <= row["lowest"] <= row["difference"] <= row["highest"] <= upper[1] - lower[0]


@pytest.mark.parametrize("measure", ["MLA(k=2)", "MLA(unclear=wrong, k=3)", "MLA(average=image)"])
@pytest.mark.parametrize("seed", range(5))
def test_both_ends_can_be_reached_by_some_judgement(annotations, measure, seed):
    """Every way of judging the unreviewed labels of each image, one image after the other."""
    random = np.random.default_rng(seed)
    k = 3 if "k=3" in measure else 2 if "k=2" in measure else 1
    labels = np.stack([[random.permutation(5)[:k] for _ in range(90)] for _ in range(2)]).astype(np.int16)
    rule = parse_measure(measure).rule(annotations)
    accepted = [set(rule.pair_labels[rule.pair_rows == image].tolist()) for image in range(90)]
    reviewed = [set(annotations.reviewed_labels[annotations.reviewed_rows == image].tolist()) for image in range(90)]
    ends = [0.0, 0.0]
    for image, weight in enumerate((rule.weights / rule.denominator).tolist()):
        baseline, checkpoint = (set(labels[row, image].tolist()) for row in range(2))
        unreviewed = sorted((baseline | checkpoint) - reviewed[image])
        changes = [
            bool(checkpoint & right) - bool(baseline & right)
            for number in range(len(unreviewed) + 1)
            for more in combinations(unreviewed, number)
            for right in [accepted[image] | set(more)]
        ]
        ends = [ends[0] + weight * min(changes), ends[1] + weight * max(changes)]
    named = {name: row if k > 1 else row[:, 0] for name, row in zip("ab", labels, strict=True)}
    (row,) = pairs(outcomes_of(annotations, named, (measure,)), measure).iter_rows(named=True)
    assert (row["lowest"], row["highest"]) == pytest.approx(ends, abs=1e-12)


def test_the_order_of_the_labels_leaves_nothing_open(annotations):
    labels = np.stack([np.random.default_rng(0).permutation(5) for _ in range(90)]).astype(np.int16)
    outcomes = outcomes_of(annotations, {"a": labels, "b": labels[:, ::-1]}, ("MLA(k=5)",))
    (row,) = pairs(outcomes, "MLA(k=5)").iter_rows(named=True)
    assert (row["difference"], row["lowest"], row["highest"]) == (0, 0, 0)
