"""Predictions from a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.form import table_predictions
from ml_scorer.predictions.tables.table import Table, lazy_table

_MAGIC: Final = b"PAR1"
_END: Final = 8  # bytes: the length of the footer, and the magic again
_DAMAGED: Final = "the Parquet file is damaged or truncated"


def read_parquet(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Read a Parquet file in any form; columns that hold no predictions are not read.

    Raises
    ------
    PredictionsError
        If the file is damaged, or its predictions are refused.
    """
    yield from table_predictions(parquet_table(path), options)


def parquet_table(path: Path) -> Table:
    """The table in a Parquet file.

    Raises
    ------
    PredictionsError
        If the file is damaged.
    """
    _check_ends(path)
    return lazy_table(pl.scan_parquet(path, glob=False, hive_partitioning=False), str(path), _DAMAGED)


def _check_ends(path: Path) -> None:
    """Refuse what ends elsewhere than a Parquet file does: cheap, and Polars never sees it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
        file.seek(max(0, size - _END))
        end = file.read()
    footer = int.from_bytes(end[:4], "little")
    if start != _MAGIC or end[4:] != _MAGIC or not 0 < footer <= size - len(_MAGIC) - _END:
        raise PredictionsError(f"{path}: {_DAMAGED} (it does not begin and end as such a file does). Copy it again.")
