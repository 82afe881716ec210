"""The orders in which arrays without names are said to be.

Each is a name for a sequence of image numbers. TensorFlow Datasets shuffles by the md5 of split and name, and cuts the
result into shards; `tfds.load` then reads 16 shards at a time, 16 examples from each in turn, and `tfds.data_source`
one shard after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5, sha256
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from ml_scorer.annotations import Annotations
from ml_scorer.errors import PredictionsError, some
from ml_scorer.imagenet import class_folder_order, validation_labels
from ml_scorer.schema import VALIDATION_IMAGES, Images, image_name, image_numbers

TFDS_SHARDS: Final = 32
TFDS_BLOCK: Final = 16  # both the shards read at a time and the examples taken from each in turn


@dataclass(frozen=True, eq=False)
class Order:
    """A sequence of images, and what a signature calls it."""

    name: str
    images: Images


def _ilsvrc(_: Images) -> Images:
    return np.arange(1, VALIDATION_IMAGES + 1, dtype=np.int32)


def _imagefolder(_: Images) -> Images:
    return class_folder_order()


def _imagefolder_as_text(_: Images) -> Images:
    images = class_folder_order()
    folders = validation_labels()[images].astype(str)
    return images[np.argsort(folders, kind="stable")]


def _annotations(annotated: Images) -> Images:
    return annotated


def _tfds_shards(annotated: Images) -> list[Images]:
    keys = [md5(f"validation{image_name(n)}".encode()).digest() for n in annotated.tolist()]  # noqa: S324 (TFDS's choice)
    shuffled = annotated[np.array(sorted(range(len(keys)), key=keys.__getitem__), np.intp)]
    ends = [len(keys) * shard // TFDS_SHARDS for shard in range(TFDS_SHARDS + 1)]
    return [shuffled[start:end] for start, end in pairwise(ends)]


def _tfds_sequential(annotated: Images) -> Images:
    return np.concatenate(_tfds_shards(annotated))


def _tfds(annotated: Images) -> Images:
    shards = _tfds_shards(annotated)
    blocks = [
        shard[start : start + TFDS_BLOCK]
        for first in range(0, TFDS_SHARDS, TFDS_BLOCK)
        for start in range(0, max(map(len, shards)), TFDS_BLOCK)
        for shard in shards[first : first + TFDS_BLOCK]
    ]
    return np.concatenate(blocks)


_ORDERS_OF_ALL: Final[dict[str, Callable[[Images], Images]]] = {
    "ilsvrc": _ilsvrc,
    "imagefolder": _imagefolder,
    "imagefolder-as-text": _imagefolder_as_text,
}
"""Orders of all validation images, whichever are annotated."""

ORDERS: Final[dict[str, Callable[[Images], Images]]] = {
    **_ORDERS_OF_ALL,
    "tfds": _tfds,
    "tfds-sequential": _tfds_sequential,
    "annotations": _annotations,
}
"""Every order by its name: from the images of the annotations, ascending, to the sequence of images."""


def order_sizes(annotated: Images) -> dict[str, int]:
    """How many images each order has."""
    return {name: VALIDATION_IMAGES if name in _ORDERS_OF_ALL else annotated.size for name in ORDERS}


def orders_of_size(size: int, annotated: Images | None) -> dict[str, Images]:
    """The sequence of images of every order that has so many.

    Parameters
    ----------
    size : int
    annotated : (images,) int32, optional
        The images of the annotations, ascending. None leaves out the orders that depend on them.
    """
    if annotated is None:
        annotated = np.empty(0, np.int32)
    known = _ORDERS_OF_ALL if annotated.size == 0 else ORDERS
    sizes = {name: VALIDATION_IMAGES if name in _ORDERS_OF_ALL else annotated.size for name in known}
    return {name: known[name](annotated) for name in known if sizes[name] == size}


def resolve_order(order: str | PathLike[str], annotations: Annotations) -> Order:
    """The images that an order means.

    Parameters
    ----------
    order : str or path
        One of `ORDERS`, or the path of a text file that lists image names, one a line.
    annotations : Annotations

    Raises
    ------
    PredictionsError
        If it is neither, or the file lists what is no validation image, or one twice.
    """
    if not isinstance(order, str | PathLike):
        raise PredictionsError(
            f"an order is one of {known_orders()}, or the path of a text file of image names, not {order!r:.50}."
        )
    if isinstance(order, str) and order in ORDERS:
        return Order(order, ORDERS[order](annotations.images))
    file = Path(order)
    if not file.is_file():
        raise PredictionsError(f"unknown order {order!r}: neither a file of image names nor one of {known_orders()}.")
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise PredictionsError(f"{file}: not a text file; expected image names, one a line.") from error
    names = pl.Series([line for line in lines if line], dtype=pl.String)
    images = image_numbers(names)
    unknown = names.filter(pl.Series(images == 0))
    if unknown.len() or not names.len():
        found = f"{unknown.len():,} lines are none: {some(unknown, unknown.len())}" if unknown.len() else "it is empty"
        raise PredictionsError(f"{file}: expected names of ImageNet validation images, one a line; {found}.")
    numbers, counts = np.unique(images, return_counts=True)
    if (counts > 1).any():
        repeated = [image_name(n) for n in numbers[counts > 1].tolist()]
        raise PredictionsError(f"{file}: images are listed twice: {some(repeated, len(repeated))}.")
    return Order(f"list@{sha256(images.astype('<i4').tobytes()).hexdigest()[:8]}", images)


def known_orders() -> str:
    """The names of all orders, for a sentence."""
    return ", ".join(ORDERS)
