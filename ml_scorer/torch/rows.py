"""Rows for slots from batches of tensors. Nothing here waits for a device."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ml_scorer.predictions.arrays.tensors import refuse_mask
from ml_scorer.predictions.batches import FLOAT_BYTES, are_logits, named_images, no_array, no_positions
from ml_scorer.predictions.best_labels import best_labels
from ml_scorer.predictions.class_ids import ClassIds
from ml_scorer.predictions.label_lists import list_faults
from ml_scorer.predictions.slots import BY_NAME, BY_POSITION, FURTHEST, slot_rows
from ml_scorer.schema import NUM_CLASSES

_INTEGERS: Final = frozenset(
    {
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.uint8,
        torch.uint16,
        torch.uint32,
        torch.uint64,
    }
)

_NAN_IS_LARGEST: Final = frozenset({"cpu", "cuda", "meta"})
"""Devices on which a maximum is known to be NaN where there is one."""


def predictions_tensor(preds: Any) -> Tensor:  # noqa: ANN401
    """The predictions of a batch as a dense tensor that needs no gradient.

    Raises
    ------
    PredictionsError
        If they are none.
    """
    if not isinstance(preds, Tensor):
        try:
            refuse_mask(preds)
            return torch.as_tensor(preds)
        except (TypeError, ValueError, RuntimeError) as error:
            raise no_array(preds, error) from error
    if preds.layout != torch.strided or preds.is_nested:
        raise no_array(
            preds, "it is nested" if preds.is_nested else f"its layout is {preds.layout}: use to_dense() first"
        )
    return preds.detach()


def image_index(images: Any) -> tuple[Tensor, bool]:  # noqa: ANN401
    """The images of a batch as integers: (n,), and whether they are positions, rather than numbers of images.

    Raises
    ------
    PredictionsError
        If they are neither names of validation images nor integers.
    """
    if not isinstance(images, Tensor):
        numbers = named_images(images)
        if numbers is not None:
            return torch.from_numpy(numbers), False
        try:
            refuse_mask(images)
            array = np.array(images)
            images = torch.from_numpy(array if array.shape != (0,) else array.astype(np.int64))
        except (TypeError, ValueError, RuntimeError) as error:
            raise no_positions(None, type(images).__name__) from error
    if images.ndim != 1 or _kind(images) not in "iu":
        raise no_positions(tuple(images.shape), str(images.dtype))
    return images, True


def prediction_rows(preds: Tensor, images: int, class_ids: ClassIds, k: int, *, positions: bool) -> Tensor:
    """What a batch folds into slots, on its own device: (n, 2k + 3) int32.

    Parameters
    ----------
    preds : (n, 1000) floats, or (n,) or (n, labels) integers
    images : int
        How many images there are in the batch.
    class_ids : ClassIds
    k : int
        Labels of an image that are kept.
    positions : bool
        Whether the images are known by position, rather than by name.

    Raises
    ------
    PredictionsError
        If the predictions are neither, or are for another number of images.
    """
    known = BY_POSITION if positions else BY_NAME
    dtype = str(preds.dtype).removeprefix("torch.")
    if not are_logits(tuple(preds.shape), _kind(preds), dtype, images, class_ids):
        labels = _in_32_bits(preds)
        labels = labels[:, None] if labels.ndim == 1 else labels
        faults = None
        if labels.shape[1] > k:
            in_order = labels.sort(dim=1).values
            faults = list_faults(labels, in_order, k, class_ids, torch).to(torch.int32)
        return _rows(labels, None, faults, known, k)
    if preds.shape[1] > NUM_CLASSES:
        preds = preds[:, 1:]
    places = torch.arange(1, NUM_CLASSES + 1, dtype=torch.int16, device=preds.device)
    best = best_labels(preds, places, k, torch, nan_is_largest=preds.device.type in _NAN_IS_LARGEST)
    labels = torch.stack(best.columns, dim=1).to(torch.int32) + class_ids.first
    return _rows(labels, best.ties.to(torch.int32), best.faults.to(torch.int32), known, k)


def placed(rows: Tensor, positions: Tensor, order: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The slots of rows that are known by their positions, and the rows; all on one device.

    Parameters
    ----------
    rows : (n, 2k + 3) int32
    positions : (n,) integers
    order : (images,) int64
        Number of the image at each position.
    k : int

    Returns
    -------
    slots : (n,) int64
        0 for positions that do not exist.
    rows : (n, 2k + 3) int32
        With these positions in place of their labels.
    """
    positions = positions.to(torch.int64)
    exist = (positions >= 0) & (positions < order.shape[0])
    slots = torch.where(exist, order.index_select(0, positions.clamp(0, order.shape[0] - 1)), 0)
    wrong = _rows(_in_32_bits(positions)[:, None], None, None, BY_POSITION, k)
    return slots, torch.where(exist[:, None], rows, wrong)


def _rows(labels: Tensor, ties: Tensor | None, faults: Tensor | None, known: int, k: int) -> Tensor:
    rows: Tensor = slot_rows(labels, ties, faults, known, k, torch)
    return rows


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """The same on another device, without waiting where that is safe: what is copied to the host is read at once."""
    return tensor.to(device, non_blocking=device.type == "cuda")


def _in_32_bits(numbers: Tensor) -> Tensor:
    """The same whole numbers; those that do not fit are wrong in any case, and stay so."""
    return numbers.to(torch.int64).clamp(-FURTHEST, FURTHEST).to(torch.int32)


def _kind(tensor: Tensor) -> str:
    """The kind of its numbers, as NumPy calls them: `f` floats, `i` integers, `O` anything else."""
    if tensor.is_floating_point():
        return "f" if tensor.dtype.itemsize in FLOAT_BYTES else "O"
    return "i" if tensor.dtype in _INTEGERS else "O"
