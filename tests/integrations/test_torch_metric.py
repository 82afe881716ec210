"""Multi-label accuracy as a metric of torchmetrics: the numbers of the command line, whatever the batches were."""

from __future__ import annotations

import copy
import json
import pickle
import warnings

import numpy as np
import polars as pl
import pytest
from stand_in_images import import_torchvision

import ml_scorer
from ml_scorer.errors import MissingExtraError, PredictionsError
from ml_scorer.imagenet import class_folder_order, validation_labels
from ml_scorer.schema import image_name

import_torchvision()
torch = pytest.importorskip("torch")
torchmetrics = pytest.importorskip("torchmetrics")

from torch._dynamo.testing import CompileCounter  # noqa: E402

from ml_scorer.torch import MultiLabelAccuracy  # noqa: E402 (which torchvision must be ready for)

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
"""Every device that is there: a machine without a GPU has no test to skip."""

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.fixture(params=["ResNet50", "DINO"])
def published(request, real_data):
    """Real predictions, in the order of the class folders: names, labels, and what they score."""
    table = pl.read_csv(real_data / "predictions" / f"{request.param}.csv")
    expected = json.loads((real_data / "expected_scores.json").read_text())[request.param]
    return table["file_name"].to_list(), torch.from_numpy(table["predicted_class"].to_numpy().copy()), expected


def logits_of(labels, dtype=torch.float32, device="cpu"):
    """Logits whose largest is that of the label."""
    return torch.zeros(len(labels), 1000, dtype=dtype).scatter_(1, labels.long()[:, None], 1).to(device)


def batches(size, seed=0, repeats=3000):
    """All positions in random order, some again, in batches of random sizes."""
    rng = np.random.default_rng(seed)
    every = rng.permutation(np.concatenate([np.arange(size), rng.integers(0, size, repeats)]))
    return [torch.from_numpy(part) for part in np.split(every, np.sort(rng.integers(0, every.size, 40)))]


def few(annotations, measures="MLA", **options):
    """A metric for a few images, of which the others may be missing."""
    return MultiLabelAccuracy(measures, annotations=annotations, missing="wrong", **options)


def names_of(*numbers):
    return [image_name(number) for number in numbers]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("by", ["position", "name"])
def test_random_batches_with_repeats_score_as_the_file_does(by, device, published, genuine):
    names, labels, expected = published
    metric = MultiLabelAccuracy(["MLA", "Top1"], order=names, annotations=genuine).to(device)
    for batch in batches(len(names)):
        images = batch.to(device) if by == "position" else [names[place] for place in batch.tolist()]
        metric.update(logits_of(labels[batch], device=device), images)
    found = metric.compute()
    assert {name: value.item() for name, value in found.items()} == {"MLA": expected["mla"], "Top1": expected["top1"]}
    assert {value.dtype for value in found.values()} == {torch.float64}
    assert metric.scores().signatures["MLA"].split("|")[5] == (
        "order:imagefolder" if by == "position" else "order:names"
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_of_every_width(dtype, device, published, genuine):
    names, labels, expected = published
    metric = MultiLabelAccuracy(annotations=genuine, order="imagefolder").to(device)
    for batch in torch.arange(len(names)).split(5000):
        metric.update(logits_of(labels[batch], dtype, device), batch.to(device))
    assert metric.compute().item() == expected["mla"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.int64, torch.uint16])
