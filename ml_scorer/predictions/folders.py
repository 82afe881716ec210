"""The files of predictions in folders, found without a look at each of them.

A folder's listing says what is a file, a folder or a link, so that only links are looked at. Beside the path by which a
file was found stands its real path: a file that is reached in two ways is one file, and a link to a folder above it
leads nowhere new.
"""

# A Path takes ten times the time of a string, and there may be a hundred thousand.
# ruff: noqa: PTH110, PTH112, PTH113

from __future__ import annotations

import os
import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, TypeAlias

from ml_scorer.predictions.files import READERS, file_ending

STORE_PART: Final = r"scores-\d{8}T\d{12}-([0-9a-f]{16})\.parquet"
"""Name of a part of a store of results, which may lie among the predictions."""

_LEFT_OUT: Final = re.compile(rf"^(\.|~\$)|~$|\.(tmp|temp|part|partial|incomplete)(\.|$)|^{STORE_PART}$", re.IGNORECASE)

_NUMBER: Final = re.compile(r"0*([0-9]+)")

Place: TypeAlias = tuple[str, str]
"""A path, empty for the current folder, and the real one."""


@dataclass
class Finding:
    """What has been found so far.

    Attributes
    ----------
    files : dict of str to str
        Paths by their real paths. A Hive-partitioned folder is one of them; so is a folder that cannot be listed and a
        link to nothing, for their fault is told when their turn comes.
    other : Counter of str
        How many files there are of each ending that is not read.
    """

    files: dict[str, str] = field(default_factory=dict)
    other: Counter[str] = field(default_factory=Counter)
    _folders: set[str] = field(default_factory=set)
    _links: deque[str] = field(default_factory=deque)

    def places(self) -> list[Place]:
        """Paths and real paths, in natural order of the paths."""
        return sorted(((path, real) for real, path in self.files.items()), key=lambda place: natural_order(place[0]))

    def add(self, entry: os.DirEntry[str], folder: Place) -> Place | None:
        """Add a file or a link in a folder; the place of what is itself a folder."""
        place = joined(folder, entry.name)
        if entry.is_symlink():
            self._links.append(place[0])
        elif entry.is_dir(follow_symlinks=False):
            return place
        elif entry.is_file(follow_symlinks=False):
            self._add_file(*place)
        return None

    def add_folder(self, folder: Place, *, partitioned: bool = True) -> None:
        """Add all files at any depth in a folder; as one, where it is partitioned, if that is allowed."""
        waiting = [folder]
        while waiting:
            folder = waiting.pop()
            if folder[1] in self._folders:
                continue
            self._folders.add(folder[1])
            try:
                entries = [entry for entry in entries_of(folder[0]) if not left_out(entry.name)]
            except OSError:
                self.files.setdefault(folder[1], folder[0] or ".")
                continue
            if partitioned and _may_be_partitioned(entries) and self._add_partitioned(folder):
                continue
            waiting += filter(None, [self.add(entry, folder) for entry in entries])

    def follow_links(self) -> None:
        """Add what the links lead to, if it was not found under its own name."""
        while self._links:
            path = self._links.popleft()
            real = os.path.realpath(path)
            if os.path.isdir(real):
                self.add_folder((path, real))
            elif os.path.isfile(real) or not os.path.exists(real):
                self._add_file(path, real)

    def _add_file(self, path: str, real: str) -> None:
        ending = file_ending(path.rpartition(os.sep)[2])
        if ending in READERS:
            self.files.setdefault(real, path)
        else:
            self.other[ending] += 1

    def _add_partitioned(self, folder: Place) -> bool:
        """Add a folder as one path if all that is to be read in it is Parquet."""
        inside = Finding()
        inside.add_folder(folder, partitioned=False)
        inside.follow_links()
        if not inside.files or any(file_ending(real) != ".parquet" for real in inside.files):
            return False
        self.files.setdefault(folder[1], folder[0] or ".")
        self._folders |= inside._folders
        return True


def find_in_folder(folder: str) -> Finding:
    """All files of predictions at any depth in a folder, hidden and temporary ones left out."""
    finding = Finding()
    finding.add_folder(("" if folder == "." else folder, os.path.realpath(folder)))
    finding.follow_links()
    return finding


def left_out(name: str) -> bool:
    """Whether a folder's entry is hidden, being written, or what an editor left.

    >>> left_out(".a.npy"), left_out("a.tmp.npy"), left_out("a.npy~"), left_out("tmp.npy")
    (True, True, True, False)
    """
    return _LEFT_OUT.search(name) is not None


def is_partitioned(subfolders: Iterable[str]) -> bool:
    """Whether folders of these names part a table: all of them `key=value` with one key, but for marks as `_logs`.

    >>> is_partitioned(["part=0", "part=1", "_logs"]), is_partitioned(["lr=0.1", "notes"]), is_partitioned([])
    (True, False, False)
    """
    keys = {name.rpartition("=")[0].partition("=")[0] for name in subfolders if not name.startswith("_")}
    return len(keys) == 1 and "" not in keys


def natural_order(path: str) -> tuple[str, str]:
    """A key that sorts paths folder by folder, and numbers in names by what they count.

    >>> sorted(["step-10.npy", "step-2.npy", "step-2/a.npy", "step-02.npy"], key=natural_order)
    ['step-2/a.npy', 'step-02.npy', 'step-2.npy', 'step-10.npy']
    """
    return _NUMBER.sub(_by_length, path.replace(os.sep, "\0")), path


def _by_length(number: re.Match[str]) -> str:
    digits = number[1]
    return chr(ord("0") + len(digits)) + digits


def _may_be_partitioned(entries: Iterable[os.DirEntry[str]]) -> bool:
    """Whether a folder has subfolders `key=value`, and no file of predictions beside them."""
    folders = []
    for entry in entries:
        if is_folder(entry):
            folders.append(entry.name)
        elif file_ending(entry.name) in READERS:
            return False
    return is_partitioned(folders)


def entries_of(folder: str) -> list[os.DirEntry[str]]:
    """What a folder lists, by name; one without a name is the current one."""
    with os.scandir(folder or ".") as entries:
        return sorted(entries, key=attrgetter("name"))


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; a link that goes in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def joined(folder: Place, name: str) -> Place:
    """The place of something in a folder that is no link."""
    path, real = folder
    inside = _inside(path, name)
    return inside, inside if real == path else _inside(real, name)


def _inside(folder: str, name: str) -> str:
    return f"{folder}{os.sep}{name}" if folder and not folder.endswith(os.sep) else folder + name
