"""Many `.npy` files of the same plain form at once: nothing but their bytes is moved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ml_scorer.predictions.arrays.npy_header import npy_header
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import NUM_CLASSES

_START: Final = 4096  # bytes; the header of a plain array takes 128


def read_stack(paths: Sequence[str], options: ReadOptions) -> Predictions | None:
    """Labels of files that are all plain: one integer array (images,) each, all with the same header.

    May be called by several threads at once.

    Parameters
    ----------
    paths : sequence of str
        At most a batch of them: their labels come into memory together.
    options : ReadOptions

    Returns
    -------
    Predictions or None
        A checkpoint for each file. None if anything about one of them is out of the ordinary: then each is to be read
        by itself, which gives the error where there is one.
    """
    order = options.order
    if order is None or not paths or options.class_ids.name != "imagenet" or not hasattr(os, "readv"):
        return None
    try:
        header, dtype = _plain_header(paths[0], order.images.size)
        labels = np.empty((len(paths), order.images.size), np.int16)
        for path, row in zip(paths, labels, strict=True):
            if dtype == np.int16:
                _read(path, header, row)
                continue
            values = np.empty(row.size, dtype)
            _read(path, header, values)
            if not _in_range(values):
                return None
            row[:] = values
    except (OSError, ValueError):
        return None
    return Predictions(order.images, labels, order.name) if dtype != np.int16 or _in_range(labels) else None


def _plain_header(path: str, images: int) -> tuple[bytes, np.dtype[Any]]:
    """Header of a file, and the integers that follow; ValueError if it is not plain."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a Path takes ten times the time of a string)
        start = file.read(_START)
    header = npy_header(start)
    dtype = header.dtype
    if header.shape != (images,) or dtype.kind not in "iu" or dtype.itemsize == 1 or not dtype.isnative:
        raise ValueError("an unusual array")
    return start[: header.length], dtype


def _read(path: str, header: bytes, values: np.ndarray[Any, Any]) -> None:
    """Fill an array from a file that consists of this header and that array; ValueError if it does not, or changes."""
    found, more = bytearray(len(header)), bytearray(1)
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # which a pipe would not come back from otherwise
    try:
        before = os.fstat(file)
        count = os.readv(file, [found, values.data, more])
        after = os.fstat(file)
    finally:
        os.close(file)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise ValueError("the file changed while it was read")
    if found != header or count != len(header) + values.nbytes:
        raise ValueError("another header, or another length")


def _in_range(values: np.ndarray[Any, Any]) -> bool:
    if values.dtype.itemsize == 1:
        return values.dtype.kind == "u" or bool(values.min() >= 0)
    # As unsigned numbers of at least 16 bits, negative ones are large: one pass finds both.
    return bool(values.view(f"u{values.dtype.itemsize}").max() < NUM_CLASSES)
