"""Accuracy from arrays of any library, batch by batch: the numbers of the command line."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import ml_scorer
from ml_scorer.arrays import MultiLabelAccuracy, multi_label_accuracy
from ml_scorer.errors import AnnotationsNotFoundError, MeasureError, PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions import batch_rows
from ml_scorer.predictions.arrays import tensors
from ml_scorer.schema import image_name


@pytest.fixture(params=["ResNet50", "DINO"])
def published(request, real_data):
    table = pl.read_csv(real_data / "predictions" / f"{request.param}.csv")
    expected = json.loads((real_data / "expected_scores.json").read_text())[request.param]
    return table["file_name"].to_list(), table["predicted_class"].to_numpy(), expected


def names_of(*numbers):
    return [image_name(number) for number in numbers]


def few(annotations, measures="MLA", **options):
    return MultiLabelAccuracy(measures, annotations=annotations, missing="wrong", **options)


def updated(accuracy, preds, images):
    return accuracy.update(accuracy.empty(), preds, images)


def test_whole_arrays_score_as_the_file_does(published, genuine):
    names, labels, expected = published
    assert multi_label_accuracy(labels, names, annotations=genuine) == expected["mla"]
    found = multi_label_accuracy(labels, np.arange(50_000), ["MLA", "Top1"], order=names, annotations=genuine)
    assert found == {"MLA": expected["mla"], "Top1": expected["top1"]}


WITHOUT_TORCH = """
import sys
for absent in ("torch", "torchmetrics", "jax", "lightning"):
    sys.modules[absent] = None  # importing it fails
import numpy as np
from ml_scorer.arrays import MultiLabelAccuracy, multi_label_accuracy
labels, table = np.load(sys.argv[1]), sys.argv[2]
logits = np.zeros((50_000, 1000), np.float16)
logits[np.arange(50_000), labels] = 1
print(multi_label_accuracy(logits, np.arange(50_000), order="ilsvrc", annotations=table))
accuracy = MultiLabelAccuracy(order="ilsvrc", annotations=table)
state = accuracy.update(accuracy.empty(), labels, range(50_000))
print(accuracy.compute(accuracy.merge(state, accuracy.empty())))
try:
    import ml_scorer.torch
except ImportError as error:
    print(error)