def test_labels_instead_of_logits(dtype, device, published, genuine):
    names, labels, expected = published
    metric = MultiLabelAccuracy(annotations=genuine).to(device)
    metric.update(labels.to(device, dtype), names)
    assert metric.compute().item() == expected["mla"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("measure", ["MLA", "MLA(k=5)", "MLA(k=labels)", "Top5"])
def test_logits_with_ties_and_masks_score_as_an_array_does(measure, dtype, device, synthetic):
    rng = torch.Generator().manual_seed(1)
    logits = torch.randint(-3, 4, (2000, 1000), generator=rng).to(dtype)  # many are equal
    logits[torch.rand(logits.shape, generator=rng) < 0.3] = -torch.inf
    logits[::7] = -0.0
    logits[::7, 500:] = 0.0
    images = synthetic.images[:2000].tolist()
    metric = few(synthetic, measure, trust_order=True).to(device)
    metric.update(logits.to(device), names_of(*images))
    values = logits.float().numpy()
    options = {"missing": "wrong", "trust_order": True}
    expected = ml_scorer.score(values, synthetic, measure, order=names_of(*images), **options)
    with pytest.warns(UserWarning, match="near chance"):
        found = metric.scores()
    assert found.frame.drop("checkpoint").equals(expected.frame.drop("checkpoint"))
    assert found.frame["ties"][0] > 100


@pytest.mark.parametrize("class_ids", ["imagenet", "one-based", "background", "devkit", "as-text"])
@pytest.mark.parametrize("form", ["logits", "labels"])
def test_other_numberings_of_the_classes(form, class_ids, synthetic):
    numbers = torch.from_numpy(ml_scorer.predictions.CLASS_IDS[class_ids].numbers.astype(np.int64))
    labels = numbers[torch.from_numpy(validation_labels()[1:].astype(np.int64))]
    metric = MultiLabelAccuracy("Top1", annotations=synthetic, order="ilsvrc", class_ids=class_ids)
    if form == "logits":
        first = 0 if class_ids == "background" else int(numbers.min())
        columns = 1001 if class_ids == "background" else 1000
        for batch in torch.arange(50_000).split(10_000):
            metric.update(torch.nn.functional.one_hot(labels[batch] - first, columns).half(), batch)
    else:
        metric.update(labels, range(50_000))
    assert metric.compute().item() == 1


def test_the_state_is_a_slot_an_image_that_ranks_can_fold(synthetic):
    metric = few(synthetic)
    assert metric.slots.shape == (50_001, 5)
    assert metric.slots.dtype == torch.int32  # NCCL knows no 16 bits
    assert not metric.state_dict()


def test_nothing_in_a_batch_is_waited_for(synthetic):
    """On the meta device there are shapes and no values: whatever depends on a value fails."""
    metric = few(synthetic, ["MLA", "MLA(k=5)"], order="ilsvrc").to("meta")
    metric.update(torch.empty(8, 1000, dtype=torch.bfloat16, device="meta"), torch.arange(8, device="meta"))
    metric.update(torch.empty(8, dtype=torch.int64, device="meta"), torch.arange(8, device="meta"))
    assert metric.slots.device.type == "meta"
    with pytest.raises((RuntimeError, NotImplementedError)):
        metric.compute()


if torch.cuda.is_available():

    def test_no_batch_synchronizes_the_gpu(synthetic):
        metric = few(synthetic, ["MLA", "MLA(k=5)"], order="ilsvrc").to("cuda")
        logits, positions = torch.randn(256, 1000, device="cuda"), torch.arange(256, device="cuda")
        metric.update(logits, positions)  # brings the order there, once
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(3):
                metric.update(logits, positions)
                metric.update(logits, names_of(*range(1, 257)))
        finally:
            torch.cuda.set_sync_debug_mode("default")

    def test_deterministic_algorithms_are_enough(synthetic):
        metric = few(synthetic, order="ilsvrc").to("cuda")
        torch.use_deterministic_algorithms(mode=True)
        try:
            metric.update(torch.randn(256, 1000, device="cuda"), torch.arange(256, device="cuda"))
        finally:
            torch.use_deterministic_algorithms(mode=False)


def test_predictions_may_be_on_another_device_than_the_metric(synthetic):
    metric = few(synthetic, order="ilsvrc")
    for device in {"cpu", *DEVICES}:
        metric.update(logits_of(torch.tensor([3]), device=device), torch.tensor([0], device=device))
    assert metric.slots[1, 0] == 3


def test_everything_wrong_is_said_together_at_compute(synthetic):
    metric = few(synthetic, order="ilsvrc")
    bad = logits_of(torch.tensor([1, 2, 3, 4, 5, 6]))
    bad[1, 7], bad[2, 7], bad[3] = torch.nan, torch.inf, -torch.inf
    metric.update(bad, names_of(11, 12, 13, 14, 15, 16))
    metric.update(torch.tensor([9, 6]), names_of(15, 16))
    metric.update(torch.tensor([1, 2]), torch.tensor([-3, 50_000]))
    metric.update(torch.tensor([2**40]), names_of(17))
    with pytest.raises(PredictionsError) as caught:
        metric.compute()
    assert str(caught.value) == (
        "predictions: 6 problems\n"
        "  - positions outside 0-49,999 of the order ilsvrc: from -3 to 50,000\n"
        "  - a logit is NaN for 1 images: ILSVRC2012_val_00000012.JPEG\n"
        "  - a logit is +inf for 1 images: ILSVRC2012_val_00000013.JPEG\n"
        "  - every logit is -inf for 1 images: ILSVRC2012_val_00000014.JPEG\n"
        "  - 1 images were given again with another prediction: ILSVRC2012_val_00000015.JPEG (5 and 9) (start anew, by "
        "reset, for each epoch and each checkpoint, and with the model in eval mode)\n"
        "  - a label is outside 0-999: 2147483647 at ILSVRC2012_val_00000017.JPEG"
    )
    metric.reset()
    metric.update(torch.tensor([9]), names_of(15))
    assert metric.scores().frame["missing"][0] > 18_000


def test_missing_images_are_an_error_that_names_them(synthetic):
    metric = MultiLabelAccuracy(annotations=synthetic)
    metric.update(torch.tensor([3]), names_of(synthetic.images[0]))
    with pytest.raises(
        PredictionsError, match=r"of the 18,692 images that the measures need have no prediction: ILSVRC"
    ):
        metric.compute()


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric:UserWarning")
@pytest.mark.parametrize("missing", ["error", "wrong"])
def test_no_batch_at_all_is_an_error(missing, synthetic):
    with pytest.raises(PredictionsError, match="no batch was given"):
        MultiLabelAccuracy(annotations=synthetic, missing=missing).compute()


def test_positions_without_an_order_are_refused(synthetic):
    with pytest.raises(PredictionsError, match=r"nothing says which image each position is: pass order= \(the names"):
        few(synthetic).update(torch.tensor([3]), torch.tensor([0]))


@pytest.mark.parametrize(
    ("preds", "images", "found"),
    [
        (torch.zeros(3, 1000), names_of(1, 2), r"a batch has 3 predictions \(3 x 1,000\) for 2 images"),
        (torch.zeros(2, 10), names_of(1, 2), r"a batch of predictions is 2 x 10 floats; expected logits \(n, 1000\)"),
        (torch.zeros(2), names_of(1, 2), "is 2 floats"),
        (torch.zeros(2, 1000, dtype=torch.int64), names_of(1, 2), "is 2 x 1,000 integers"),
        (torch.zeros(2, 0, dtype=torch.int64), names_of(1, 2), "is 2 x 0 integers"),
        (torch.zeros(2, 1001), names_of(1, 2), "logits of 1,001 classes, where 1,000 are expected"),
        (torch.zeros(2, dtype=torch.bool), names_of(1, 2), "no numbers that predictions are"),
        (torch.zeros(2, 1000, dtype=torch.complex64), names_of(1, 2), "no numbers that predictions are"),
        (torch.zeros(2, 2, 1000), names_of(1, 2), "is 2 x 2 x 1,000"),
        (torch.tensor(3), names_of(1), "is a single number"),
        (torch.zeros(1, 1000), image_name(1), "expected a list of names, one a prediction"),
        (torch.zeros(2, 1000), ["cat.jpg", image_name(1)], r"1 names in a batch are no ImageNet .*: cat\.jpg"),
        (torch.zeros(2, 1000), [image_name(1), 7], "of the 2 images of a batch 1 are no names: 7"),
        (torch.zeros(2, 1000), torch.zeros(2), r"the images of a batch are torch\.float32 \(2\)"),
        (torch.zeros(2, 1000), torch.zeros(2, 1, dtype=torch.int64), r"torch\.int64 \(2 x 1\)"),
        (torch.zeros(1, 1000), None, "expected a list of names, or positions"),
    ],
)
def test_what_is_no_batch_is_refused_at_once(preds, images, found, synthetic):
    metric = few(synthetic, order="ilsvrc")
    with pytest.raises(PredictionsError, match=found):
        metric.update(preds, images)


class Output(dict):
    """Stands for what models of Transformers return: a mapping whose items are also attributes and places."""

    logits = torch.zeros(2, 1000)

    def __getitem__(self, key):
        return (self.logits,)[key] if isinstance(key, int) else super().__getitem__(key)


def sparse(layout):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch's sparse CSR tensors are not finished yet
        return torch.zeros(2, 1000).to_sparse(layout=layout)


@pytest.mark.parametrize(
    ("preds", "found"),
    [
        (None, r"cannot be read from NoneType \("),
        ((torch.zeros(2, 1000),), r"cannot be read from tuple \("),
        ([torch.zeros(2, 1000), torch.zeros(2, 5)], r"cannot be read from list \("),
        (Output(logits=Output.logits), r"cannot be read from Output \("),
        ("tench", r"cannot be read from str \("),
        ([2**70, 1], r"cannot be read from list \("),
        (np.array([None, 3]), r"cannot be read from ndarray \("),
        (sparse(torch.sparse_coo), r"its layout is torch\.sparse_coo: use to_dense\(\) first"),
        (sparse(torch.sparse_csr), r"its layout is torch\.sparse_csr: use to_dense\(\) first"),
        (torch.nested.nested_tensor([torch.zeros(3)] * 2, layout=torch.jagged), r"Tensor \(it is nested\)"),
        (torch.zeros(2, 1000).to(torch.float8_e4m3fn), "is 2 x 1,000 of float8_e4m3fn, no numbers that"),
        (torch.zeros(2, 1000).to(torch.float8_e5m2), "is 2 x 1,000 of float8_e5m2, no numbers that"),
        (torch.zeros(1, 2, 1000), "is 1 x 2 x 1,000;"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_with_what_to_pass(preds, found, synthetic):
    metric = few(synthetic)
    before = metric.slots
    with pytest.raises(PredictionsError, match=found) as caught:
        metric.update(preds, names_of(1, 2))
    assert "expected logits (n, 1000) as floats of 16, 32 or 64 bits, or labels (n,) or" in str(caught.value)
    assert str(caught.value).endswith("pass these alone: output.logits, or output[0].")
    assert metric.slots is before


@pytest.mark.parametrize("images", [[], (), np.empty(0, "U1"), torch.empty(0, dtype=torch.int64)])
def test_an_empty_batch_is_nothing(images, synthetic):
    metric = few(synthetic, order="ilsvrc")
    before = metric.slots.clone()
    for shape, dtype in (((0, 1000), torch.float32), ((0,), torch.int64), ((0, 5), torch.int64)):
        metric.update(torch.empty(shape, dtype=dtype), images)
    assert torch.equal(metric.slots, before)


@pytest.mark.parametrize("kind", [list, tuple, np.array, pl.Series, lambda names: [name.encode() for name in names]])
def test_names_in_whatever_holds_them(kind, synthetic):
    metric = few(synthetic)
    metric.update(torch.tensor([3, 4]), kind(["val/n01/ünï/ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002"]))
    assert metric.slots[1:3, 0].tolist() == [3, 4]


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor, pl.Series])
def test_positions_in_whatever_holds_them(kind, synthetic):
    metric = few(synthetic, order=names_of(5, 9))
    metric.update(torch.tensor([3, 4]), kind([1, 0]))
    assert metric.slots[[5, 9], 0].tolist() == [4, 3]


def test_a_wrong_order_is_refused_and_the_right_one_named(published, genuine):
    _, labels, _ = published
    metric = MultiLabelAccuracy(annotations=genuine, order="ilsvrc")
    metric.update(labels, torch.arange(50_000))
    with pytest.raises(PredictionsError, match=r"top-1 as ilsvrc; .* as imagefolder: pass --order imagefolder"):
        metric.compute()


def test_the_place_in_a_shuffled_stream_is_doubted(published, genuine):
    _, labels, _ = published
    metric = MultiLabelAccuracy(annotations=genuine, order="imagefolder")
    metric.update(labels[torch.randperm(50_000, generator=torch.Generator().manual_seed(0))], torch.arange(50_000))
    with pytest.warns(UserWarning, match="near chance, .* the place in the stream is no position"):
        metric.compute()


def test_calling_it_takes_in_the_batch_and_computes_nothing(published, genuine):
    names, labels, expected = published
    metric = MultiLabelAccuracy(annotations=genuine)
    halves = [(labels[:100], names[:100]), (labels[100:], names[100:])]
    assert [metric(*half) for half in halves] == [None, None]
    assert metric.compute().item() == expected["mla"]


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, copy.copy, lambda metric: pickle.loads(pickle.dumps(metric)), lambda metric: metric.clone()],  # noqa: S301
    ids=["deepcopy", "copy", "pickle", "clone"],
)
@pytest.mark.parametrize("order", [None, "imagefolder", names_of(*class_folder_order()[:49_999])])
def test_copies_go_on_by_themselves(copied, order, published, genuine):
    names, labels, expected = published
    metric = MultiLabelAccuracy(annotations=genuine, order=order)
    metric.update(labels[:9], names[:9])
    other = copied(metric)
    other.update(labels[9:], names[9:] if order is None else range(9, 50_000) if order == "imagefolder" else names[9:])
    assert other.compute().item() == expected["mla"]
    assert other.scores().signatures["MLA"].split("|")[5][6:] == "+".join(
        sorted({"names", "imagefolder" if order == "imagefolder" else "names"})
    )
    with pytest.raises(PredictionsError, match="have no prediction"):
        metric.compute()


