"""What a difference between two checkpoints is made of: images, classes, labels that no expert judged."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from tables import small_frame

from ml_scorer import Annotations, Scorer
from ml_scorer.comparison import deciding_classes, deciding_images
from ml_scorer.comparison.unreviewed import left_open
from ml_scorer.imagenet import class_names, validation_labels
from ml_scorer.measures import parse_measure
from ml_scorer.schema import CORRECT, UNCLEAR, WRONG, image_name

MLA_OF_THREE = "MLA(classes=0-2)"
TWO = "MLA(classes=0-2, k=2)"


def rows_by_name(frame):
    return {row["image"]: row for row in frame.iter_rows(named=True)}


@pytest.fixture(scope="module")
def annotations():
    """Six images: two of class 0, three of class 1, one of class 2; and a problematic one."""
    frame = small_frame(
        7,
        **{
            "original_label": [0, 0, 1, 1, 1, 2, 0],
            CORRECT: [[0, 4], [0], [1], [1], [1], [2], [0]],
            UNCLEAR: [[5], [], [], [], [], [], []],
            WRONG: [[9], [9], [9], [9], [], [9], [9]],
            "is_problematic": [False] * 6 + [True],
        },
    )
    return Annotations.from_frame(frame)


def outcomes_of(annotations, predictions, measures=(MLA_OF_THREE,), **options):
    scorer = Scorer(annotations, measures, order="annotations", trust_order=True, **options)
    return scorer.outcomes({name: np.array(labels) for name, labels in predictions.items()})


@pytest.fixture(scope="module")
def outcomes(annotations):
    return outcomes_of(annotations, {"a": [0, 9, 1, 9, 3, 9, 0], "b": [9, 0, 1, 1, 1, 9, 9]})


def test_the_images_that_decide(outcomes):
    frame = deciding_images(outcomes, 1, 0)
    # Class 0 has two images, class 1 three: an image of the first weighs more.
    assert frame["image"].to_list() == [image_name(number) for number in (1, 2, 4, 5)]
    assert frame["right"].to_list() == ["a", "b", "b", "b"]
    assert frame["difference"].to_list() == pytest.approx([-1 / 6, 1 / 6, 1 / 9, 1 / 9], rel=1e-12)
    first, last = frame.row(0, named=True), frame.row(3, named=True)
    names = class_names()
    assert first | {"difference": 0} == {
        "image": image_name(1),
        "right": "a",
        "difference": 0,
        "original_label": 0,
        "original_name": names[0],
        "checkpoint_label": 9,
        "checkpoint_name": names[9],
        "checkpoint_verdict": "wrong",
        "baseline_label": 0,
        "baseline_name": names[0],
        "baseline_verdict": "correct",
        "accepted_labels": [0, 4, 5],
        "accepted_names": [names[0], names[4], names[5]],
    }
    assert (last["baseline_label"], last["baseline_verdict"]) == (3, "unreviewed")


def test_the_classes_that_decide(outcomes):
    frame = deciding_classes(outcomes, 1, 0)
    # In class 0 each has one image right, which adds nothing.
    assert frame.select("class", "images", "baseline_right", "checkpoint_right").rows() == [(1, 3, 1, 3), (0, 2, 1, 1)]
    assert frame["difference"].to_list() == pytest.approx([2 / 9, 0], abs=1e-15)
    assert frame["wordnet_id"].to_list() == ["n01443537", "n01440764"]
    assert frame.schema["class"] == pl.UInt16
    assert frame.schema["images"] == frame.schema["baseline_right"] == pl.Int64


def test_two_checkpoints_that_are_alike_leave_nothing(annotations):
    same = outcomes_of(annotations, {"a": [0] * 7, "b": [0] * 7})
    assert deciding_images(same, 1, 0).height == 0
    assert deciding_classes(same, 1, 0).height == 0
    assert (
        deciding_images(same, 1, 0).schema
        == deciding_images(outcomes_of(annotations, {"a": [0] * 7, "b": [1] * 7}), 1, 0).schema
    )


def test_a_missing_prediction_has_no_label_and_no_verdict(annotations):
    scorer = Scorer(annotations, [MLA_OF_THREE], missing="wrong", trust_order=True)
    right = {image_name(number): label for number, label in enumerate([0, 0, 1, 1, 1, 2], 1)}
    without = {name: label for name, label in right.items() if name != image_name(6)}
    row = deciding_images(scorer.outcomes({"a": right, "b": without}), 1, 0).row(0, named=True)
    assert (row["image"], row["right"]) == (image_name(6), "a")
    assert (row["checkpoint_label"], row["checkpoint_name"], row["checkpoint_verdict"]) == (None, None, None)


def test_images_off_mla_have_no_verdict():
    """Of top-1 over the whole validation set most images are not annotated; their original label is ImageNet's."""
    labels = list(range(1000))
    frame = small_frame(1000, **{"original_label": labels, CORRECT: [[label] for label in labels]})
    annotations = Annotations.from_frame(frame)
    right = validation_labels()[1:].copy()
    other = right.copy()
    other[[5, 40_000]] = (right[[5, 40_000]] + 1) % 1000
    scorer = Scorer(annotations, ["Top1(images=validation)"], order="ilsvrc", trust_order=True)
    found = deciding_images(scorer.outcomes({"a": right, "b": other}), 1, 0)
    assert found["image"].to_list() == [image_name(6), image_name(40_001)]
    assert found["original_label"].to_list()[1] == right[40_000]
    assert found["accepted_labels"].to_list() == [[right[5]], [right[40_000]]]
    assert found["checkpoint_verdict"].to_list()[1] is None
    assert deciding_classes(scorer.outcomes({"a": right, "b": other}), 1, 0)["images"].to_list() == [50, 50]


