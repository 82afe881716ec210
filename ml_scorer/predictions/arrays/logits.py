"""Class indices from logits or probabilities: the best labels of each image."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.predictions.arrays.stored import StoredArray
from ml_scorer.schema import Labels

BLOCK_BYTES: Final = 2 << 20
"""Rows of logits are taken by blocks of this size, which stay in the processor's cache through all that follows."""

_THREADS: Final = 2
_WORTH_THREADS: Final = 8 * BLOCK_BYTES

SOUND, NAN, INFINITE, TOO_FEW = 0, 1, 2, 3
"""What is wrong with the logits of an image: nothing; one is NaN; one is +inf; too few are above -inf."""


@dataclass(frozen=True)
class _Scale:
    """The numbers that are compared in place of logits; NaN is not below +inf."""

    dtype: np.dtype[Any]
    lowest: float
    infinite: float


@dataclass(frozen=True, eq=False)
class _Best:
    """What is found for each row: `columns` (rows, k) int16, and the largest, k-th, second number (rows,)."""

    columns: Labels
    first: NDArray[Any]
    last: NDArray[Any]
    second: NDArray[Any]

    def of(self, rows: slice) -> _Best:
        return _Best(self.columns[rows], self.first[rows], self.last[rows], self.second[rows])


def best_columns(
    logits: StoredArray, where: str, *, k: int = 1, rows: NDArray[np.intp] | None = None, background: bool = False
) -> tuple[Labels, NDArray[np.bool_]]:
    """Columns of the k largest logits (or probabilities) of each image, the largest first.

    Of equal logits the lowest column goes first. Works through a few rows at a time, so that a stored array never
    comes into memory whole.

    Parameters
    ----------
    logits : (images, columns) floats
        -inf is a mask; NaN and +inf are errors.
    where : str
        What to call the input in an error.
    k : int
    rows : (rows,) int, optional
        The rows that are needed, ascending; others are not looked at. None is all.
    background : bool
        Whether the first column is none of the classes: it is left out, and the next one is column 0.

    Returns
    -------
    columns : (rows, k) int16
    ties : (rows,) bool
        Whether another column has the same largest logit.

    Raises
    ------
    PredictionsError
        If in a row that is needed a logit is NaN or +inf, or fewer than k are above -inf.
    """
    rows = np.arange(logits.shape[0]) if rows is None else rows
    columns, ties, faults = searched_columns(logits, k=k, rows=rows, background=background)
    if faults.any():
        raise PredictionsError(faults_text(where, _faults(faults, rows, k)))
    return columns, ties


def searched_columns(
    logits: StoredArray, *, k: int = 1, rows: NDArray[np.intp] | None = None, background: bool = False
) -> tuple[Labels, NDArray[np.bool_], NDArray[np.int64]]:
    """The same, and for each row what is wrong with it, rather than an error: `NAN`, `INFINITE`, `TOO_FEW` or `SOUND`.

    Returns
    -------
    columns : (rows, k) int16
    ties : (rows,) bool
    faults : (rows,) int64
    """
    rows = np.arange(logits.shape[0]) if rows is None else rows
    scale = _scale(logits)
    first, last, second = np.empty((3, rows.size), scale.dtype)
    best = _Best(np.empty((rows.size, k), np.int16), first, last, second)
    block_rows = max(1, BLOCK_BYTES // logits.row_bytes)
    edges = [0, *(np.flatnonzero(np.diff(rows // block_rows)) + 1).tolist(), rows.size]
    blocks = [slice(start, stop) for start, stop in pairwise(edges) if stop > start]

    def work(blocks: Sequence[slice]) -> None:
        buffer, picked = np.empty((2, block_rows, *logits.shape[1:]), logits.dtype)
        with np.errstate(invalid="ignore", over="ignore"):  # NaN is found by its value
            for block in blocks:
                needed = _rows_of(logits, rows[block], buffer, picked)
                _search(needed, best.of(block), scale, background)

    if logits.at_random and rows.size * logits.row_bytes > _WORTH_THREADS:
        with ThreadPoolExecutor(_THREADS) as pool:  # each block is worked out by itself: the result is the same
            list(pool.map(work, (blocks[: len(blocks) // 2], blocks[len(blocks) // 2 :])))
    else:
        work(blocks)
    conditions = [first == scale.infinite, ~(first < scale.infinite), last == scale.lowest]
    return best.columns, first == second, np.select(conditions, [INFINITE, NAN, TOO_FEW], SOUND)


def _rows_of(logits: StoredArray, rows: NDArray[np.intp], buffer: NDArray[Any], picked: NDArray[Any]) -> NDArray[Any]:
    """These rows, which lie within one block, to be written over: (rows, columns)."""
    first, stop = int(rows[0]), int(rows[-1]) + 1
    block = logits.rows(first, stop, buffer[: stop - first])
    if rows.size < stop - first or not np.may_share_memory(block, buffer):
        # The positions are within bounds; "clip" spares NumPy a copy of the output that it would make to be sure.
        block = np.take(block, rows - first, axis=0, out=picked[: rows.size], mode="clip")
    return block.astype(block.dtype.newbyteorder("="), copy=False)


def _scale(logits: StoredArray) -> _Scale:
    if logits.dtype.itemsize > 2:  # noqa: PLR2004
        return _Scale(logits.dtype.newbyteorder("="), -np.inf, np.inf)
    infinity = 0x7F80 if logits.is_bfloat16 else 0x7C00
    return _Scale(np.dtype(np.int16), -0x8000, 2 * infinity - 0x8000)


def _search(logits: NDArray[Any], best: _Best, scale: _Scale, background: bool) -> None:
    """Fill in what is best in a few rows, writing over them."""
    keys = logits if scale.dtype.kind == "f" else _as_integers(logits, scale)
    if background:
        keys[:, 0] = scale.lowest
    each, k = np.arange(len(keys)), best.columns.shape[1]
    for place in range(k):
        columns = keys.argmax(axis=1)  # the first of the largest; NaN is larger than all
        best.last[:] = keys[each, columns]
        keys[each, columns] = scale.lowest
        best.columns[:, place] = columns
        if place < 2:  # noqa: PLR2004
            (best.second if place else best.first)[:] = best.last
    if k == 1:
        keys.max(axis=1, out=best.second)
    if background:
        best.columns[:] -= 1


def _as_integers(logits: NDArray[Any], scale: _Scale) -> NDArray[np.int16]:
    """Integers in the order of 16-bit floats (NumPy compares those one by one), in place.

    The bits of a float are its sign, then its magnitude. As two's complement they are in order, and both zeros are 0;
    then all are moved down until -inf is the lowest, and NaN of negative sign comes out above NaN of positive sign.
    """
    keys = logits.view(np.int16)
    sign = keys >> 15  # 0 or -1
    keys ^= sign
    sign &= -0x7FFF
    keys += sign
    keys -= int(0x8000 - scale.infinite) // 2
    return keys


def _faults(faults: NDArray[Any], rows: NDArray[np.intp], k: int) -> list[str]:
    return [
        f"{text} in {bad.size:,} rows: row {some(bad[:3].tolist(), bad.size)}"
        for fault, text in fault_texts(k).items()
        if (bad := rows[faults == fault]).size
    ]


def fault_texts(k: int) -> dict[int, str]:
    """What is wrong, in words, where the k best labels of an image are wanted."""
    return {
        NAN: "a logit is NaN",
        INFINITE: "a logit is +inf",
        TOO_FEW: "every logit is -inf" if k == 1 else f"fewer than {k} logits are above -inf",
    }
