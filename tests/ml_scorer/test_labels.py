"""From numbers to class indices: what is taken as a label, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.class_ids import CLASS_IDS
from ml_scorer.predictions.labels import exact_labels, label_faults
from ml_scorer.predictions.reading import ReadOptions

INTEGERS = ("int16", "int32", "int64", "uint16", "uint32", "uint64", ">i2", ">i8", ">u4")
FLOATS = ("float16", "float32", "float64", ">f4", ">f8")

# Numbers 0-1000 may be right in another numbering.
OTHERS = r"\. If they are in another numbering, pass it as --class-ids \(class_ids=\): "


def numbered(name):
    return ReadOptions(class_ids=CLASS_IDS[name])


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_whole_numbers_of_any_type_are_labels(dtype):
    labels = exact_labels(np.array([0, 7, 999], dtype), "here")
    assert labels.tolist() == [0, 7, 999]
    assert labels.dtype == np.int16
    assert labels.dtype.isnative


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_small_integers_are_labels(dtype):
    assert exact_labels(np.array([0, 127], dtype), "here").tolist() == [0, 127]


def test_labels_that_are_int16_already_are_not_copied():
    values = np.arange(1000, dtype=np.int16)
    assert np.shares_memory(exact_labels(values, "here"), values)


def test_negative_zero_is_class_0():
    assert exact_labels(np.array([-0.0]), "here").tolist() == [0]


def test_every_other_item_of_an_array_can_be_taken():
    assert exact_labels(np.arange(20)[::-2], "here").tolist() == list(range(19, 0, -2))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.array([5, 1001]), "1001 at index 1"),
        (np.array([5, -1]), "-1 at index 1"),
        (np.array([-1, 5], np.int8), "-1 at index 0"),
        (np.array([-32768], np.int16), "-32768 at index 0"),
        (np.array([2**64 - 1], np.uint64), "18446744073709551615 at index 0"),
        (np.array([-(2**63)]), "-9223372036854775808 at index 0"),
        (np.array([-1.0]), r"-1\.0 at index 0"),
        (np.array([1001.0]), r"1001\.0 at index 0"),
        (np.array([math.inf]), "inf at index 0"),
        (np.array([-math.inf]), "-inf at index 0"),
        (np.array([1e300]), r"1e\+300 at index 0"),
    ],
)
def test_a_label_outside_the_classes_is_refused(values, found):
    with pytest.raises(PredictionsError, match=f"^here: a label is outside 0-999: {found}$"):
        exact_labels(values, "here")


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_is_refused(dtype):
    with pytest.raises(PredictionsError, match=r"^here: a label is NaN: nan at index 1$"):
        exact_labels(np.array([1, math.nan], dtype), "here")


@pytest.mark.parametrize("value", [0.5, 998.5, -0.5, 999.5])
def test_a_float_that_is_not_whole_is_refused(value):
    with pytest.raises(PredictionsError, match=rf"^here: a label is not a whole number: {value} at index 0$"):
        exact_labels(np.array([value]), "here")


def test_a_probability_is_no_label():
    with pytest.raises(PredictionsError, match=r"a label is not a whole number: 0\.63 at index 0, 0\.21 at index 1"):
        exact_labels(np.array([0.63, 0.21]), "here")


def test_all_kinds_of_faults_are_named_together():
    with pytest.raises(
        PredictionsError, match=r"^here: 3 problems\n.*NaN.*index 2\n.*whole.*index 1\n.*outside.*index 0"
    ):
        exact_labels(np.array([-5, 1.5, math.nan, 3]), "here")


def test_many_faults_are_counted_and_a_few_are_shown():
    with pytest.raises(PredictionsError, match=r"1000 at index 0, 1001 at index 1, 1002 at index 2 and 997 more$"):
        exact_labels(np.arange(1000, 2000), "here")


def test_the_place_in_a_matrix_is_checkpoint_and_image():
    values = np.zeros((3, 4), int)
    values[1, 2] = 1000
    with pytest.raises(PredictionsError, match=r"1000 at index \(1, 2\)"):
        exact_labels(values, "here")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([True, False]), "bool"),
        (np.array([1j]), "complex128"),
        (np.array(["3"]), "<U1"),
        (np.array([b"3"]), r"\|S1"),
        (np.array([3], object), "Python objects"),
        (np.array([3], "timedelta64[s]"), "timedelta64"),
    ],
)
def test_what_is_not_a_number_is_refused(values, kind):
    with pytest.raises(PredictionsError, match=f"^here: labels are {kind}.*, expected integers"):
        exact_labels(values, "here")


@settings(deadline=None)
@given(
    arrays(np.float64, st.integers(1, 6), elements=st.one_of(st.floats(), st.integers(-2, 1001).map(float)))
    | arrays(np.float16, st.integers(1, 6))
    | arrays(np.int64, st.integers(1, 6), elements=st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-2, 1001)))
)
def test_labels_are_taken_exactly_if_all_are_whole_and_in_range(values):
    are_labels = all(number in range(1000) for number in values.tolist())
    try:
        labels = exact_labels(values, "here")
    except PredictionsError:
        assert not are_labels
    else:
        assert are_labels
        assert labels.tolist() == values.tolist()


@pytest.mark.parametrize(
    ("values", "possible"),
    [
        ([5, 1000], r"one-based \(1-1000, .*\); background \(0-1000, .*\); devkit \(1-1000, .*\)"),
        ([0, 1000], r"background \(0-1000, .*\)"),
        ([5.0, 1000.0], r"one-based .*; devkit"),
    ],
)
def test_numbers_to_1000_bring_the_numberings_that_have_them(values, possible):
    with pytest.raises(PredictionsError, match=rf"outside 0-999: 1000(\.0)? at index 1{OTHERS}{possible}.*\.$"):
        exact_labels(np.array(values), "here")


@pytest.mark.parametrize(
    ("ids", "number", "others"),
    [
        ("one-based", 0, "imagenet .*; background .*; as-text"),
        ("devkit", 0, "imagenet .*; background .*; as-text"),
        ("as-text", 1000, "one-based .*; background .*; devkit"),
    ],
)
def test_the_range_of_the_numbering_is_named(ids, number, others):
    first, last = (0, 999) if ids == "as-text" else (1, 1000)
    found = rf"^here: a label is outside {first}-{last} \(class ids {ids}\): {number} at index 0{OTHERS}{others} "
    with pytest.raises(PredictionsError, match=found):
        exact_labels(np.array([number, 5]), "here", numbered(ids))


@pytest.mark.parametrize("value", [-1, 1001, 2**40])
@pytest.mark.parametrize("ids", list(CLASS_IDS))
def test_numbers_of_no_numbering_bring_no_other(ids, value):
    ids = numbered(ids)
    with pytest.raises(PredictionsError, match=rf"outside [01]-[0-9]+.*: {value} at index 1$"):
        exact_labels(np.array([5, value]), "here", ids)


def test_the_background_class_is_refused_by_count():
    with pytest.raises(
        PredictionsError,
        match=r"^here: 2 labels are 0, the background class, which is none of the 1,000 "
        r"\(take the arg-max of the others\): 0 at index 1, 0 at index 3$",
    ):
        exact_labels(np.array([5, 0, 1000, 0]), "here", numbered("background"))


def test_the_background_class_and_what_is_outside_are_named_apart():
    with pytest.raises(
        PredictionsError, match=r"^here: 2 problems\n.* 1 labels are 0.* index 0\n.*outside 1-1000.*1001"
    ):
        exact_labels(np.array([0.0, 1001.0]), "here", numbered("background"))


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize("ids", list(CLASS_IDS))
@pytest.mark.parametrize("shape", [(1000,), (10, 100), (4, 25, 10)])
def test_numbers_are_translated_in_any_shape(ids, shape, dtype):
    numbers = CLASS_IDS[ids].numbers[np.arange(1000)[::-1]].reshape(shape).astype(dtype)
    labels = exact_labels(numbers, "here", numbered(ids))
    assert labels.dtype == np.int16
    assert np.array_equal(labels, np.arange(1000)[::-1].reshape(shape))


@pytest.mark.parametrize("ids", list(CLASS_IDS))
@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0, 2)])
def test_no_labels_stay_none(ids, shape):
    assert exact_labels(np.empty(shape, np.int64), "here", numbered(ids)).shape == shape


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("ids", list(CLASS_IDS))
def test_small_integers_are_translated(ids, dtype):
    labels = exact_labels(np.array([1, 127], dtype), "here", numbered(ids))
    assert labels.tolist() == CLASS_IDS[ids].labels[[1, 127]].tolist()


def test_labels_by_wordnet_id_are_not_copied_if_that_is_said():
    values = np.arange(1000, dtype=np.int16)
    assert np.shares_memory(exact_labels(values, "here", numbered("imagenet")), values)


def test_places_are_the_images_that_are_given():
    names = pl.Series(["a.png", "b.png"])
    assert label_faults(np.array([1, 1001]), names) == ["a label is outside 0-999: 1001 at b.png"]
    assert label_faults(np.array([[1, 2, 3], [4, 5, 1001]]), names) == ["a label is outside 0-999: 1001 at b.png"]
    assert label_faults(np.array([0, 1]), names, CLASS_IDS["devkit"]) == [
        "a label is outside 1-1000 (class ids devkit): 0 at a.png"
    ]


@settings(deadline=None)
@given(
    arrays(np.float64, st.integers(0, 6), elements=st.one_of(st.floats(), st.integers(-2, 1001).map(float)))
    | arrays(np.int64, st.integers(0, 6), elements=st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-2, 1001))),
    st.sampled_from(list(CLASS_IDS)),
    st.booleans(),
)
def test_numbers_are_translated_exactly_if_all_are_classes(values, ids, known):
    class_of = dict(zip(CLASS_IDS[ids].numbers.tolist(), range(1000), strict=True))
    images = np.arange(1, values.size + 1, dtype=np.int32) if known else None
    try:
        labels = exact_labels(values, "here", numbered(ids), images)
    except PredictionsError:
        assert any(number not in class_of for number in values.tolist())
    else:
        assert labels.tolist() == [class_of[number] for number in values.tolist()]
