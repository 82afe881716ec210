"""From numbers to class indices: what is taken as a label, what is refused, and the arg-max of logits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.labels import arg_max, exact_labels

INTEGERS = ("int16", "int32", "int64", "uint16", "uint32", "uint64", ">i2", ">i8", ">u4")
FLOATS = ("float16", "float32", "float64", ">f4", ">f8")
LOGITS = ("float16", "float32", "float64", ">f4")


def logits(images, largest, dtype="float32"):
    """Logits whose largest one is at `largest[image]`, all others equal."""
    values = np.zeros((images, 1000), dtype)
    values[np.arange(images), largest] = 1
    return values


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
        (np.array([5, 1000]), "1000 at index 1"),
        (np.array([5, -1]), "-1 at index 1"),
        (np.array([-1, 5], np.int8), "-1 at index 0"),
        (np.array([-32768], np.int16), "-32768 at index 0"),
        (np.array([2**64 - 1], np.uint64), "18446744073709551615 at index 0"),
        (np.array([-(2**63)]), "-9223372036854775808 at index 0"),
        (np.array([-1.0]), r"-1\.0 at index 0"),
        (np.array([1000.0]), r"1000\.0 at index 0"),
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


@pytest.mark.parametrize("dtype", LOGITS)
def test_the_largest_logit_is_the_label(dtype):
    labels, ties = arg_max(logits(4, [0, 999, 500, 3], dtype), "here")
    assert labels.tolist() == [0, 999, 500, 3]
    assert labels.dtype == np.int16
    assert not ties.any()


def test_logits_may_all_be_negative():
    labels, _ = arg_max(logits(1, [7]) - 5, "here")
    assert labels.tolist() == [7]


@pytest.mark.parametrize("dtype", LOGITS)
def test_a_tie_goes_to_the_lowest_index_and_is_told(dtype):
    values = logits(2, [600, 600], dtype)
    values[1, [400, 999]] = 1
    labels, ties = arg_max(values, "here")
    assert labels.tolist() == [600, 400]
    assert ties.tolist() == [False, True]


def test_equal_logits_below_the_largest_are_no_tie():
    values = logits(1, [5])
    values[0, [6, 7]] = 0.5
    assert not arg_max(values, "here")[1].any()


def test_zeros_of_either_sign_are_a_tie():
    values = np.full((1, 1000), -1.0)
    values[0, [3, 9]] = 0.0, -0.0
    labels, ties = arg_max(values, "here")
    assert labels.tolist() == [3]
    assert ties.tolist() == [True]


@pytest.mark.parametrize("dtype", LOGITS)
def test_minus_infinity_masks_a_class(dtype):
    values = np.full((1, 1000), -np.inf, dtype)
    values[0, 42] = -3
    labels, ties = arg_max(values, "here")
    assert labels.tolist() == [42]
    assert ties.tolist() == [False]


@pytest.mark.parametrize("dtype", LOGITS)
@pytest.mark.parametrize(
    ("value", "fault"),
    [(np.nan, "a logit is NaN in 1 rows: row 1"), (np.inf, r"a logit is \+inf in 1 rows: row 1")],
)
def test_nan_and_plus_infinity_are_refused(dtype, value, fault):
    values = logits(3, [0, 0, 0], dtype)
    values[1, 999] = value
    with pytest.raises(PredictionsError, match=f"^here: {fault}$"):
        arg_max(values, "here")


def test_nan_is_found_below_a_larger_logit():
    values = logits(1, [0])
    values[0, 500] = np.nan
    with pytest.raises(PredictionsError, match="a logit is NaN"):
        arg_max(values, "here")


def test_an_image_whose_classes_are_all_masked_is_refused():
    values = logits(3, [0, 0, 0])
    values[2] = -np.inf
    with pytest.raises(PredictionsError, match=r"^here: every logit is -inf in 1 rows: row 2$"):
        arg_max(values, "here")


def test_all_kinds_of_bad_logits_are_named_together():
    values = logits(6, [0] * 6)
    values[1, 3], values[2, 3], values[4] = np.nan, np.inf, -np.inf
    values[5, 3], values[5, 4] = np.nan, np.inf  # counted once
    with pytest.raises(
        PredictionsError, match=r"^here: 3 problems\n.*NaN in 2 rows: row 1, 5\n.*\+inf.*row 2\n.*-inf.*4$"
    ):
        arg_max(values, "here")


def test_rows_are_numbered_through_all_parts_of_a_long_array():
    values = logits(3000, np.arange(3000) % 1000, "float16")
    values[2500, 0] = np.nan
    with pytest.raises(PredictionsError, match=r"row 2500$"):
        arg_max(values, "here")


def test_labels_of_a_long_array_are_those_of_its_rows():
    largest = np.random.default_rng(0).integers(0, 1000, 2500)
    assert arg_max(logits(2500, largest, "float16"), "here")[0].tolist() == largest.tolist()


def test_many_bad_rows_are_counted_and_a_few_are_shown():
    with pytest.raises(PredictionsError, match=r"NaN in 9 rows: row 0, 1, 2 and 6 more$"):
        arg_max(np.full((9, 1000), np.nan), "here")


@settings(deadline=None)
@given(arrays(np.float16, (2, 6), elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0])))
def test_arg_max_is_the_first_of_the_largest(values):
    rows = values.tolist()
    if any(max(row) == -math.inf for row in rows):
        with pytest.raises(PredictionsError, match="every logit is -inf"):
            arg_max(values, "here")
    else:
        labels, ties = arg_max(values, "here")
        assert labels.tolist() == [row.index(max(row)) for row in rows]
        assert ties.tolist() == [row.count(max(row)) > 1 for row in rows]
