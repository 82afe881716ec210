"""Facts of ImageNet itself: its classes, their groups, and the original labels of the 50,000 validation images."""

from __future__ import annotations

from collections import Counter
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from ml_scorer.schema import NUM_CLASSES, VALIDATION_IMAGES, Images, Labels

_FINEST_GROUPS: Final = {
    "organism": ("dog", "organism-not-dog"),
    "object": ("object",),
    "dog": ("dog",),
    "organism-not-dog": ("organism-not-dog",),
}

GROUPS: Final = tuple(_FINEST_GROUPS)
"""The groups of classes that have a name, after Shankar et al., Evaluating Machine Accuracy on ImageNet, ICML 2020."""


def _tables() -> Path:
    """Folder of the small tables: inside the package when installed, `data/` when run from a checkout."""
    package = Path(__file__).parent
    installed = package / "data"
    return installed if installed.is_dir() else package.parent / "data"


def checkout() -> Path | None:
    """Root of the checkout that this package runs from; None when it runs from a wheel."""
    root = Path(__file__).parent.parent
    return root if (root / "data" / "classes.csv").is_file() and (root / "pyproject.toml").is_file() else None


@cache
def classes() -> pl.DataFrame:
    """The 1,000 classes: `index` (uint16), `wordnet_id`, `name` and `group` (the finest named group)."""
    return pl.read_csv(_tables() / "classes.csv", schema_overrides={"index": pl.UInt16}).sort("index")


@cache
def class_names() -> tuple[str, ...]:
    """What people call each class: the first word of its synset, or as many as tell it from every other class.

    No two are the same, in small letters either: class 264 is a dog, and class 474 a cardigan.

    >>> names = class_names()
    >>> names[0], names[134], names[264], names[639]
    ('tench', 'crane (bird)', 'Cardigan, Cardigan Welsh corgi', 'maillot, tank suit')
    """
    synsets = [name.split(", ") for name in classes()["name"].to_list()]
    starts = [[", ".join(words[:n]) for n in range(1, len(words) + 1)] for words in synsets]
    number = Counter(start.lower() for of_class in starts for start in of_class)
    return tuple(next((start for start in of_class if number[start.lower()] == 1), of_class[-1]) for of_class in starts)


@cache
def validation_labels() -> Labels:
    """Original labels of the validation images.

    Returns
    -------
    (50001,) int16
        The label of image number i stands at index i; index 0 is no image and holds -1. Read-only.
    """
    labels = np.full(VALIDATION_IMAGES + 1, -1, np.int16)
    labels[1:] = pl.read_csv(_tables() / "validation_labels.csv", schema={"original_label": pl.Int16}).to_series()
    labels.setflags(write=False)
    return labels


@cache
def devkit_ids() -> Labels:
    """Number of each class in the development kit of ILSVRC 2012 (`ILSVRC2012_ID`).

    Returns
    -------
    (1000,) int16
        1-1000, by class index. Read-only.
    """
    numbers = np.loadtxt(_tables() / "devkit_ids.csv", np.int16, skiprows=1)
    numbers.setflags(write=False)
    return numbers


@cache
def validation_fingerprint() -> str:
    """The sha256 of the 50,000 original labels in image order, as little-endian 16-bit integers."""
    return sha256(validation_labels()[1:].astype("<i2").tobytes()).hexdigest()


@cache
def group_members(group: str) -> frozenset[int]:
    """Class indices of a named group.

    >>> len(group_members("organism")), len(group_members("object")), len(group_members("dog"))
    (410, 590, 118)
    """
    return frozenset(classes().filter(pl.col("group").is_in(_FINEST_GROUPS[group]))["index"].to_list())


def class_folder_order() -> Images:
    """Validation image numbers sorted by class folder, then by name: what torchvision's and timm's ImageFolder give.

    WordNet ids sort as the class indices do, so sorting by label (stably) is sorting by folder.
    """
    return (np.argsort(validation_labels()[1:], kind="stable") + 1).astype(np.int32)


@cache
def label_of_wordnet_id() -> dict[str, int]:
    """Class index of each of the 1,000 WordNet ids."""
    return dict(zip(classes()["wordnet_id"].to_list(), range(NUM_CLASSES), strict=True))


@cache
def labels_of_names() -> dict[str, tuple[int, ...]]:
    """Class indices of each name of a class: its synset's words, all of them, as WordNet lists them.

    Two classes are called "crane" there; with the word that `classes` puts behind it, each is known alone.

    >>> names = labels_of_names()
    >>> names["tench, Tinca tinca"], names["maillot"], names["crane"], names["crane (bird)"]
    ((0,), (638,), (134, 517), (134,))
    """
    labels: dict[str, tuple[int, ...]] = {}
    for index, name in enumerate(classes()["name"].to_list()):
        for called in {name, name.removesuffix(")").partition(" (")[0] if name.endswith(")") else name}:
            labels[called] = (*labels.get(called, ()), index)
    return labels