def test_types_of_the_model_are_not_those_of_the_state(synthetic):
    model = torch.nn.Module()
    model.metric = few(synthetic, order="ilsvrc")
    for change in (torch.nn.Module.half, torch.nn.Module.double, torch.nn.Module.bfloat16):
        change(model)
        model.metric.set_dtype(torch.float16)
        model.to(torch.float16).type(torch.float32)
        model.metric.update(logits_of(torch.tensor([3]), torch.float16), torch.tensor([0]))
        assert model.metric.slots.dtype == torch.int32
        assert model.metric.slots[1, 0] == 3


def test_types_of_the_model_are_not_those_of_a_result(published, genuine):
    names, labels, expected = published
    module = torch.nn.ModuleDict({"metric": MultiLabelAccuracy(annotations=genuine)})
    module["metric"].update(labels, names)
    for dtype in (torch.float64, torch.bfloat16, torch.float32):
        assert module["metric"].compute().item() == expected["mla"]
        module.to(dtype)
        assert module["metric"].compute().dtype == torch.float64
    assert copy.deepcopy(module).to(torch.float16)["metric"].compute().item() == expected["mla"]


@pytest.mark.parametrize("given", ["computed", "several", "none"])
def test_it_draws_itself(given, synthetic, monkeypatch):
    pytest.importorskip("matplotlib").use("agg")
    metric = few(synthetic, ["MLA", "Top1"], order="ilsvrc", trust_order=True)
    metric.update(torch.tensor(validation_labels()[1:]), range(50_000))
    values = {"computed": metric.compute(), "several": [metric.compute()] * 3, "none": None}[given]
    _, axes = metric.plot(values)
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"MLA", "Top1"}


