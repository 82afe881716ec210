"""One slot an image: what batches of predictions leave behind, so that a repeated image cannot count twice.

Slots are a table of integers with a row for each image, and two of them fold by the maximum of each number. That is
associative, commutative, and the same however often a part comes again: it does not matter how predictions were cut
into batches, in which order they came, or which process saw them. Of the labels of an image the largest is kept, and
the smallest (as the largest negative): where these differ, two predictions contradict each other.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.predictions.arrays.logits import SOUND
from ml_scorer.schema import VALIDATION_IMAGES, Images

EMPTY: Final = -(2**31)
"""Stands where nothing was seen: the lowest number of 32 bits."""

FURTHEST: Final = 2**31 - 1
"""Labels and positions beyond this are kept as this: they are wrong in any case, and no negative may overflow."""

UNTIED, TIED = 1, 2
"""Whether the arg-max of an image was a tie; `EMPTY` where labels were given."""

BY_NAME, BY_POSITION = 1, 2
"""How an image was known."""

TIE: Final = -3
FAULT: Final = -2
KNOWN: Final = -1
"""Columns, from the end; before them stand `k` labels, then their negatives. Faults are of logits or lists."""


def empty_slots(k: int) -> NDArray[np.int32]:
    """Slots that hold nothing: (50001, 2k + 3) int32.

    The slot of image number i is row i. Row 0 is no image: it holds positions that do not exist, in place of labels.

    Parameters
    ----------
    k : int
        Labels of an image that are kept.
    """
    return np.full(slots_shape(k), EMPTY, np.int32)


def slots_shape(k: int) -> tuple[int, int]:
    """The shape of slots that keep k labels of an image."""
    return VALIDATION_IMAGES + 1, 2 * k + 3


def labels_kept(slots: NDArray[Any]) -> int:
    """How many labels of an image these slots keep."""
    return int(slots.shape[1] - 3) // 2


def slot_rows(labels: Any, ties: Any, faults: Any, known: int, k: int, library: Any) -> Any:  # noqa: ANN401
    """Predictions of a batch as rows that fold into slots.

    Parameters
    ----------
    labels : (rows, labels) int32
        The most likely first: as many as there are.
    ties : (rows,) int32, optional
        `TIED` or `UNTIED`; None where the batch holds labels.
    faults : (rows,) int32, optional
        What is wrong with the logits, or with labels that are not kept; None is nothing.
    known : int
        `BY_NAME` or `BY_POSITION`.
    k : int
        Labels of an image that are kept.
    library : module
        numpy or torch.

    Returns
    -------
    (rows, 2k + 3) int32
    """
    labels = labels[:, :k]
    gaps = [library.full_like(labels[:, :1], EMPTY)] * (k - labels.shape[1])
    ties = library.full_like(labels[:, 0], EMPTY) if ties is None else ties
    faults = library.full_like(labels[:, 0], SOUND) if faults is None else faults
    ends = [ties[:, None], faults[:, None], library.full_like(labels[:, :1], known)]
    return library.concat([labels, *gaps, -labels, *gaps, *ends], axis=1)


def folded(slots: NDArray[np.int32], images: Images, rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """The slots with some rows folded in, as a new array.

    Parameters
    ----------
    slots : (50001, 2k + 3) int32
    images : (rows,) int
        The slot of each row; any of them several times.
    rows : (rows, 2k + 3) int32
    """
    result = slots.copy()
    if images.size:
        by_image = np.argsort(images, kind="stable")
        numbers, starts = np.unique(images[by_image], return_index=True)
        result[numbers] = np.maximum(result[numbers], np.maximum.reduceat(rows[by_image], starts))
    return result
