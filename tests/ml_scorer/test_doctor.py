"""The order and the numbering that was said are checked, and the one that fits is named."""

from __future__ import annotations

import csv
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.class_ids import CLASS_IDS
from ml_scorer.predictions.doctor import examine, fitting
from ml_scorer.predictions.labels import exact_labels
from ml_scorer.predictions.orders import ORDERS, Order, resolve_order
from ml_scorer.predictions.reading import ReadOptions

OF_ALL = ("ilsvrc", "imagefolder", "imagefolder-as-text")
OF_ANNOTATED = ("tfds", "tfds-sequential", "annotations")
PAIRS = [*permutations(OF_ALL, 2), *permutations(OF_ANNOTATED, 2)]

# In order of WordNet ids, but said to be sorted as text: numbers that are sorted as text would look the same.
ALIKE = {("imagefolder-as-text", "imagefolder")}


@pytest.fixture(scope="module")
def orders(genuine):
    return {name: resolve_order(name, genuine) for name in ORDERS}


@pytest.fixture(scope="module", params=["ResNet50", "DINO"])
def real(request, real_data):
    """Real labels by image number: (50001,) int16."""
    return real_labels(real_data, request.param)


@pytest.fixture(scope="module")
def resnet50(real_data):
    return real_labels(real_data, "ResNet50")


@pytest.fixture(scope="module")
def weak(resnet50):
    """A model of 3 % top-1."""
    generator = np.random.default_rng(0)
    return np.where(generator.random(50_001) < 0.03 / 0.76, resnet50, generator.integers(0, 1000, 50_001)).astype("i2")


