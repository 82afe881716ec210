"""Predictions in memory: every form that is taken says the same, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ml_scorer import Scorer, score
from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions import ORDERS
from ml_scorer.predictions.memory import memory_predictions
from ml_scorer.predictions.orders import Order, resolve_order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import image_name, image_names

A, B = image_name(1), image_name(2)
TEN = Order("ten", np.arange(1, 11, dtype=np.int32))


def read(source, order=None):
    return list(memory_predictions(source, ReadOptions(order), "here"))


def taken(source, order=None):
    """Predictions as {image: label}."""
    [predictions] = read(source, order)
    return dict(zip(predictions.images.tolist(), predictions.labels[0].tolist(), strict=True))


def names_of(images):
    return image_names(pl.Series(images)).to_list()


def label_of_image(seed=0):
    """A label for each validation image, right for many; index 0 is no image."""
    labels = validation_labels().copy()
    random = np.random.default_rng(seed)
    wrong = random.random(labels.size) < 0.3
    labels[wrong] = random.integers(0, 1000, int(wrong.sum()))
    return labels


def logits_of(labels, dtype):
    """Logits whose arg-max is these labels."""
    random = np.random.default_rng(1)
    logits = np.broadcast_to(random.integers(-4, 5, 1000).astype(dtype), (labels.size, 1000)).copy()
    logits[np.arange(labels.size), labels] = 9
    return logits


@pytest.fixture(scope="module")
def labels():
    return label_of_image()


@pytest.fixture(scope="module")
def scorer(synthetic):
    return Scorer(synthetic)


@pytest.fixture(scope="module")
def scorers(synthetic, tmp_path_factory):
    """Scorer and images of each order by its name, and of a file that lists the images in an order of its own."""
    names = tmp_path_factory.mktemp("order") / "names.txt"
    names.write_text("\n".join(names_of(np.random.default_rng(0).permutation(synthetic.images))))
    orders = {**{order: order for order in ORDERS}, "list": str(names)}
    return {
        name: (Scorer(synthetic, order=order), resolve_order(order, synthetic).images) for name, order in orders.items()
    }


@pytest.fixture(scope="module")
def expected(scorer, labels):
    """The scores of `labels`, which every form and order must give."""
    frame = scorer.score(dict(zip(names_of(range(1, 50_001)), labels[1:].tolist(), strict=True))).frame
    assert 0.4 < frame["MLA"][0] < 0.8
    return frame.drop("checkpoint")


# The same predictions in every form


@pytest.mark.parametrize("form", ["str", "bytes", "folders", "numpy-integers", "floats", "ordered-dict", "read-only"])
def test_mappings_of_any_kind_give_the_same_scores(form, scorer, labels, expected):
    names, values = names_of(range(1, 50_001)), labels[1:].tolist()
    if form == "bytes":
        names = [name.encode() for name in names]
    elif form == "folders":
        names = [f"val/n{number:08d}/{name}" for number, name in enumerate(names)]
    elif form == "numpy-integers":
        values = list(labels[1:])
    elif form == "floats":
        values = [float(value) for value in values]
    mapping = dict(zip(names, values, strict=True))
    wrapped = {"ordered-dict": OrderedDict, "read-only": MappingProxyType}.get(form, dict)(mapping)
    assert scorer.score(wrapped).frame.drop("checkpoint").equals(expected)


@pytest.mark.parametrize("form", ["polars", "lazy", "pandas", "pandas-nullable", "csv", "parquet"])
def test_tables_of_any_kind_give_the_same_scores(form, scorer, labels, expected, tmp_path):
    images = np.random.default_rng(0).permutation(np.arange(1, 50_001))
    frame = pl.DataFrame({"prob": 0.5, "file_name": names_of(images), "predicted_class": labels[images]})
    pandas = pd.DataFrame({"file_name": frame["file_name"].to_list(), "predicted_class": labels[images]})
    if form == "csv":
        frame.write_csv(tmp_path / "a.csv")
    elif form == "parquet":
        frame.write_parquet(tmp_path / "a.parquet")
    table = {
        "polars": frame,
        "lazy": frame.lazy(),
        "pandas": pandas,
        "pandas-nullable": pandas.astype({"file_name": "string", "predicted_class": "Int64"}),
        "csv": tmp_path / "a.csv",
        "parquet": tmp_path / "a.parquet",
    }[form]
    assert scorer.score(table).frame.drop("checkpoint").equals(expected)


@pytest.mark.parametrize("form", ["int16", "int64", "float32", "matrix", "list", "npy"])
@pytest.mark.parametrize("order", [*ORDERS, "list"])
def test_labels_in_any_order_give_the_same_scores(order, form, scorers, labels, expected, tmp_path):
    scorer, images = scorers[order]
    ordered = labels[images]
    predictions = {
        "int64": ordered.astype(np.int64),
        "float32": ordered.astype(np.float32),
        "matrix": ordered[None],
        "list": ordered.tolist(),
    }.get(form, ordered)
    if form == "npy":
        np.save(tmp_path / "a.npy", ordered)
        predictions = tmp_path / "a.npy"
    assert scorer.score(predictions).frame.drop("checkpoint").equals(expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_logits_of_any_precision_give_the_same_scores(dtype, scorers, labels, expected):
    scorer, images = scorers["annotations"]
    frame = scorer.score(logits_of(labels[images], dtype)).frame
    assert frame["ties"].to_list() == [0]
    assert frame.drop("checkpoint", "ties").equals(expected)


@pytest.mark.parametrize("order", ["imagefolder", "tfds", "list"])
def test_logits_in_any_order_give_the_same_scores(order, scorers, labels, expected, tmp_path):
    scorer, images = scorers[order]
    np.save(tmp_path / "a.npy", logits_of(labels[images], "float16"))
    frame = scorer.score(tmp_path / "a.npy").frame
    assert frame.drop("checkpoint", "ties").equals(expected)


def test_the_wrong_order_gives_other_scores(synthetic, labels, expected):
    ordered = labels[resolve_order("imagefolder", synthetic).images]
    with pytest.raises(PredictionsError, match=r"top-1 as ilsvrc; .* as imagefolder: pass --order imagefolder"):
        score(ordered, synthetic, order="ilsvrc")
    frame = score(ordered, synthetic, order="ilsvrc", trust_order=True).frame
    assert frame["MLA"][0] < expected["MLA"][0] / 10


def test_an_order_changes_nothing_for_predictions_with_names(synthetic, labels, expected):
    mapping = dict(zip(names_of(range(1, 50_001)), labels[1:].tolist(), strict=True))
    scores = score(mapping, synthetic, order="imagefolder")
    assert scores.frame.drop("checkpoint").equals(expected)
    assert "|order:names|" in scores.signatures["MLA"]


def test_ties_are_counted_where_a_measure_looks(synthetic):
    logits = np.zeros((20_000, 1000), np.float16)
    logits[np.arange(20_000), synthetic.original_labels] = 1
    problematic = np.flatnonzero(synthetic.is_problematic)[:5]
    scored = np.flatnonzero(~synthetic.is_problematic)[:3]
    logits[problematic] = 1
    logits[scored] = 1
    assert score(logits, synthetic, order="annotations").frame["ties"].to_list() == [3]


def test_ties_are_unknown_where_labels_were_given(synthetic):
    labels = synthetic.original_labels
    frame = score({"a": labels, "b": logits_of(labels, "float16")}, synthetic, order="annotations").frame
    assert frame["ties"].to_list() == [None, 0]


# Several checkpoints


def test_a_mapping_of_checkpoints_names_the_rows(scorer, labels, synthetic):
    named = dict(zip(names_of(synthetic.images), labels[synthetic.images].tolist(), strict=True))
    frame = scorer.score(
        {"step 1": named, "step 2": pd.DataFrame({"image": list(named), "pred": list(named.values())})}
    ).frame
    assert frame["checkpoint"].to_list() == ["step 1", "step 2"]
    assert frame["MLA"].n_unique() == 1


def test_a_mapping_may_name_files(scorer, labels, synthetic, tmp_path):
    pl.DataFrame({"file": names_of(synthetic.images), "pred": labels[synthetic.images]}).write_csv(tmp_path / "a.csv")
    assert scorer.score({"ours": tmp_path / "a.csv"}).frame["checkpoint"].to_list() == ["ours"]


def test_a_list_of_arrays_is_numbered(synthetic):
    right, wrong = synthetic.original_labels, (synthetic.original_labels + 500) % 1000
    frame = score([right, wrong], synthetic, order="annotations").frame
    assert frame["checkpoint"].to_list() == ["predictions[0]", "predictions[1]"]
    assert frame["Top1"].to_list() == [1.0, 0.0]


def test_the_rows_of_a_matrix_are_numbered(synthetic):
    labels = np.stack([(synthetic.original_labels + row) % 1000 for row in range(40)])
    frame = score({"run": labels}, synthetic, measures="Top1", order="annotations", trust_order=True).frame
    assert frame["checkpoint"].to_list() == [f"run[{row}]" for row in range(40)]
    assert frame["Top1"].to_list() == [1.0] + [0.0] * 39


def test_a_list_of_paths_is_named_by_its_files(scorer, labels, synthetic, tmp_path):
    frame = pl.DataFrame({"file": names_of(synthetic.images), "pred": labels[synthetic.images]})
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    assert scorer.score([str(tmp_path / "a.csv"), tmp_path / "a.parquet"]).frame["checkpoint"].to_list() == [
        "a.csv",
        "a.parquet",
    ]


def test_a_tuple_of_lists_is_several_checkpoints(synthetic):
    labels = synthetic.original_labels.tolist()
    assert score((labels, labels), synthetic, order="annotations").frame.height == 2


def test_checkpoints_with_different_images_are_aligned_each_by_itself(synthetic, labels, expected):
    everything = dict(zip(names_of(range(1, 50_001)), labels[1:].tolist(), strict=True))
    backwards = dict(reversed(everything.items()))
    annotated = dict(zip(names_of(synthetic.images), labels[synthetic.images].tolist(), strict=True))
    array = labels[resolve_order("tfds", synthetic).images]
    frame = score([everything, annotated, backwards, array, everything], synthetic, order="tfds").frame
    assert frame.drop("checkpoint").unique().equals(expected)


def test_a_name_of_a_checkpoint_may_be_any_text(synthetic):
    frame = score({"\udcff ä": synthetic.original_labels}, synthetic, order="annotations").frame
    assert frame["checkpoint"].to_list() == ["? ä"]


# Mappings that are refused


@pytest.mark.parametrize(
    ("mapping", "fault"),
    [
        ({}, "there are no predictions in it"),
        ({3: 3}, r"the keys must be file names \(str or bytes\), not 3"),
        ({A: 3, None: 3}, "the keys must be file names .*, not None"),
        ({A: "3"}, f"the values must be class indices 0-999, .*not '3' at {A}"),
        ({A: 3, B: None}, f"the values must be class indices 0-999, .*not None at {B}"),
        ({A: True}, f"the values must be class indices 0-999, .*not True at {A}"),
        ({A: 1j}, "the values must be class indices 0-999, .*not 1j"),
        ({A: Decimal(3)}, r"the values must be class indices 0-999, .*not Decimal\('3'\)"),
        ({A: 2**70}, f"the values must be class indices 0-999, .*not {2**70}"),
        ({A: [1], B: [1, 2]}, f"the values must be as many labels for each image.* not 1 at {A} and 2 at {B}"),
        ({A: 1, B: [1, 2]}, f"the values must be as many labels for each image.* not 1 at {A} and 2 at {B}"),
        ({A: []}, r"the values must be class indices 0-999, or the most likely ones of each image, not \[\] at"),
        ({A: [[1], [2]]}, r"the values must be class indices 0-999, .*not \[\[1\], \[2\]\] at"),
        ({A: [1.5, 2]}, "a label is not a whole number: 1.5 at"),
        ({A: [1, 1000]}, "a label is outside 0-999: 1000 at"),
        ({A: [7, 3, 7]}, ".*more than once|.*twice"),
        ({A: 3, B: [[1], [1, 2]]}, r"the values must be class indices 0-999, .*not \[\[1\], \[1, 2\]\] at"),
        ({A: {B: 3}}, "the values must be class indices 0-999, .*not {"),
        ({A: np.full(1000, np.nan)}, "a logit is NaN in 1 rows"),
        ({A: np.zeros(1001)}, "the array is 1 x 1 x 1,001: logits of 1,001 classes"),
        ({A: np.zeros(1000), "cat.jpg": np.zeros(1000)}, r"1 names are no ImageNet validation images: cat\.jpg"),
        ({A: 3, B: 1000}, f"a label is outside 0-999: 1000 at {B}"),
        ({A: 2.5}, f"a label is not a whole number: 2.5 at {A}"),
        ({A: float("nan")}, "a label is NaN"),
        ({"cat.jpg": 3}, r"1 names are no ImageNet validation images: cat\.jpg"),
        ({A: 3, "cat.jpg": 3}, r"1 names are no ImageNet validation images: cat\.jpg"),
        ({b"\xff.jpg": 3}, "1 names are no ImageNet validation images: \ufffd\\.jpg"),
        ({A: 3, A.encode(): 4}, r"1 images are repeated with another label: .*\(3 and 4\)"),
        ({A: 3, f"val/{A}": 4}, r"1 images are repeated with another label: .*\(3 and 4\)"),
    ],
)
def test_a_mapping_that_cannot_be_read_is_refused(mapping, fault):
    with pytest.raises(PredictionsError, match=f"^here: {fault}"):
        read(mapping)


@pytest.mark.parametrize("folder", [b"caf\xe9/", "caf\udce9/"])
def test_a_folder_that_cannot_be_decoded_does_no_harm(folder):
    name = A.encode() if isinstance(folder, bytes) else A
    assert taken({folder + name: 3}) == {1: 3}


@pytest.mark.parametrize("value", [np.int16(3), np.uint8(3), np.float32(3), np.array(3), 3.0])
def test_a_label_may_be_any_number(value):
    assert taken({A: value}) == {1: 3}


def test_a_mapping_from_a_foreign_name_to_a_label_is_one_checkpoint(scorer):
    with pytest.raises(PredictionsError, match=r"no ImageNet validation images: cat\.jpg"):
        scorer.score({"cat.jpg": 3, "dog.jpg": 4})


def test_a_mapping_from_image_to_its_best_labels():
    for values in ([[3, 4], [5, 6]], [(3, 4), (5, 6)], [np.array([3, 4]), np.array([5.0, 6.0])]):
        [found] = read(dict(zip((A, B), values, strict=True)))
        assert (found.images.tolist(), found.labels.tolist(), found.k) == ([1, 2], [[[3, 4], [5, 6]]], 2)


def test_a_mapping_from_image_to_its_logits():
    [found] = read({A: np.eye(1, 1000, 7)[0], B: np.eye(1, 1000, 9)[0]})
    assert (found.order, found.images.tolist(), found.labels.tolist()) == ("names", [1, 2], [[7, 9]])
    assert not found.ties.any()


def test_a_mapping_of_arrays_holds_predictions_and_what_belongs_to_them():
    labels, names = np.arange(10), [image_name(number) for number in range(30, 20, -1)]
    mapping = {"preds": labels, "targets": labels + 1}
    assert taken(mapping, TEN) == {image: image - 1 for image in range(1, 11)}
    for of_images in (names, np.array(names), pl.Series(names), [name.encode() for name in names]):
        [found] = read({**mapping, "filenames": of_images})
        assert (found.order, found.images.tolist()) == ("names", list(range(30, 20, -1)))
    with pytest.raises(PredictionsError, match=r"^here: 2 arrays could be the predictions: preds, top1"):
        read({**mapping, "top1": labels}, TEN)
    with pytest.raises(PredictionsError, match=r"^here\[preds\]: an array of <U3; expected labels"):
        read({"preds": "cat", "targets": labels}, TEN)


# Frames


def frame_of(labels, names=(A, B), **others):
    return pd.DataFrame({"file_name": names, "predicted_class": labels, **others})


@pytest.mark.parametrize(
    "dtype", ["int8", "uint16", ">i4", "float16", "float32", "Int64", "Float64", "object", "category", "str"]
)
def test_pandas_columns_of_any_type(dtype):
    assert taken(frame_of(pd.Series([3, 4]).astype(dtype))) == {1: 3, 2: 4}


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_pandas_names_of_any_type(dtype):
    assert taken(frame_of([3, 4], pd.Series([A, B]).astype(dtype))) == {1: 3, 2: 4}


def test_pandas_names_as_bytes():
    assert taken(frame_of([3, 4], [A.encode(), f"val/{B}".encode()])) == {1: 3, 2: 4}


def test_a_pandas_index_does_no_harm():
    assert taken(frame_of([3, 4]).set_index(pd.Index([7, 7]))) == {1: 3, 2: 4}


def test_other_pandas_columns_are_not_looked_at():
    others = {
        "probabilities": [np.zeros(3), np.ones(3)],
        "when": pd.to_datetime(["2026", None]),
        "note": [pd.NA, object()],
    }
    assert taken(frame_of([3, 4], **others)) == {1: 3, 2: 4}


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (frame_of([3, 1000]), f"a label is outside 0-999: 1000 at {B}"),
        (frame_of([3, 2.5]), f"a label is not a whole number: 2.5 at {B}"),
        (frame_of([3, np.nan]), f"a label is NaN: nan at {B}"),
        (frame_of(pd.array([3, None], dtype="Int64")), f"(a label is NaN|column 'predicted_class' is empty).*{B}"),
        (frame_of(np.array([3, None], object)), f"column 'predicted_class' is empty in 1 rows: {B}"),
        (frame_of([True, False]), "column 'predicted_class' is Boolean, expected class indices"),
        (frame_of(["3", "cat"]), f"column 'predicted_class' holds text .*: 'cat' at {B}"),
        (frame_of([3, 4], pd.array([A, None], dtype="string")), r"1 names are no .*: \(no name\)"),
        (frame_of([3, 4], [A, np.nan]), r"1 names are no .*: \(no name\)"),
        (frame_of([3, 4], [A, A]), "1 images are repeated with another label"),
        (frame_of([], []), "there are no predictions in it"),
        (pd.DataFrame(), "2 problems\n"),
        (pd.DataFrame([[A, 3]]), "2 problems\n(.|\n)*The columns are '0', '1'"),
        (frame_of([3, 4]).set_index("file_name"), "expected one column of image names"),
        (pd.DataFrame([[A, 3, 4]], columns=["image", "pred", "pred"]), "columns stand twice in the frame: pred"),
        (pd.DataFrame([[A, 3, 4, 5]], columns=["image", "pred", "x", "x"]), "columns stand twice in the frame: x"),
    ],
)
def test_a_pandas_frame_that_cannot_be_read_is_refused(frame, fault):
    with pytest.raises(PredictionsError, match=f"^here: {fault}"):
        read(frame)


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None  # importing it fails
import pandas
from ml_scorer import Scorer
from ml_scorer.predictions.memory import memory_predictions
from ml_scorer.predictions.reading import ReadOptions
for dtype in ("object", "str", "string"):
    frame = pandas.DataFrame({"file_name": ["ILSVRC2012_val_00000002.JPEG"], "predicted_class": [7]})
    [predictions] = memory_predictions(frame.astype({"file_name": dtype}), ReadOptions(), "here")
    print(predictions.images, predictions.labels)
"""


