"""Files of safetensors: which arrays are taken, of which types, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.safetensors_file import read_safetensors
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions

TEN = ReadOptions(Order("ten", np.arange(1, 11, dtype=np.int32)))
LABELS = np.arange(10) * 100
NAMES = {"f": "F", "i": "I", "u": "U"}


def logits(labels=LABELS):
    values = np.full((len(labels), 1000), -1, np.float32)
    values[np.arange(len(labels)), labels] = 1
    return values


def bfloat16(values):
    return (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def content_of(arrays, header=None):
    """A file of arrays by name, each an array, or a pair of a type's name and an array."""
    entries, parts, place = {"__metadata__": {"format": "pt"}}, [], 0
    for key, array in arrays.items():
        name, values = array if isinstance(array, tuple) else (f"{NAMES[array.dtype.kind]}{array.itemsize * 8}", array)
        parts.append(values.tobytes())
        entries[key] = {"dtype": name, "shape": list(values.shape), "data_offsets": [place, place + values.nbytes]}
        place += values.nbytes
    text = json.dumps(entries if header is None else header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


def read(path, content, options=TEN):
    path.write_bytes(content)
    return list(read_safetensors(path, options))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float64"])
def test_labels_of_any_type(dtype, path):
    [found] = read(path, content_of({"preds": (LABELS // 10).astype(dtype)}))
    assert (found.labels.tolist(), found.names) == ([(LABELS // 10).tolist()], None)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_logits_of_any_type(dtype, path):
    values = ("BF16", bfloat16(logits())) if dtype == "bfloat16" else logits().astype(dtype)
    [found] = read(path, content_of({"spare": np.zeros(3, np.int8), "logits": values}))
    assert found.labels.tolist() == [LABELS.tolist()]
    assert not found.ties.any()


def test_each_array_is_a_checkpoint(path):
    found = read(path, content_of({"vit": LABELS, "resnet": ("BF16", bfloat16(logits(LABELS + 1)))}))
    assert [(one.names, one.labels[0].tolist()) for one in found] == [
        (("vit",), LABELS.tolist()), (("resnet",), (LABELS + 1).tolist()),
    ]  # fmt: skip


def test_only_the_rows_that_are_needed_are_looked_at(path):
    values = logits()
    values[3:] = np.nan
    options = ReadOptions(TEN.order, required=np.array([1, 3], np.int32))
    [found] = read(path, content_of({"logits": ("BF16", bfloat16(values))}), options)
    assert found.labels.tolist() == [[0, 200]]


def test_weights_are_refused(path):
    content = content_of({"conv1.weight": LABELS, "fc.bias": LABELS, "preds": LABELS})
    with pytest.raises(
        PredictionsError, match=r"these are the weights of a model \(conv1\.weight, fc\.bias\), not its predictions"
    ):
        read(path, content)


ENTRY = {"dtype": "I64", "shape": [10], "data_offsets": [0, 80]}


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ({}, "there are no predictions in it"),
        ([], "not a whole safetensors file: its header is no JSON object"),
        ({"preds": 3}, r"\[preds\]: not a whole safetensors file: its header says nothing about it"),
        ({"preds": {**ENTRY, "dtype": "F8_E4M3"}}, r"\[preds\]: an array of 'F8_E4M3'; expected labels"),
        ({"preds": {**ENTRY, "dtype": "BOOL"}}, r"\[preds\]: an array of 'BOOL'"),
        ({"preds": {**ENTRY, "dtype": None}}, r"\[preds\]: an array of None"),
        ({"preds": {**ENTRY, "shape": [-10]}}, r"\[preds\]: .*its header gives shape \[-10\]"),
        ({"preds": {**ENTRY, "shape": [True]}}, "its header gives shape"),
        ({"preds": {**ENTRY, "shape": "10"}}, "its header gives shape '10'"),
        ({"preds": {**ENTRY, "shape": [10**12]}}, "it claims bytes 0 to 80 for 1,000,000,000,000 numbers of 8"),
        ({"preds": {**ENTRY, "shape": [2**62, 4]}}, "it claims bytes 0 to 80 for"),
        ({"preds": {**ENTRY, "data_offsets": [0, 88]}}, "it claims bytes 0 to 88"),
        ({"preds": {**ENTRY, "data_offsets": [8, 88]}}, "it claims bytes 8 to 88"),
        ({"preds": {**ENTRY, "data_offsets": [80, 0]}}, "it claims bytes 80 to 0"),
        ({"preds": {**ENTRY, "data_offsets": [0]}}, "and place"),
        ({"preds": {"dtype": "I64"}}, "its header gives shape None and place None"),
    ],
)
def test_a_header_that_is_damaged_is_refused(header, fault, path):
    with pytest.raises(PredictionsError, match=fault):
        read(path, content_of({"preds": LABELS}, header))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is 0 bytes"),
        (b"1234567", "it is 7 bytes"),
        ((2**63).to_bytes(8, "little"), "its header claims 9,223,372,036,854,775,808 bytes, and the file is 8"),
        ((4).to_bytes(8, "little") + b"[[[[", "its header is no JSON"),
        ((4).to_bytes(8, "little") + b"\xff\xfe\xfd\xfc", "its header is no JSON"),
        ((100_000).to_bytes(8, "little") + b"[" * 100_000, "its header is no JSON"),
        (content_of({"preds": LABELS})[:-1], "it claims bytes 0 to 80"),
    ],
)
def test_a_file_that_is_damaged_is_refused(content, fault, path):
    with pytest.raises(PredictionsError, match=rf"run\.safetensors.*: not a whole safetensors file: {fault}"):
        read(path, content)


WHOLE = content_of({"preds": LABELS, "logits": ("BF16", bfloat16(logits()))})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["I64", "BF16"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets", "preds"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    st.binary(max_size=40)
    | st.tuples(st.integers(0, 300), st.binary(max_size=3)).map(
        lambda change: WHOLE[: change[0]] + change[1] + WHOLE[change[0] + len(change[1]) :]
    )
    | JSON.map(lambda header: content_of({"preds": LABELS}, header))
    | st.lists(st.integers(-5, 90), max_size=3).map(
        lambda place: content_of({"preds": LABELS}, {"preds": {**ENTRY, "data_offsets": place}})
    )
)
def test_any_content_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    message = "any.safetensors"
    try:
        for batch in read(path, content):
            assert batch.labels.shape[1] == batch.images.size
    except PredictionsError as error:
        message = str(error)
    assert "any.safetensors" in message
