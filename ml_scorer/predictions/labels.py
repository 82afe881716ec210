"""From the numbers that people have to class indices."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.predictions.class_ids import CLASS_IDS, NO_CLASS, ClassIds
from ml_scorer.predictions.doctor import fitting
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import NUM_CLASSES, Images, Labels

_INDICES: Final = CLASS_IDS["imagenet"]


def label_faults(values: NDArray[Any], places: pl.Series | None = None, class_ids: ClassIds = _INDICES) -> list[str]:
    """What keeps numbers from being classes, one sentence a kind.

    Parameters
    ----------
    values : array of integers or floats, of any shape
    places : polars.Series, optional
        What to call each value's place, or (of top-k labels) each row's: the name of its image. None calls them by
        index.
    class_ids : ClassIds
        What the numbers mean.
    """
    if _all_are_labels(values, class_ids):
        return []
    flat = values.reshape(-1)
    per_place = 1 if places is None else max(1, flat.size // max(1, places.len()))

    def fault(bad: NDArray[np.bool_], what: str) -> list[str]:
        found = np.flatnonzero(bad)
        if not found.size:
            return []
        shown = flat[found[:3]].tolist()
        where = [_place(values, int(i)) if places is None else str(places[int(i) // per_place]) for i in found[:3]]
        examples = some((f"{value} at {place}" for value, place in zip(shown, where, strict=True)), found.size)
        return [f"{what}: {examples}"]

    faults = []
    known = np.ones(flat.shape, bool)
    if flat.dtype.kind == "f":
        unknown = np.isnan(flat)
        broken = ~unknown & np.isfinite(flat) & (flat != np.floor(flat))
        known = ~unknown & ~broken
        faults += [*fault(unknown, "a label is NaN"), *fault(broken, "a label is not a whole number")]
    background = known & (flat == 0) & class_ids.zero_is_background
    outside = known & ~background & ((flat < class_ids.first) | (flat > class_ids.last))
    numbering = "" if class_ids is _INDICES else f" (class ids {class_ids.name})"
    return [
        *faults,
        *fault(
            background,
            f"{np.count_nonzero(background):,} labels are 0, the background class, which is none of the 1,000 (take "
            "the arg-max of the others)",
        ),
        *fault(outside, f"a label is outside {class_ids.first}-{class_ids.last}{numbering}"),
    ]


def exact_labels(
    values: NDArray[Any],
    where: str,
    options: ReadOptions | None = None,
    images: Images | None = None,
) -> Labels:
    """The same labels as int16 class indices.

    Parameters
    ----------
    values : array of integers, or of floats that are whole; of any shape
    where : str
        What to call the input in an error.
    options : ReadOptions, optional
        What the numbers mean. None: class indices 0-999.
    images : (images,) int32, optional
        The images that the last axis (of top-k labels, the last but one) stands for, where they are known: an error
        then says which numbering fits.

    Returns
    -------
    array of int16, of the shape of `values`
        Not a copy, where nothing is to be changed.

    Raises
    ------
    PredictionsError
        If one is NaN, not whole, or no class in this numbering; every kind of fault is named, with places.
    """
    if values.dtype.kind not in "iuf":
        raise PredictionsError(f"{where}: labels are {_dtype_text(values)}, expected integers: class indices 0-999.")
    class_ids = _INDICES if options is None else options.class_ids
    if faults := label_faults(values, class_ids=class_ids):
        raise PredictionsError(faults_text(where, faults) + other_numberings(values, options, images))
    labels: Labels = values.astype(np.int16, copy=False)
    if class_ids.by_wordnet_id:  # a table would take twenty times as long
        return labels - np.int16(class_ids.first) if class_ids.first else labels
    return class_ids.labels.take(labels)


def other_numberings(values: NDArray[Any], options: ReadOptions | None, images: Images | None = None) -> str:
    """Advice for numbers 0-1000 that are not all classes: what else they may be; parameters as of `exact_labels`.

    Returns
    -------
    str
        Begins with a full stop; empty where no numbering has all these numbers.
    """
    options = options or ReadOptions()
    if not values.size or not _all_between(values, 0, NUM_CLASSES):
        return ""
    numbers = _of_one_checkpoint(values, images, options.class_ids)
    if numbers is not None and (advice := fitting(numbers, options, images)):
        return f".{advice}"
    lowest, highest = values.min(), values.max()
    possible = [
        f"{ids.name} ({ids.meaning})"
        for ids in CLASS_IDS.values()
        if ids is not options.class_ids and highest <= ids.last and (ids.zero_is_background or lowest >= ids.first)
    ]
    if not possible:
        return ""
    return f". If they are in another numbering, pass it as --class-ids (class_ids=): {'; '.join(possible)}."


def _of_one_checkpoint(values: NDArray[Any], images: Images | None, class_ids: ClassIds) -> NDArray[Any] | None:
    """The most likely labels of the first checkpoint that has a fault: (images,); None where images are not known."""
    if images is None or not images.size:
        return None
    top1 = values[..., 0] if values.ndim > 1 and values.shape[-1] != images.size else values
    if top1.shape[-1:] != images.shape:
        return None
    rows = top1.reshape(-1, images.size)
    faulty = (class_ids.labels[rows.astype(np.intp)] == NO_CLASS).any(axis=1)
    row: NDArray[Any] = rows[faulty.argmax()]
    return row


def _all_are_labels(values: NDArray[Any], class_ids: ClassIds) -> bool:
    if not values.size:
        return True
    return _all_between(values, class_ids.first, class_ids.last)


def _all_between(values: NDArray[Any], first: int, last: int) -> bool:
    """Whether all of at least one value are whole numbers from first to last; first is 0 or more."""
    if values.dtype.kind == "f":
        return bool(((values >= first) & (values <= last)).all() and (values == np.floor(values)).all())
    if values.dtype.itemsize == 1:
        return bool(values.min() >= first)
    # As unsigned numbers of at least 16 bits, negative ones are large: one pass finds both.
    unsigned = values.view(values.dtype.str.replace("i", "u")) if values.dtype.kind == "i" else values
    return bool(unsigned.max() <= last) and (first == 0 or bool(unsigned.min() >= first))


def _place(values: NDArray[Any], flat_index: int) -> str:
    index = np.unravel_index(flat_index, values.shape)
    return f"index {int(index[0])}" if values.ndim == 1 else f"index {tuple(int(i) for i in index)}"


def _dtype_text(values: NDArray[Any]) -> str:
    return "Python objects" if values.dtype.kind == "O" else str(values.dtype)