def test_pandas_frames_are_read_without_pyarrow():
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYARROW], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[2] [[7]]\n" * 3, "")


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (pl.DataFrame({"image": [A], "pred": [1000]}), "a label is outside 0-999: 1000"),
        (pl.DataFrame({"image": [A], "pred": [None]}), "column 'pred' is Null, expected class indices"),
        (pl.DataFrame({"image": [A]}), "expected one column of predicted class indices"),
        (pl.DataFrame(), "2 problems"),
        (pl.LazyFrame({"image": [A], "pred": [1.5]}), "a label is not a whole number"),
        (pl.LazyFrame({"image": [A], "pred": ["x"]}).cast({"pred": pl.Int64}), "the lazy frame cannot be collected "),
    ],
)
def test_a_polars_frame_that_cannot_be_read_is_refused(frame, fault):
    with pytest.raises(PredictionsError, match=f"^here: {fault}"):
        read(frame)


# Arrays, and what is none


@pytest.mark.parametrize(
    "source", [list(range(10)), tuple(range(10)), range(10), pd.Series(range(10)), pl.Series(range(10))]
)
def test_whatever_numpy_takes_is_an_array(source):
    assert taken(source, TEN) == {image: image - 1 for image in range(1, 11)}


def test_an_array_without_an_order_is_refused(scorer, labels):
    with pytest.raises(
        PredictionsError, match=r"^predictions: an array \(50,000\) has no image names.* order= .*ilsvrc"
    ):
        scorer.score(labels[1:])


