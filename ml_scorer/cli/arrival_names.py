"""What the files of a folder are called, into which more come all the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from ml_scorer.predictions.files import file_ending


class ArrivalNames:
    """Gives each file a name, which it keeps: its path within the folder, without the ending where that is no other's.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, str] = {}
        self._given: set[str] = set()

    def look(self, paths: Iterable[str]) -> None:
        """Name the files that are new, of all that there are now; no two have one name, even if the first is gone."""
        whole = {path: self._within(path) for path in paths if path not in self._names}
        short = {path: name[: len(name) - len(file_ending(name))] for path, name in whole.items()}
        counts = Counter([*short.values(), *whole.values()])
        for path, name in short.items():
            alone = counts[name] == (2 if name == whole[path] else 1)
            chosen = next(
                one for one in _choices(name if alone else whole[path], whole[path]) if one not in self._given
            )
            self._names[path] = chosen
            self._given.add(chosen)

    def __getitem__(self, path: str) -> str:
        return self._names[path]

    def _within(self, path: str) -> str:
        return self._folder.name if Path(path) == self._folder else Path(path).relative_to(self._folder).as_posix()


def _choices(name: str, whole: str) -> Iterator[str]:
    yield from (name, whole)
    yield from (f"{whole} ({number})" for number in count(2))
