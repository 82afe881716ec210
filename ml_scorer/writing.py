"""Files that are written whole: whatever happens meanwhile, the old one or the new one is there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from secrets import token_hex
from typing import Final

_STREAMS: Final = (Path("/dev"), Path("/dev/fd"))
"""Folders of names such as /dev/stdout, which may lead to a file that is open already."""

_NOT_BESIDE: Final = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV, errno.EROFS, errno.ENAMETOOLONG}
"""Why a file may not be put in place that can well be written: the folder's permissions, or a mount."""


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
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def write_output(content: bytes, path: str | os.PathLike[str]) -> None:
    """Write what somebody wants to have at a path: as a whole file, or into whatever else is there, such as a pipe.

    A link stays, and the file that it leads to is replaced. A file that is somebody else's, has other names, is mounted
    by itself, or lies in a folder that takes no new one, is written as it is, and so stays what it was to others.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(path)
    file = Path(os.path.realpath(path))
    if _can_be_replaced(path):
        try:
            put_in_place(content, file)
        except OSError as error:
            if error.errno not in _NOT_BESIDE or not file.exists():
                raise
        else:
            return
    path.write_bytes(content)


def _can_be_replaced(path: Path) -> bool:
    """Whether a path leads to nothing, or to a regular file of this user, under this name alone, that is no stream."""
    if not path.exists():
        return not path.is_symlink()
    file = Path(os.path.realpath(path))
    named_in = Path(os.path.realpath(path.parent))
    if named_in in _STREAMS or named_in.is_relative_to("/proc") or not file.is_file():
        return False
    status = file.stat()
    is_own = os.name == "nt" or (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())
    return is_own and status.st_nlink == 1 and os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


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
