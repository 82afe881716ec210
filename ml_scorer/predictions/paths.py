"""What a user may name: files, folders, patterns, lists of them, remote addresses; and the files that are meant."""

# A Path takes ten times the time of a string, and there may be a hundred thousand.
# ruff: noqa: PTH100, PTH111, PTH112, PTH118

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from os import PathLike, fsdecode
from pathlib import Path
from stat import S_ISDIR, S_ISLNK
from typing import Final

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.files import known_endings, missing_file
from ml_scorer.predictions.folders import Place, find_in_folder
from ml_scorer.predictions.patterns import PATTERN, find_by_pattern, pattern_start
from ml_scorer.predictions.remote import RemoteListing
from ml_scorer.predictions.storage import is_remote
from ml_scorer.predictions.tables.named import name_text

_LIST: Final = "@"
_KINDS_SHOWN: Final = 5
_UNTIDY: Final = re.compile(r"//|(^|/)\.(/|$)|/$" if os.sep == "/" else "")
"""In a path that can be written in a shorter way."""


def expand(inputs: Iterable[str | PathLike[str]]) -> list[str]:
    """The files that these inputs mean, in their order, each once.

    Parameters
    ----------
    inputs : iterable of str or path
        Each is one of these:

        - a file; so is what does not exist or cannot be read, for that is told when it is read;
        - a folder: all files in it, at any depth, whose ending is one that is read, in natural order (`step-2` before
          `step-10`), without hidden and temporary ones. A Hive-partitioned folder is taken as one input;
        - a pattern with `*`, `?`, `[...]` or `**`, if there is no file of that very name: files as in a folder;
        - `@list.txt`: inputs, one a line, from the list's folder on; blank lines and those that begin with # are
          skipped;
        - a remote address such as `s3://bucket/runs`: a file, a folder or a pattern.

    Returns
    -------
    list of str
        Paths and remote addresses. Of two that lead to one file, through links, say, the first.

    Raises
    ------
    FileNotFoundError
        If a pattern means nothing, or a list does not exist.
    PredictionsError
        If a folder has no file of predictions, or a list is no list of inputs.
    OSError, MissingExtraError
        If a remote folder cannot be listed.
    """
    expansion = _Expansion()
    found: dict[str, str] = {}
    for one in inputs:
        for path, real in expansion.places(_text(one)):
            found.setdefault(real, path)
    return list(found.values())


class _Expansion:
    """Finds what inputs mean, and remembers what several of them have in common."""

    def __init__(self) -> None:
        self._real_folders: dict[str, str] = {}
        self._remote = RemoteListing()

    def places(self, text: str) -> Iterable[Place]:
        """Path and real path of everything that one input means."""
        if text.startswith(_LIST) and (not os.path.lexists(text) or os.path.lexists(text[1:])):
            return self._listed(Path(text[1:]))
        if is_remote(text):
            return [(address, address) for address in self._remote.files(text)]
        if text.startswith("~") and not os.path.lexists(text):
            text = os.path.expanduser(text)
        path = str(Path(text)) if _UNTIDY.search(text) else text
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            return _matching(path) if PATTERN.search(path) else [(path, os.path.abspath(path))]
        if S_ISDIR(mode):
            return _in_folder(path)
        if S_ISLNK(mode):
            return _in_folder(path) if os.path.isdir(path) else [(path, os.path.realpath(path))]
        folder, _, name = path.rpartition(os.sep)
        real = self._real_folders.get(folder)
        if real is None:
            self._real_folders[folder] = real = os.path.realpath(folder + os.sep if path.startswith(os.sep) else folder)
        return [(path, path if real == folder else f"{real}{os.sep}{name}")]

    def _listed(self, file: Path) -> Iterator[Place]:
        """Everything that the lines of a list mean."""
        for line in _lines(file):
            if line.startswith(_LIST):
                raise PredictionsError(f"{name_text(file)}: a list in a list: {line}. Name it beside this one.")
            inside = is_remote(line) or line.startswith("~")
            yield from self.places(line if inside else os.path.join(file.parent, line))


def _text(one: str | PathLike[str]) -> str:
    text = fsdecode(one)
    if not text.strip():
        raise PredictionsError("an empty path was named. Name files, folders or patterns; '.' is the current folder.")
    if "\0" in text:
        raise PredictionsError(f"{text!r:.100}: a path holds no zero byte.")
    return text


def _lines(file: Path) -> list[str]:
    where = name_text(file)
    if is_remote(str(file)) or not file.exists():
        raise FileNotFoundError(f"{missing_file(file)} It was named as a list of inputs, with an @.")
    if not file.is_file():
        raise PredictionsError(f"{where}: not a file; expected a list of inputs, one a line.")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PredictionsError(f"{where}: not UTF-8 text; expected a list of inputs, one a line.") from error
    if "\0" in text:
        raise PredictionsError(f"{where}: not text; expected a list of inputs, one a line.")
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise PredictionsError(f"{where}: the list names nothing; expected files, folders or patterns, one a line.")
    return lines


def _in_folder(folder: str) -> list[Place]:
    finding = find_in_folder(folder)
    if not finding.files:
        raise PredictionsError(
            f"{name_text(folder)}: no predictions in this folder: {_held(finding.other)}. Expected {known_endings()}."
        )
    return finding.places()


def _matching(pattern: str) -> list[Place]:
    finding = find_by_pattern(pattern)
    if finding.files:
        return finding.places()
    where = name_text(pattern)
    if finding.other:
        raise PredictionsError(
            f"{where}: nothing that this pattern means is predictions: {_held(finding.other)}. "
            f"Expected {known_endings()}."
        )
    start = pattern_start(pattern)[0] or "."
    if not os.path.isdir(start):
        raise FileNotFoundError(f"{where}: no file fits this pattern: there is no folder {name_text(start)}.")
    with os.scandir(start) as entries:
        names = [name_text(entry.name) for entry in islice(entries, _KINDS_SHOWN + 1)]
    there = f"{', '.join(names[:_KINDS_SHOWN])}{', …' if len(names) > _KINDS_SHOWN else ''}" or "nothing"
    raise FileNotFoundError(f"{where}: no file fits this pattern. In {name_text(start)} there is {there}.")


def _held(endings: Counter[str]) -> str:
    """What there is instead of predictions, by ending.

    >>> _held(Counter({".txt": 1200, "": 1})), _held(Counter())
    ("it has 1,200 that end in '.txt', 1 that end in nothing", 'it has no files, hidden and temporary ones aside')
    """
    if not endings:
        return "it has no files, hidden and temporary ones aside"
    shown = [f"{count:,} that end in {repr(kind) if kind else 'nothing'}" for kind, count in endings.most_common(5)]
    more = f" and {len(endings) - len(shown)} more kinds" if len(endings) > len(shown) else ""
    return f"it has {', '.join(shown)}{more}"
