"""What a file holds, told by its first bytes: whether that is what its ending says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_START: Final = 4096  # bytes

_SIGNATURES: Final = (
    (b"PAR1", "Parquet"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),  # one without files
    (b"\x80", "a pickle"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x89HDF", "HDF5"),
    (b"ARROW1", "Arrow IPC"),
    (b"\xff\xff\xff\xff", "Arrow IPC"),  # its streams
    (b"FEA1", "Feather of the first version"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
"""How files begin that are not text."""

_TEXT: Final = "text"

_COMPRESSED_TEXT: Final = {".gz": "gzip", ".zst": "zstandard"}

_HELD: Final = {
    ".parquet": {"Parquet"},
    ".npy": {"a NumPy array"},
    ".npz": {"zip"},
    ".pt": {"zip", "a pickle"},
    ".pth": {"zip", "a pickle"},
    ".safetensors": {"safetensors"},
    ".arrow": {"Arrow IPC"},
    ".feather": {"Arrow IPC"},
    ".ipc": {"Arrow IPC"},
    ".arrows": {"Arrow IPC"},
    **{ending: {kind} for ending, kind in _COMPRESSED_TEXT.items()},
}
"""What files of an ending may begin as; those of any other are text."""


def is_text_ending(ending: str) -> bool:
    """Whether files of this ending are text, of whatever form, compressed or not.

    >>> is_text_ending(".csv"), is_text_ending(".csv.gz"), is_text_ending(".npy")
    (True, True, False)
    """
    last = _last(ending)
    return last not in _HELD or last in _COMPRESSED_TEXT


def content_fault(path: Path, ending: str) -> str | None:
    """Why a file cannot be what its ending says, as a sentence; None where its first bytes agree.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    # A pipe of this name would block its reader, were it opened the usual way.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        start = os.read(descriptor, _START)
    finally:
        os.close(descriptor)
    if not start:
        return f"{path}: the file is empty."
    found = _kind(start)
    if found in _HELD.get(_last(ending), {_TEXT}):
        return None
    return f"{path}: the ending says {ending}, but the content is {found}. Rename it, or save it again."


def _last(ending: str) -> str:
    return f".{ending.rpartition('.')[2]}"


def _kind(start: bytes) -> str:
    # A header of JSON behind its length, in eight bytes of which the last are zero.
    if start[8:9] == b"{" and start[5:8] == b"\0\0\0":
        return "safetensors"
    found = next((kind for signature, kind in _SIGNATURES if start.startswith(signature)), None)
    return found or ("binary" if b"\0" in start else _TEXT)
