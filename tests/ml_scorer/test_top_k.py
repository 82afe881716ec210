"""Measures that look at several predictions of an image: the reference's figures, to the bit."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import frame_of

from ml_scorer import Annotations
from ml_scorer.kernel import compile_plan, compile_top_k, count, count_top_k, too_few
from ml_scorer.measures import MLA, Top5, parse_measure
from ml_scorer.measures.rule import EXACT
from ml_scorer.schema import CORRECT, MISSING, UNCLEAR, WRONG, image_name

MEASURES = {
    "MLA": (reference.mla, {}),
    "MLA(k=2)": (reference.mla, {"k": 2}),
    "MLA(k=5)": (reference.mla, {"k": 5}),
    "MLA(unclear=wrong, average=image, k=3)": (reference.mla, {"unclear": "wrong", "average": "image", "k": 3}),
    "MLA(unreviewed=correct)": (reference.mla, {"unreviewed": "correct"}),
    "MLA(unreviewed=correct, k=2)": (reference.mla, {"unreviewed": "correct", "k": 2}),
    "MLA(unreviewed=correct, k=5)": (reference.mla, {"unreviewed": "correct", "k": 5}),
    "MLA(unclear=wrong, unreviewed=correct, average=image, k=3)": (
        reference.mla,
        {"unclear": "wrong", "unreviewed": "correct", "average": "image", "k": 3},
    ),
    "MLA(classes=0-1, k=2)": (reference.mla, {"classes": {0, 1}, "k": 2}),
    "MLA(k=labels)": (reference.mla, {"k": "labels"}),
    "MLA(unclear=wrong, k=labels)": (reference.mla, {"unclear": "wrong", "k": "labels"}),
    "MLA(average=image, classes=1, k=labels)": (reference.mla, {"average": "image", "classes": {1}, "k": "labels"}),
    "Top1": (reference.top1, {}),
    "Top5": (reference.top1, {"k": 5}),
    "Top5(average=class)": (reference.top1, {"k": 5, "average": "class"}),
}


def image_row(number, original, correct=(), wrong=(), unclear=(), problematic=False):
    """One row of an annotation table."""
    return {
        "file_name": image_name(number),
        "original_label": original,
        CORRECT: list(correct),
        WRONG: list(wrong),
        UNCLEAR: list(unclear),
        "is_problematic": problematic,
        "is_imagenet_m": None,
    }


def reference_rows(frame):
    """A table as the reference takes it."""
    return [
        {
            "name": row["file_name"],
            "original": row["original_label"],
            "correct": row[CORRECT],
            "wrong": row[WRONG],
            "unclear": row[UNCLEAR],
            "problematic": row["is_problematic"],
        }
        for row in frame.iter_rows(named=True)
    ]


def align(images, predictions, k):
    """Predictions of one checkpoint for some images: (1, images, k) int16."""
    missing = [MISSING] * k
    rows = [predictions.get(image_name(number), missing)[:k] for number in images.tolist()]
    return np.array(rows, np.int16).reshape(1, images.size, k)


def exact_score(measure, annotations, predictions, *, missing_allowed=False, more=0):
    """Score of one checkpoint; `more` labels are there than are needed."""
    plan = compile_top_k(parse_measure(measure).rule(annotations), missing_allowed=missing_allowed)
    (total,) = count_top_k(plan, align(plan.images, predictions, plan.k + more))
    assert int(total) == total
    return Fraction(int(total), plan.denominator)


def make_rows(rng, num_classes, largest_class):
    """Random rows, in which every class has an image that is not problematic; many labels are rejected."""
    numbers = iter(rng.sample(range(1, 50_001), num_classes * largest_class))

    def some_labels(most):
        return [rng.randrange(num_classes) for _ in range(rng.randint(0, most))]

    return [
        image_row(
            next(numbers),
            label,
            correct=some_labels(rng.choice([1, 4, 9])),
            unclear=some_labels(rng.choice([0, 3])),
            wrong=some_labels(rng.choice([2, 12, 3 * num_classes])),
            problematic=number > 0 and rng.random() < 0.2,
        )
        for label in range(num_classes)
        for number in range(rng.randint(1, largest_class))
    ]


def make_predictions(rng, rows, num_classes, missing=0.0):
    """All classes for each image, in random order; often those of one verdict come first."""
    predictions = {}
    for row in rows:
        favoured = set(rng.choice([row[CORRECT] + row[UNCLEAR], row[WRONG], [row["original_label"]], []]))
        labels = rng.sample(range(num_classes), num_classes)
        if rng.random() >= missing:
            predictions[row["file_name"]] = sorted(labels, key=lambda label: label not in favoured)
    return predictions


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32),
    num_classes=st.integers(2, 40),
    largest_class=st.integers(1, 50),
    missing=st.sampled_from([0.0, 0.1, 0.9]),
    more=st.sampled_from([0, 3]),
)
def test_every_measure_is_the_reference_to_the_bit(seed, num_classes, largest_class, missing, more):
    rng = random.Random(seed)
    frame = frame_of(make_rows(rng, num_classes, largest_class))
    rows = frame.to_dicts()
    annotations = Annotations.from_frame(frame, num_classes=num_classes)
    predictions = make_predictions(rng, rows, num_classes, missing)
    for name, (slow, options) in MEASURES.items():
        needed = parse_measure(name).rule(annotations).labels_needed
        if needed + more <= num_classes:
            expected = slow(reference_rows(frame), predictions, num_classes=num_classes, **options)
            found = exact_score(name, annotations, predictions, missing_allowed=missing > 0, more=more)
            assert found == expected, name


def test_weights_past_the_exact_integers_of_float64_take_python_integers():
    # Classes of 1 to 50 images, up to seven labels each: the denominators go far above 2**53.
    rng = random.Random(0)
    frame = frame_of([
        image_row(
            label * 50 + number + 1,
            label,
            correct=[(label + step) % 50 for step in range(1 + number % 7)],
            wrong=rng.sample(range(50), 20),
        )
        for label in range(50)
        for number in range(label + 1)
    ])  # fmt: skip
    annotations = Annotations.from_frame(frame, num_classes=50)
    predictions = make_predictions(rng, frame.to_dicts(), 50)
    for name, (slow, options) in MEASURES.items():
        plan = compile_top_k(parse_measure(name).rule(annotations))
        if "image" not in name and name.startswith("MLA") and "classes" not in name:
            assert plan.denominator > EXACT
            assert plan.weights.dtype == object
        expected = slow(reference_rows(frame), predictions, num_classes=50, **options)
        assert exact_score(name, annotations, predictions) == expected, name


@pytest.fixture(scope="module")
def small():
    """Three images: one with two correct labels and an unclear one, one with one correct label, one with none."""
    rows = [
        image_row(1, 0, correct=[0, 1], unclear=[2], wrong=[3, 4]),
        image_row(2, 1, correct=[1], wrong=[0, 2]),
        image_row(3, 2, wrong=[3]),
    ]
    return Annotations.from_frame(frame_of(rows), num_classes=10)


def first_labels(*lists):
    return {image_name(number): labels for number, labels in enumerate(lists, 1)}


HALF = Fraction(1, 2)
THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    ("measure", "lists", "expected"),
    [
        # one is enough, and more count once
        ("MLA(average=image, k=2)", ([5, 0], [6, 7], [8, 9]), THIRD),
        ("MLA(average=image, k=2)", ([0, 1], [6, 7], [8, 9]), THIRD),
        ("MLA(average=image, k=3)", ([0, 1, 2], [6, 7, 1], [8, 9, 3]), 2 * THIRD),
        # what comes after the first k is not looked at
        ("MLA(average=image, k=2)", ([5, 6, 0], [6, 7, 1], [7, 8, 9]), 0),
        # wrong only where all of the first k are rejected
        ("MLA(unreviewed=correct, average=image, k=2)", ([3, 4], [0, 2], [3, 0]), THIRD),
        ("MLA(unreviewed=correct, average=image, k=2)", ([3, 2], [0, 7], [3, 0]), 1),
        ("MLA(unclear=wrong, unreviewed=correct, average=image, k=2)", ([3, 2], [0, 7], [3, 0]), 2 * THIRD),
        # with k=labels each label counts for its share, among as many predictions as there are labels
        ("MLA(average=image, k=labels)", ([0, 1, 2], [1, 8, 9], [2, 8, 9]), 2 * THIRD),
        ("MLA(average=image, k=labels)", ([2, 8, 1], [9, 1, 8], [2, 8, 9]), 2 * THIRD * THIRD),
        ("MLA(unclear=wrong, average=image, k=labels)", ([2, 1, 0], [1, 8, 9], [2, 8, 9]), (HALF + 1) * THIRD),
        ("Top5", ([9, 8, 7, 6, 0], [1, 2, 3, 4, 5], [9, 8, 7, 6, 5]), 2 * THIRD),
    ],
)
def test_by_hand(measure, lists, expected, small):
    assert exact_score(measure, small, first_labels(*lists)) == expected


@pytest.mark.parametrize("measure", MEASURES)
def test_an_image_without_predictions_is_not_right(measure, synthetic):
    assert exact_score(measure, synthetic, {}, missing_allowed=True) == 0


@pytest.mark.parametrize("measure", MEASURES)
def test_no_checkpoint_gives_no_sum(measure, synthetic):
    plan = compile_top_k(parse_measure(measure).rule(synthetic))
    assert count_top_k(plan, np.empty((0, plan.images.size, plan.k), np.int16)).shape == (0,)


def test_an_image_of_which_too_few_labels_are_rejected_needs_no_column(small):
    plan = compile_top_k(MLA(unreviewed="correct", average="image", k=3).rule(small))
    assert plan.images.size == 0
    assert count_top_k(plan, np.empty((2, 0, 3), np.int16)).tolist() == [plan.denominator] * 2
    assert too_few(plan, 2) == 3


def test_fewer_predictions_than_needed_are_refused(small):
    plan = compile_top_k(Top5().rule(small))
    with pytest.raises(ValueError, match="expected 5 predictions for each image, found 3"):
        count_top_k(plan, np.zeros((1, plan.images.size, 3), np.int16))


def test_images_with_too_few_predictions_are_counted_and_not_columns(small):
    assert too_few(compile_top_k(MLA(average="image", k="labels").rule(small)), 1) == 1
    assert too_few(compile_top_k(MLA(average="image", k="labels").rule(small)), 3) == 0
    assert too_few(compile_top_k(MLA(average="image", k=4).rule(small)), 3) == 3


def test_one_prediction_may_stand_without_an_axis_and_gives_what_the_other_kernel_gives(synthetic):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 1000, (3, 50_001), dtype=np.int16)
    originals = np.broadcast_to(synthetic.original_labels, (3, len(synthetic)))
    labels[:, synthetic.images] = np.where(rng.random(originals.shape) < 0.5, originals, labels[:, synthetic.images])
    for measure in (MLA(), MLA(unreviewed="correct"), MLA(unclear="wrong", average="image")):
        rule = measure.rule(synthetic)
        top_k, top_1 = compile_top_k(rule), compile_plan([rule])
        assert top_k.k == 1
        assert (count_top_k(top_k, labels[:, top_k.images]) == count(top_1, labels[:, top_1.images])[:, 0]).all()


def test_sums_do_not_depend_on_the_batch_or_on_how_the_predictions_lie(synthetic):
    rng = np.random.default_rng(0)
    labels = (rng.integers(0, 1000, (5, 50_001, 1)) + rng.permutation(1000)[:9]) % 1000
    labels = labels.astype(np.int16)
    for measure in (MLA(k=5), MLA(k=9, unreviewed="correct"), MLA(k="labels"), Top5()):
        plan = compile_top_k(measure.rule(synthetic))
        aligned = labels[:, plan.images, : plan.k]
        sums = count_top_k(plan, aligned)
        apart = np.concatenate([count_top_k(plan, aligned[row : row + 1]) for row in range(5)])
        assert (apart == sums).all()
        assert (count_top_k(plan, labels[:, plan.images]) == sums).all()
        assert (count_top_k(plan, np.asfortranarray(aligned)) == sums).all()


@pytest.fixture(scope="module")
def real_top_9(real_data, genuine):
    """What ResNet50 really says first, and then others that are made up, half of them from what experts looked at."""
    rng = random.Random(0)
    table = pl.read_csv(real_data / "predictions" / "ResNet50.csv", columns=["file_name", "predicted_class"])
    first = dict(table.iter_rows())
    predictions = {}
    for row in genuine.frame.iter_rows(named=True):
        reviewed = row[CORRECT] + row[UNCLEAR] + row[WRONG]
        others = [rng.choice(reviewed) if rng.random() < 0.5 else rng.randrange(1000) for _ in range(30)]
        distinct = dict.fromkeys([first[row["file_name"]], *others, *range(1000)])
        predictions[row["file_name"]] = list(distinct)[:9]
    return predictions


@pytest.mark.parametrize(
    "measure",
    ["MLA(k=5)", "MLA(unclear=wrong, k=5)", "MLA(unreviewed=correct, k=5)", "MLA(k=labels)", "Top5", "MLA(k=2)"],
)
def test_on_the_real_annotations(measure, genuine, real_top_9):
    slow, options = MEASURES.get(measure, (reference.mla, {"unclear": "wrong", "k": 5}))
    rows = reference_rows(genuine.frame)
    assert exact_score(measure, genuine, real_top_9) == slow(rows, real_top_9, **options)
    some = {name: labels for name, labels in real_top_9.items() if int(name[-8:-5]) % 10}
    assert exact_score(measure, genuine, some, missing_allowed=True) == slow(rows, some, **options)


def test_every_image_of_the_real_annotations_has_an_accepted_label(genuine):
    for unclear in ("correct", "wrong"):
        assert MLA(unclear=unclear, k="labels").rule(genuine).looked_at.min() == 1
