"""Archives of NumPy arrays: which arrays are taken, how they are read, and what is refused."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.npz_file import read_npz
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import image_name

TEN = ReadOptions(Order("ten", np.arange(1, 11, dtype=np.int32)))
LABELS = np.arange(10) * 100
NAMES = [f"val/{image_name(number)}" for number in range(20, 10, -1)]


def logits(labels=LABELS, dtype="float32", classes=1000):
    values = np.zeros((len(labels), classes), dtype)
    values[np.arange(len(labels)), labels] = 1
    return values


@pytest.fixture(params=[np.savez, np.savez_compressed])
def save(request):
    return request.param


@pytest.fixture
def npz(tmp_path):
    return tmp_path / "run.npz"


def read(path, options=TEN):
    return list(read_npz(path, options))


def labels_of(path, options=TEN):
    """Labels of each checkpoint by its name."""
    found = {}
    for batch in read(path, options):
        names = batch.names or (None,) * len(batch.labels)
        found |= dict(zip(names, batch.labels.tolist(), strict=True))
    return found


# Which arrays


def test_each_array_is_a_checkpoint(save, npz):
    save(npz, resnet50=LABELS, vit=LABELS + 1, convnext=logits(LABELS + 2))
    assert labels_of(npz) == {
        "resnet50": LABELS.tolist(), "vit": (LABELS + 1).tolist(), "convnext": (LABELS + 2).tolist(),
    }  # fmt: skip


def test_an_array_may_hold_several_checkpoints(save, npz):
    save(npz, warm=np.stack([LABELS, LABELS + 1]), cold=LABELS)
    assert list(labels_of(npz)) == ["warm[0]", "warm[1]", "cold"]


def test_arrays_without_names_are_numbered(save, npz):
    save(npz, LABELS, LABELS + 1)
    assert list(labels_of(npz)) == ["arr_0", "arr_1"]


@pytest.mark.parametrize("key", ["top1", "preds", "Predictions", "y-pred", "logits", "probs", "arr_0", "labels"])
def test_one_array_of_a_usual_name_is_the_checkpoint_of_the_file(key, save, npz):
    save(npz, **{key: logits() if key in {"logits", "probs"} else LABELS})
    [found] = read(npz)
    assert (found.labels.tolist(), found.names) == ([LABELS.tolist()], None)


@pytest.mark.parametrize("others", ["targets", "labels", "epoch", "features", "y_true"])
def test_predictions_go_before_what_lies_beside_them(others, save, npz):
    save(npz, **{others: LABELS + 7, "preds": LABELS})
    assert labels_of(npz) == {None: LABELS.tolist()}


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        (["preds", "logits"], r"2 arrays could be the predictions: preds, logits\. Say which by key= \(--key\)"),
        (["labels", "resnet50"], r"labels may be the ground truth, .*It has labels, resnet50.*--key"),
        (["targets"], r"targets may be the ground truth, .*--key"),
        (["y", "x"], "y may be the ground truth"),
    ],
)
def test_what_cannot_be_told_is_refused(keys, fault, save, npz):
    save(npz, **dict.fromkeys(keys, LABELS))
    with pytest.raises(PredictionsError, match=rf"run\.npz: {fault}"):
        read(npz)


@pytest.mark.parametrize("key", ["targets", "preds", "logits"])
def test_the_array_may_be_said(key, save, npz):
    save(npz, targets=LABELS, preds=LABELS, logits=logits())
    assert labels_of(npz, ReadOptions(TEN.order, key=key)) == {None: LABELS.tolist()}


def test_an_array_that_is_not_there_is_refused(save, npz):
    save(npz, targets=LABELS, preds=LABELS)
    with pytest.raises(PredictionsError, match=r"run\.npz: there is no array 'top1' in it\. It has targets, preds"):
        read(npz, ReadOptions(TEN.order, key="top1"))


def test_a_bad_array_is_named(save, npz):
    save(npz, a=LABELS, b=LABELS + 900, c=LABELS)
    with pytest.raises(PredictionsError, match=r"run\.npz\[b\]: a label is outside 0-999: 1000 at index 1"):
        read(npz)


# Image names


@pytest.mark.parametrize("key", ["names", "filenames", "image_names", "paths", "images", "file_name"])
@pytest.mark.parametrize("kind", ["U", "S"])
def test_image_names_beside_predictions_need_no_order(key, kind, save, npz):
    save(npz, preds=LABELS, targets=LABELS, **{key: np.array(NAMES, kind)})
    for options in (ReadOptions(), TEN):
        [found] = read(npz, options)
        assert (found.order, found.names) == ("names", None)
        assert found.images.tolist() == list(range(20, 10, -1))
        assert found.labels.tolist() == [LABELS.tolist()]


def test_image_names_hold_for_every_checkpoint(save, npz):
    save(npz, names=np.array(NAMES), a=LABELS, b=logits())
    assert [found.order for found in read(npz, ReadOptions())] == ["names", "names"]


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (NAMES[:9], r"\[preds\]: the array is 10, and the order names has 9 images"),
        ([*NAMES[:9], "cat.jpg"], r"\[names\]: 1 names are no ImageNet validation images: cat\.jpg"),
        ([*NAMES[:9], NAMES[0]], r"\[names\]: 1 images are named more than once: .*20"),
        (["cat.jpg", *NAMES[:9], NAMES[0]], r"\[names\]: 2 problems"),
    ],
)
def test_image_names_that_do_not_fit_are_refused(names, fault, save, npz):
    save(npz, preds=LABELS, names=np.array(names))
    with pytest.raises(PredictionsError, match=rf"run\.npz{fault}"):
        read(npz)


def test_two_arrays_of_names_are_refused(save, npz):
    save(npz, preds=LABELS, names=np.array(NAMES), paths=np.array(NAMES))
    with pytest.raises(PredictionsError, match="2 arrays could be the image names: names, paths"):
        read(npz)


def test_names_alone_are_no_predictions(save, npz):
    save(npz, names=np.array(NAMES))
    with pytest.raises(PredictionsError, match="there are no predictions in it: no array of numbers"):
        read(npz)


# How they are read


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_logits_of_any_type_and_layout(dtype, order, save, npz):
    save(npz, logits=np.asarray(logits(dtype=dtype), order=order), spare=np.zeros(3))
    assert labels_of(npz) == {None: LABELS.tolist()}


@pytest.mark.parametrize("order", ["C", "F"])
def test_labels_of_many_checkpoints_come_in_batches(order, save, npz):
    labels = np.arange(1500).reshape(150, 10) % 1000
    save(npz, preds=np.asarray(labels, order=order))
    found = read(npz)
    assert [len(batch.labels) for batch in found] == [64, 64, 22]
    assert np.concatenate([batch.labels for batch in found]).tolist() == labels.tolist()


def test_logits_of_several_checkpoints(save, npz):
    save(npz, logits=np.stack([logits(), logits(LABELS + 1)]))
    assert [batch.labels[0].tolist() for batch in read(npz)] == [LABELS.tolist(), (LABELS + 1).tolist()]


def test_only_the_rows_that_are_needed_are_looked_at(save, npz):
    order = Order("ilsvrc", np.arange(1, 3001, dtype=np.int32))
    values = np.full((3000, 1000), np.float16(np.nan))
    values[[1, 2000]] = logits([5, 6], "float16")
    save(npz, values)
    [found] = read(npz, ReadOptions(order, required=np.array([2, 2001], np.int32)))
    assert (found.images.tolist(), found.labels.tolist()) == ([2, 2001], [[5, 6]])


def test_packed_logits_never_come_into_memory_whole(npz):
    np.savez_compressed(npz, logits=np.zeros((20_000, 1000), np.float32))  # 80 MB
    order = Order("annotations", np.arange(1, 20_001, dtype=np.int32))
    tracemalloc.start()
    try:
        [found] = read(npz, ReadOptions(order))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.ties.all()
    assert peak < 12e6


# Refusals


def npy_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def claiming(shape, dtype="<f4"):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def write_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)


def test_an_array_that_claims_more_than_is_there_is_refused(npz):
    write_zip(npz, [("logits.npy", claiming((12_500_000, 1000)))])
    with pytest.raises(
        PredictionsError, match=r"\[logits\]: not a whole array: it claims 50,000,000,000 bytes, .* 0\."
    ):
        read(npz)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_an_archive_that_claims_50_gb_is_refused_before_it_is_read(compression, npz):
    write_zip(npz, [("preds.npy", claiming((25_000_000_000,), "<i2"))], compression)
    content = bytearray(npz.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    # Sizes of this length stand in the extra field of the directory (ZIP64).
    name = content[directory + 46 : directory + 46 + 9]
    size = 128 + 50_000_000_000
    packed = size if compression == zipfile.ZIP_STORED else struct.unpack_from("<I", content, directory + 20)[0]
    extra = struct.pack("<HHQQ", 1, 16, size, packed)
    struct.pack_into("<II", content, directory + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", content, directory + 30, len(extra))
    entry = bytes(content[directory : directory + 46]) + bytes(name) + extra
    end = bytearray(content[content.rindex(b"PK\x05\x06") :])
    struct.pack_into("<I", end, 12, len(entry))
    npz.write_bytes(bytes(content[:directory]) + entry + bytes(end))
    with pytest.raises(PredictionsError, match=r"\[preds\]: it claims to be 50,000,000,128 bytes, from "):
        read(npz)


def test_packed_zeros_of_another_shape_are_refused_before_they_are_unpacked(npz):
    np.savez_compressed(npz, preds=np.zeros((300, 1_000_000), np.int8))
    tracemalloc.start()
    try:
        with pytest.raises(PredictionsError, match=r"the array is 300 x 1,000,000, and the order ten has 10 images"):
            read(npz)
        assert tracemalloc.get_traced_memory()[1] < 3e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ([], "there are no predictions in it: no array of numbers"),
        ([("a.txt", b"x")], r"an archive, but not of NumPy arrays: it holds a\.txt"),
        ([("a.npy", b"")], r"\[a\]: not a whole array: "),
        ([("a.npy", b"text" * 99)], r"\[a\]: not a whole array: the magic string is not correct"),
        ([("a.npy", npy_bytes(LABELS)[:-1])], r"\[a\]: not a whole array: it claims 80 bytes, and there are 79"),
        ([("a.npy", npy_bytes(LABELS) + b"\0")], r"\[a\]: not a whole array: it claims 80 bytes, and there are 81"),
        ([("a.npy", claiming((-1,)))], r"\[a\]: not a whole array: "),
        ([("a.npy", npy_bytes(np.array(3)))], r"\[a\]: the array is a single number"),
        ([("a.npy", npy_bytes(np.zeros(10, bool)))], r"\[a\]: an array of bool"),
        ([("a.npy", npy_bytes(np.zeros(10, "i4,i4")))], r"\[a\]: an array of \["),
    ],
)
def test_archives_that_hold_no_predictions_are_refused(members, fault, npz):
    write_zip(npz, members)
    with pytest.raises(PredictionsError, match=rf"run\.npz(: )?{fault}"):
        read(npz)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_stands_twice_is_refused(npz):
    write_zip(npz, [("a.npy", npy_bytes(LABELS)), ("a.npy", npy_bytes(LABELS))])
    with pytest.raises(PredictionsError, match=r"arrays stand twice in it: a\.npy"):
        read(npz)


def test_objects_are_never_loaded(npz):
    np.savez(npz, preds=LABELS, names=np.array(NAMES, object))
    with pytest.raises(PredictionsError, match=r"\[names\]: .*Python objects, which are never loaded; .*dtype=str"):
        read(npz)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(50), b"text"])
def test_what_is_no_archive_is_refused(content, npz):
    npz.write_bytes(content)
    with pytest.raises(PredictionsError, match=r"run\.npz: not a whole archive of arrays: "):
        read(npz)


def test_no_file_at_all(npz):
    with pytest.raises(FileNotFoundError):
        read(npz)


def test_a_truncated_archive_is_refused(save, npz):
    save(npz, preds=LABELS)
    content = npz.read_bytes()
    for length in range(0, len(content), 7):
        npz.write_bytes(content[:length])
        with pytest.raises(PredictionsError, match=r"run\.npz"):
            read(npz)


def test_packed_contents_that_are_damaged_are_refused(npz):
    np.savez_compressed(npz, preds=np.random.default_rng(0).integers(0, 1000, (200, 10)))
    content = bytearray(npz.read_bytes())
    content[600] ^= 0xFF
    npz.write_bytes(content)
    with pytest.raises(PredictionsError, match=r"run\.npz\[preds\]: "):
        read(npz)


ARCHIVES = []
for _save in (np.savez, np.savez_compressed):
    for _arrays in ({"preds": LABELS}, {"a": LABELS, "names": np.array(NAMES)}, {"logits": logits(dtype="float16")}):
        _buffer = io.BytesIO()
        _save(_buffer, **_arrays)
        ARCHIVES.append(_buffer.getvalue())


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(ARCHIVES),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4),
    st.integers(0, 40),
)
def test_any_damage_is_read_or_refused(tmp_path_factory, content, changes, cut):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    content = bytearray(content)
    for place, byte in changes:
        content[-1 - place % len(content)] = byte  # the directory stands at the end
    path.write_bytes(content[: len(content) - cut] if cut < 20 else content)
    message = "damaged.npz"
    try:
        for batch in read(path):
            assert batch.labels.shape[1] == batch.images.size
    except PredictionsError as error:
        message = str(error)
    assert "damaged.npz" in message
