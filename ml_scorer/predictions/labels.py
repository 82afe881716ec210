"""From the numbers that people have to class indices: exact labels, or the arg-max of logits."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.schema import NUM_CLASSES, Labels

_LOGITS_ROWS: Final = 1024
"""Rows of logits taken at a time: 4 MB of float32."""


def label_faults(values: NDArray[Any], places: pl.Series | None = None) -> list[str]:
    """What keeps numbers from being class indices 0-999, one sentence a kind.

    Parameters
    ----------
    values : array of integers or floats
    places : polars.Series of the same length, optional
        What to call each value's place: the name of its image. None calls them by index.
    """
    if _all_are_labels(values):
        return []

    def fault(bad: NDArray[np.bool_], what: str) -> list[str]:
        found = np.flatnonzero(bad)
        if not found.size:
            return []
        shown = values.reshape(-1)[found[:3]].tolist()
        where = [_place(values, int(i)) if places is None else str(places[int(i)]) for i in found[:3]]
        examples = some((f"{value} at {place}" for value, place in zip(shown, where, strict=True)), found.size)
        return [f"{what}: {examples}"]

    flat = values.reshape(-1)
    if flat.dtype.kind == "f":
        unknown = np.isnan(flat)
        broken = ~unknown & np.isfinite(flat) & (flat != np.floor(flat))
        outside = ~unknown & ~broken & ((flat < 0) | (flat >= NUM_CLASSES))
        return [
            *fault(unknown, "a label is NaN"),
            *fault(broken, "a label is not a whole number"),
            *fault(outside, f"a label is outside 0-{NUM_CLASSES - 1}"),
        ]
    return fault((flat < 0) | (flat >= NUM_CLASSES), f"a label is outside 0-{NUM_CLASSES - 1}")


def exact_labels(values: NDArray[Any], where: str) -> Labels:
    """The same numbers as int16 class indices.

    Parameters
    ----------
    values : array of integers, or of floats that are whole
    where : str
        What to call the input in an error.

    Raises
    ------
    PredictionsError
        If one is NaN, not whole, or outside 0-999; every kind of fault is named, with places.
    """
    if values.dtype.kind not in "iuf":
        raise PredictionsError(f"{where}: labels are {_dtype_text(values)}, expected integers: class indices 0-999.")
    if faults := label_faults(values):
        raise PredictionsError(faults_text(where, faults))
    return values.astype(np.int16, copy=False)


def _all_are_labels(values: NDArray[Any]) -> bool:
    if not values.size:
        return True
    if values.dtype.kind == "f":
        return bool(((values >= 0) & (values < NUM_CLASSES)).all() and (values == np.floor(values)).all())
    if values.dtype.itemsize == 1:
        return bool(values.min() >= 0)
    # As unsigned numbers of at least 16 bits, negative ones are large: one pass finds both.
    unsigned = values.view(values.dtype.str.replace("i", "u")) if values.dtype.kind == "i" else values
    return bool(unsigned.max() < NUM_CLASSES)


def arg_max(logits: NDArray[Any], where: str) -> tuple[Labels, NDArray[np.bool_]]:
    """Class index of the largest logit (or probability) of each image; ties go to the lowest index.

    Works through a few rows at a time, so that a memory-mapped array never comes into memory whole.

    Parameters
    ----------
    logits : (images, 1000) float
        -inf is a mask; NaN and +inf are errors.
    where : str
        What to call the input in an error.

    Returns
    -------
    labels : (images,) int16
    ties : (images,) bool
        Whether another class has the same largest logit.

    Raises
    ------
    PredictionsError
        If a logit is NaN or +inf, or all logits of an image are -inf.
    """
    images = len(logits)
    labels, ties, not_finite = np.empty(images, np.int16), np.empty(images, bool), np.empty(images, bool)
    for start in range(0, images, _LOGITS_ROWS):
        rows = slice(start, start + _LOGITS_ROWS)
        chunk = np.asarray(logits[rows])
        labels[rows] = chunk.argmax(axis=1)  # NaN counts as the largest
        largest = np.take_along_axis(chunk, labels[rows, None].astype(np.intp), axis=1)
        not_finite[rows] = ~np.isfinite(largest[:, 0])
        ties[rows] = np.count_nonzero(chunk == largest, axis=1) > 1
    if not_finite.any():
        bad = np.flatnonzero(not_finite)
        kinds = [
            f"{text} in {count:,} rows: row {some((bad[chosen]).tolist(), count)}"
            for text, chosen in _kinds_of_not_finite(np.asarray(logits[bad]))
            if (count := int(chosen.sum()))
        ]
        raise PredictionsError(faults_text(where, kinds))
    return labels, ties


def _kinds_of_not_finite(rows: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    unknown = np.isnan(rows).any(axis=1)
    infinite = ~unknown & np.isposinf(rows).any(axis=1)
    return [
        ("a logit is NaN", unknown),
        ("a logit is +inf", infinite),
        ("every logit is -inf", ~unknown & ~infinite),
    ]


def _place(values: NDArray[Any], flat_index: int) -> str:
    index = np.unravel_index(flat_index, values.shape)
    return f"index {int(index[0])}" if values.ndim == 1 else f"index {tuple(int(i) for i in index)}"


def _dtype_text(values: NDArray[Any]) -> str:
    return "Python objects" if values.dtype.kind == "O" else str(values.dtype)
