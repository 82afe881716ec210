"""Predictions from an Arrow IPC file (Feather version 2), or from an Arrow IPC stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.form import table_predictions
from ml_scorer.predictions.tables.table import frame_table, lazy_table, read_or_refuse

_MAGIC: Final = b"ARROW1"
_OLD_MAGIC: Final = b"FEA1"
_STREAM_END: Final = b"\xff\xff\xff\xff\0\0\0\0"
"""Polars takes a stream without it for whole, though what is cut between two batches of rows has none either."""

_DAMAGED: Final = "the Arrow file is damaged or truncated"


def read_ipc(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Read an Arrow IPC file or stream in any form; a stream comes into memory whole.

    Raises
    ------
    PredictionsError
        If the file is damaged, or its predictions are refused.
    """
    where = str(path)
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
        file.seek(max(0, path.stat().st_size - len(_STREAM_END)))
        end = file.read()
    if start.startswith(_OLD_MAGIC):
        raise PredictionsError(f"{where}: Feather version 1 is not read. Write version 2, Parquet or CSV.")
    if start == _MAGIC:
        table = lazy_table(pl.scan_ipc(path, glob=False), where, _DAMAGED)
    elif end != _STREAM_END:
        raise PredictionsError(f"{where}: {_DAMAGED} (the mark of its end is not there). Copy or write it again.")
    else:
        table = frame_table(read_or_refuse(lambda: pl.read_ipc_stream(path), where, _DAMAGED), where)
    yield from table_predictions(table, options)
