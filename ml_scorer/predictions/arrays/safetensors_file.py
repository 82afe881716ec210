"""Predictions from a safetensors file.

The form is simple (https://huggingface.co/docs/safetensors): the length of a header, the header as JSON, which gives
each array's type, shape and place, then the arrays, little-endian. It is read here without the package of that name,
which has no bfloat16 without torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Final, TypeGuard

import numpy as np

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.choose import NamedArrays, named_array_predictions
from ml_scorer.predictions.arrays.open_file import reading
from ml_scorer.predictions.arrays.stored import ArrayInFile, ReadBytes, StoredArray
from ml_scorer.predictions.arrays.weights import refuse_weights
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions

_DTYPES: Final = {
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<i2",
}
_LENGTH: Final = 8
_LONGEST_HEADER: Final = 100_000_000
"""The limit of the package of that name."""


def read_safetensors(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Take the predictions of a `.safetensors` file.

    Raises
    ------
    PredictionsError
        If the file is damaged, holds weights, or it cannot be told which arrays are predictions, or they are refused.
    """
    where, size = str(path), path.stat().st_size
    with reading(path) as read:
        header, start = _read_header(read, size, where)
        arrays: dict[str, Callable[[], StoredArray]] = {
            key: partial(_array, entry, read, start, size, f"{where}[{key}]") for key, entry in header.items()
        }
        refuse_weights(arrays, where)
        yield from named_array_predictions(NamedArrays(arrays, {}), options, where)


def _read_header(read: ReadBytes, size: int, where: str) -> tuple[dict[str, Any], int]:
    """Entries by name, and where the arrays start."""
    first = bytearray(_LENGTH)
    if size < _LENGTH:
        raise _damaged(where, f"it is {size} bytes")
    read(memoryview(first), 0)
    length = int.from_bytes(first, "little")
    if length > min(size - _LENGTH, _LONGEST_HEADER):
        raise _damaged(where, f"its header claims {length:,} bytes, and the file is {size:,}")
    text = bytearray(length)
    read(memoryview(text), _LENGTH)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(where, f"its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise _damaged(where, "its header is no JSON object")
    header.pop("__metadata__", None)
    return header, _LENGTH + length


def _array(entry: object, read: ReadBytes, start: int, size: int, where: str) -> StoredArray:
    if not isinstance(entry, dict):
        raise _damaged(where, "its header says nothing about it")
    name, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not (_are_sizes(shape) and _are_sizes(place) and len(place) == 2):  # noqa: PLR2004
        raise _damaged(where, f"its header gives shape {shape!r:.50} and place {place!r:.50}")
    if not isinstance(name, str) or name not in _DTYPES:
        raise PredictionsError(
            f"{where}: an array of {name!r:.50}; expected labels as integers, or logits as floats of 16, 32 or 64 bits."
        )
    dtype, first, stop = np.dtype(_DTYPES[name]), place[0], place[1]
    if not first <= stop <= size - start or stop - first != prod(shape) * dtype.itemsize:
        raise _damaged(where, f"it claims bytes {first:,} to {stop:,} for {prod(shape):,} numbers of {dtype.itemsize}")
    return ArrayInFile(shape=tuple(shape), dtype=dtype, is_bfloat16=name == "BF16", read=read, offset=start + first)


def _are_sizes(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 1 << 63 for value in values)


def _damaged(where: str, fault: str) -> PredictionsError:
    return PredictionsError(f"{where}: not a whole safetensors file: {fault}.")
