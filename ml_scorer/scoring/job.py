"""What is to be done: sources to score, in pieces of which each is done at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from ml_scorer.predictions import Source

if TYPE_CHECKING:
    from ml_scorer.store.files import FileState

STACK: Final = 32
"""Array files that are read together, at most."""


@dataclass(frozen=True)
class Keep:
    """What is kept of each checkpoint besides its sums: the labels of the required images, the sampling variances."""

    labels: bool = False
    variances: bool = False


@dataclass(frozen=True, eq=False)
class Task:
    """Some of the sources of a run.

    Attributes
    ----------
    indices : sequence of int
        Which sources of the run these are; ascending.
    sources : sequence of Source
    keep : Keep
    states : sequence of FileState or None, optional
        Each source as it was before it is read; None for one that could not be looked at. Given where it is to be told
        which content was scored.
    """

    indices: Sequence[int]
    sources: Sequence[Source]
    keep: Keep
    states: Sequence[FileState | None] | None = None

    def stacks(self, most: int = STACK) -> Iterator[Task]:
        """The same in pieces that are read together: array files some at a time, everything else alone."""
        start = 0
        for alike, run in groupby(map(_stackable, self.sources)):
            stop = start + sum(1 for _ in run)
            step = most if alike else 1
            yield from (self._part(first, min(first + step, stop)) for first in range(start, stop, step))
            start = stop

    def _part(self, start: int, stop: int) -> Task:
        states = None if self.states is None else self.states[start:stop]
        return Task(self.indices[start:stop], self.sources[start:stop], self.keep, states)


@dataclass(frozen=True, eq=False)
class Job:
    """All that one run has to score.

    Attributes
    ----------
    sources : sequence of Source
        Every source of the run.
    wanted : sequence of int
        Indices of those to be scored; ascending.
    keep : Keep
        What blocks hold besides sums.
    states : mapping of int to FileState, optional
        Each source as it was before it is read, by its index, where it is to be told which content was scored.
    """

    sources: Sequence[Source]
    wanted: Sequence[int]
    keep: Keep
    states: Mapping[int, FileState] | None = None

    def task(self, indices: Sequence[int]) -> Task:
        """Some of it."""
        states = None if self.states is None else [self.states.get(index) for index in indices]
        return Task(indices, [self.sources[index] for index in indices], self.keep, states)


def _stackable(source: Source) -> bool:
    return source.file is not None and source.file.endswith(".npy") and source.address is None
