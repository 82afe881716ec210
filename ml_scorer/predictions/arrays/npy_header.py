"""The header of a NumPy array file: what the numbers behind it are."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np

HEADER_BYTES: Final = 1 << 16
"""More than any header takes that NumPy reads."""


@dataclass(frozen=True)
class NpyHeader:
    """Shape and type of the numbers of an array file, and the length of the header before them, in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    in_fortran_order: bool
    length: int

    @property
    def nbytes(self) -> int:
        """Bytes that the numbers take."""
        return prod(self.shape) * self.dtype.itemsize


def npy_header(start: bytes) -> NpyHeader:
    """The header at the start of an array file.

    Parameters
    ----------
    start : bytes
        The first `HEADER_BYTES` of the file, or all of it.

    Raises
    ------
    ValueError
        If that is no header, or one of Python objects; the sentence says what is wrong.
    """
    file = io.BytesIO(start)
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, in_fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, in_fortran_order, dtype = np.lib.format.read_array_header_2_0(file)
    except Exception as error:  # a damaged header makes NumPy raise nearly anything
        raise ValueError((str(error) or type(error).__name__).rstrip(".")) from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded; save labels as an integer array")
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    # An axis that does not change which number comes after which: both orders are the same.
    flat = sum(size != 1 for size in shape) <= 1
    return NpyHeader(shape, dtype, in_fortran_order and not flat, file.tell())
