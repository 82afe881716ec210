"""Rankings that admit ties, and which errors checkpoints share."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tables import small_frame

from ml_scorer import Annotations, Scorer
from ml_scorer.comparison import agreement, find_checkpoint, ranking, with_places
from ml_scorer.errors import PredictionsError
from ml_scorer.schema import CORRECT, MISSING, UNCLEAR, WRONG
from ml_scorer.statistics.ranking import rank_intervals


@pytest.fixture(scope="module")
def annotations():
    labels = [image % 5 for image in range(500)]
    frame = small_frame(
        500,
        **{
            "original_label": labels,
            CORRECT: [[label] for label in labels],
            WRONG: [[(label + 1) % 5] for label in labels],
            UNCLEAR: [[]] * 500,
        },
    )
    return Annotations.from_frame(frame, num_classes=5)


def outcomes_of(annotations, right, measures=("MLA", "Top1")):
    """Checkpoints by name, each right on some images, and wrong by the next class on the others."""
    labels = annotations.original_labels
    predictions = {name: np.where(of_one, labels, (labels + 1) % 5) for name, of_one in right.items()}
    return Scorer(annotations, measures, order="annotations", trust_order=True).outcomes(predictions)


@pytest.fixture(scope="module")
def outcomes(annotations):
    """Two that nothing tells apart, one far better, one far worse."""
    random = np.random.default_rng(0)
    middle = random.random(500) < 0.6
    other = middle.copy()
    other[np.flatnonzero(middle)[0]] = False
    return outcomes_of(
        annotations,
        {"other": other, "best": random.random(500) < 0.95, "worst": random.random(500) < 0.1, "middle": middle},
    )


def test_the_ranking_admits_ties(outcomes):
    frame = ranking(outcomes)
    assert frame["checkpoint"].to_list() == ["best", "middle", "other", "worst"]
    assert frame["place_low"].to_list() == [1, 2, 2, 4]
    assert frame["place_high"].to_list() == [1, 3, 3, 4]
    assert frame.schema == {
        "checkpoint": pl.String,
        "score": pl.Float64,
        "place_low": pl.Int64,
        "place_high": pl.Int64,
    }
    scores = dict(zip(*outcomes.scores.frame.select("checkpoint", "MLA"), strict=True))
    assert dict(zip(frame["checkpoint"], frame["score"], strict=True)) == scores


def test_places_stand_behind_the_names(outcomes):
    frame = with_places(outcomes, "Top1", 0.99)
    assert frame.columns == ["checkpoint", "place_low", "place_high", *outcomes.scores.frame.columns[1:]]
    assert frame.drop("place_low", "place_high").equals(outcomes.scores.frame)
    low, high = rank_intervals(outcomes.design("Top1"), outcomes.values("Top1"), 0.99)
    assert frame["place_low"].to_list() == low.tolist()
    assert frame["place_high"].to_list() == high.tolist()


def test_equal_checkpoints_stay_in_their_order_and_tie(annotations):
    same = np.arange(500) % 2 == 0
    frame = ranking(outcomes_of(annotations, {"b": same, "a": same, "c": same}))
    assert frame["checkpoint"].to_list() == ["b", "a", "c"]
    assert frame["place_low"].to_list() == [1, 1, 1]
    assert frame["place_high"].to_list() == [3, 3, 3]


def test_one_checkpoint_is_first(annotations):
    frame = ranking(outcomes_of(annotations, {"a": np.arange(500) % 2 == 0}))
    assert frame.select("place_low", "place_high").rows() == [(1, 1)]


def test_a_measure_that_was_not_measured(outcomes):
    with pytest.raises(KeyError, match=r"Top5 was not measured; there are MLA, Top1"):
        ranking(outcomes, "Top5")
    with pytest.raises(ValueError, match=r"expected a share between 0 and 1, such as 0\.95\. Did you mean 0\.95"):
        ranking(outcomes, confidence=95)


def kappa(first, second):
    """Cohen's kappa by its definition."""
    pairs = list(zip(first, second, strict=True))
    observed = sum(a == b for a, b in pairs) / len(pairs)
    right_first, right_second = sum(first) / len(pairs), sum(second) / len(pairs)
    expected = right_first * right_second + (1 - right_first) * (1 - right_second)
    return (observed - expected) / (1 - expected)


def test_agreement_is_kappa_of_right_and_wrong(outcomes):
    frame = agreement(outcomes)
    names = outcomes.names
    assert frame.columns == ["checkpoint", *names]
    assert frame["checkpoint"].to_list() == list(names)
    right = outcomes.values("MLA").tolist()
    for column, one in zip(names, right, strict=True):
        expected = [kappa(one, other) for other in right]
        assert frame[column].to_list() == pytest.approx(expected, rel=1e-12)
    chosen = agreement(outcomes, "Top1", checkpoints=[2, 0])
    assert chosen.columns == ["checkpoint", "worst", "other"]
    assert chosen["worst"].to_list() == pytest.approx(frame["worst"].to_list()[2::-2])


def test_agreement_where_there_is_none(annotations):
    every = np.ones(500, bool)
    frame = agreement(outcomes_of(annotations, {"a": every, "b": every, "c": np.arange(500) % 2 == 0}))
    assert frame["a"].to_list() == [None, None, 0]
    assert frame["c"].to_list() == [0, 0, 1]


def test_names_that_are_columns_already(annotations):
    right = np.arange(500) % 2 == 0
    outcomes = outcomes_of(annotations, {"checkpoint": right, "a": right})
    assert agreement(outcomes, checkpoints=[0, 1, 1]).columns == ["checkpoint", "checkpoint (2)", "a", "a (2)"]


def test_agreement_on_several_labels(annotations):
    """With k=labels, right is an image of which every accepted label was found; one image is missing."""
    labels = annotations.original_labels
    scorer = Scorer(annotations, ["MLA(k=labels)"], missing="wrong", trust_order=True)
    names = [f"ILSVRC2012_val_{image:08d}" for image in annotations.images.tolist()]
    first = dict(zip(names, labels.tolist(), strict=True))
    second = {name: label for name, label in first.items() if name != names[0]}
    frame = agreement(scorer.outcomes({"a": first, "b": second}))
    assert MISSING in scorer.outcomes({"b": second}).top1
    assert frame["a"].to_list() == [None, 0]


def test_a_checkpoint_is_found_by_its_name_or_the_end_of_it():
    names = ["run1/last.npy", "run2/last.npy", "vit", "deit/vit"]
    assert find_checkpoint(names, "run2/last.npy") == 1
    assert find_checkpoint(names, "vit") == 2
    assert find_checkpoint(["a/x", "y"], "x") == 0


def test_names_that_mean_several_checkpoints_or_none():
    names = ["run1/last.npy", "run2/last.npy", "vit"]
    with pytest.raises(PredictionsError, match=r"last\.npy: 2 checkpoints are called so: run1/last\.npy, run2/last"):
        find_checkpoint(names, "last.npy")
    with pytest.raises(PredictionsError, match=r"viit: no file, and no checkpoint is called so\. Did you mean vit\?"):
        find_checkpoint(names, "viit")
    with pytest.raises(PredictionsError, match=r"There are run1/last\.npy, run2/last\.npy, vit\."):
        find_checkpoint(names, "zebra")