def test_labels_that_do_not_count_are_checked(published, genuine):
    names, labels, expected = published
    metric = MultiLabelAccuracy(annotations=genuine)
    metric.update(torch.stack([labels, (labels + 1) % 1000], dim=1), names)
    assert metric.compute().item() == expected["mla"]
    metric.reset()
    metric.update(torch.stack([labels, labels], dim=1), names)
    with pytest.raises(PredictionsError, match=r"more than once among the most likely ones .* for 50,000 images"):
        metric.compute()
    metric.reset()
    metric.update(torch.stack([labels, labels + 5000], dim=1), names)
    with pytest.raises(PredictionsError, match="a label after those that count is no class for 50,000 images"):
        metric.compute()


def test_masked_arrays_are_refused(synthetic):
    metric = few(synthetic, order="ilsvrc")
    with pytest.raises(PredictionsError, match="a mask says that some of its values are none"):
        metric.update(np.ma.masked_array([1, 2], [True, False]), range(2))
    with pytest.raises(PredictionsError, match="the images of a batch are MaskedArray; expected"):
        metric.update(torch.tensor([1, 2]), np.ma.masked_array([1, 2], [True, False]))


def test_states_of_metrics_that_read_otherwise_are_refused(synthetic):
    metric, other = few(synthetic, order="ilsvrc"), few(synthetic, order="ilsvrc", class_ids="one-based")
    for each in metric, other:
        each.update(torch.tensor([1, 2]), range(2))
    metric.merge_state(other)
    with pytest.raises(PredictionsError, match=r"in another way than this metric: give all of them the same order="):
        metric.compute()
    with pytest.raises(PredictionsError, match="measures that look at more or fewer labels"):
        few(synthetic).merge_state(few(synthetic, "MLA(k=5)"))


