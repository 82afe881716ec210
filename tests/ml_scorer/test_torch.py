"""Torch files, and arrays of torch, JAX and safetensors themselves: all packages that only this file needs."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.safetensors_file import read_safetensors
from ml_scorer.predictions.arrays.torch_file import read_torch
from ml_scorer.predictions.memory import memory_predictions
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import image_name

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
safetensors_torch = pytest.importorskip("safetensors.torch")
jnp = jax.numpy

TEN = ReadOptions(Order("ten", np.arange(1, 11, dtype=np.int32)))
LABELS = np.arange(10) * 100
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def logits(labels=LABELS):
    values = np.full((len(labels), 1000), -1, np.float32)
    values[np.arange(len(labels)), labels] = 1
    return values


@pytest.fixture(params=[".pt", ".pth"])
def path(request, tmp_path):
    return tmp_path / f"run{request.param}"


def read(path, content=None, options=TEN, **how):
    if content is not None:
        torch.save(content, path, **how)
    return list(read_torch(path, options))


def labels_of(batches):
    return {(batch.names or (None,))[0]: batch.labels[0].tolist() for batch in batches}


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float32])
def test_a_tensor_of_labels(dtype, path):
    assert labels_of(read(path, torch.tensor(LABELS // 10).to(dtype))) == {None: (LABELS // 10).tolist()}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("old", [False, True])
def test_a_tensor_of_logits(dtype, old, path):
    [found] = read(path, torch.tensor(logits()).to(dtype), _use_new_zipfile_serialization=not old)
    assert found.labels.tolist() == [LABELS.tolist()]
    assert not found.ties.any()


def test_a_tensor_may_lie_in_any_way(path):
    assert labels_of(read(path, torch.tensor(logits()).T.contiguous().T)) == {None: LABELS.tolist()}
    assert labels_of(read(path, torch.tensor(logits(), requires_grad=True))) == {None: LABELS.tolist()}
    assert labels_of(read(path, torch.nn.Parameter(torch.tensor(logits())))) == {None: LABELS.tolist()}


def test_a_dict_of_a_loop(path):
    content = {"logits": torch.tensor(logits()), "targets": torch.tensor(LABELS + 1), "epoch": 90, "model": "vit"}
    assert labels_of(read(path, content)) == {None: LABELS.tolist()}


def test_a_dict_of_checkpoints(path):
    content = {"a": torch.tensor(LABELS), "b": torch.tensor(logits(LABELS + 1)).bfloat16()}
    assert labels_of(read(path, content)) == {"a": LABELS.tolist(), "b": (LABELS + 1).tolist()}


def test_a_list_of_checkpoints(path):
    assert list(labels_of(read(path, [torch.tensor(LABELS), torch.tensor(LABELS)]))) == ["0", "1"]


def test_image_names_beside_predictions(path):
    names = [image_name(number) for number in range(20, 10, -1)]
    [found] = read(path, {"preds": torch.tensor(LABELS), "filenames": names}, ReadOptions())
    assert (found.order, found.images.tolist()) == ("names", list(range(20, 10, -1)))


def test_the_array_may_be_said(path):
    content = {"preds": torch.tensor(LABELS), "logits": torch.tensor(logits())}
    assert labels_of(read(path, content, ReadOptions(TEN.order, key="logits"))) == {None: LABELS.tolist()}
    with pytest.raises(PredictionsError, match=r"2 arrays could be the predictions: preds, logits\..*--key"):
        read(path, content)


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"epoch": 3, "state_dict": state}])
def test_weights_are_refused(wrap, path):
    with pytest.raises(
        PredictionsError, match=r"run\.pth?: these are the weights of a model \(weight|these are the weights"
    ):
        read(path, wrap(torch.nn.Sequential(torch.nn.Linear(2, 3)).state_dict()))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (3, "it holds int; expected a tensor, or a list or dict of tensors"),
        ({"a": 3}, "there are no predictions in it"),
        ([], "there are no predictions in it"),
        (torch.zeros(9), "the array is 9, and the order ten has 10 images"),
        ([torch.zeros(4, 1000), torch.zeros(6, 1000)], r"\[0\]: the array is 4 x 1,000"),
        (torch.zeros(10, dtype=torch.bool), "an array of bool"),
        (torch.zeros(10, dtype=torch.complex64), "an array of complex64"),
        (torch.zeros(10, 1000).to_sparse(), "a tensor that NumPy cannot take: "),
        (torch.zeros(10, dtype=torch.float8_e4m3fn), "a tensor that NumPy cannot take: "),
    ],
)
def test_other_contents_are_refused(content, fault, path):
    with pytest.raises(PredictionsError, match=rf"run\.pth?.*{fault}"):
        read(path, content)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, trap):
        self.trap = trap

    def __reduce__(self):
        return (open, (str(self.trap), "w"))


@pytest.mark.parametrize("form", ["torch", "old torch", "pickle"])
def test_code_is_never_run(form, path, tmp_path):
    content = {"preds": torch.tensor(LABELS), "more": Trap(tmp_path / "trap")}
    if form == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(PredictionsError, match=r"run\.pth?: it holds more than tensors, and such files run code"):
        read(path)
    assert not (tmp_path / "trap").exists()


def test_damaged_files_are_refused(path):
    torch.save({"logits": torch.tensor(logits())}, path)
    content = path.read_bytes()
    for damaged in (b"", b"text", content[:100], content[:-100], content[:20_000]):
        path.write_bytes(damaged)
        with pytest.raises(PredictionsError, match=r"run\.pth?: "):
            read(path)
    random = np.random.default_rng(0)
    for _ in range(100):
        changed = np.frombuffer(content, np.uint8).copy()
        changed[random.integers(0, 400, 3)] = random.integers(0, 256, 3)
        path.write_bytes(changed.tobytes())
        with contextlib.suppress(PredictionsError):
            assert read(path)[0].images.size == 10


def test_no_file_at_all(path):
    with pytest.raises(FileNotFoundError):
        read(path)


# In memory


def taken(source):
    [found] = memory_predictions(source, TEN, "here")
    return found.labels[0].tolist()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_torch_tensors_in_memory(dtype, requires_grad):
    assert taken(torch.tensor(logits()).to(dtype).requires_grad_(requires_grad)) == LABELS.tolist()
    assert taken(torch.tensor(LABELS)) == LABELS.tolist()


def test_a_tensor_of_no_device_is_refused():
    with pytest.raises(PredictionsError, match=r"^here: Tensor is nothing that predictions are read from: "):
        taken(torch.zeros(10, device="meta"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_jax_arrays_in_memory(dtype):
    assert taken(jnp.asarray(logits()).astype(dtype)) == LABELS.tolist()
    assert taken(jnp.asarray(LABELS)) == LABELS.tolist()
    assert taken(jax.jit(lambda values: values)(jnp.asarray(LABELS))) == LABELS.tolist()


def test_a_dict_of_tensors_in_memory():
    found = list(memory_predictions({"logits": torch.tensor(logits()), "targets": torch.zeros(10)}, TEN, "here"))
    assert labels_of(found) == {None: LABELS.tolist()}


# The package of that name


@pytest.mark.parametrize("dtype", [*FLOATS, torch.int64, torch.int16, torch.uint8])
def test_what_safetensors_writes_is_read(dtype, tmp_path):
    path = tmp_path / "run.safetensors"
    values = torch.tensor(logits() if dtype.is_floating_point else LABELS % 250).to(dtype)
    safetensors_torch.save_file({"spare": torch.zeros(3), "preds": values}, path, metadata={"model": "vit"})
    [found] = read_safetensors(path, TEN)
    assert found.labels[0].tolist() == (LABELS if dtype.is_floating_point else LABELS % 250).tolist()


def test_torch_is_imported_by_its_reader_alone():
    code = "import sys, ml_scorer.predictions.files, ml_scorer.predictions.memory; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
