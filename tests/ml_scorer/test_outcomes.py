"""What each checkpoint predicts for each image, and what makes of it the score."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import reference

from ml_scorer import Scorer
from ml_scorer.kernel import compile_values, image_values
from ml_scorer.measures import parse_measures
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.schema import MISSING, image_name

MEASURES = [
    "MLA", "MLA(unclear=wrong)", "MLA(unreviewed=correct)", "MLA(average=image)", "MLA(classes=dog)", "Top1",
    "Top1(average=class)", "Top1(images=validation)",
]  # fmt: skip
TOP_K = ["MLA(k=5)", "MLA(unreviewed=correct, k=3)", "MLA(k=labels)", "Top5", "MLA"]


@pytest.fixture(scope="module")
def labels(synthetic):
    """Five checkpoints of labels for all validation images, in ILSVRC order, ever better."""
    random = np.random.default_rng(3)
    from ml_scorer.imagenet import validation_labels

    original = validation_labels()[1:]
    chance = random.integers(0, 1000, (5, original.size))
    return np.where(random.random((5, original.size)) < np.linspace(0.4, 0.9, 5)[:, None], original, chance)


def exact_sums(rule, values):
    """Each checkpoint's score from its values, in exact fractions."""
    weights = [int(weight) for weight in rule.weights]
    return [
        sum((Fraction(weight) for weight, value in zip(weights, row, strict=True) if value), Fraction())
        / rule.denominator
        for row in values.tolist()
    ]


@pytest.mark.parametrize("missing", [False, True])
def test_values_weigh_up_to_the_score(synthetic, labels, missing):
    predictions = {image_name(number + 1): label for number, label in enumerate(labels[2].tolist())}
    if missing:
        for name in list(predictions)[::7]:
            del predictions[name]
    outcomes = Scorer(synthetic, MEASURES, missing="wrong").outcomes(predictions)
    for measure in MEASURES:
        assert exact_sums(outcomes.rules[measure], outcomes.values(measure)) == outcomes.scores.exact(measure)


def test_values_of_top_k_weigh_up_to_the_score(synthetic):
    random = np.random.default_rng(0)
    top = np.argsort(random.random((50_000, 40)), axis=1)[:, :10] + random.integers(0, 960, (50_000, 1))
    from ml_scorer.imagenet import validation_labels

    hit = random.random(50_000) < 0.7
    top[hit, 1] = validation_labels()[1:][hit]
    top = np.array([list(dict.fromkeys([*row, 997, 998, 999, 996]))[:10] for row in top.tolist()])
    outcomes = Scorer(synthetic, TOP_K, order="ilsvrc", trust_order=True).outcomes(top)
    assert outcomes.labels.shape[2] == max(rule.labels_needed for rule in outcomes.rules.values())
    for measure in TOP_K:
        values, rule = outcomes.values(measure), outcomes.rules[measure]
        if measure == "MLA(k=labels)":
            score = values.astype(float) @ (rule.weights / rule.denominator)
            assert score == pytest.approx([float(exact) for exact in outcomes.scores.exact(measure)], abs=1e-7)
        else:
            assert exact_sums(rule, values) == outcomes.scores.exact(measure)


def test_rows_are_the_checkpoints_of_the_scores_whatever_they_came_from(synthetic, labels, tmp_path):
    files = []
    for index, row in enumerate(labels):
        files.append(tmp_path / f"step-{index}.npy")
        np.save(files[-1], row)
    np.savez(tmp_path / "both.npz", first=labels[3], second=labels[1])
    outcomes = Scorer(synthetic, ["MLA", "Top1"], order="ilsvrc").outcomes([*files, tmp_path / "both.npz"])
    rows = [0, 1, 2, 3, 4, 3, 1]
    assert len(outcomes.names) == len(rows)
    assert (outcomes.top1 == labels[rows][:, outcomes.images - 1]).all()
    assert outcomes.scores.frame["MLA"].to_list() == [float(score) for score in outcomes.scores.exact("MLA")]