def test_shares_of_images_decide_with_several_labels(annotations):
    outcomes = outcomes_of(
        annotations,
        {"a": [[0, 4, 5], *([[0, 1, 2]] * 6)], "b": [[0, 7, 8], *([[0, 1, 2]] * 6)]},
        ["MLA(classes=0-2, k=labels)"],
    )
    frame = deciding_images(outcomes, 1, 0)
    assert frame["image"].to_list() == [image_name(1)]
    assert frame["difference"].to_list() == pytest.approx([-2 / 3 / 6])
    classes = deciding_classes(outcomes, 1, 0)
    assert classes["checkpoint_right"].to_list() == pytest.approx([4 / 3])
    assert classes["baseline_right"].to_list() == pytest.approx([2])


def test_where_all_but_some_labels_are_accepted_those_that_experts_accept_are_listed(annotations):
    outcomes = outcomes_of(
        annotations, {"a": [7, 0, 1, 1, 1, 2, 0], "b": [9, 0, 1, 1, 1, 2, 0]}, ["MLA(unreviewed=correct, classes=0-2)"]
    )
    row = deciding_images(outcomes, 1, 0).row(0, named=True)
    assert (row["accepted_labels"], row["baseline_verdict"]) == ([0, 4, 5], "unreviewed")


def test_a_measure_that_was_not_measured(outcomes):
    with pytest.raises(KeyError, match="Top1 was not measured; there are MLA"):
        deciding_images(outcomes, 1, 0, "Top1")


