"""Many array files at once: the same labels as one by one, or none at all."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.npy_file import read_npy
from ml_scorer.predictions.arrays.npy_stack import read_stack
from ml_scorer.predictions.class_ids import CLASS_IDS
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions

TEN = ReadOptions(Order("ten", np.arange(1, 11, dtype=np.int32)))
LABELS = np.random.default_rng(0).integers(0, 1000, (5, 10))


@pytest.fixture
def paths(tmp_path):
    return [tmp_path / f"{number}.npy" for number in range(5)]


def save(paths, dtype, labels=LABELS):
    for path, row in zip(paths, labels, strict=True):
        np.save(path, row.astype(dtype))


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "int64", "uint64"])
def test_plain_files_are_stacked(dtype, paths):
    save(paths, dtype)
    found = read_stack(paths, TEN)
    assert found.labels.dtype == np.int16
    assert found.labels.tolist() == LABELS.tolist()
    assert (found.images.tolist(), found.order, found.ties, found.names) == (list(range(1, 11)), "ten", None, None)
    assert [next(read_npy(path, TEN)).labels[0].tolist() for path in paths] == LABELS.tolist()


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_numbers_of_eight_bits_are_left_to_the_reader_that_looks_at_them_closely(dtype, paths):
    save(paths, dtype, LABELS % 100)
    assert read_stack(paths, TEN) is None
    assert next(read_npy(paths[0], TEN)).labels[0].tolist() == (LABELS[0] % 100).tolist()


def test_one_file_is_a_stack(paths):
    save(paths, "int16")
    assert read_stack(paths[:1], TEN).labels.tolist() == LABELS[:1].tolist()


def test_nothing_is_no_stack(paths):
    assert read_stack([], TEN) is None


@pytest.mark.parametrize(
    "options",
    [ReadOptions(), ReadOptions(TEN.order, CLASS_IDS["one-based"]), ReadOptions(Order("nine", TEN.order.images[:9]))],
)
def test_other_options_are_not_for_a_stack(options, paths):
    save(paths, "int16", LABELS % 900 + 1)
    assert read_stack(paths, options) is None


@pytest.mark.parametrize(
    "array",
    [
        np.arange(9, dtype=np.int16),
        np.arange(11, dtype=np.int16),
        np.arange(10, dtype=np.int32),
        np.arange(10, dtype=">i2"),
        np.arange(10, dtype=np.uint16),
        np.arange(10, dtype=np.float16),
        np.zeros((10, 1), np.int16),
        np.zeros((1, 10), np.int16),
        np.full(10, 1000, np.int16),
        np.full(10, -1, np.int16),
    ],
)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_one_file_that_is_different_is_no_stack(array, place, paths):
    save(paths, "int16")
    np.save(paths[place], array)
    assert read_stack(paths, TEN) is None


@pytest.mark.parametrize("dtype", ["int64", "uint32", "int8"])
def test_one_label_out_of_range_is_no_stack(dtype, paths):
    labels = LABELS % 100
    labels[3, 3] = -1 if dtype == "int8" else 1000
    save(paths, dtype, labels)
    assert read_stack(paths, TEN) is None


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("harm", ["missing", "empty", "short", "long", "text", "folder", "pipe"])
def test_a_damaged_file_is_no_stack(harm, place, paths):
    save(paths, "int16")
    path = paths[place]
    content = path.read_bytes()
    path.unlink()
    if harm == "folder":
        path.mkdir()
    elif harm == "pipe" and hasattr(os, "mkfifo"):
        path.mkdir() if place == 0 else os.mkfifo(path)
    elif harm != "missing":
        path.write_bytes({"short": content[:-1], "long": content + b"\0", "text": b"a,b\n" * 99}.get(harm, b""))
    assert read_stack(paths, TEN) is None


def test_threads_read_stacks_side_by_side(paths):
    save(paths, "int16")
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda _: read_stack(paths, TEN).labels.tolist(), range(20)):
            assert found == LABELS.tolist()


def test_bytes_after_an_array_are_refused_by_the_reader(paths):
    save(paths, "int16")
    with paths[0].open("ab") as file:
        np.save(file, np.arange(10, dtype=np.int16))
    with pytest.raises(PredictionsError, match=r"not a whole array file: its header claims 20 bytes, and 168 follow"):
        next(read_npy(paths[0], TEN))


@pytest.mark.parametrize("shape", [(3, 10), (10, 1000)])
def test_an_array_file_in_fortran_order(shape, tmp_path):
    array = np.zeros(shape, np.float32)
    array[:, -1] = np.arange(shape[0]) + 1
    np.save(tmp_path / "a.npy", np.asfortranarray(array))
    np.save(tmp_path / "b.npy", array)
    ours, plain = (next(read_npy(tmp_path / name, TEN)).labels.tolist() for name in ("a.npy", "b.npy"))
    assert ours == plain


def test_a_file_that_is_cut_short_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((200, 10), np.int16))
    batches = read_npy(path, TEN)
    next(batches)
    with path.open("r+b") as file:
        file.truncate(500)
    with pytest.raises(
        PredictionsError, match=r"a\.npy: the file ends too early: expected 1,280 bytes from byte 1,408 on"
    ):
        next(batches)


WHOLE = io.BytesIO()
np.save(WHOLE, LABELS[0].astype(np.int16))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 147), st.integers(0, 255)), max_size=3), st.binary(max_size=2), st.integers(0, 9)
)
def test_whatever_is_stacked_is_what_the_reader_gives(tmp_path_factory, changes, more, cut):
    plain, damaged = (tmp_path_factory.getbasetemp() / name for name in ("plain.npy", "damaged.npy"))
    content = bytearray(WHOLE.getvalue())
    plain.write_bytes(content)
    for place, byte in changes:
        content[place] = byte
    damaged.write_bytes((content + more)[: len(content) - (cut if cut > 7 else 0) + len(more)])
    for paths in ([damaged], [plain, damaged], [damaged, plain]):
        found = read_stack(paths, TEN)
        try:
            expected = [next(read_npy(path, TEN)).labels[0].tolist() for path in paths]
        except PredictionsError:
            assert found is None
        else:
            assert found is None or found.labels.tolist() == expected