def real_labels(folder, checkpoint):
    labels = np.full(50_001, -1, np.int16)
    with (folder / "predictions" / f"{checkpoint}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            labels[int(row["file_name"][15:23])] = row["predicted_class"]
    return labels


def options(order, annotations=None, ids="imagenet"):
    annotated = None if annotations is None else annotations.images
    return ReadOptions(order=order, class_ids=CLASS_IDS[ids], annotated=annotated)


def array(labels, order, true_order, names=None):
    """Predictions of an array whose positions are said to be in one order, and are in another."""
    return Predictions(order.images, np.atleast_2d(labels)[:, true_order.images], order.name, names=names)


def checked(predictions, how, *, trust=False):
    return examine(predictions, how, "sweep.npy", trust=trust).tolist()


def random_labels(images, checkpoints=1, seed=0):
    return np.random.default_rng(seed).integers(0, 1000, (checkpoints, images)).astype(np.int16)


@pytest.mark.parametrize("order", [*OF_ALL, *OF_ANNOTATED])
def test_the_right_order_passes(order, real, orders, genuine):
    how = options(orders[order], genuine)
    assert checked(array(real, orders[order], orders[order]), how) == [False]


@pytest.mark.parametrize(("said", "true"), PAIRS)
def test_every_wrong_order_is_refused_with_the_right_one(said, true, real, orders, genuine):
    more = ", and just as well as .* class ids" if (said, true) in ALIKE else ""
    message = (
        rf'^sweep\.npy: [01]\.\d\d% top-1 as {said}; 7\d\.\d\d% as {true}{more}: pass --order {true} \(order="{true}"\)'
    )
    with pytest.raises(PredictionsError, match=message):
        checked(array(real, orders[said], orders[true]), options(orders[said], genuine))


@pytest.mark.parametrize(("said", "true"), PAIRS)
def test_the_order_of_a_weak_model_is_told_too(said, true, weak, orders, genuine):
    with pytest.raises(PredictionsError, match=rf"0\.\d\d% top-1 as {said}; [23]\.\d\d% as {true}[:,]"):
        checked(array(weak, orders[said], orders[true]), options(orders[said], genuine))


def test_the_sentence_of_a_wrong_order(resnet50, orders, genuine):
    with pytest.raises(PredictionsError) as error:
        checked(array(resnet50, orders["ilsvrc"], orders["imagefolder"]), options(orders["ilsvrc"], genuine))
    assert str(error.value) == (
        "sweep.npy: 0.11% top-1 as ilsvrc; 76.13% as imagefolder: "
        'pass --order imagefolder (order="imagefolder"), or --trust-order (trust_order=True) if the model really is '
        "that bad."
    )


def test_a_wrong_list_of_names_is_refused_with_the_order_that_fits(resnet50, orders, genuine):
    backwards = Order("list@12345678", orders["ilsvrc"].images[::-1])
    with pytest.raises(
        PredictionsError, match=r"0\.1\d% top-1 as list@12345678; 76\.13% as ilsvrc: pass --order ilsvrc"
    ):
        checked(array(resnet50, backwards, orders["ilsvrc"]), options(backwards, genuine))


def test_orders_that_need_the_annotations_are_left_out_without_them(resnet50, orders):
    predictions = array(resnet50, orders["annotations"], orders["tfds"])
    assert checked(predictions, options(orders["annotations"])) == [True]


@pytest.mark.parametrize("every", [2, 3])
def test_the_order_is_told_from_the_rows_that_were_read(every, resnet50, orders, genuine):
    """Of logits only rows of required images are read: here of those with even numbers, in the order of the file."""
    said, true = orders["ilsvrc"], orders["imagefolder"]
    rows = np.flatnonzero(said.images % every == 0)
    ties = np.zeros((1, rows.size), bool)
    predictions = Predictions(said.images[rows], resnet50[true.images[rows]][None], "ilsvrc", ties)
    with pytest.raises(PredictionsError, match=r"top-1 as ilsvrc; 7\d\.\d\d% as imagefolder: pass"):
        checked(predictions, options(said, genuine))


def test_rows_in_another_sequence_are_found_again(resnet50, orders, genuine):
    said, true = orders["ilsvrc"], orders["imagefolder"]
    rows = np.random.default_rng(0).permutation(50_000)[:9000]
    predictions = Predictions(said.images[rows], resnet50[true.images[rows]][None], "ilsvrc")
    with pytest.raises(PredictionsError, match=r"top-1 as ilsvrc; 7\d\.\d\d% as imagefolder: pass"):
        checked(predictions, options(said, genuine))


@pytest.mark.parametrize(("said", "true"), list(permutations(CLASS_IDS, 2)))
@pytest.mark.parametrize("images", ["named", "annotated"])
def test_every_wrong_numbering_is_refused_with_the_right_one(said, true, images, real, genuine):
    """By whichever notices first: what is no number of a class, or what is too often wrong."""
    images = np.arange(1, 50_001, dtype=np.int32) if images == "named" else genuine.images
    numbers, how = CLASS_IDS[true].numbers[real[images]], options(None, ids=said)

    def read():
        labels = exact_labels(numbers, "a.csv", how, images)
        return examine(Predictions(images, labels[None], "names"), how, "a.csv", trust=False).tolist()

    if {said, true} == {"one-based", "background"}:  # the same, where there is no 0
        assert read() == [False]
        return
    known_as = "one-based" if true == "background" else true
    message = rf'^a\.csv: .*7\d\.\d\d% .*pass --class-ids {known_as} \(class_ids="{known_as}"\)'
    with pytest.raises(PredictionsError, match=message) as error:
        read()
    assert "--order" not in str(error.value)


def test_the_sentence_of_a_wrong_numbering(resnet50):
    images = np.arange(1, 50_001, dtype=np.int32)
    labels = CLASS_IDS["one-based"].labels[CLASS_IDS["devkit"].numbers[resnet50[images]]]
    with pytest.raises(PredictionsError) as error:
        checked(Predictions(images, labels[None], "names"), options(None, ids="one-based"))
    assert str(error.value) == (
        "sweep.npy: 0.02% top-1 as one-based class ids; 76.13% as devkit class ids: "
        'pass --class-ids devkit (class_ids="devkit"), or --trust-order (trust_order=True) if the model really is '
        "that bad."
    )


def test_numbers_that_are_no_class_bring_the_numbering_that_fits(resnet50):
    images = np.arange(1, 50_001, dtype=np.int32)
    with pytest.raises(
        PredictionsError,
        match=r"^a\.csv: a label is outside 0-999: 1000 at index \d+, .* more\. It fits one-based class ids "
        r'\(76\.13% top-1\): pass --class-ids one-based \(class_ids="one-based"\)\.$',
    ):
        exact_labels(resnet50[images] + 1, "a.csv", options(None), images)


def test_a_zero_among_the_numbers_tells_of_a_background(resnet50):
    images = np.arange(1, 50_001, dtype=np.int32)
    numbers = resnet50[images] + 1
    numbers[[5, 700]] = 0
    with pytest.raises(PredictionsError, match=r"It fits background class ids \(76\.13% top-1\)"):
        exact_labels(numbers, "a.csv", options(None), images)


@pytest.mark.parametrize("shape", ["checkpoints", "top-k", "checkpoints and top-k"])
def test_the_numbering_is_told_from_labels_of_any_shape(shape, resnet50):
    images = np.arange(1, 50_001, dtype=np.int32)
    numbers = resnet50[images] + 1
    top3 = np.stack([numbers, np.roll(numbers, 1), np.roll(numbers, 2)], axis=1)
    fine = np.minimum(numbers, 999)
    values = {"checkpoints": np.stack([fine, numbers]), "top-k": top3, "checkpoints and top-k": top3[None]}[shape]
    with pytest.raises(PredictionsError, match="It fits one-based class ids"):
        exact_labels(values, "a.csv", options(None), images)


def test_an_order_and_a_numbering_that_are_both_wrong_are_named_together(real, orders, genuine):
    how, said = options(orders["ilsvrc"], genuine), orders["ilsvrc"].images
    numbers = CLASS_IDS["devkit"].numbers[real[orders["imagefolder"].images]]
    with pytest.raises(
        PredictionsError,
        match=r"It fits imagefolder with devkit class ids \(76\.\d\d% top-1\): "
        r"pass --order imagefolder --class-ids devkit "
        r'\(order="imagefolder", class_ids="devkit"\)\.$',
    ):
        exact_labels(numbers, "a.npy", how, said)
    without = np.where(numbers == 1000, 7, numbers)
    with pytest.raises(
        PredictionsError,
        match=r"0\.\d\d% top-1 as ilsvrc with imagenet class ids; 76\.\d\d% as imagefolder with devkit class ids: pass "
        r'--order imagefolder --class-ids devkit \(order="imagefolder", class_ids="devkit"\), or --trust-order',
    ):
        checked(Predictions(said, exact_labels(without, "a.npy", how, said)[None], "ilsvrc"), how)


@pytest.mark.parametrize("true", ["devkit", "as-text"])
def test_columns_of_logits_in_another_numbering_are_told(true, real, orders, genuine):
    """A column is counted from 0, in a numbering from 1 too."""
    order, ids = orders["imagefolder"], CLASS_IDS[true]
    columns = ids.numbers[real[order.images]] - ids.first
    predictions = Predictions(order.images, columns[None], "imagefolder", np.zeros((1, 50_000), bool))
    with pytest.raises(PredictionsError, match=f"7\\d\\.\\d\\d% as {true} class ids: pass --class-ids {true}"):
        checked(predictions, options(order, genuine))


def test_columns_of_logits_without_an_order_are_told(resnet50, orders, genuine):
    columns = CLASS_IDS["devkit"].numbers[resnet50[orders["tfds"].images]] - 1
    assert " It fits tfds with devkit class ids (7" in fitting(columns, options(None, genuine), columns=True)
    assert fitting(columns, options(None, genuine)) == ""


def test_a_numbering_that_is_not_known_is_not_taken_for_one_that_is_partly_like_it(resnet50, orders, genuine):
    """Neighbours in the numbering of the development kit are similar classes: one off is six times chance."""
    for order in (orders["imagefolder"], orders["tfds"]):
        labels = CLASS_IDS["devkit"].numbers[resnet50[order.images]] - 1
        assert checked(Predictions(order.images, labels[None], order.name), options(order, genuine)) == [True]


@pytest.mark.parametrize("ids", ["one-based", "background"])
def test_logits_of_classes_by_wordnet_id_are_right_from_whichever_number_they_count(ids, resnet50, orders, genuine):
    order = orders["imagefolder"]
    said, ties = options(order, genuine, ids), np.zeros((1, 50_000), bool)
    assert checked(Predictions(order.images, resnet50[order.images][None], order.name, ties), said) == [False]


def test_classes_sorted_and_numbered_as_text_cannot_be_told_from_those_by_wordnet_id(resnet50, orders, genuine):
    order = orders["imagefolder-as-text"]
    numbers = CLASS_IDS["as-text"].numbers[resnet50[order.images]]
    how = options(orders["imagefolder"], genuine)
    assert checked(Predictions(how.order.images, numbers[None], "imagefolder"), how) == [False]


def test_a_model_that_is_not_trained_is_scored_and_told(orders, genuine):
    for order in (orders["ilsvrc"], orders["tfds"]):
        predictions = Predictions(order.images, random_labels(order.images.size, 3), order.name)
        assert checked(predictions, options(order, genuine)) == [True, True, True]


def test_only_the_checkpoint_near_chance_is_told(resnet50, weak, orders, genuine):
    order = orders["imagefolder"]
    labels = np.stack([resnet50, random_labels(50_001)[0], weak])
    assert checked(array(labels, order, order), options(order, genuine)) == [False, True, False]


def test_what_is_trusted_is_scored(resnet50, orders, genuine):
    predictions = array(resnet50, orders["ilsvrc"], orders["imagefolder"])
    assert checked(predictions, options(orders["ilsvrc"], genuine), trust=True) == [False]  # another order fits


def test_the_first_of_several_checkpoints_is_named_and_the_others_counted(resnet50, orders, genuine):
    said, true = orders["ilsvrc"], orders["imagefolder"]
    labels = np.stack([random_labels(50_000)[0], *[resnet50[true.images]] * 3, resnet50[said.images]])
    predictions = Predictions(said.images, labels, "ilsvrc", names=tuple("abcde"))
    with pytest.raises(
        PredictionsError,
        match=r"^sweep\.npy: checkpoint b: 0\.11% top-1 as ilsvrc; .* \(and 2 more checkpoints likewise\), or --trust",
    ):
        checked(predictions, options(said, genuine))


def test_top_k_labels_are_checked_by_their_first(resnet50, orders, genuine):
    said, true = orders["ilsvrc"], orders["imagefolder"]
    top1 = resnet50[true.images]
    labels = np.stack([top1, (top1 + 1) % 1000, (top1 + 2) % 1000], axis=1)[None]
    with pytest.raises(PredictionsError, match=r"76\.13% as imagefolder"):
        checked(Predictions(said.images, labels, "ilsvrc"), options(said, genuine))


@pytest.mark.parametrize("ids", CLASS_IDS)
@pytest.mark.parametrize("every", [1, 100])
def test_labels_that_lost_bits_are_refused_whatever_holds_them_now(every, ids, real, orders):
    images = orders["imagefolder"].images[::every]
    numbers = CLASS_IDS[ids].numbers[real[images]]
    cut = CLASS_IDS[ids].labels[np.maximum(numbers & 255, CLASS_IDS[ids].first)]
    predictions = Predictions(images, np.stack([real[images], cut]), "names", names=["whole", "cut"])
    with pytest.raises(PredictionsError, match=r"checkpoint cut: no label is above 255, and they fit .* as int16"):
        checked(predictions, options(None, ids=ids), trust=True)


def test_labels_that_are_small_by_themselves_have_lost_no_bits(resnet50, weak, orders):
    for labels in resnet50, validation_labels():
        small = np.flatnonzero(labels[1:] < 256).astype(np.int32) + 1
        assert checked(Predictions(small, resnet50[None, small], "names"), options(None)) == [False]
    of_three = np.flatnonzero(np.isin(validation_labels()[1:], [256, 512, 768])).astype(np.int32) + 1
    constant = Predictions(of_three, np.zeros((1, of_three.size), np.int16), "names")
    assert checked(constant, options(None), trust=True) == [True]
    images = orders["ilsvrc"].images
    knows_no_more = np.minimum(weak[images], 255)
    assert checked(Predictions(images, knows_no_more[None], "names"), options(None)) == [False]


@pytest.mark.parametrize("label", [0, 1, 500, 999])
@pytest.mark.parametrize(("order", "ids"), list(product(["ilsvrc", "imagefolder", "tfds"], CLASS_IDS)))
def test_a_constant_prediction_fits_nothing(label, order, ids, orders, genuine):
    predictions = Predictions(orders[order].images, np.full((1, orders[order].images.size), label, np.int16), order)
    assert checked(predictions, options(orders[order], genuine, ids)) == [True]


def test_images_of_one_class_and_a_constant_prediction_fit_nothing():
    images = np.flatnonzero(validation_labels() == 5).astype(np.int32)
    for label in range(1000):
        predictions = Predictions(images, np.full((1, 50), label, np.int16), "names")
        assert checked(predictions, options(None)) == [label != 5]


def test_a_model_that_knows_dogs_alone_passes(resnet50, orders, genuine):
    dogs = np.where((resnet50 >= 151) & (resnet50 <= 268), resnet50, 200).astype(np.int16)
    for order in (*OF_ALL, *OF_ANNOTATED):
        assert checked(array(dogs, orders[order], orders[order]), options(orders[order], genuine)) == [False]


def test_images_of_dogs_alone_pass(resnet50):
    known = validation_labels()
    images = np.flatnonzero((known >= 151) & (known <= 268)).astype(np.int32)
    assert checked(Predictions(images, resnet50[images][None], "names"), options(None)) == [False]


def test_a_few_images_pass(resnet50, orders, genuine):
    images = np.arange(1, 25, dtype=np.int32)
    assert checked(Predictions(images, resnet50[images][None], "names"), options(None)) == [False]
    short = Order("list@12345678", images)
    for seed in range(50):
        checked(Predictions(images, random_labels(24, seed=seed), "names"), options(None))
        checked(Predictions(images, random_labels(24, seed=seed), short.name), options(short, genuine))


def test_a_few_images_of_a_model_that_is_not_trained_are_told(real_data):
    with (real_data / "timm" / "csv_index.csv").open(newline="") as file:
        rows = [(int(row["filename"][-13:-5]), int(row["index"])) for row in csv.DictReader(file)]
    images, labels = np.array(rows, np.int32).T
    assert checked(Predictions(images, labels[None].astype(np.int16), "names"), options(None)) == [True]


def test_too_few_images_are_not_called_near_chance():
    assert checked(Predictions(np.array([1], np.int32), np.array([[3]], np.int16), "names"), options(None)) == [False]


@pytest.mark.parametrize("shape", [(0, 0), (0, 9), (2, 0), (0, 50_000)])
def test_nothing_passes(shape):
    images = np.arange(1, shape[1] + 1, dtype=np.int32)
    assert checked(Predictions(images, np.zeros(shape, np.int16), "names"), options(None)) == [False] * shape[0]


@pytest.mark.parametrize("images", [1, 63, 64, 65, 2047, 2048, 2049, 2111, 2112, 2113, 4095, 4097, 6272])
def test_any_number_of_images_is_sampled(images, resnet50):
    numbers = np.arange(1, images + 1, dtype=np.int32)
    known = validation_labels()[numbers][None]
    assert checked(Predictions(numbers, known, "names"), options(None)) == [False]


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 60), st.integers(0, 3), st.integers(0, 2**32 - 1), st.sampled_from(list(CLASS_IDS)), st.booleans()
)
def test_small_random_predictions_are_never_refused(images, checkpoints, seed, ids, by_order):
    generator = np.random.default_rng(seed)
    numbers = generator.choice(np.arange(1, 50_001, dtype=np.int32), images, replace=False)
    order = Order("list@12345678", numbers)
    predictions = Predictions(numbers, random_labels(images, checkpoints, seed), order.name if by_order else "names")
    assert len(checked(predictions, options(order, ids=ids))) == checkpoints


