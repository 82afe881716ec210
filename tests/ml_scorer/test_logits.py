"""The best columns of logits: which are taken, what is a tie, what is refused, and that only what is needed is read."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays import logits as logits_module
from ml_scorer.predictions.arrays.logits import best_columns
from ml_scorer.predictions.arrays.stored import ArrayInFile, in_memory

DTYPES = ["float16", "float32", "float64", ">f2", ">f4", "longdouble", "bfloat16"]


def stored(values, dtype="float32"):
    """Values as a stored array of this type, bfloat16 among them."""
    if dtype != "bfloat16":
        return in_memory(np.asarray(values).astype(dtype))
    bits = (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.int16)
    return in_memory(bits, is_bfloat16=True)


def logits(images, largest):
    """Logits of which one is the largest."""
    values = np.random.default_rng(0).choice([-2.0, -0.5, 0.0, 0.5], (images, 1000))
    values[np.arange(images), largest] = 1
    return values


def best(values, dtype="float32", **options):
    columns, ties = best_columns(stored(values, dtype), "here", **options)
    assert columns.dtype == np.int16
    return columns.tolist(), ties.tolist()


def by_sorting(row, k):
    """The k best of a row and whether there is a tie, the obvious way."""
    order = sorted(range(len(row)), key=lambda column: (-row[column], column))
    return order[:k], row.count(row[order[0]]) > 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_logit_is_the_label(dtype):
    assert best(logits(4, [0, 999, 500, 3]), dtype) == ([[0], [999], [500], [3]], [False] * 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 2, 5, 1000])
def test_the_best_are_those_of_a_stable_sort(dtype, k):
    values = np.random.default_rng(1).choice([-np.inf, -3.0, -0.0, 0.0, 1.5, 2.5], (30, 1000))
    values[:, :990] = np.maximum(values[:, :990], -5)  # finite
    if k == 1000:
        values = np.maximum(values, -5)
    expected = [by_sorting(row, k) for row in values.tolist()]
    assert best(values, dtype, k=k) == ([list(columns) for columns, _ in expected], [tie for _, tie in expected])


@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_may_all_be_negative(dtype):
    assert best(logits(1, [7]) - 5, dtype)[0] == [[7]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 3])
def test_a_tie_goes_to_the_lowest_index_and_is_told(dtype, k):
    values = logits(2, [600, 600])
    values[1, [400, 999]] = 1
    columns, ties = best(values, dtype, k=k)
    assert [row[0] for row in columns] == [600, 400]
    assert ties == [False, True]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 2])
def test_equal_logits_below_the_largest_are_no_tie(dtype, k):
    values = logits(1, [5])
    values[0, [6, 7]] = 0.75
    assert best(values, dtype, k=k)[1] == [False]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("zeros", [(0.0, -0.0), (-0.0, 0.0)])
def test_zeros_of_either_sign_are_a_tie(dtype, zeros):
    values = np.full((1, 1000), -1.0)
    values[0, [3, 9]] = zeros
    assert best(values, dtype) == ([[3]], [True])


@pytest.mark.parametrize("dtype", DTYPES)
def test_minus_infinity_masks_a_class(dtype):
    values = np.full((1, 1000), -np.inf)
    values[0, 42] = -3
    assert best(values, dtype) == ([[42]], [False])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (np.nan, "a logit is NaN in 1 rows: row 1"),
        (-np.nan, "a logit is NaN in 1 rows: row 1"),
        (np.inf, r"a logit is \+inf in 1 rows: row 1"),
    ],
)
@pytest.mark.parametrize("k", [1, 4])
def test_nan_and_plus_infinity_are_refused(dtype, value, fault, k):
    values = logits(3, [0, 0, 0])
    values[1, 999] = value
    with pytest.raises(PredictionsError, match=f"^here: {fault}$"):
        best(values, dtype, k=k)


@pytest.mark.parametrize("bits", [0x7C01, 0x7FFF, 0xFC01, 0xFE00, 0xFFFF])
def test_every_nan_of_16_bits_is_found(bits):
    values = np.full((1, 1000), np.float16(1))
    values.view(np.uint16)[0, 3] = bits
    with pytest.raises(PredictionsError, match="a logit is NaN"):
        best_columns(in_memory(values), "here")


@pytest.mark.parametrize("is_bfloat16", [False, True])
def test_all_16_bit_numbers_are_in_order(is_bfloat16):
    bits = np.arange(1 << 16, dtype=np.uint16)
    values = (bits.astype(np.uint32) << 16).view(np.float32) if is_bfloat16 else bits.view(np.float16)
    finite = np.isfinite(values)
    bits, values = bits[finite], values[finite].astype(np.float64)
    random = np.random.default_rng(0)
    chosen = random.integers(0, bits.size, (200, 1000))
    rows = bits[chosen].view(np.int16) if is_bfloat16 else bits[chosen].view(np.float16)
    columns, ties = best_columns(in_memory(rows, is_bfloat16=is_bfloat16), "here")
    numbers = values[chosen]
    assert columns[:, 0].tolist() == numbers.argmax(axis=1).tolist()
    assert ties.tolist() == ((numbers == numbers.max(axis=1, keepdims=True)).sum(axis=1) > 1).tolist()


def test_too_few_classes_that_are_not_masked_are_refused():
    values = np.full((3, 1000), -np.inf)
    values[:, :4] = 1
    assert best(values, k=4)[0] == [[0, 1, 2, 3]] * 3
    with pytest.raises(PredictionsError, match=r"^here: fewer than 5 logits are above -inf in 3 rows: row 0, 1, 2$"):
        best(values, k=5)


def test_an_image_whose_classes_are_all_masked_is_refused():
    values = logits(3, [0, 0, 0])
    values[2] = -np.inf
    with pytest.raises(PredictionsError, match=r"^here: every logit is -inf in 1 rows: row 2$"):
        best(values)


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_kinds_of_bad_logits_are_named_together(dtype):
    values = logits(6, [0] * 6)
    values[1, 3], values[2, 3], values[4] = np.nan, np.inf, -np.inf
    values[5, 3], values[5, 4] = np.nan, np.inf  # counted once
    with pytest.raises(
        PredictionsError, match=r"^here: 3 problems\n.*NaN in 2 rows: row 1, 5\n.*\+inf.*row 2\n.*-inf.*4$"
    ):
        best(values, dtype)


def test_many_bad_rows_are_counted_and_a_few_are_shown():
    with pytest.raises(PredictionsError, match=r"NaN in 9 rows: row 0, 1, 2 and 6 more$"):
        best(np.full((9, 1000), np.nan))


@pytest.mark.parametrize("dtype", DTYPES)
def test_only_the_rows_that_are_needed_are_looked_at(dtype):
    values = np.full((6000, 1000), np.nan)
    rows = np.array([0, 1, 2999, 3000, 5999])
    values[rows] = logits(5, [9, 8, 7, 6, 5])
    assert best(values, dtype, rows=rows) == ([[9], [8], [7], [6], [5]], [False] * 5)
    values[2999, 1] = np.nan
    with pytest.raises(PredictionsError, match=r"row 2999$"):
        best(values, dtype, rows=rows)


def test_no_rows_give_nothing():
    columns, ties = best_columns(stored(logits(3, [0, 0, 0])), "here", rows=np.empty(0, np.intp))
    assert (columns.shape, ties.shape) == ((0, 1), (0,))


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4"])
def test_a_background_class_is_left_out(dtype):
    values = np.zeros((2, 1001))
    values[:, 0], values[0, 1], values[1, 1000] = 9, 1, 1
    assert best(values, dtype, background=True) == ([[0], [999]], [False, False])
    values[:, 1:] = -np.inf
    with pytest.raises(PredictionsError, match=r"every logit is -inf in 2 rows"):
        best(values, dtype, background=True)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_threads_change_nothing(dtype, monkeypatch):
    monkeypatch.setattr(logits_module, "BLOCK_BYTES", 40_000)
    values = stored(np.random.default_rng(0).choice([0.0, 1.0, 2.0], (500, 1000), p=[0.99, 0.008, 0.002]), dtype)
    rows = np.flatnonzero(np.random.default_rng(1).random(500) < 0.4)
    one = best_columns(values, "here", k=3, rows=rows)
    monkeypatch.setattr(logits_module, "_WORTH_THREADS", 1)
    for found, expected in zip(best_columns(values, "here", k=3, rows=rows), one, strict=True):
        assert (found == expected).all()
    bad = values.array.copy()
    bad[rows[[0, -1]], 5] = np.nan
    with pytest.raises(PredictionsError, match=f"in 2 rows: row {rows[0]}, {rows[-1]}$"):
        best_columns(in_memory(bad), "here", rows=rows)


def test_what_is_read_is_not_written_over(monkeypatch):
    values = logits(5, [1, 2, 3, 4, 5]).astype(np.float16)
    before = values.copy()
    values.setflags(write=False)
    best_columns(in_memory(values), "here", k=3)
    assert (values == before).all()


@pytest.mark.parametrize("layout", ["fortran", "every-other", "backwards"])
def test_logits_may_lie_in_any_way(layout):
    values = logits(6, [1, 2, 3, 4, 5, 6])
    array = {
        "fortran": np.asfortranarray(values),
        "every-other": np.repeat(np.repeat(values, 2, 0), 2, 1)[::2, ::2],
        "backwards": np.ascontiguousarray(values[::-1, ::-1])[::-1, ::-1],
    }[layout]
    assert best_columns(in_memory(array), "here")[0][:, 0].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_file_is_read_a_little_at_a_time():
    values = np.zeros((10_000, 1000), np.float32)
    content, sizes = memoryview(values).cast("B"), []

    def read(buffer, start):
        sizes.append(len(buffer))
        buffer[:] = content[start : start + len(buffer)]

    rows = np.array([0, 1, 9000, 9100])
    file = ArrayInFile(shape=values.shape, dtype=values.dtype, read=read)
    assert best_columns(file, "here", rows=rows)[0].tolist() == [[0]] * 4
    assert sum(sizes) < 2 * logits_module.BLOCK_BYTES


@settings(deadline=None)
@given(
    arrays(np.float16, (3, 6), elements=st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 0.5, 1.0])),
    st.integers(1, 6),
    st.sampled_from(DTYPES),
)
def test_any_logits_are_those_of_the_obvious_way(values, k, dtype):
    rows = values.tolist()
    if any(sum(value > -math.inf for value in row) < k for row in rows):
        with pytest.raises(PredictionsError, match=r"(every logit is|fewer than \d logits are above) -inf"):
            best(values, dtype, k=k)
    else:
        expected = [by_sorting(row, k) for row in rows]
        assert best(values, dtype, k=k) == ([columns for columns, _ in expected], [tie for _, tie in expected])


@settings(deadline=None)
@given(arrays(np.float16, (2, 5), elements=st.floats(width=16)))
def test_any_16_bit_floats_are_taken_as_those_of_64_bits(values):
    def found(array):
        try:
            columns, ties = best_columns(in_memory(array), "here", k=2)
        except PredictionsError as error:
            return str(error)
        return columns.tolist(), ties.tolist()

    assert found(values) == found(values.astype(np.float64))
