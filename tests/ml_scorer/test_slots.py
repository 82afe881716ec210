"""Slots: what batches leave behind is the same however predictions were cut up, ordered, repeated and dealt out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.logits import NAN, SOUND, searched_columns
from ml_scorer.predictions.arrays.stored import in_memory
from ml_scorer.predictions.best_labels import best_labels
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.slot_reading import slot_predictions
from ml_scorer.predictions.slots import BY_NAME, TIED, UNTIED, empty_slots, folded, labels_kept, slot_rows
from ml_scorer.schema import image_name

READING = ReadOptions(Order("ten", np.arange(1, 11, dtype=np.int32)))

PAIRS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)), max_size=30)
"""Images and their labels; few of either, so that there are repeats and contradictions."""


def batch(pairs, k=1, faults=None):
    images = np.array([image for image, _ in pairs], np.int32)
    labels = np.array([[label + place for place in range(k)] for _, label in pairs], np.int32).reshape(len(pairs), k)
    return images, slot_rows(labels, None, faults, BY_NAME, k, np)


def cut(pairs, cuts):
    edges = [0, *sorted(min(edge, len(pairs)) for edge in cuts), len(pairs)]
    return [pairs[start:stop] for start, stop in pairwise(edges)]


def slots_of(pairs, k=1):
    return folded(empty_slots(k), *batch(pairs, k))


@given(PAIRS, st.lists(st.integers(0, 30), max_size=5), st.randoms(use_true_random=False), st.integers(1, 3))
def test_cuts_order_repeats_and_ranks_make_no_difference(pairs, cuts, chance, k):
    shuffled = pairs + pairs[: len(pairs) // 2]
    chance.shuffle(shuffled)
    one, other = empty_slots(k), empty_slots(k)
    for part in cut(shuffled, cuts):
        if chance.random() < 0.5:
            one = folded(one, *batch(part, k))
        else:
            other = folded(other, *batch(part, k))
    assert np.array_equal(np.maximum(one, other), slots_of(pairs, k))
    assert np.array_equal(np.maximum(other, one), np.maximum(np.maximum(one, other), one))


@given(PAIRS)
def test_they_say_what_a_dict_of_sets_says(pairs):
    labels = {}
    for image, label in pairs:
        labels.setdefault(image, set()).add(label)
    contradicted = sorted(image for image, found in labels.items() if len(found) > 1)
    if not labels or contradicted:
        with pytest.raises(PredictionsError) as caught:
            slot_predictions(slots_of(pairs), READING, "run")
        if not labels:
            assert str(caught.value) == "run: there are no predictions in it: no batch was given"
            return
        first = contradicted[0]
        lowest, highest = min(labels[first]), max(labels[first])
        assert f"{len(contradicted):,} images were given again with another prediction" in str(caught.value)
        assert f"{image_name(first)} ({lowest} and {highest})" in str(caught.value)
        return
    found = slot_predictions(slots_of(pairs), READING, "run")
    assert dict(zip(found.images.tolist(), found.labels[0].tolist(), strict=True)) == {
        image: min(of_image) for image, of_image in labels.items()
    }
    assert found.order == "names"
    assert found.ties is None


def test_folding_leaves_the_slots_before_alone():
    before = empty_slots(1)
    folded(before, *batch([(3, 7)]))
    assert np.array_equal(before, empty_slots(1))


def test_a_faulty_image_is_no_contradiction():
    slots = folded(slots_of([(3, 7), (4, 8)]), *batch([(3, 9)], faults=np.array([NAN], np.int32)))
    with pytest.raises(PredictionsError, match=r"^run: a logit is NaN for 1 images: ILSVRC2012_val_00000003\.JPEG$"):
        slot_predictions(slots, READING, "run")


def test_fewer_labels_than_are_kept_are_as_many_as_there_are():
    slots = folded(
        empty_slots(3), np.array([1, 2], np.int32), slot_rows(np.array([[1], [2]], np.int32), None, None, 1, 3, np)
    )
    assert labels_kept(slots) == 3
    assert slot_predictions(slots, READING, "run").labels.tolist() == [[1, 2]]
    slots = folded(slots, *batch([(5, 7)], k=3))
    assert slot_predictions(slots, READING, "run").labels.tolist() == [[1, 2, 7]]


def test_more_labels_than_are_kept_are_cut():
    rows = slot_rows(np.array([[5, 4, 3, 2]], np.int32), None, None, BY_NAME, 2, np)
    found = slot_predictions(folded(empty_slots(2), np.array([1], np.int32), rows), READING, "run")
    assert found.labels.tolist() == [[[5, 4]]]


def test_a_label_twice_among_the_top_k_is_refused():
    rows = slot_rows(np.array([[5, 5]], np.int32), None, None, BY_NAME, 2, np)
    slots = folded(empty_slots(2), np.array([1], np.int32), rows)
    with pytest.raises(PredictionsError, match=r"have a label twice among their 2: 5 at ILSVRC2012_val_00000001"):
        slot_predictions(slots, READING, "run")


NUMBERS = st.sampled_from([-np.inf, -2.0, -0.0, 0.0, 1.0, 3.0, np.nan, np.inf])


@pytest.mark.parametrize("nan_is_largest", [True, False])
@given(rows=st.lists(st.lists(NUMBERS, min_size=6, max_size=6), min_size=1, max_size=8), k=st.integers(1, 4))
def test_best_labels_on_a_device_are_those_of_arrays_in_files(nan_is_largest, rows, k):
    """The one works by maxima and comparisons, the other by arg-max."""
    logits = np.array(rows, np.float32)
    columns, ties, faults = searched_columns(in_memory(logits.copy()), k=k)
    found = best_labels(logits, np.arange(1, 7, dtype=np.int16), k, np, nan_is_largest=nan_is_largest)
    sound = faults == SOUND
    assert np.array_equal(np.stack(found.columns, axis=1)[sound], columns[sound])
    assert np.array_equal(found.ties[sound], np.where(ties, TIED, UNTIED)[sound])
    assert np.array_equal(found.faults != SOUND, ~sound)
    alone = (np.isnan(logits).any(axis=1).astype(int) + np.isposinf(logits).any(axis=1)) < 2
    assert np.array_equal(found.faults[alone & (faults == NAN)], faults[alone & (faults == NAN)])
