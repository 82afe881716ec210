"""Sources through reader, doctor and counter, on several threads; the results come in the order of the sources.

NumPy and the file system let other threads run meanwhile. What is computed, and in which order it comes out, does not
depend on their number.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from traceback import clear_frames
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import MissingExtraError, PredictionsError
from ml_scorer.predictions import Predictions, ReadOptions, ReviewedLabels, Source, check_twin, examine, read_stack
from ml_scorer.scoring.block import Block, Refusal
from ml_scorer.scoring.counter import Counter

_STACK: Final = 32
"""Array files that are read together."""

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Keep:
    """What is kept of each checkpoint besides its sums: the labels of the required images, the sampling variances."""

    labels: bool = False
    variances: bool = False


class Pipeline:
    """Turns sources into blocks.

    Parameters
    ----------
    counter : Counter
    options : ReadOptions
    reviewed : ReviewedLabels
        What experts have judged.
    trust_order : bool
        Whether to score predictions that fit another order or numbering better.
    threads : int, optional
        None is one for each processor that this process may use.
    """

    def __init__(
        self,
        counter: Counter,
        options: ReadOptions,
        reviewed: ReviewedLabels,
        *,
        trust_order: bool,
        threads: int | None,
    ) -> None:
        self._counter = counter
        self._options = options
        self._reviewed = reviewed
        self._trust_order = trust_order
        self._threads = usable_processors() if threads is None else threads

    def parts(
        self, sources: Sequence[Source], wanted: Sequence[int], keep: Keep
    ) -> Iterator[tuple[int, list[Block | Refusal]]]:
        """What the wanted ones of some sources give, in their order, some at a time.

        Parameters
        ----------
        sources : sequence of Source
        wanted : sequence of int
            Indices, ascending.
        keep : Keep
            What blocks hold besides sums.

        Yields
        ------
        int
            How many sources these are.
        list of Block or Refusal
            Blocks or a refusal of each.
        """
        tasks = list(_tasks(sources, wanted, self._threads))
        if len(tasks) == 1 and len(tasks[0]) == 1:
            index = tasks[0][0]
            yield 1, self._one(index, sources[index], keep, threads=self._threads)
            return

        def parts(task: Sequence[int]) -> list[Block | Refusal]:
            block = self._stacked(task, [sources[index] for index in task], keep) if len(task) > 1 else None
            if block is not None:
                return [block]
            return [part for index in task for part in self._one(index, sources[index], keep, threads=1)]

        for task, found in zip(tasks, _in_order(tasks, parts, self._threads), strict=True):
            yield len(task), found

    def _one(self, index: int, source: Source, keep: Keep, threads: int) -> list[Block | Refusal]:
        """The blocks of one source, its batches counted on some threads; or its refusal."""

        def block(batch: tuple[int, Predictions]) -> Block:
            return self._block(index, source, *batch, keep)

        try:
            before = _state(source)
            blocks: list[Block | Refusal] = [*_in_order(self._batches(source), block, threads)]
            changed = _state(source) != before
        except (PredictionsError, MissingExtraError, OSError) as error:
            _forget_frames(error)
            return [Refusal(index, error)]
        if len(blocks) > 1 and isinstance(first := blocks[0], Block) and not first.named[0] and len(first.names) == 1:
            first.names[0] = f"{source.name}[0]"
        if changed:
            return [Refusal(index, PredictionsError(f"{source.where}: changed while it was read. Score it again."))]
        return blocks

    def _batches(self, source: Source) -> Iterator[tuple[int, Predictions]]:
        """Batches of a source, each with the number of checkpoints before it."""
        start = 0
        for batch in source.read(self._options):
            for first in range(0, len(batch.labels), 2 * _STACK):
                part = batch.part(first, first + 2 * _STACK)
                yield start, part
                start += len(part.labels)

    def _block(self, index: int, source: Source, start: int, batch: Predictions, keep: Keep) -> Block:
        rows = len(batch.labels)
        names = list(batch.names or [f"{source.name}[{start + row}]" for row in range(rows)])
        if batch.names is None and start == 0 and rows == 1:
            names = [source.name]
        named = np.full(rows, batch.names is not None)
        return self._counted(np.full(rows, index), names, named, batch, source.where, keep)

    def _stacked(self, indices: Sequence[int], sources: Sequence[Source], keep: Keep) -> Block | None:
        """Many files of one array each, read and counted together; None where one of them is out of the ordinary."""
        try:
            batch = read_stack([source.file for source in sources if source.file is not None], self._options)
            if batch is None:
                return None
            names = [source.name for source in sources]
            return self._counted(np.array(indices), names, np.zeros(len(names), bool), batch, sources[0].where, keep)
        except (PredictionsError, OSError):
            return None  # whose fault it is shows when each is read by itself

    def _counted(
        self,
        indices: NDArray[np.int64],
        names: list[str],
        named: NDArray[np.bool_],
        batch: Predictions,
        where: str,
        keep: Keep,
    ) -> Block:
        near_chance = examine(batch, self._options, where, trust=self._trust_order)
        sums = self._counter.sums(batch, where)
        strange = np.flatnonzero(self._counter.strange(sums) & ~near_chance)
        if strange.size and not self._trust_order:
            few = Predictions(batch.images, batch.top1[strange], batch.order)
            check_twin(few, self._options, self._reviewed, where)
        labels = self._counter.labels(batch, where) if keep.labels or keep.variances else None
        return Block(
            sources=indices,
            names=names,
            named=named,
            sums=sums,
            counts_known=np.full(len(names), self._counter.counts_known(batch)),
            ties=self._counter.ties(batch),
            near_chance=near_chance,
            order=batch.order,
            labels=labels if keep.labels else None,
            variances=self._counter.variances(labels) if keep.variances and labels is not None else None,
        )


def _forget_frames(error: BaseException | None) -> None:
    """Let go of what the functions held that an error went through: arrays, and open files."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def usable_processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tasks(sources: Sequence[Source], wanted: Sequence[int], threads: int) -> Iterator[Sequence[int]]:
    """The wanted indices: array files some at a time, everything else alone."""
    size = max(1, min(_STACK, len(wanted) // (2 * threads)))
    start = 0
    for alike, run in groupby(_stackable(sources[index]) for index in wanted):
        stop = start + sum(1 for _ in run)
        step = size if alike else 1
        yield from (wanted[first : min(first + step, stop)] for first in range(start, stop, step))
        start = stop


def _stackable(source: Source) -> bool:
    return source.file is not None and source.file.endswith(".npy") and source.address is None


def _in_order(tasks: Iterable[_Task], work: Callable[[_Task], _Result], threads: int) -> Iterator[_Result]:
    """Results in the order of the tasks; no more than twice as many tasks as threads are under way or waiting."""
    if threads == 1:
        yield from map(work, tasks)
        return
    with ThreadPoolExecutor(threads) as pool:
        under_way: deque[Future[_Result]] = deque()
        try:
            for task in tasks:
                under_way.append(pool.submit(work, task))
                if len(under_way) > 2 * threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def _state(source: Source) -> tuple[int, int] | None:
    """Size and time of change of a file; None for what is no file here, which its reader says better."""
    if source.file is None or source.address is not None:
        return None
    try:
        status = os.stat(source.file)  # noqa: PTH116 (a Path's own takes twice as long)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
