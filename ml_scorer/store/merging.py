"""Many small parts made one, so that a store of any age is read as fast as a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from ml_scorer.store.columns import KEY
from ml_scorer.store.parts import list_parts, scan_part, write_part, writing

MOST_PARTS: Final = 16
"""Small parts that are left alone."""

_SMALL: Final = 1 << 20
"""Bytes: a part of this size is not merged again, so that a store that grows is not rewritten again and again."""


def latest_of_each(rows: pl.DataFrame) -> pl.DataFrame:
    """For each result its latest row, in the order in which results first occur."""
    return rows.sort("recorded_at", maintain_order=True).unique(KEY, keep="last", maintain_order=True)


def merge_parts(folder: Path) -> None:
    """Merge the small parts, once there are more than `MOST_PARTS`; other processes may be doing the same."""
    try:
        small = [part for part in list_parts(folder) if part.stat().st_size < _SMALL]
        if len(small) <= MOST_PARTS:
            return
        rows = pl.concat([scan_part(part).collect() for part in small])
    except FileNotFoundError:
        return  # another process is merging
    write_part(folder, latest_of_each(rows))
    with writing(folder):
        for part in small:
            part.unlink(missing_ok=True)
