"""The orders in which arrays without names are said to be.

Each is a name for a sequence of image numbers. TensorFlow Datasets shuffles by the md5 of split and name, and cuts the
result into shards; `tfds.load` then reads 16 shards at a time, 16 examples from each in turn, and `tfds.data_source`
one shard after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import md5, sha256
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

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

    def places(self, images: Images) -> NDArray[np.intp]:
        """Where in the sequence some images are; -1 of one that is not."""
        place = np.full(VALIDATION_IMAGES + 1, -1, np.intp)
        place[self.images] = np.arange(self.images.size)
        return place[images]


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


OrderLike: TypeAlias = str | PathLike[str] | Iterable[str]
"""How an order is said: one of `ORDERS`, the path of a text file that lists image names, or the names themselves."""


def resolve_order(order: OrderLike, annotations: Annotations) -> Order:
    """The images that an order means.

    Parameters
    ----------
    order : str, path, or names
        One of `ORDERS`; the path of a text file that lists image names, one a line; or a list (tuple, array, Series) of
        image names. A list that is exactly one of `ORDERS` is called so.
    annotations : Annotations

    Raises
    ------
    PredictionsError
        If it is none of these, or what is no validation image is among the names, or one twice.
    """
    if isinstance(order, str) and order in ORDERS:
        return Order(order, ORDERS[order](annotations.images))
    if not isinstance(order, str | PathLike):
        return _known_or_listed(_images_of(_names(order), "order", "names"), annotations)
    file = Path(order)
    if not file.is_file():
        raise PredictionsError(f"unknown order {order!r}: neither a file of image names nor one of {known_orders()}.")
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise PredictionsError(f"{file}: not a text file; expected image names, one a line.") from error
    return _known_or_listed(_images_of([line for line in lines if line], str(file), "lines"), annotations)


def _names(order: Iterable[str]) -> list[str]:
    """The names in a list, a tuple, an array or a Series.

    Raises
    ------
    PredictionsError
        If it is anything else.
    """
    names = list(order) if isinstance(order, Iterable) and not isinstance(order, bytes | Mapping) else [order]
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) < len(names):
        raise PredictionsError(
            f"an order is one of {known_orders()}, the path of a text file of image names, or a list of these names, "
            f"not {order!r:.50}."
        )
    return texts


def _images_of(names: list[str], where: str, what: str) -> Images:
    """Numbers of the images that are named, each once.

    Raises
    ------
    PredictionsError
        If what is no validation image is among them, or one twice.
    """
    texts = pl.Series(names, dtype=pl.String)
    images = image_numbers(texts)
    unknown = texts.filter(pl.Series(images == 0))
    if unknown.len() or not names:
        found = f"{unknown.len():,} {what} are none: {some(unknown, unknown.len())}" if names else "it is empty"
        each = ", one a line" if what == "lines" else ""
        raise PredictionsError(f"{where}: expected names of ImageNet validation images{each}; {found}.")
    numbers, counts = np.unique(images, return_counts=True)
    if (counts > 1).any():
        repeated = [image_name(n) for n in numbers[counts > 1].tolist()]
        raise PredictionsError(f"{where}: images are listed twice: {some(repeated, len(repeated))}.")
    return images


def _known_or_listed(images: Images, annotations: Annotations) -> Order:
    """The known order of these images, so that signatures compare; else one that is called by its images."""
    for name, known in orders_of_size(images.size, annotations.images).items():
        if np.array_equal(known, images):
            return Order(name, images)
    return Order(f"list@{sha256(images.astype('<i4').tobytes()).hexdigest()[:8]}", images)


def known_orders() -> str:
    """The names of all orders, for a sentence."""
    return ", ".join(ORDERS)
