"""Folders that are called after training runs, whatever these are called."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Final

_LONGEST: Final = 200
"""Bytes of a part of a path; file systems allow 255."""

_MOST: Final = 16
"""Folders within folders; what lies deeper stands in one name."""

_UNSAFE: Final = re.compile(r"""[^\w .,=+@()\[\]-]|^[. ]|[. ]$""")
"""What is written as `%2F`: `%` itself, what some file system or shell reads in its own way, and control characters."""


def folder_of(run: str) -> Path:
    """A relative path for a run: no two runs have the same, and none leads out of its folder.

    A `/` in a name makes a folder within a folder, as TensorBoard shows them.

    Examples
    --------
    >>> [folder_of(run).as_posix() for run in ("sweep/base", "../a", "/etc", "")]
    ['sweep/base', '%2E%2E/a', '%/etc', '%']
    """
    parts = run.split("/", _MOST)
    return Path(*map(_part, parts))


def _part(text: str) -> str:
    escaped = _UNSAFE.sub(_escaped, text) if text.strip(".") else _escape(text)
    escaped = escaped.replace("tfevents", "%74fevents") or "%"  # else TensorBoard would take it for a file of its own
    encoded = escaped.encode("utf-8", "surrogateescape")
    if len(encoded) <= _LONGEST:
        return escaped
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{encoded[:_LONGEST].decode('utf-8', 'ignore')}%..{digest}"


def _escaped(match: re.Match[str]) -> str:
    return _escape(match[0])


def _escape(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
