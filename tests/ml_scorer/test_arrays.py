"""Arrays of predictions: what their axes are, which numbering, in which batches, and what is refused."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from ml_scorer import Scorer
from ml_scorer.errors import MissingExtraError, PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions.arrays.array import array_predictions
from ml_scorer.predictions.arrays.stored import ArrayInFile, in_memory
from ml_scorer.predictions.arrays.tensors import as_array
from ml_scorer.predictions.arrays.torch_file import read_torch
from ml_scorer.predictions.class_ids import CLASS_IDS
from ml_scorer.predictions.orders import ORDERS, Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import image_name, image_numbers

TEN = Order("ten", np.arange(11, 21, dtype=np.int32))
OPTIONS = ReadOptions(TEN)
SHUFFLED = Order("shuffled", np.random.default_rng(0).permutation(50).astype(np.int32) + 1)


def read(array, options=OPTIONS, name=None):
    return list(array_predictions(array, options, "here", name))


def logits(labels, classes=1000, dtype="float32"):
    """(images, classes) of which these columns are the largest."""
    labels = np.asarray(labels)
    values = np.zeros((*labels.shape, classes), dtype)
    np.put_along_axis(values, labels[..., None], 1, axis=-1)
    return values


def top(labels, k):
    """(..., k) with these labels first and others after them."""
    labels = np.asarray(labels)
    return (labels[..., None] + np.arange(k)) % 1000


INTEGERS = [
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "int64",
    "uint64",
    ">i2",
    ">i8",
    "float16",
    "float32",
    "float64",
]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_of_any_type(dtype):
    [found] = read(np.arange(10).astype(dtype))
    assert found.labels.tolist() == [list(range(10))]
    assert (found.labels.dtype, found.order, found.ties, found.names) == (np.int16, "ten", None, None)
    assert found.images.tolist() == list(range(11, 21))


def test_labels_of_16_bits_are_not_copied():
    labels = np.arange(30, dtype=np.int16).reshape(3, 10)
    [found] = read(labels)
    assert np.shares_memory(found.labels, labels)


@pytest.mark.parametrize("layout", ["C", "F"])
def test_labels_of_several_checkpoints(layout):
    labels = np.arange(30).reshape(3, 10)
    [found] = read(np.asarray(labels, order=layout), name="run")
    assert found.labels.tolist() == labels.tolist()
    assert found.names == ("run[0]", "run[1]", "run[2]")


@pytest.mark.parametrize("dtype", INTEGERS[2:])
def test_the_best_labels_of_each_image(dtype):
    labels = top(np.arange(10) * 100, 5)
    [found] = read(labels.astype(dtype))
    assert found.k == 5
    assert found.labels.tolist() == [labels.tolist()]


def test_the_best_labels_of_several_checkpoints():
    labels = top(np.arange(30).reshape(3, 10), 4)
    [found] = read(labels)
    assert found.labels.tolist() == labels.tolist()


@pytest.mark.parametrize("labels", [np.arange(10)[:, None], np.arange(10)[None, :, None]])
def test_one_label_of_each_image_may_be_a_column(labels):
    [found] = read(labels)
    assert found.labels.tolist() == [list(range(10))]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_logits_of_one_checkpoint(dtype):
    [found] = read(logits(np.arange(10) * 7, dtype=dtype), name="run")
    assert found.labels.tolist() == [[7 * place for place in range(10)]]
    assert found.ties.tolist() == [[False] * 10]
    assert found.names == ("run",)


def test_logits_of_several_checkpoints_come_one_by_one():
    labels = np.arange(30).reshape(3, 10)
    found = read(logits(labels), name="run")
    assert [one.labels[0].tolist() for one in found] == labels.tolist()
    assert [one.names for one in found] == [("run[0]",), ("run[1]",), ("run[2]",)]


def test_as_many_labels_are_taken_from_logits_as_the_measures_need():
    values = logits(np.arange(10))
    values[:, 500] = 0.5
    [found] = read(values, ReadOptions(TEN, k=3))
    assert found.labels.tolist() == [[[image, 500, 1 if image == 0 else 0] for image in range(10)]]
    assert read(values, ReadOptions(TEN, k=2000))[0].k == 1000


def test_only_the_logits_of_images_that_are_needed_are_read():
    required = np.array([3, 4, 30, 49], np.int32)
    labels = np.random.default_rng(1).integers(0, 1000, 50)
    values = logits(labels)
    values[~np.isin(SHUFFLED.images, required)] = np.nan
    [found] = read(values, ReadOptions(SHUFFLED, required=required))
    assert sorted(found.images.tolist()) == required.tolist()
    expected = dict(zip(SHUFFLED.images.tolist(), labels.tolist(), strict=True))
    assert found.labels[0].tolist() == [expected[image] for image in found.images.tolist()]


def test_no_logits_are_needed_at_all():
    [found] = read(np.full((10, 1000), np.nan), ReadOptions(TEN, required=np.array([1], np.int32)))
    assert found.labels.shape == (1, 0)


# Batches


@pytest.mark.parametrize("dtype", ["int16", "int64"])
def test_many_checkpoints_come_in_batches(dtype):
    labels = np.arange(1300).reshape(130, 10).astype(dtype) % 1000
    found = read(labels, name="run")
    assert [len(one.labels) for one in found] == [64, 64, 2]
    assert np.concatenate([one.labels for one in found]).tolist() == labels.tolist()
    assert found[-1].names == ("run[128]", "run[129]")


def test_a_batch_holds_few_checkpoints_of_many_images():
    sizes = []

    def read_zeros(buffer, start):
        sizes.append(len(buffer))
        buffer[:] = bytes(len(buffer))

    order = Order("ilsvrc", ORDERS["ilsvrc"](np.empty(0, np.int32)))
    array = ArrayInFile(shape=(100, 50_000), dtype=np.dtype(np.int64), read=read_zeros)
    assert sum(len(one.labels) for one in array_predictions(array, ReadOptions(order), "here")) == 100
    assert max(sizes) <= 16 << 20


def test_the_checkpoints_of_a_bad_batch_are_named():
    labels = np.zeros((130, 10), int)
    labels[70, 3] = 1001
    with pytest.raises(
        PredictionsError, match=r"^here, checkpoints 64 to 127: a label is outside .*1001 at index \(6, 3\)"
    ):
        read(labels)


# Numberings


@pytest.mark.parametrize("name", sorted(CLASS_IDS))
def test_labels_in_any_numbering(name):
    class_ids = CLASS_IDS[name]
    numbers = np.flatnonzero(class_ids.labels >= 0)[np.arange(10) * 90]
    expected = class_ids.labels[numbers].tolist()
    assert read(numbers, ReadOptions(TEN, class_ids))[0].labels.tolist() == [expected]
    [found] = read(np.stack([numbers, np.roll(numbers, 1)], axis=1), ReadOptions(TEN, class_ids))
    assert found.labels[0, :, 0].tolist() == expected


@pytest.mark.parametrize("name", sorted(CLASS_IDS))
def test_logits_in_any_numbering(name):
    class_ids = CLASS_IDS[name]
    known = np.flatnonzero(class_ids.labels >= 0)
    columns = np.arange(10) * 99
    wide = name == "background"
    values = logits(columns + wide, 1000 + wide)
    if wide:
        values[:, 0] = 5
    [found] = read(values, ReadOptions(TEN, class_ids))
    assert found.labels[0].tolist() == class_ids.labels[known[columns]].tolist()


@pytest.mark.parametrize("name", sorted(set(CLASS_IDS) - {"background"}))
def test_1001_columns_are_refused_with_the_option_that_takes_them(name):
    with pytest.raises(
        PredictionsError,
        match=r"^here: the array is 10 x 1,001: logits of 1,001 .*--class-ids background",
    ):
        read(np.zeros((10, 1001)), ReadOptions(TEN, CLASS_IDS[name]))


def test_1000_columns_have_no_background():
    with pytest.raises(PredictionsError, match="logits of 1,000 classes, where with class ids 'background' 1,001"):
        read(np.zeros((10, 1000)), ReadOptions(TEN, CLASS_IDS["background"]))


# Refusals


def test_repeated_labels_of_an_image_are_refused_by_count_with_examples():
    labels = top(np.arange(30).reshape(3, 10), 3)
    labels[1, 4] = [7, 3, 7]
    labels[2, 0] = [5, 5, 5]
    fault = rf"2 images have a label more than once among their 3: \[7, 3, 7\] for {image_name(15)}, .*array\.T"
    with pytest.raises(PredictionsError, match=f"^here: {fault}"):
        read(labels)


def test_repeats_are_told_after_translation_and_in_one_checkpoint():
    labels = top(np.arange(10), 3)
    labels[9] = [1, 2, 1]
    with pytest.raises(PredictionsError, match="1 images have a label more than once among their 3"):
        read(labels)


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.zeros(9, int), "the array is 9, and the order ten has 10 images; expected labels .*50,000.*20,000"),
        (np.zeros((2, 11), int), "the array is 2 x 11, and"),
        (np.zeros((10, 101), int), r"the array is 10 x 101, .* The images are in the rows: pass array\.T"),
        (np.zeros((10, 1000), int), "the array is 10 x 1,000, .* look like logits as integers: pass them as floats"),
        (np.zeros((11, 1000)), "the array is 11 x 1,000, and"),
        (np.zeros((1, 1, 10), int), "the array is 1 x 1 x 10, and"),
        (np.zeros((1, 1, 10, 1), int), "the array is 1 x 1 x 10 x 1, and"),
        (np.array(3), "the array is a single number, and"),
        (np.zeros((10, 10), int), "the array is 10 x 10, and the order ten has 10 images, so either axis could be"),
        (np.zeros((2, 10, 2000)), "the array is 2 x 10 x 2,000, and"),
        (np.zeros(0, int), "there are no predictions in it: the array is 0"),
        (np.zeros((0, 10), int), "there are no predictions in it: the array is 0 x 10"),
        (np.zeros((10, 0), int), "there are no predictions in it: the array is 10 x 0"),
        (np.zeros(10, bool), "an array of bool; expected"),
        (np.zeros(10, complex), "an array of complex128; expected"),
        (np.zeros(10, "U3"), "an array of <U3; expected"),
        (np.zeros(10, "M8[s]"), "an array of datetime64"),
        (np.zeros(10, object), "an array of Python objects; expected"),
        (np.zeros(10, [("label", "i4")]), r"an array of \[\('label', '<i4'\)\]; expected"),
        (np.arange(991, 1001), "a label is outside 0-999: 1000 at index 9"),
        (np.full(10, 0.5), "a label is not a whole number: 0.5 at index 0"),
        (np.full((2, 10), -1), r"a label is outside 0-999: -1 at index \(0, 0\)"),
        (np.full((10, 5), 0.2), r"a label is not a whole number: 0.2 at index \(0, 0\)"),
        (np.full((10, 1000), np.nan), "a logit is NaN in 10 rows"),
        (np.full((2, 10, 1000), np.inf), r"checkpoint 0: a logit is \+inf in 10 rows"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(array, fault):
    with pytest.raises(PredictionsError, match=rf"^here(, |: ){fault}"):
        read(array)


@pytest.mark.parametrize("array", [np.arange(100).reshape(10, 10, 1), top(np.arange(10), 10)[None]])
def test_an_axis_of_one_says_which_axis_is_which(array):
    assert read(array)[0].images.size == 10


def test_floats_of_a_thousand_images_may_be_logits_or_labels():
    order = Order("thousand", np.arange(1, 1001, dtype=np.int32))
    with pytest.raises(PredictionsError, match=r"either axis could be the images.*\(1, images, 1000\)"):
        read(np.zeros((1000, 1000)), ReadOptions(order))
    assert read(np.zeros((1000, 1000), int), ReadOptions(order))[0].labels.shape == (64, 1000)
    assert read(np.zeros((1, 1000, 1000)), ReadOptions(order))[0].ties.all()


# Orders that are not said, or another


@pytest.mark.parametrize("shape", [(50_000,), (2, 50_000), (50_000, 5), (50_000, 1000)])
def test_an_array_without_an_order_is_refused_with_the_orders_of_its_length(shape):
    array = np.zeros(shape, np.float16)
    with pytest.raises(
        PredictionsError,
        match=r"^here: an array \(.*50,000.*\) has no image names, .* order= .*--order.*"
        r"Orders of 50,000 images: ilsvrc, imagefolder\b",
    ):
        read(array, ReadOptions())


def test_the_orders_of_20000_images_are_named():
    fault = r"the array is 20,000, and the order ten.*Orders of 20,000 images: tfds, tfds-sequential, annotations\.$"
    with pytest.raises(PredictionsError, match=fault):
        read(np.zeros(20_000, int))


@pytest.mark.parametrize("form", ["labels", "matrix", "best", "logits", "logits of 1,001"])
def test_the_order_that_fits_is_named_where_none_is_said(form):
    images = ORDERS["imagefolder"](np.empty(0, np.int32))
    labels = validation_labels()[images]
    array = {
        "labels": labels,
        "matrix": np.stack([labels, labels * 0]),
        "best": top(labels, 3),
        "logits": logits(labels, dtype="float16"),
        "logits of 1,001": logits(labels + 1, 1001, dtype="float16"),
    }[form]
    with pytest.raises(PredictionsError, match=r"Orders of 50,000 images: .*imagefolder.*--order imagefolder"):
        read(array, ReadOptions())


def test_bad_numbers_without_an_order_are_no_second_fault():
    for array in (np.full(50_000, np.nan), np.full(50_000, 0.5), np.full((50_000, 1000), np.float16(np.nan))):
        with pytest.raises(PredictionsError, match="has no image names"):
            read(array, ReadOptions())


def test_torch_files_need_torch(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it fails
    (tmp_path / "run.pt").write_bytes(b"PK")
    with pytest.raises(
        MissingExtraError, match=r"reading \.pt and \.pth files needs .*pip install 'ml-scorer\[torch\]'"
    ):
        next(read_torch(tmp_path / "run.pt", OPTIONS))


class OnADevice:
    """As an array that NumPy is not let into, but that can be handed over."""

    def __array__(self, *_, **__):
        raise TypeError("not in the memory of the host")

    def __dlpack__(self, **_):
        return np.arange(10).__dlpack__()

    def __dlpack_device__(self):
        return (1, 0)


def test_an_array_may_be_handed_over_by_dlpack():
    [found] = read(as_array(OnADevice()))
    assert found.labels.tolist() == [list(range(10))]


def test_labels_as_bfloat16_are_refused(tmp_path):
    bits = (np.arange(10, dtype=np.float32).view(np.uint32) >> 16).astype(np.int16)
    with pytest.raises(PredictionsError, match=r"holds whole numbers only up to 256\. Save them as integers"):
        read(in_memory(bits, is_bfloat16=True))


@pytest.mark.parametrize("model", ["ResNet50", "DINO"])
def test_real_predictions_score_the_same_from_every_kind_of_array_file(model, real_data, genuine, tmp_path):
    scorer = Scorer(genuine, order="imagefolder")
    table = real_data / "predictions" / f"{model}.csv"
    expected = scorer.score(table).frame.drop("checkpoint")
    frame = pl.read_csv(table).select("file_name", "predicted_class")
    labels = frame["predicted_class"].to_numpy()[np.argsort(image_numbers(frame["file_name"]))]
    labels = labels[ORDERS["imagefolder"](np.empty(0, np.int32)) - 1]
    np.save(tmp_path / "labels.npy", labels)
    np.save(tmp_path / "logits.npy", logits(labels, dtype="float16"))
    np.savez_compressed(tmp_path / "run.npz", preds=labels, targets=labels * 0)
    names = frame["file_name"].to_numpy().astype(str)
    np.savez(tmp_path / "named.npz", preds=frame["predicted_class"].to_numpy(), names=names)
    np.savez_compressed(tmp_path / "packed.npz", logits=logits(labels, dtype="float16"))
    for file in sorted(tmp_path.iterdir()):
        assert scorer.score(file).frame.drop("checkpoint", "ties", strict=False).equals(expected), file.name
