"""Rows for slots from a batch of arrays: of NumPy, or of a library that has the array API or DLPack."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.predictions.arrays.logits import searched_columns
from ml_scorer.predictions.arrays.stored import StoredArray
from ml_scorer.predictions.arrays.tensors import as_array
from ml_scorer.predictions.batches import FLOAT_BYTES, are_logits, named_images, no_array, no_order, no_positions
from ml_scorer.predictions.best_labels import best_labels
from ml_scorer.predictions.class_ids import ClassIds
from ml_scorer.predictions.label_lists import list_faults
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.slots import BY_NAME, BY_POSITION, FURTHEST, TIED, UNTIED, slot_rows
from ml_scorer.schema import NUM_CLASSES, Images

_UNREADABLE: Final = (TypeError, ValueError, RuntimeError, BufferError)
"""What arrays raise that cannot be brought to the host; the last two, where they are out of reach."""


def batch_rows(
    preds: Any,  # noqa: ANN401
    images: Any,  # noqa: ANN401
    options: ReadOptions,
    k: int,
) -> tuple[Images, NDArray[np.int32]]:
    """What a batch folds into slots.

    Parameters
    ----------
    preds : (n, 1000) floats, or (n,) or (n, labels) integers
        Logits are looked at where they lie, if their library has the array API.
    images : names or positions
    options : ReadOptions
        What positions and numbers of classes mean.
    k : int
        Labels of an image that are kept.

    Returns
    -------
    images : (n,) int32
        The slot of each row; 0 for a position that does not exist, which then stands in place of the labels.
    rows : (n, 2k + 3) int32

    Raises
    ------
    PredictionsError
        If these are no such arrays, or a name is no validation image.
    """
    numbers = named_images(images)
    if numbers is not None:
        labels, ties, faults = _labels(preds, numbers.size, options.class_ids, k)
        return numbers, slot_rows(labels, ties, faults, BY_NAME, k, np)
    positions, order = _positions(images), _order(options)
    labels, ties, faults = _labels(preds, positions.size, options.class_ids, k)
    exist = (positions >= 0) & (positions < order.size)
    labels = np.where(exist[:, None], labels, _in_32_bits(positions)[:, None])
    numbers = np.where(exist, order[np.where(exist, positions, 0)], np.int32(0))
    return numbers, slot_rows(labels, ties, faults, BY_POSITION, k, np)


def _order(options: ReadOptions) -> Images:
    if options.order is None:
        raise no_order()
    return options.order.images


def _positions(images: Any) -> NDArray[Any]:  # noqa: ANN401
    try:
        positions = as_array(images)
    except _UNREADABLE as error:
        raise no_positions(None, type(images).__name__) from error
    if positions.shape == (0,):
        return np.empty(0, np.int64)  # of nothing at all, NumPy makes floats
    if positions.shape == () and positions.dtype.kind == "O":
        raise no_positions(None, type(images).__name__)
    if len(positions.shape) != 1 or positions.dtype.kind not in "iu" or positions.is_bfloat16:
        raise no_positions(positions.shape, positions.dtype_name)
    return positions.values()


def _labels(
    preds: Any,  # noqa: ANN401
    images: int,
    class_ids: ClassIds,
    k: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32] | None, NDArray[np.int32] | None]:
    """The labels of a batch, and of logits what `slot_rows` takes beside them."""
    library = _library(preds)
    source: Any = _on_host(preds) if library is None else preds
    kind, dtype = _numbers(source)
    if not are_logits(tuple(source.shape), kind, dtype, images, class_ids):
        labels = _in_32_bits(_on_host(preds).values())
        if labels.ndim == 1:
            return labels[:, None], None, None
        faults = None
        if labels.shape[1] > k:
            faults = list_faults(labels, np.sort(labels, axis=1), k, class_ids, np).astype(np.int32)
        return labels, None, faults
    background = source.shape[1] > NUM_CLASSES
    if library is None:
        columns, tied, faults = searched_columns(source, k=k, background=background)
        ties = np.where(tied, TIED, UNTIED)
    else:
        columns, ties, faults = _best_labels_elsewhere(source, k, library, background=background)
    labels = columns.astype(np.int32) + np.int32(class_ids.first)
    return labels, ties.astype(np.int32), faults.astype(np.int32)


def _best_labels_elsewhere(
    logits: Any,  # noqa: ANN401
    k: int,
    library: Any,  # noqa: ANN401
    *,
    background: bool,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Columns, ties and faults of logits that lie where their library has them; only these come to the host.

    And the rows whose best logits are smaller than any normal number: some devices take such numbers for zero.
    """
    found = best_labels(logits[:, 1:] if background else logits, _places(library), k, library, nan_is_largest=False)
    normal = float(library.finfo(logits.dtype).smallest_normal)
    small = library.any(library.abs(library.stack(found.values, axis=1)) < normal, axis=1)
    together = _on_host(library.stack([*found.columns, found.ties, found.faults, small], axis=1)).values()
    rows = np.flatnonzero(together[:, k + 2])
    columns, ties, faults = (np.array(part) for part in (together[:, :k], together[:, k], together[:, k + 1]))
    if rows.size:
        # The whole batch comes to the host: some of its rows alone are of another shape each time, to be compiled anew.
        columns[rows], tied, faults[rows] = searched_columns(_on_host(logits), k=k, rows=rows, background=background)
        ties[rows] = np.where(tied, TIED, UNTIED)
    return columns, ties, faults


def _library(array: Any) -> Any:  # noqa: ANN401
    """The array API namespace of an array that lies somewhere else than NumPy's do; None for all others."""
    other = hasattr(array, "__array_namespace__") and not isinstance(array, np.ndarray)
    return array.__array_namespace__() if other and isinstance(array.dtype, np.dtype) else None


def _places(library: Any) -> Any:  # noqa: ANN401
    return library.arange(1, NUM_CLASSES + 1, dtype=library.int16)


def _numbers(source: Any) -> tuple[str, str]:  # noqa: ANN401
    """The kind of an array's numbers, as `are_logits` takes it, and what to call their type."""
    dtype = source.dtype
    if dtype.name == "bfloat16" or getattr(source, "is_bfloat16", False):
        return "f", "bfloat16"
    name = source.dtype_name if isinstance(source, StoredArray) else str(dtype)
    return "O" if dtype.kind == "f" and dtype.itemsize not in FLOAT_BYTES else dtype.kind, name


def _on_host(preds: Any) -> StoredArray:  # noqa: ANN401
    try:
        array = as_array(preds)
    except _UNREADABLE as error:
        raise no_array(preds, error) from error
    if array.dtype.kind == "O" and not array.shape:
        raise no_array(preds, "it is no array")
    return array


def _in_32_bits(numbers: NDArray[Any]) -> NDArray[np.int32]:
    """The same whole numbers; those that do not fit are wrong in any case, and stay so."""
    clipped: NDArray[np.int32] = np.clip(numbers.astype(np.int64), -FURTHEST, FURTHEST).astype(np.int32)
    return clipped
