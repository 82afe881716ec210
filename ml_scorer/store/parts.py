"""The files of a store: Parquet parts, each written whole, under a name that tells its content, and never changed.

A part is written to a hidden name, flushed to disk and renamed, so that a kill leaves no half of one. Its name ends in
a hash of its bytes: whatever happens to a part later is seen before it is read as Parquet. A merged part is there
before the parts that it replaces go; what is in two parts for a moment does no harm.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import Final, TypeVar

import polars as pl

from ml_scorer.errors import StoreError, some
from ml_scorer.predictions.folders import STORE_PART
from ml_scorer.store.columns import COLUMNS
from ml_scorer.writing import put_in_place

PART: Final = re.compile(STORE_PART)
_PARTIAL: Final = re.compile(r"\.scores-.*\.partial")
_LEFT_OVER: Final = 3600
"""Seconds after which a partial file was left by a killed run: writing one takes less than one."""

_LISTINGS: Final = 50

_Taken = TypeVar("_Taken")


def is_part(path: Path) -> bool:
    """Whether a file is part of a store, by its name: not predictions, whatever its ending."""
    return PART.fullmatch(path.name) is not None


def list_parts(folder: Path) -> list[Path]:
    """The parts in a folder, oldest first.

    Raises
    ------
    StoreError
        If the folder holds Parquet files that are no parts: who reads the folder as one table would read them too.
    """
    before = _names(folder)
    for _ in range(_LISTINGS):
        # A folder is not listed at one moment: parts may be merged meanwhile, the merged one be missed and the others
        # be gone. What is seen twice was there in between.
        names = _names(folder)
        if names == before:
            break
        before = names
    strangers = sorted(name for name in names if name.endswith(".parquet") and not PART.fullmatch(name))
    if strangers:
        raise StoreError(
            f"{folder}: {some(strangers, len(strangers))}: not written by ml-scorer into this store of results. "
            "Move it elsewhere, or name another folder."
        )
    return [folder / name for name in sorted(names) if PART.fullmatch(name)]


def read_parts(folder: Path, take: Callable[[pl.LazyFrame], _Taken]) -> list[_Taken]:
    """What a function takes from each part of a folder, oldest part first.

    Raises
    ------
    StoreError
        If a part is damaged, or the folder holds other Parquet files.
    """
    taken: dict[Path, _Taken] = {}
    for _ in range(_LISTINGS):
        parts = list_parts(folder)
        try:
            for part in parts:
                if part not in taken:
                    taken[part] = take(scan_part(part))
        except FileNotFoundError:
            continue  # merged into another one since the folder was listed
        return [taken[part] for part in parts]
    raise StoreError(f"{folder}: parts of this store of results vanish again and again. Is something removing them?")


def scan_part(part: Path) -> pl.LazyFrame:
    """The rows of one part, which is in memory by then.

    Raises
    ------
    FileNotFoundError
        If it is gone.
    StoreError
        If its content is not what its name says.
    """
    content = part.read_bytes()
    named = PART.fullmatch(part.name)
    if named is None or named[1] != _digest(content):
        raise StoreError(
            f"{part}: damaged: its content is not what was written. Remove the file; the checkpoints in it are scored "
            "again by the next run."
        )
    rows = pl.scan_parquet(BytesIO(content))
    if rows.collect_schema() != COLUMNS:
        raise StoreError(f"{part}: written by another version of ml-scorer. Use that version, or another folder.")
    return rows


def write_part(folder: Path, rows: pl.DataFrame) -> Path:
    """Write rows as a new part, on disk when this returns.

    Raises
    ------
    StoreError
        If it cannot be written; nothing is left behind then.
    """
    buffer = BytesIO()
    rows.write_parquet(buffer, compression="zstd", compression_level=1)
    content = buffer.getvalue()
    part = folder / f"scores-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{_digest(content)}.parquet"
    with writing(folder):
        put_in_place(content, part, f".{part.name}.{token_hex(4)}.partial")
    return part


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what keeps a store from being written into a StoreError that names it."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{folder}: this store of results cannot be written: {error.strerror or error}. Make room or get write "
            "access there, or name another folder."
        ) from error


def remove_left_over(folder: Path) -> None:
    """Remove what killed runs left half-written."""
    for name in _names(folder):
        if _PARTIAL.fullmatch(name):
            try:
                if time.time() - (folder / name).stat().st_mtime > _LEFT_OVER:
                    (folder / name).unlink()
            except FileNotFoundError:  # another process was faster
                continue


def check_folder(folder: Path) -> None:
    """Raise StoreError unless a folder is a store, or is empty and may become one."""
    names = _names(folder)
    if any(PART.fullmatch(name) for name in names):
        return
    others = sorted(name for name in names if not name.startswith("."))
    if others:
        raise StoreError(
            f"{folder}: not a store of results, but a folder of other things ({some(others, len(others))}). "
            "Name a folder that is empty, or that does not exist yet."
        )


def _names(folder: Path) -> set[str]:
    return set(os.listdir(folder))  # noqa: PTH208 (names are wanted)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()