@pytest.mark.parametrize("true", [*OF_ALL, *OF_ANNOTATED])
def test_an_array_without_an_order_is_told_which_it_fits(true, resnet50, orders, genuine):
    numbers = resnet50[orders[true].images].astype(np.int64)
    share = r"76\.13%" if true in OF_ALL else r"7\d\.\d\d%"
    assert_matches = rf'^ It fits {true} \({share} top-1\): pass --order {true} \(order="{true}"\)\.$'
    with pytest.raises(ValueError, match=assert_matches):
        raise ValueError(fitting(numbers, options(None, genuine)))


def test_an_array_without_an_order_is_told_its_numbering_too(resnet50, orders, genuine):
    advice = fitting(resnet50[orders["tfds"].images] + 1.0, options(None, genuine))
    assert advice.endswith('pass --order tfds --class-ids one-based (order="tfds", class_ids="one-based").')


@pytest.mark.parametrize(
    "numbers",
    [
        random_labels(50_000)[0],
        random_labels(20_000)[0].astype(np.uint64),
        random_labels(7)[0],
        np.zeros(50_000, int),
        np.full(50_000, -1),
        np.full(50_000, 2**62),
        np.full(50_000, np.nan),
        np.empty(0, int),
    ],
)
def test_numbers_that_fit_nothing_bring_no_advice(numbers, genuine):
    assert fitting(numbers, options(None, genuine)) == ""
    assert fitting(numbers, options(None)) == ""


def test_many_files_in_another_order_cost_one_search(resnet50, orders, genuine, monkeypatch):
    """The orders are sorted and shuffled once for all files with the same images."""
    calls = []
    known = ORDERS["tfds-sequential"]
    monkeypatch.setitem(ORDERS, "tfds-sequential", lambda annotated: calls.append(1) or known(annotated))
    how = options(orders["annotations"], genuine)
    for _ in range(3):
        with pytest.raises(PredictionsError, match="as tfds:"):
            checked(array(resnet50, orders["annotations"], orders["tfds"]), how)
    assert len(calls) == 1