def test_what_unreviewed_labels_leave_open(annotations):
    """Every way to judge the unreviewed predictions, tried."""
    predictions = {"a": [3, 6, 1, 7, 1, 2, 0], "b": [3, 0, 8, 6, 9, 2, 0]}
    outcomes = outcomes_of(annotations, predictions)
    less, more = left_open(outcomes, parse_measure(MLA_OF_THREE), [0, 1], outcomes.values(MLA_OF_THREE))
    accepted = {(0, 0), (0, 4), (0, 5), (1, 0), (2, 1), (3, 1), (4, 1), (5, 2)}
    judged_wrong = {(0, 9), (1, 9), (2, 9), (3, 9), (5, 9)}
    weights = [Fraction(1, 6)] * 2 + [Fraction(1, 9)] * 3 + [Fraction(1, 3)]
    pairs = {(image, labels[image]) for labels in predictions.values() for image in range(6)}
    open_pairs = sorted(pairs - accepted - judged_wrong)
    differences = []
    for way in range(2 ** len(open_pairs)):
        right = accepted | {pair for bit, pair in enumerate(open_pairs) if way >> bit & 1}
        a, b = (
            sum(weight for image, weight in enumerate(weights) if (image, labels[image]) in right)
            for labels in predictions.values()
        )
        differences.append(b - a)
    now = differences[0]
    assert more[0] == pytest.approx(float(max(differences) - now), rel=1e-12)
    assert less[0] == pytest.approx(float(now - min(differences)), rel=1e-12)


@pytest.mark.parametrize("measure", ["MLA(unreviewed=correct, classes=0-2)", "Top1", "MLA(classes=0-2, k=labels)"])
def test_measures_that_leave_nothing_open(annotations, measure):
    outcomes = outcomes_of(annotations, {"a": [[0, 1, 2]] * 7, "b": [[1, 0, 2]] * 7}, [measure])
    assert left_open(outcomes, parse_measure(measure), [0, 1], outcomes.values(measure)) is None


def test_with_several_labels_equal_ones_cancel(annotations):
    outcomes = outcomes_of(annotations, {"a": [[3, 4]] * 7, "b": [[3, 4]] * 6 + [[3, 8]], "c": [[3, 8]] * 7}, [TWO])
    less, more = left_open(outcomes, parse_measure(TWO), [0, 1, 2], outcomes.values(TWO))
    assert (less[0], more[0]) == (0, 0)
    assert (less[1], more[1]) == pytest.approx((5 / 6, 1))


def test_real_checkpoints_by_a_plain_loop(genuine, real_data):
    files = [str(real_data / "predictions" / name) for name in ("ResNet50.csv", "DINO.csv")]
    outcomes = Scorer(genuine, ["MLA"]).outcomes(files)
    predicted = [dict(pl.read_csv(file, columns=["file_name", "predicted_class"]).iter_rows()) for file in files]
    predicted = [
        {name.rpartition("/")[2].partition(".")[0]: label for name, label in of_one.items()} for of_one in predicted
    ]
    only, classes, sizes = {}, {}, {}
    for row in genuine.frame.filter(~pl.col("is_problematic")).iter_rows(named=True):
        accepted = {*row[CORRECT], *row[UNCLEAR]}
        first, second = (of_one[row["file_name"].partition(".")[0]] in accepted for of_one in predicted)
        sizes[row["original_label"]] = sizes.get(row["original_label"], 0) + 1
        if first != second:
            only[row["file_name"]] = second
            classes[row["original_label"]] = classes.get(row["original_label"], 0) + second - first
    images = rows_by_name(deciding_images(outcomes, 1, 0))
    assert set(images) == set(only)
    for name, second in only.items():
        assert images[name]["right"] == ("DINO" if second else "ResNet50")
    found = deciding_classes(outcomes, 1, 0)
    assert set(found["class"]) == set(classes)
    for row in found.iter_rows(named=True):
        more = classes[row["class"]]
        assert row["checkpoint_right"] - row["baseline_right"] == more
        assert row["images"] == sizes[row["class"]]
        assert row["difference"] == pytest.approx(more / sizes[row["class"]] / 1000, rel=1e-12)
    first, second = outcomes.scores.exact("MLA")
    assert found["difference"].sum() == pytest.approx(float(second - first), rel=1e-9)
    assert (np.diff(found["difference"].abs()) <= 0).all()
