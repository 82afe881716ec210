"""Facts of ImageNet that the small tables in data/ must state."""

from __future__ import annotations

import csv
import struct
from hashlib import sha256

import numpy as np
import polars as pl
import pytest

from ml_scorer.imagenet import (
    GROUPS,
    checkout,
    class_folder_order,
    classes,
    group_members,
    label_of_wordnet_id,
    validation_fingerprint,
    validation_labels,
)
from ml_scorer.schema import image_name, image_names, image_numbers


def test_there_are_1000_classes_in_the_order_of_their_wordnet_ids():
    table = classes()
    assert table["index"].to_list() == list(range(1000))
    assert table["wordnet_id"].to_list() == sorted(table["wordnet_id"].to_list())
    assert table["wordnet_id"].n_unique() == 1000
    assert table["wordnet_id"].str.contains(r"^n\d{8}$").all()


def test_every_class_has_a_name_and_a_group():
    assert classes().null_count().row(0) == (0, 0, 0, 0)
    assert (classes()["name"].str.strip_chars().str.len_chars() > 0).all()
    assert set(classes()["group"]) == {"dog", "organism-not-dog", "object"}


@pytest.mark.parametrize(
    ("label", "wordnet_id", "name"),
    [
        (0, "n01440764", "tench"),
        (151, "n02085620", "Chihuahua"),
        (268, "n02113978", "Mexican hairless"),
        (999, "n15075141", "toilet"),
    ],
)
def test_known_classes_stand_where_they_should(label, wordnet_id, name):
    assert label_of_wordnet_id()[wordnet_id] == label
    assert name.lower() in classes()["name"][label].lower()


def test_the_groups_have_their_sizes():
    assert {group: len(group_members(group)) for group in GROUPS} == {
        "organism": 410,
        "object": 590,
        "dog": 118,
        "organism-not-dog": 292,
    }


def test_the_groups_hold_the_classes_of_the_paper():
    organism = {*range(398), *range(981, 984), 985, 986, *range(991, 998)}
    assert group_members("organism") == organism
    assert group_members("dog") == set(range(151, 269))
    assert group_members("object") == set(range(1000)) - organism
    assert group_members("organism-not-dog") == organism - set(range(151, 269))


def test_there_are_50_validation_images_of_each_class():
    labels = validation_labels()
    assert labels.shape == (50_001,)
    assert labels[0] == -1
    assert np.array_equal(np.bincount(labels[1:]), np.full(1000, 50))


def test_the_labels_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        validation_labels()[1] = 0


@pytest.mark.parametrize(("number", "label"), [(1, 65), (2, 970), (3, 230), (293, 0), (50_000, 355)])
def test_known_images_have_their_labels(number, label):
    # The ground truth of the development kit (ILSVRC2012_validation_ground_truth.txt), in the order of WordNet ids.
    assert validation_labels()[number] == label


def test_the_fingerprint_of_the_labels_is_the_documented_one():
    assert validation_fingerprint() == sha256(struct.pack("<50000H", *validation_labels()[1:].tolist())).hexdigest()


def test_the_original_labels_of_the_real_annotations_are_these(genuine):
    assert np.array_equal(genuine.original_labels, validation_labels()[genuine.images])


def test_folder_order_is_sorted_by_folder_and_then_by_name():
    folders = classes()["wordnet_id"].to_list()
    labels = validation_labels()
    paths = sorted(f"{folders[labels[number]]}/{image_name(number)}" for number in range(1, 50_001))
    assert class_folder_order().tolist() == image_numbers(pl.Series(paths)).tolist()


def test_folder_order_is_that_of_published_predictions(real_data):
    with (real_data / "predictions" / "ResNet50.csv").open(newline="") as file:
        names = [row["file_name"] for row in csv.DictReader(file)]
    assert class_folder_order().tolist() == image_numbers(pl.Series(names)).tolist()


def test_image_names_and_numbers_are_each_others_inverse():
    numbers = pl.Series([1, 10, 49_999, 50_000])
    assert image_numbers(image_names(numbers)).tolist() == numbers.to_list()
    assert image_names(numbers).to_list() == [image_name(number) for number in numbers]


@pytest.mark.parametrize(
    "name",
    [
        "ILSVRC2012_val_00000293.JPEG",
        "ILSVRC2012_val_00000293.jpeg",
        "ILSVRC2012_val_00000293.png",
        "ILSVRC2012_val_00000293",
        "/data/val/n01440764/ILSVRC2012_val_00000293.JPEG",
        r"C:\data\val\ILSVRC2012_val_00000293.JPEG",
        "ILSVRC2012_val_00000293_n01440764.JPEG",
    ],
)
def test_a_name_is_known_in_any_spelling(name):
    assert image_numbers(pl.Series([name])).tolist() == [293]


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "cat.jpg",
        "ILSVRC2012_val_293.JPEG",
        "ILSVRC2012_val_000000293.JPEG",
        "ILSVRC2012_val_00000000.JPEG",
        "ILSVRC2012_val_00050001.JPEG",
        "ILSVRC2012_val_99999999.JPEG",
        "ILSVRC2012_test_00000293.JPEG",
        "xILSVRC2012_val_00000293.JPEG",
        "ILSVRC2012_val_00000293.JPEG.txt",
        "ILSVRC2012_val_00000293.JPEG\n",
        "ILSVRC2012_val_00000293.JPEG/other.png",
        "ilsvrc2012_val_00000293.jpeg",
    ],
)
def test_what_is_no_validation_image_has_no_number(name):
    assert image_numbers(pl.Series([name], dtype=pl.String)).tolist() == [0]


def test_a_checkout_is_told_by_its_files():
    root = checkout()
    assert root is None or (root / "pyproject.toml").is_file()