@pytest.mark.parametrize(
    ("order", "length"), [("ilsvrc", 20_000), ("imagefolder", 49_999), ("annotations", 50_000), ("tfds", 18_692)]
)
def test_a_wrong_length_is_refused_with_those_expected(order, length, synthetic):
    fault = f"the array is {length:,}, and the order {order} has .0,000 images; expected .*50,000 images.*20,000 images"
    with pytest.raises(PredictionsError, match=f"^predictions: {fault}"):
        score(np.zeros(length, int), synthetic, order=order)


@pytest.mark.parametrize("nothing", [[], (), np.zeros(0), np.zeros((0, 10), int)])
def test_nothing_at_all_is_refused(nothing, synthetic):
    with pytest.raises(PredictionsError, match=r"^predictions: there are no predictions in it"):
        score(nothing, synthetic, order="annotations")


class Unreachable:
    """As a tensor that is not in the memory of the host."""

    def __array__(self, *_, **__):
        raise TypeError("use Tensor.cpu() first")


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (None, "NoneType is nothing that predictions are read from; expected a path, a mapping"),
        ({A}, "set is nothing"),
        ((label for label in [1, 2]), "generator is nothing that predictions are read from; expected .*list of these"),
        (object(), "object is nothing"),
        ([[1], [1, 2]], "list is nothing that predictions are read from: .*inhomogeneous"),
        (Unreachable(), r"Unreachable is nothing that predictions are read from: use Tensor\.cpu\(\) first"),
        (np.array([None]), "an array of Python objects; expected labels"),
        (np.array(["3"]), "an array of <U1; expected labels"),
        (np.array([True]), "an array of bool; expected labels"),
        (pl.Series([A]), "an array of .*; expected labels"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(source, fault):
    with pytest.raises(PredictionsError, match=f"^here: {fault}"):
        read(source, TEN)


def test_the_place_of_a_bad_label_is_its_position():
    with pytest.raises(PredictionsError, match=r"^here: a label is outside 0-999: 1000 at index 9\b"):
        read([0] * 9 + [1000], TEN)


def test_labels_are_not_changed_in_place(synthetic):
    labels = synthetic.original_labels.copy()
    labels.setflags(write=False)
    score(labels, synthetic, order="annotations", missing="wrong")
    assert (labels == synthetic.original_labels).all()