def test_states_of_inference_mode_go_on_outside_of_it(synthetic):
    metric = few(synthetic)
    with torch.inference_mode():
        metric.reset()
        metric.update(torch.tensor([3]), names_of(1))
    metric.update(torch.tensor([4]), names_of(2))
    assert metric.slots[1:3, 0].tolist() == [3, 4]


def test_merged_states_are_those_of_all_batches(published, genuine):
    names, labels, expected = published
    one, other = (MultiLabelAccuracy(annotations=genuine) for _ in range(2))
    one.update(labels[:30_000], names[:30_000])
    other.update(labels[20_000:], names[20_000:])
    one.merge_state(other)
    assert one.compute().item() == expected["mla"]


def test_a_collection_shares_equal_states_and_no_others(synthetic):
    names = names_of(*class_folder_order().tolist())
    labels = torch.from_numpy(validation_labels()[class_folder_order()].copy())
    metrics = {
        "MLA": MultiLabelAccuracy(annotations=synthetic, order="imagefolder"),
        "Top1": MultiLabelAccuracy("Top1", annotations=synthetic, order="imagefolder"),
        "MLA5": MultiLabelAccuracy("MLA(k=5)", annotations=synthetic, order="imagefolder"),
        # All labels of the first batch are 0, which is 0 as text, too: only what comes later tells these apart.
        "as-text": MultiLabelAccuracy(
            annotations=synthetic, order="imagefolder", class_ids="as-text", trust_order=True
        ),
        "ordered": MultiLabelAccuracy(annotations=synthetic, order=names[:-1]),
    }
    collection = torchmetrics.MetricCollection(metrics)
    for batch in (torch.arange(50), torch.arange(49_999), torch.tensor([49_998])):
        collection.update(labels[batch], batch)
    groups = sorted(map(sorted, collection.compute_groups.values()))
    assert groups == [["MLA", "Top1"], ["MLA5"], ["as-text"], ["ordered"]]
    assert collection["Top1"].slots[1:].amax() == 999