"""


def test_neither_torch_nor_torchmetrics_is_needed(synthetic, synthetic_table, tmp_path):
    labels = validation_labels()[1:].copy()
    labels[::3] = (labels[::3] + 1) % 1000
    np.save(tmp_path / "labels.npy", labels)
    command = [sys.executable, "-c", WITHOUT_TORCH, tmp_path / "labels.npy", synthetic_table]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    whole, in_parts, refused = run.stdout.splitlines()
    assert float(whole) == float(in_parts) == ml_scorer.score(labels, synthetic, order="ilsvrc").frame["MLA"][0]
    assert refused == "ml_scorer.torch needs packages that are not installed: pip install 'ml-scorer[torch]'"


def test_batches_in_any_order_with_repeats_on_several_hosts(published, genuine):
    names, labels, expected = published
    accuracy = MultiLabelAccuracy(annotations=genuine, order="imagefolder")
    rng = np.random.default_rng(0)
    every = rng.permutation(np.concatenate([np.arange(50_000), rng.integers(0, 50_000, 3000)]))
    states = [accuracy.empty() for _ in range(3)]
    for number, batch in enumerate(np.array_split(every, 20)):
        images = batch if number % 2 else [names[place] for place in batch.tolist()]
        states[number % 3] = accuracy.update(states[number % 3], labels[batch], images)
    assert accuracy.compute(accuracy.merge(*states)) == expected["mla"]
    assert accuracy.compute(accuracy.merge(*reversed(states), states[0])) == expected["mla"]
    assert "order:imagefolder+names" in accuracy.scores(accuracy.merge(*states)).signatures["MLA"]


def test_a_state_never_changes(synthetic):
    accuracy = few(synthetic)
    empty = accuracy.empty()
    first = accuracy.update(empty, [3], names_of(1))
    accuracy.merge(first, accuracy.update(first, [4], names_of(2)))
    assert np.array_equal(empty, accuracy.empty())
    assert first[1:3, 0].tolist() == [3, accuracy.empty()[2, 0]]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("measure", ["MLA", "MLA(k=5)", "MLA(k=labels)", "Top5"])
def test_logits_of_jax(measure, jit, dtype, synthetic):
    jax = pytest.importorskip("jax")
    logits = jax.random.randint(jax.random.key(1), (600, 1000), -3, 4).astype(dtype)
    masks = jax.random.uniform(jax.random.key(2), logits.shape) < 0.3
    mask = lambda values, masks: jax.numpy.where(masks, -jax.numpy.inf, values)  # noqa: E731
    logits = (jax.jit(mask) if jit else mask)(logits, masks)
    assert str(logits.dtype) == dtype
    images = names_of(*synthetic.images[:600].tolist())
    accuracy = few(synthetic, measure, trust_order=True)
    with pytest.warns(UserWarning, match="near chance"):
        found = accuracy.scores(updated(accuracy, logits, images))
    values = np.asarray(logits.astype("float32"))
    expected = ml_scorer.score(values, synthetic, measure, order=images, missing="wrong", trust_order=True)
    assert found.frame.drop("checkpoint").equals(expected.frame.drop("checkpoint"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("measure", ["MLA", "MLA(k=5)"])
@pytest.mark.parametrize("nan", [slice(17, 18), slice(None)], ids=["one", "all"])
def test_nan_is_found_in_logits_of_jax(nan, measure, dtype, synthetic):
    jax = pytest.importorskip("jax")
    logits = np.random.default_rng(0).normal(size=(64, 1000)).astype(np.float32)
    logits[:20, nan] = np.nan
    accuracy = few(synthetic, measure, order="ilsvrc")
    with pytest.raises(PredictionsError, match="a logit is NaN for 20 images: ILSVRC2012_val_00000001"):
        accuracy.compute(updated(accuracy, jax.numpy.asarray(logits).astype(dtype), np.arange(64)))


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("background", [False, True])
def test_probabilities_that_underflow_are_told_apart(background, dtype, synthetic):
    """XLA takes numbers smaller than any normal one for zero."""
    jax = pytest.importorskip("jax")
    rows = np.zeros((6, 1000), np.float32)
    rows[:, [5, 7, 9]] = [[1e-39, 3e-39, 2e-39], [1, 1e-39, 3e-39], [-1, -1, -1], [0, 0, 0], [1, 2, 3], [-1e-39] * 3]
    rows[5, rows[5] == 0] = -1
    given = np.pad(rows, ((0, 0), (1, 0))) if background else rows
    how = {"order": "ilsvrc", "class_ids": "background" if background else "imagenet", "trust_order": True}
    accuracy = few(synthetic, "MLA(k=3)", **how)
    state = updated(accuracy, jax.numpy.asarray(given).astype(dtype), np.arange(6))
    assert np.array_equal(state, updated(accuracy, given, np.arange(6)))
    assert (state[1:5, :3] - background).tolist() == [[7, 9, 5], [5, 9, 7], [0, 1, 2], [0, 1, 2]]


def test_only_labels_of_jax_come_to_the_host(synthetic, monkeypatch):
    jax = pytest.importorskip("jax")
    accuracy = few(synthetic, "Top5", order="ilsvrc")
    logits = jax.random.normal(jax.random.key(0), (64, 1000))
    brought = []

    def as_array(source):
        brought.append(np.shape(source))
        return tensors.as_array(source)

    monkeypatch.setattr(batch_rows, "as_array", as_array)
    state = updated(accuracy, logits, np.arange(64))
    assert brought == [(64,), (64, 8)]  # positions; five labels, whether there is a tie, what is wrong, and if tiny
    assert np.array_equal(state, updated(accuracy, np.asarray(logits), np.arange(64)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_logits_of_numpy_and_torch(dtype, synthetic):
    labels = validation_labels()[1:2001]
    logits = np.zeros((2000, 1000), dtype)
    logits[np.arange(2000), labels] = 1
    accuracy = MultiLabelAccuracy(["Top1", "Top5"], annotations=synthetic, missing="wrong", order="ilsvrc")
    state = updated(accuracy, logits, range(2000))
    assert state[1:2001, 0].tolist() == labels.tolist()
    torch = pytest.importorskip("torch")
    assert np.array_equal(updated(accuracy, torch.from_numpy(logits), torch.arange(2000)), state)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.uint64])
def test_labels_of_every_integer_type(dtype, synthetic):
    accuracy = few(synthetic)
    state = updated(accuracy, np.array([0, 255], dtype), names_of(1, 2))
    assert state[1:3, 0].tolist() == [0, 255]
    assert np.array_equal(updated(accuracy, np.array([[0], [255]], dtype), names_of(1, 2)), state)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
@pytest.mark.parametrize("batches", [1, 7])
def test_labels_that_lost_bits_are_refused_as_in_a_file(batches, dtype, published, genuine):
    names, labels, _ = published
    cut = labels.astype(np.uint8)
    with pytest.raises(PredictionsError, match="were cut off"):
        ml_scorer.score(cut, genuine, order=names)
    accuracy = MultiLabelAccuracy(annotations=genuine)
    state = accuracy.empty()
    for batch in np.array_split(np.arange(50_000), batches):
        state = accuracy.update(state, cut[batch].astype(dtype), [names[place] for place in batch.tolist()])
    with pytest.raises(PredictionsError, match=r"no label is above 255, and they fit .* Keep them as int16"):
        accuracy.compute(state)
    top5 = few(genuine, "MLA(k=5)")
    with pytest.raises(PredictionsError, match="were cut off"):
        top5.compute(updated(top5, np.stack([cut, cut + np.uint8(1)], axis=1)[:, :2], names))


def test_a_part_whose_labels_fit_eight_bits_is_none_that_lost_any(published, genuine):
    names, labels, _ = published
    fitting = np.flatnonzero((labels < 256) & (validation_labels()[[int(name[15:23]) for name in names]] < 256))
    accuracy = few(genuine)
    images = [names[place] for place in fitting.tolist()]
    expected = accuracy.compute(updated(accuracy, labels[fitting], images))
    assert accuracy.compute(updated(accuracy, labels[fitting].astype(np.uint8), images)) == expected > 0


def test_top_k_labels_and_too_few_of_them(synthetic):
    accuracy = few(synthetic, "MLA(k=5)", trust_order=True)
    images = names_of(*synthetic.images[:9].tolist())
    labels = np.arange(9 * 6).reshape(9, 6)
    expected = ml_scorer.score(
        dict(zip(images, labels.tolist(), strict=True)), synthetic, "MLA(k=5)", missing="wrong", trust_order=True
    )
    assert accuracy.compute(updated(accuracy, labels, images)) == expected.frame["MLA(k=5)"][0]
    with pytest.raises(PredictionsError, match=r"MLA\(k=5\) looks at 5 labels of an image, and there is one"):
        accuracy.compute(updated(accuracy, labels[:, 0], images))


def test_what_is_wrong_with_labels_that_do_not_count_is_refused(synthetic):
    accuracy = few(synthetic, order="ilsvrc", trust_order=True)
    sound = np.array([[5, 4, 3], [3, 4, 5]])
    expected = updated(accuracy, sound[:, 0], np.arange(2))
    assert np.array_equal(updated(accuracy, sound, np.arange(2)), expected)
    with pytest.raises(PredictionsError, match=r"more than once among the most likely ones \(several .* for 1 images"):
        accuracy.compute(updated(accuracy, [[5, 4, 4], [3, 4, 5]], np.arange(2)))
    for label in -1, 1000:
        with pytest.raises(PredictionsError, match="a label after those that count is no class for 2 images"):
            accuracy.compute(updated(accuracy, [[5, 4, label], [3, label, 5]], np.arange(2)))


def test_two_checkpoints_at_once_are_refused(real_data, genuine):
    tables = [pl.read_csv(real_data / "predictions" / f"{name}.csv") for name in ("ResNet50", "DINO")]
    names, both = tables[0]["file_name"].to_list(), np.stack([table["predicted_class"] for table in tables], axis=1)
    with pytest.raises(PredictionsError, match=r"39,123 images|for [\d,]+ images"):
        multi_label_accuracy(both, names, annotations=genuine)


def test_no_images_are_no_floats(synthetic):
    accuracy = few(synthetic, order="ilsvrc")
    for nothing in range(0), [], np.empty(0), ():
        assert np.array_equal(updated(accuracy, np.empty((0, 1000)), nothing), accuracy.empty())


@pytest.mark.parametrize("odd", [None, 3])
def test_what_is_no_name_among_names_is_named(odd, synthetic):
    accuracy = few(synthetic, order="ilsvrc")
    with pytest.raises(PredictionsError, match=f"of the 3 images of a batch 1 are no names: {odd}"):
        updated(accuracy, [1, 2, 3], [*names_of(1, 2), odd])
    with pytest.raises(PredictionsError, match="the images of a batch are set; expected"):
        updated(accuracy, [1, 2], set(names_of(1, 2)))


@pytest.mark.parametrize("form", ["logits", "labels"])
@pytest.mark.parametrize("class_ids", list(ml_scorer.predictions.CLASS_IDS))
def test_other_numberings_of_the_classes(class_ids, form, synthetic):
    numbers = ml_scorer.predictions.CLASS_IDS[class_ids].numbers
    labels = numbers[validation_labels()[1:2001]].astype(np.int64)
    preds = labels
    if form == "logits":
        preds = np.zeros((2000, 1001 if class_ids == "background" else 1000), np.float32)
        preds[np.arange(2000), labels - (0 if class_ids == "background" else numbers.min())] = 1
    accuracy = few(synthetic, "Top1", order="ilsvrc", class_ids=class_ids)
    predictions = accuracy.predictions(updated(accuracy, preds, range(2000)))
    assert predictions.labels[0].tolist() == validation_labels()[1:2001].tolist()


def test_faults_are_said_together(synthetic):
    accuracy = few(synthetic, order="ilsvrc")
    logits = np.zeros((3, 1000), np.float32)
    logits[0, 5], logits[1, 5], logits[2] = np.nan, np.inf, -np.inf
    state = accuracy.update(updated(accuracy, logits, names_of(1, 2, 3)), [4, 5, 1000], names_of(4, 4, 5))
    with pytest.raises(PredictionsError) as caught:
        accuracy.compute(accuracy.update(state, [7], [50_000]))
    assert str(caught.value).startswith(
        "predictions: 6 problems\n"
        "  - positions outside 0-49,999 of the order ilsvrc: 50,000\n"
        "  - a logit is NaN for 1 images: ILSVRC2012_val_00000001.JPEG\n"
        "  - a logit is +inf for 1 images: ILSVRC2012_val_00000002.JPEG\n"
        "  - every logit is -inf for 1 images: ILSVRC2012_val_00000003.JPEG\n"
        "  - 1 images were given again with another prediction: ILSVRC2012_val_00000004.JPEG (4 and 5) (start anew"
    )
    assert "  - a label is outside 0-999: 1000 at ILSVRC2012_val_00000005.JPEG" in str(caught.value)


def test_missing_images_are_an_error_unless_they_are_wrong(synthetic):
    accuracy = MultiLabelAccuracy(annotations=synthetic)
    with pytest.raises(PredictionsError, match="18,691 of the 18,692 images"):
        accuracy.compute(updated(accuracy, [3], names_of(synthetic.images[~synthetic.frame["is_problematic"]][0])))
    assert (
        few(synthetic).scores(updated(few(synthetic), [3], names_of(synthetic.images[0]))).frame["missing"][0] > 18_000
    )


@pytest.mark.parametrize(
    ("preds", "images", "found"),
    [
        (np.zeros((2, 1000)), [image_name(1)], r"a batch has 2 predictions \(2 x 1,000\) for 1 images"),
        (np.zeros((1, 10)), [image_name(1)], "is 1 x 10 floats"),
        (["tench"], [image_name(1)], "no numbers that predictions are"),
        (object(), [image_name(1)], "cannot be read from object"),
        (np.zeros((1, 1000), np.dtype([("a", "f4")])), [image_name(1)], "is 1 x 1,000 of .*, no numbers that"),
        ([3], ["cat.jpg"], r"1 names in a batch are no ImageNet validation images: cat\.jpg"),
        ([3], [1.5], r"the images of a batch are float64 \(1\)"),
        ([3], image_name(1), "expected a list of names"),
        ([3], None, "expected a list of names, or positions"),
    ],
)
def test_what_is_no_batch_is_refused(preds, images, found, synthetic):
    accuracy = few(synthetic, order="ilsvrc")
    with pytest.raises(PredictionsError, match=found):
        updated(accuracy, preds, images)


@pytest.mark.parametrize(
    ("preds", "found"),
    [
        (None, r"cannot be read from NoneType \(it is no array\)"),
        ({"logits": np.zeros((1, 1000))}, r"cannot be read from dict \(it is no array\)"),
        ((np.zeros((1, 1000)),), "is 1 x 1 x 1,000;"),
        ((np.zeros((1, 1000)), np.zeros((1, 5))), r"cannot be read from tuple \(setting an array element"),
        (np.ma.masked_array([3], [True]), r"cannot be read from MaskedArray \(a mask says"),
    ],
)
def test_what_is_no_array_is_refused_with_what_to_pass(preds, found, synthetic):
    with pytest.raises(PredictionsError, match=found) as caught:
        updated(few(synthetic), preds, names_of(1))
    assert "expected logits (n, 1000) as floats of 16, 32 or 64 bits, or labels (n,) or" in str(caught.value)
    assert str(caught.value).endswith("pass these alone: output.logits, or output[0].")


def test_tensors_that_no_array_can_be_made_of_are_refused(synthetic):
    torch = pytest.importorskip("torch")
    logits = torch.zeros(1, 1000)
    for preds in (logits.to_sparse(), logits.to(torch.float8_e4m3fn)):
        with pytest.raises(PredictionsError, match=r"cannot be read from Tensor \(.*; expected logits \(n, 1000\)"):
            updated(few(synthetic), preds, names_of(1))


def test_floats_of_jax_that_are_no_logits_are_refused(synthetic):
    jax = pytest.importorskip("jax")
    with pytest.raises(PredictionsError, match=r"1 x 1,000 of float8_e4m3fn, no numbers that predictions are"):
        updated(few(synthetic), jax.numpy.zeros((1, 1000), "float8_e4m3fn"), names_of(1))


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="a long double is an ordinary one here")
def test_floats_that_are_longer_are_no_logits(synthetic):
    with pytest.raises(PredictionsError, match=r"is 1 x 1,000 of float\d+, no numbers that predictions are"):
        updated(few(synthetic), np.zeros((1, 1000), np.longdouble), names_of(1))


def test_positions_need_an_order(synthetic):
    with pytest.raises(PredictionsError, match="nothing says which image each position is"):
        updated(few(synthetic), [3], [0])


@pytest.mark.parametrize("empty", [np.empty((0, 1000)), np.empty(0, int), np.empty((0, 3), int)])
@pytest.mark.parametrize("images", [[], np.empty(0, int)])
def test_an_empty_batch_is_nothing(images, empty, synthetic):
    accuracy = few(synthetic, order="ilsvrc")
    assert np.array_equal(updated(accuracy, empty, images), accuracy.empty())


def test_states_of_other_measures_are_refused(synthetic):
    one, five = few(synthetic), few(synthetic, "MLA(k=5)")
    for use in (one.compute, one.merge, lambda state: one.merge(one.empty(), state)):
        with pytest.raises(PredictionsError, match=r"the state is 50001 x 13 int32; expected .* 50001 x 5 int32"):
            use(five.empty())
    with pytest.raises(PredictionsError, match="the state is 3 int64"):
        one.update(np.array([1, 2, 3]), [3], names_of(1))


@pytest.mark.parametrize("order", [None, "tfds", names_of(9, 3, 7)])
@pytest.mark.parametrize("measures", ["MLA", ["MLA"], ["MLA(k=5)", "Top1"]])
def test_it_goes_to_another_process_and_binds_the_same(measures, order, synthetic):
    accuracy = few(synthetic, measures, order=order, class_ids="one-based", trust_order=True)
    other = pickle.loads(pickle.dumps(accuracy))  # noqa: S301
    assert other.scorer.options.class_ids is accuracy.scorer.options.class_ids
    mine, theirs = accuracy.scorer.options.order, other.scorer.options.order
    assert (mine and (mine.name, mine.images.tolist())) == (theirs and (theirs.name, theirs.images.tolist()))
    preds = np.arange(1, 46).reshape(9, 5)
    images = names_of(*synthetic.images[:9].tolist())
    assert other.compute(updated(other, preds, images)) == accuracy.compute(updated(accuracy, preds, images))
    assert copy.deepcopy(accuracy) is accuracy


def test_what_binding_refuses(synthetic):
    with pytest.raises(MeasureError, match="unknown measure"):
        few(synthetic, "mla")
    with pytest.raises(AnnotationsNotFoundError):
        MultiLabelAccuracy()
    with pytest.raises(ValueError, match="missing='maybe'"):
        MultiLabelAccuracy(annotations=synthetic, missing="maybe")
