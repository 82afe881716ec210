"""Averages over the seeds of a run: the spread between them, and the sampling error of the images."""

from __future__ import annotations

import re
from statistics import stdev

import numpy as np
import polars as pl
import pytest
from tables import small_frame

from ml_scorer import Annotations, Scorer
from ml_scorer.comparison import RunPatternError, over_seeds, run_names
from ml_scorer.errors import PredictionsError
from ml_scorer.schema import CORRECT, MISSING, UNCLEAR, WRONG
from ml_scorer.statistics.design import variance

pytest.importorskip("scipy")

MEASURES = ["MLA", "MLA(average=image)", "MLA(k=labels)"]


@pytest.fixture(scope="module")
def annotations():
    """Sixty images of three classes, of 30, 20 and 10 images."""
    labels = [0] * 30 + [1] * 20 + [2] * 10
    frame = small_frame(
        60,
        **{
            "original_label": labels,
            CORRECT: [[label] for label in labels],
            WRONG: [[(label + 1) % 3] for label in labels],
            UNCLEAR: [[]] * 60,
        },
    )
    return Annotations.from_frame(frame, num_classes=3)


def outcomes_of(annotations, predictions, measures=MEASURES, **options):
    scorer = Scorer(annotations, measures, order="annotations", trust_order=True, **options)
    return scorer.outcomes(predictions)


@pytest.fixture(scope="module")
def predictions(annotations):
    """Four seeds of one run, two of another."""
    random = np.random.default_rng(0)
    made = {}
    for run, seeds, share in (("vit", 4, 0.8), ("resnet", 2, 0.6)):
        for seed in range(seeds):
            right = random.random(60) < share
            made[f"{run}-seed{seed}"] = np.where(right, annotations.original_labels, 7)
    return made


