"""Predictions from a NumPy array file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.array import array_predictions
from ml_scorer.predictions.arrays.npy_header import HEADER_BYTES, npy_header
from ml_scorer.predictions.arrays.open_file import reading
from ml_scorer.predictions.arrays.stored import ArrayInFile, StoredArray, in_memory
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions


def read_npy(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Take the predictions of a `.npy` file of labels or logits; pickled objects are never loaded.

    Raises
    ------
    PredictionsError
        If the file is truncated, holds objects, or its predictions are refused.
    """
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    try:
        header = npy_header(start)
    except ValueError as error:
        raise PredictionsError(f"{path}: not a whole array file: {error}.") from error
    claimed, found = header.nbytes, path.stat().st_size - header.length
    if claimed != found:
        raise PredictionsError(
            f"{path}: not a whole array file: its header claims {claimed:,} bytes, and {found:,} follow."
        )
    with reading(path) as read:
        stored: StoredArray = ArrayInFile(shape=header.shape, dtype=header.dtype, read=read, offset=header.length)
        if header.in_fortran_order and claimed:  # rows lie scattered; the map finds them
            stored = in_memory(np.memmap(path, header.dtype, "r", header.length, header.shape, "F"))
        yield from array_predictions(stored, options, str(path))
