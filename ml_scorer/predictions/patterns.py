"""Patterns such as `runs/*/last.npy`, and the files of predictions that they mean."""

# A Path takes ten times the time of a string, and there may be a hundred thousand.
# ruff: noqa: PTH112, PTH118, PTH206

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from typing import Final

from ml_scorer.predictions.folders import Finding, Place, entries_of, is_folder, joined

PATTERN: Final = re.compile(r"[*?[]")
"""What makes a path a pattern."""


def find_by_pattern(pattern: str) -> Finding:
    """All files of predictions that a pattern means, and those in the folders that it means.

    `*`, `?` and `[...]` stand for something within a name, `**` for any number of folders. As in a shell, what is
    hidden is meant only by a name with a dot in front.
    """
    finding = Finding()
    start, parts = pattern_start(pattern)
    folders: Iterable[Place] = [(start, os.path.realpath(start or "."))]
    for part in parts[:-1]:
        folders = _subfolders(folders, part)
    for folder in folders:
        if parts[-1] == "**":
            finding.add_folder(folder)
            continue
        for entry in _matching(folder[0], parts[-1]):
            if (inner := finding.add(entry, folder)) is not None:
                finding.add_folder(inner)
    finding.follow_links()
    return finding


def pattern_start(pattern: str) -> tuple[str, list[str]]:
    """The folder in front of a pattern's first part that is one, and all parts from there on.

    >>> pattern_start("runs/2024/*/last.npy")
    ('runs/2024', ['*', 'last.npy'])
    """
    *parts, last = pattern.split(os.sep)
    plain = next((index for index, part in enumerate(parts) if PATTERN.search(part)), len(parts))
    start = os.sep.join(parts[:plain]) or (os.sep if pattern.startswith(os.sep) else "")
    return start, [*parts[plain:], last]


def _subfolders(folders: Iterable[Place], part: str) -> Iterator[Place]:
    """The folders in these folders that one part of a pattern means."""
    if part == "**":
        yield from _all_folders(folders)
        return
    for folder in folders:
        if not PATTERN.search(part) or ("[" in part and os.path.isdir(os.path.join(folder[0], part))):
            path = os.path.join(folder[0], part)
            if os.path.isdir(path):
                yield path, os.path.realpath(path)
            continue
        for entry in _matching(folder[0], part):
            if is_folder(entry):
                place = joined(folder, entry.name)
                yield (place[0], os.path.realpath(place[0])) if entry.is_symlink() else place


def _all_folders(folders: Iterable[Place]) -> Iterator[Place]:
    """These folders and all that are not hidden in them at any depth, each once."""
    seen: set[str] = set()
    waiting = [*folders]
    links: list[str] = []
    while waiting or links:
        folder = waiting.pop() if waiting else (links[-1], os.path.realpath(links.pop()))
        if folder[1] in seen:
            continue
        seen.add(folder[1])
        yield folder
        for entry in _matching(folder[0], "*"):
            place = joined(folder, entry.name)
            if entry.is_symlink() and is_folder(entry):
                links.append(place[0])
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(place)


def _matching(folder: str, part: str) -> Iterator[os.DirEntry[str]]:
    """What one part of a pattern means in a folder; nothing where that cannot be listed."""
    matches = re.compile(translate(part)).match if PATTERN.search(part) else part.__eq__
    try:
        entries = entries_of(folder)
    except OSError:
        return
    for entry in entries:
        if matches(entry.name) and (part.startswith(".") or not entry.name.startswith(".")):
            yield entry