def test_the_mean_of_a_run_is_that_of_its_scores(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    runs = over_seeds(outcomes, r"(.+)-seed\d+")
    assert runs.frame["run"].to_list() == ["vit", "resnet"]
    assert runs.frame["checkpoints"].to_list() == [4, 2]
    for name in MEASURES:
        exact = outcomes.scores.exact(name)
        expected = [float(sum(exact[:4]) / 4), float(sum(exact[4:]) / 2)]
        assert runs.frame[name].to_list() == expected


def test_the_spread_is_the_standard_deviation_between_the_seeds(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    spread = over_seeds(outcomes, r"(.+)-seed\d+").frame["MLA_seed_sd"].to_list()
    scores = outcomes.scores.frame["MLA"].to_list()
    assert spread == pytest.approx([stdev(scores[:4]), stdev(scores[4:])], rel=1e-12)


def test_seeds_that_are_all_alike_leave_the_sampling_error_of_one(annotations, predictions):
    one = outcomes_of(annotations, {"vit": predictions["vit-seed0"]})
    same = outcomes_of(annotations, {f"vit-{seed}": predictions["vit-seed0"] for seed in range(5)})
    alone, together = over_seeds(one, "(.+)").frame, over_seeds(same, r"(.+)-\d").frame
    for name in MEASURES:
        for column in (name, f"{name}_low", f"{name}_high"):
            # The exact interval is of one checkpoint; for a mean it is estimated, as of one image less.
            precision = 1e-2 if name == "MLA(average=image)" and column != name else 1e-9
            assert together[column].to_list() == pytest.approx(alone[column].to_list(), rel=precision)
    assert alone["MLA_seed_sd"].to_list() == [None]
    assert together["MLA_seed_sd"].to_list() == [0]


def test_the_interval_holds_the_covariance_of_the_seeds(annotations, predictions):
    """By the definition of the variance of a mean: that of every one, and twice the covariance of every two."""
    outcomes = outcomes_of(annotations, {name: predictions[name] for name in list(predictions)[:2]})
    design, values = outcomes.design("MLA"), outcomes.values("MLA").astype(float)
    total = 0.0
    for label in range(3):
        of_class = values[:, annotations.original_labels == label]
        total += np.cov(of_class).sum() / of_class.shape[1] / 9 / 4
    assert variance(design, values.mean(axis=0)[None])[0] == pytest.approx(total, rel=1e-9)
    frame = over_seeds(outcomes, r"(.+)-seed\d+").frame
    half = (frame["MLA_high"][0] - frame["MLA_low"][0]) / 2
    assert half == pytest.approx(1.96 * total**0.5, rel=0.1)


def test_a_run_of_one_checkpoint_has_the_interval_of_its_score(annotations, predictions):
    measures = [*MEASURES, "MLA(classes=0)", "Top1"]
    scorer = Scorer(annotations, measures, order="annotations", trust_order=True)
    some = {name: predictions[name] for name in ("vit-seed0", "vit-seed1", "resnet-seed0")}
    scores = scorer.score(some, confidence=0.9)
    runs = over_seeds(scorer.outcomes(some), r"(.+)-seed\d+", 0.9)
    for name in measures:
        for column in (f"{name}_low", f"{name}_high"):
            assert runs.frame[column][1] == scores.frame[column][2]
    assert runs.methods["Top1"] == runs.methods["MLA(classes=0)"] == "Clopper-Pearson, of means Korn-Graubard"
    assert runs.methods["MLA"] == scores.intervals["MLA"] == "stratified Korn-Graubard"


def test_seeds_of_which_one_is_right_everywhere_leave_the_mean_open(annotations):
    right = annotations.original_labels
    made = {"vit-seed0": right, **{f"vit-seed{seed}": np.full(60, 7) for seed in (1, 2)}}
    frame = over_seeds(outcomes_of(annotations, made, ["MLA(classes=0)"]), r"(.+)-seed\d+").frame
    score, low, high = (frame[f"MLA(classes=0){end}"][0] for end in ("", "_low", "_high"))
    assert 0.1 < low < score - 0.1 < score + 0.1 < high < 0.6


def test_confidence_and_methods(annotations, predictions):
    outcomes = outcomes_of(annotations, predictions)
    wide, narrow = (over_seeds(outcomes, r"(.+)-seed\d+", confidence) for confidence in (0.99, 0.8))
    assert (wide.confidence, narrow.confidence) == (0.99, 0.8)
    assert set(wide.methods) == set(MEASURES)
    assert (wide.frame["MLA_low"] < narrow.frame["MLA_low"]).all()
    with pytest.raises(ValueError, match="share between 0 and 1"):
        over_seeds(outcomes, "(.+)", 95)


def test_shuffled_checkpoints_make_the_same_runs(annotations, predictions):
    names = list(predictions)
    shuffled = [names[index] for index in np.random.default_rng(1).permutation(len(names))]
    one = over_seeds(outcomes_of(annotations, predictions), r"(.+)-seed\d+").frame.sort("run")
    other = over_seeds(outcomes_of(annotations, {name: predictions[name] for name in shuffled}), r"(.+)-seed\d+")
    assert one.columns == other.frame.columns
    for column in one.columns[2:]:
        assert other.frame.sort("run")[column].to_list() == pytest.approx(one[column].to_list(), rel=1e-9)


def test_missing_predictions_are_wrong_in_every_seed(annotations, predictions):
    made = {name: labels.copy() for name, labels in predictions.items()}
    made["vit-seed1"][:6] = MISSING
    named = {
        name: {f"ILSVRC2012_val_{image:08d}": int(label) for image, label in enumerate(labels, 1) if label != MISSING}
        for name, labels in made.items()
    }
    scorer = Scorer(annotations, ["MLA"], missing="wrong", trust_order=True)
    outcomes = scorer.outcomes(named)
    runs = over_seeds(outcomes, r"(.+)-seed\d+").frame
    assert runs["MLA"][0] == pytest.approx(np.mean(outcomes.scores.frame["MLA"].to_list()[:4]))


def test_no_checkpoint_makes_no_run(annotations, tmp_path):
    assert run_names([], "(.+)") == []
    scorer = Scorer(annotations, ["MLA"], order="annotations")
    runs = over_seeds(scorer.outcomes(str(tmp_path / "none.npy"), on_error="skip"), "(.+)")
    assert runs.frame.shape == (0, 6)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(.+)-lr\d-s\d", ["a", "b"]),
        (r"(?P<run>.+)-lr\d-s\d", ["a", "b"]),
        (r"(.+)-lr(\d)-s\d", ["a, 1", "b, 2"]),
        (r"(?P<model>.+)-lr(?P<lr>\d)-s\d", ["model=a, lr=1", "model=b, lr=2"]),
        (r"(a)?.*(-s\d)", ["a, -s1", "-s2"]),
    ],
)
def test_groups_name_the_run(pattern, expected):
    assert run_names(["a-lr1-s1", "b-lr2-s2"], pattern) == expected


def test_a_pattern_fits_whole_names():
    with pytest.raises(PredictionsError, match=re.escape("1 of 2 checkpoints have no run by the pattern")):
        run_names(["a-seed1", "a-seed1-ema"], r"(.+)-seed\d")


def test_checkpoints_without_a_run_are_listed():
    with pytest.raises(PredictionsError, match=r"5 of 5 .*: x0, x1, x2 and 2 more\. It has to fit their whole names"):
        run_names([f"x{number}" for number in range(5)], r"(.+)-seed\d")


def test_a_run_needs_a_name():
    with pytest.raises(PredictionsError, match="seed1"):
        run_names(["seed1"], r"(.*)seed\d")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("(", "is no regular expression: missing"), (r".+-seed\d", "has no group, which would be the name of the run")],
)
def test_patterns_that_can_tell_no_run(pattern, message):
    with pytest.raises(RunPatternError, match=message):
        run_names([], pattern)


def test_the_frame_is_typed(annotations, predictions):
    frame = over_seeds(outcomes_of(annotations, predictions, ["MLA"]), r"(.+)-seed\d+").frame
    assert frame.schema == {
        "run": pl.String,
        "checkpoints": pl.Int64,
        "MLA": pl.Float64,
        "MLA_low": pl.Float64,
        "MLA_high": pl.Float64,
        "MLA_seed_sd": pl.Float64,
    }
