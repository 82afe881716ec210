"""Files that are written whole: whatever happens meanwhile, the old one or the new one is there."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex
from typing import Final

_STREAMS: Final = (Path("/dev"), Path("/dev/fd"))
"""Folders of names such as /dev/stdout, which may lead to a file that is open already."""


def put_in_place(content: bytes, path: Path, partial: str | None = None) -> None:
    """Write a file, on disk when this returns: to a hidden name beside it, which is then renamed.

    Parameters
    ----------
    content : bytes
    path : Path
        Where a file is replaced, the new one has its permissions.
    partial : str, optional
        The hidden name. None makes one up.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then, and the old file is as it was.
    """
    beside = path.with_name(partial or f".ml-scorer-{token_hex(8)}.partial")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o7777)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def write_output(content: bytes, path: str | os.PathLike[str]) -> None:
    """Write what somebody wants to have at a path: as a whole file, or into whatever else is there, such as a pipe.

    A link stays, and the file that it leads to is replaced. Where the folder takes no new file, the old one is written.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(path)
    file = Path(os.path.realpath(path))
    if _can_be_replaced(path) and os.access(file.parent, os.W_OK):
        put_in_place(content, file)
    else:
        path.write_bytes(content)


def _can_be_replaced(path: Path) -> bool:
    """Whether a path leads to nothing, or to a regular file that may be written and is no standard stream."""
    if not path.exists():
        return True
    folder = Path(os.path.realpath(path.parent))
    is_stream = folder in _STREAMS or folder.is_relative_to("/proc")
    return path.is_file() and os.access(path, os.W_OK) and not is_stream


def _flush_folder(folder: Path) -> None:
    """Make a renaming last through a loss of power, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    except OSError:  # nor do all network file systems flush them
        return
    finally:
        os.close(descriptor)
