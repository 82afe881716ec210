"""The numberings of classes: which class each number is."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import classes, devkit_ids, validation_labels
from ml_scorer.predictions.class_ids import CLASS_IDS, NO_CLASS, class_ids_named

# WordNet ids of numbers in the development kit of ILSVRC 2012, read from its meta.mat.
DEVKIT = {
    1: "n02119789",  # kit fox
    2: "n02100735",  # English setter
    3: "n02110185",  # Siberian husky
    449: "n01440764",  # tench
    782: "n03710637",  # maillot
    977: "n03710721",  # maillot, tank suit
    1000: "n03255030",  # dumbbell
}

# The first lines of its ILSVRC2012_validation_ground_truth.txt: images 1 to 10.
GROUND_TRUTH = (490, 361, 171, 822, 297, 482, 13, 704, 599, 164)


@pytest.mark.parametrize("name", list(CLASS_IDS))
def test_every_class_has_one_number_and_every_number_that_class(name):
    ids = CLASS_IDS[name]
    assert ids.labels.shape == (1001,)
    assert ids.labels.dtype == ids.numbers.dtype == np.int16
    assert ids.labels[ids.numbers].tolist() == list(range(1000))
    assert np.count_nonzero(ids.labels == NO_CLASS) == 1
    assert sorted(ids.numbers.tolist()) == list(range(ids.first, ids.last + 1))


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("imagenet", {0: 0, 999: 999, 1000: NO_CLASS}),
        ("one-based", {0: NO_CLASS, 1: 0, 1000: 999}),
        ("background", {0: NO_CLASS, 1: 0, 1000: 999}),
        ("devkit", {0: NO_CLASS, 449: 0}),
        ("as-text", {0: 0, 1: 1, 2: 10, 3: 100, 4: 101, 13: 11, 999: 999, 1000: NO_CLASS}),
    ],
)
def test_known_numbers_are_their_classes(name, labels):
    assert {number: int(CLASS_IDS[name].labels[number]) for number in labels} == labels


def test_as_text_is_how_folder_names_sort():
    assert CLASS_IDS["as-text"].labels[:1000].tolist() == [int(name) for name in sorted(map(str, range(1000)))]


def test_only_the_background_numbering_has_a_background():
    assert [ids.name for ids in CLASS_IDS.values() if ids.zero_is_background] == ["background"]


def test_three_numberings_go_by_wordnet_id():
    assert [ids.name for ids in CLASS_IDS.values() if ids.by_wordnet_id] == ["imagenet", "one-based", "background"]


@pytest.mark.parametrize(("number", "wordnet_id"), list(DEVKIT.items()))
def test_the_numbers_of_the_development_kit(number, wordnet_id):
    assert classes()["wordnet_id"][int(CLASS_IDS["devkit"].labels[number])] == wordnet_id


def test_the_ground_truth_of_the_development_kit():
    assert devkit_ids()[validation_labels()[1:11]].tolist() == list(GROUND_TRUTH)


def test_the_table_of_the_development_kit_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        devkit_ids()[0] = 1


def test_a_numbering_is_found_by_its_name():
    assert [class_ids_named(name).name for name in CLASS_IDS] == list(CLASS_IDS)


@pytest.mark.parametrize("name", ["", "wordnet", "Imagenet", None, 7, ["devkit"]])
def test_an_unknown_numbering_is_refused_with_those_that_there_are(name):
    with pytest.raises(
        PredictionsError,
        match=r"unknown class ids .*: expected one of imagenet, one-based, background, devkit, as-text",
    ):
        class_ids_named(name)


def test_published_predictions_are_numbered_by_wordnet_id(real_data):
    with (real_data / "predictions" / "ResNet50.csv").open(newline="") as file:
        rows = [(int(row["file_name"][15:23]), int(row["predicted_class"])) for row in csv.DictReader(file)]
    known = validation_labels()
    right = {name: sum(ids.labels[number] == known[image] for image, number in rows) for name, ids in CLASS_IDS.items()}
    assert right["imagenet"] == 38_065  # 76.13 %
    assert max(count for name, count in right.items() if name != "imagenet") < 1000