def test_verdicts_are_those_of_the_slow_scorer(synthetic, labels):
    predictions = {image_name(number + 1): label for number, label in enumerate(labels[3].tolist())}
    for name in list(predictions)[::11]:
        del predictions[name]
    outcomes = Scorer(synthetic, missing="wrong").outcomes(predictions)
    rows = [
        {
            "correct": row["correct_multi_labels"],
            "unclear": row["unclear_multi_labels"],
            "wrong": row["wrong_multi_labels"],
            "name": row["file_name"],
        }
        for row in synthetic.frame.filter(~synthetic.frame["is_problematic"]).iter_rows(named=True)
    ]
    known = [row["name"] in predictions and reference.verdict(row, predictions[row["name"]]) for row in rows]
    expected = [VERDICT_COUNTS.index(verdict) if verdict else MISSING for verdict in known]
    assert outcomes.verdicts()[0].tolist() == expected
    assert [image_name(number) for number in outcomes.scored_images] == [row["name"] for row in rows]
    counts = np.bincount(outcomes.verdicts(slice(0, 1))[0] + 1)[1:]
    assert counts.tolist() == list(outcomes.scores.frame.select(VERDICT_COUNTS).row(0))


def test_a_measure_that_was_not_measured_is_named(synthetic, labels):
    outcomes = Scorer(synthetic, "MLA", order="ilsvrc").outcomes(labels[:1])
    with pytest.raises(KeyError, match=r"Top1 was not measured; there are MLA"):
        outcomes.values("Top1")


def test_nothing_gives_no_rows(synthetic, tmp_path):
    (tmp_path / "empty.csv").touch()
    outcomes = Scorer(synthetic, "MLA").outcomes(tmp_path / "empty.csv", on_error="skip")
    assert len(outcomes.scores.failed) == 1
    assert outcomes.labels.shape == (0, outcomes.images.size)
    assert outcomes.values("MLA").shape == (0, outcomes.rules["MLA"].images.size)


def test_fewer_labels_than_a_rule_looks_at_are_refused(synthetic):
    (measure,) = parse_measures("MLA(k=5)")
    plan = compile_values(measure.rule(synthetic), synthetic.images)
    with pytest.raises(ValueError, match="expected 5 predictions for each image, found 1"):
        image_values(plan, np.zeros((1, len(synthetic)), np.int16))


def test_a_bootstrap_makes_intervals_like_the_analytic_ones(genuine, real_data):
    pytest.importorskip("scipy")
    measures = ["MLA", "MLA(classes=dog)", "Top1"]
    outcomes = Scorer(genuine, measures).outcomes(real_data / "predictions", confidence=0.95)
    again = outcomes.bootstrapped(0.95, resamples=2000)
    assert again.scores.intervals["Top1"] == "bootstrap of 2,000 resamples, seed 0"
    assert again.scores.frame.columns == outcomes.scores.frame.columns
    for name in measures:
        widths = [
            (scores.frame[f"{name}_high"] - scores.frame[f"{name}_low"]).to_numpy()
            for scores in (outcomes.scores, again.scores)
        ]
        assert widths[1] == pytest.approx(widths[0], rel=0.06)
    same = outcomes.bootstrapped(0.95, resamples=2000)
    other = outcomes.bootstrapped(0.95, resamples=2000, seed=1)
    assert same.scores.frame.equals(again.scores.frame)
    assert not other.scores.frame.equals(again.scores.frame)
    with pytest.raises(ValueError, match=r"Did you mean 0\.95"):
        outcomes.bootstrapped(95, resamples=2000)


def test_an_interval_stands_beside_its_score_without_one_asked_before(synthetic, labels):
    pytest.importorskip("scipy")
    outcomes = Scorer(synthetic, ["MLA", "Top1"], order="ilsvrc").outcomes(labels)
    columns = outcomes.bootstrapped(0.9, resamples=100).scores.frame.columns
    assert columns[:7] == ["checkpoint", "MLA", "MLA_low", "MLA_high", "Top1", "Top1_low", "Top1_high"]
