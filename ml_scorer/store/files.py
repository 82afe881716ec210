"""What tells one version of a file from another: size and time of change, and where these differ, its content."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

from ml_scorer.errors import MissingExtraError, PredictionsError

FRESH: Final = 2_000_000_000
"""Nanoseconds. File systems keep times to two seconds at worst: two changes of a file within that may look like one."""

_CHUNK: Final = 1 << 20


class FileState(NamedTuple):
    """A file, or a folder of files, at one moment.

    Attributes
    ----------
    source : str
        Absolute path.
    size : int
        Bytes, of a folder those of all files in it.
    modified_ns : int
        Time of change, nanoseconds since 1970. Of a folder, a number that differs when any file in it is another.
    settled : bool
        The last change was long enough ago for the next one to show in `modified_ns`.
    """

    source: str
    size: int
    modified_ns: int
    settled: bool


def file_state(path: str | PathLike[str]) -> FileState:
    """State of a file or a folder now.

    Raises
    ------
    OSError
        If there is none, or it cannot be looked at.
    PredictionsError
        If its name is not Unicode text.
    """
    now = time.time_ns()
    status = os.stat(path)  # noqa: PTH116 (a Path's own takes twice as long)
    source = os.path.abspath(path)  # noqa: PTH100 (links stay as they were given, and pathlib cannot do without them)
    if not source.isascii():
        _check_name(source)
    if not stat.S_ISDIR(status.st_mode):
        changed = _changed_ns(status)
        return FileState(source, status.st_size, changed, now - changed >= FRESH)
    files = [(name, file.stat()) for name, file in _files(Path(path))]
    listing = "\n".join(f"{name}\0{each.st_size}\0{_changed_ns(each)}" for name, each in files)
    modified = int.from_bytes(blake2b(listing.encode(errors="surrogateescape"), digest_size=8).digest()) >> 1
    last = max((_changed_ns(each) for _, each in files), default=_changed_ns(status))
    return FileState(source, sum(each.st_size for _, each in files), modified, now - last >= FRESH)


def _changed_ns(status: os.stat_result) -> int:
    """Time of the last change of a file: `cp -p` and the like set one of the two back, but not the other."""
    return max(status.st_mtime_ns, status.st_ctime_ns)


def unchanged(path: str | PathLike[str], state: FileState) -> bool:
    """Whether a file is still as it was: what was read since then is what `state` stands for."""
    try:
        return file_state(path)[:3] == state[:3]
    except OSError:
        return False


def content_hash(path: str | PathLike[str]) -> str:
    """xxh3_128 of a file's bytes; of a folder, of the names and the hashes of all files in it.

    Raises
    ------
    OSError
        If it cannot be read.
    MissingExtraError
        If xxhash is not installed.
    """
    xxh3_128 = hash_function()
    if not os.path.isdir(path):  # noqa: PTH112 (a Path's own takes twice as long)
        return _hash_file(path, xxh3_128)
    digest = xxh3_128()
    for name, file in _files(Path(path)):
        digest.update(f"{name}\0{_hash_file(file, xxh3_128)}\n".encode(errors="surrogateescape"))
    return str(digest.hexdigest())


def hash_function() -> Any:  # noqa: ANN401 (a type of an optional package)
    """xxh3_128 of the package xxhash.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        from xxhash import xxh3_128
    except ImportError as error:
        raise MissingExtraError("A store of results", "store") from error
    return xxh3_128


def _hash_file(path: str | PathLike[str], xxh3_128: Any) -> str:  # noqa: ANN401
    digest = xxh3_128()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a Path's own takes twice as long)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return str(digest.hexdigest())


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder and its name from there, by name."""
    named = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*"))
    yield from ((name, path) for name, path in named if path.is_file())


def _check_name(source: str) -> None:
    try:
        source.encode()
    except UnicodeEncodeError:
        shown = source.encode(errors="replace").decode()
        raise PredictionsError(f"{shown}: the name of this file is not Unicode text. Rename it.") from None