def test_a_collection_computes_each_measure(published, genuine):
    names, labels, expected = published
    metrics = {name: MultiLabelAccuracy(name, annotations=genuine) for name in ("MLA", "Top1")}
    collection = torchmetrics.MetricCollection({**metrics, "both": MultiLabelAccuracy(["MLA"], annotations=genuine)})
    for batch in torch.arange(50_000).split(17_000):
        collection.update(labels[batch], [names[place] for place in batch.tolist()])
    found = {name: value.item() for name, value in collection.compute().items()}
    assert found["MLA"] == expected["mla"]
    assert found["Top1"] == expected["top1"]
    clone = collection.clone(prefix="val/")
    clone.reset()
    assert clone["Top1"].slots.amax() < 0


def test_a_compiled_step_is_compiled_once(synthetic):
    metric = few(synthetic, order="ilsvrc")
    model = torch.nn.Linear(4, 1000)
    compiled = CompileCounter()

    @torch.compile(backend=compiled)
    def step(inputs, positions):
        logits = model(inputs).relu()
        metric.update(logits, positions)
        return logits.sum()

    with torch.no_grad():
        for first in range(0, 96, 8):
            step(torch.randn(8, 4), torch.arange(first, first + 8))
    assert metric.update_count == 12
    assert (metric.slots[1:97, 0] >= 0).all()
    assert compiled.frame_count <= 2  # before the update and after it


def test_a_missing_table_fails_before_any_epoch():
    with pytest.raises(ml_scorer.errors.AnnotationsNotFoundError):
        MultiLabelAccuracy()


def test_torchmetrics_own_options_are_taken_and_others_refused(synthetic):
    assert few(synthetic, sync_on_compute=False).sync_on_compute is False
    with pytest.raises(ValueError, match=r"Unexpected keyword arguments: `ordr`"):
        few(synthetic, ordr="ilsvrc")


def test_it_says_what_to_install_where_torchmetrics_is_not(monkeypatch):
    import importlib
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchmetrics"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("ml_scorer.torch", "ml_scorer.torch.metric"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"^ml_scorer\.torch needs .*pip install 'ml-scorer\[torch\]'$"):
        importlib.import_module("ml_scorer.torch")


def test_no_warning_where_all_is_well(published, genuine):
    names, labels, _ = published
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric = MultiLabelAccuracy(annotations=genuine)
        metric.update(labels, names)
        metric.compute()
