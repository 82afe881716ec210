"""An array wherever it lies: in memory, in a file, in a compressed stream. Its rows are read when they are needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

ReadBytes: TypeAlias = Callable[[memoryview, int], None]
"""Fills a buffer with the bytes of a file from a place on; raises PredictionsError where there are too few."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredArray(ABC):
    """What all arrays have in common, wherever they lie.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        For numbers that NumPy does not have (bfloat16), integers of the same bits.
    is_bfloat16 : bool
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_bfloat16: bool = False

    @property
    def holds_floats(self) -> bool:
        """Whether its numbers are floats."""
        return self.is_bfloat16 or self.dtype.kind == "f"

    @property
    def dtype_name(self) -> str:
        """What to call the type of its numbers in an error."""
        if self.is_bfloat16:
            return "bfloat16"
        return "Python objects" if self.dtype.kind == "O" else str(self.dtype)

    @property
    def row_bytes(self) -> int:
        """Size of one item of the first axis."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def at_random(self) -> bool:
        """Whether rows may be read in any order, and by several threads; if not, only one after the other."""
        return True

    @abstractmethod
    def rows(self, start: int, stop: int, out: NDArray[Any]) -> NDArray[Any]:
        """Items `start` to `stop` of the first axis: in `out`, an array of this dtype and these rows, or elsewhere."""

    @abstractmethod
    def part(self, index: int) -> StoredArray:
        """One item of the first axis, as an array."""

    def values(self, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Items `start` to `stop` of the first axis as numbers that NumPy has, in the byte order of this machine."""
        stop = self.shape[0] if stop is None else stop
        rows = self.rows(start, stop, np.empty((stop - start, *self.shape[1:]), self.dtype))
        if self.is_bfloat16:
            return (rows.astype(np.uint32) << 16).view(np.float32)
        return rows.astype(rows.dtype.newbyteorder("="), copy=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class ArrayInMemory(StoredArray):
    """An array in memory, or mapped into it."""

    array: NDArray[Any]

    def rows(self, start: int, stop: int, out: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """A view: nothing is copied."""
        return self.array[start:stop]

    def part(self, index: int) -> StoredArray:
        """One item of the first axis, as an array."""
        return in_memory(self.array[index], is_bfloat16=self.is_bfloat16)


@dataclass(frozen=True, eq=False, kw_only=True)
class ArrayInFile(StoredArray):
    """An array in C order in a file, which is read, not mapped: a file that is cut short meanwhile is an error then.

    Attributes
    ----------
    read : callable
    offset : int
        Where the array starts in the file, or in the stream, in bytes.
    is_stream : bool
        Whether what is read must lie behind what was read before.
    """

    read: ReadBytes
    offset: int = 0
    is_stream: bool = False

    @property
    def at_random(self) -> bool:
        """Whether it is no stream."""
        return not self.is_stream

    def rows(self, start: int, stop: int, out: NDArray[Any]) -> NDArray[Any]:
        """Read into `out`."""
        if stop > start:
            self.read(out.data.cast("B"), self.offset + start * self.row_bytes)
        return out

    def part(self, index: int) -> StoredArray:
        """One item of the first axis, as an array."""
        return replace(self, shape=self.shape[1:], offset=self.offset + index * self.row_bytes)


def in_memory(array: NDArray[Any], *, is_bfloat16: bool = False) -> ArrayInMemory:
    """An array in memory; `is_bfloat16` where its integers hold the bits of such numbers."""
    return ArrayInMemory(shape=array.shape, dtype=array.dtype, is_bfloat16=is_bfloat16, array=array)
