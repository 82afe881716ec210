"""Sources through reader, doctor and counter. What comes out depends neither on threads nor on what goes before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from traceback import clear_frames

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import MissingExtraError, PredictionsError
from ml_scorer.predictions import (
    Predictions,
    ReadOptions,
    ReviewedLabels,
    Source,
    check_shift,
    check_twin,
    examine,
    read_stack,
)
from ml_scorer.scoring.block import Block, Contents, Part, Refusal
from ml_scorer.scoring.counter import Counter
from ml_scorer.scoring.job import STACK, Keep, Task
from ml_scorer.scoring.threads import in_order


class Pipeline:
    """Turns sources into blocks; may be pickled, and used from several threads.

    Parameters
    ----------
    counter : Counter
    options : ReadOptions
    reviewed : ReviewedLabels
        What experts have judged.
    trust_order : bool
        Whether to score predictions that fit another order or numbering better.
    """

    def __init__(self, counter: Counter, options: ReadOptions, reviewed: ReviewedLabels, *, trust_order: bool) -> None:
        self._counter = counter
        self._options = options
        self._reviewed = reviewed
        self._trust_order = trust_order

    def parts(self, task: Task, threads: int = 1) -> list[Part]:
        """What the sources of a task give.

        Parameters
        ----------
        task : Task
            Several sources are read together if they can be.
        threads : int
            That count the batches of a single source.

        Returns
        -------
        list of Part
            Blocks or a refusal of each, and their contents where the task has states.
        """
        parts: list[Part] = []
        block = self._stacked(task) if len(task.indices) > 1 else None
        if block is not None:
            parts.append(block)
        else:
            for index, source in zip(task.indices, task.sources, strict=True):
                parts += self._one(index, source, task.keep, threads)
        if task.states is not None:
            parts.append(_contents(task, parts))
        return parts

    def _one(self, index: int, source: Source, keep: Keep, threads: int) -> Sequence[Part]:
        """The blocks of one source, its batches counted on some threads; or its refusal."""

        def block(batch: tuple[int, Predictions]) -> Block:
            return self._block(index, source, *batch, keep)

        try:
            before = _state(source)
            blocks = list(in_order(self._batches(source), block, threads))
            changed = _state(source) != before
        except (PredictionsError, MissingExtraError, OSError) as error:
            _forget_frames(error)
            return [Refusal(index, error)]
        if len(blocks) > 1 and not (first := blocks[0]).named[0] and len(first.names) == 1:
            first.names[0] = f"{source.name}[0]"
        if changed:
            return [Refusal(index, PredictionsError(f"{source.where}: changed while it was read. Score it again."))]
        return blocks

    def _batches(self, source: Source) -> Iterator[tuple[int, Predictions]]:
        """Batches of a source, each with the number of checkpoints before it."""
        start = 0
        for batch in source.read(self._options):
            for first in range(0, len(batch.labels), 2 * STACK):
                part = batch.part(first, first + 2 * STACK)
                yield start, part
                start += len(part.labels)

    def _block(self, index: int, source: Source, start: int, batch: Predictions, keep: Keep) -> Block:
        rows = len(batch.labels)
        names = list(batch.names or [f"{source.name}[{start + row}]" for row in range(rows)])
        if batch.names is None and start == 0 and rows == 1:
            names = [source.name]
        named = np.full(rows, batch.names is not None)
        return self._counted(np.full(rows, index), names, named, batch, source.where, keep)

    def _stacked(self, task: Task) -> Block | None:
        """Many files of one array each, read and counted together; None where one of them is out of the ordinary."""
        sources = task.sources
        try:
            batch = read_stack([source.file for source in sources if source.file is not None], self._options)
            if batch is None:
                return None
            names = [source.name for source in sources]
            named = np.zeros(len(names), bool)
            return self._counted(np.array(task.indices), names, named, batch, sources[0].where, task.keep)
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
        strange = np.flatnonzero(self._counter.strange(sums))
        if strange.size and not self._trust_order:
            check_shift(batch, strange, self._options, where)
            check_twin(batch, strange[~near_chance[strange]], self._options, self._reviewed, where)
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


def _contents(task: Task, parts: Sequence[Part]) -> Contents:
    """Contents of the sources of a task that were scored: their bytes have just been read, and are at hand."""
    from ml_scorer.scoring.versions import content_of  # a run without a store starts without it

    refused = {part.source for part in parts if isinstance(part, Refusal)}
    scored = (
        (index, content_of(source, state))
        for index, source, state in zip(task.indices, task.sources, task.states or (), strict=True)
        if state is not None and index not in refused
    )
    return Contents({index: content for index, content in scored if content is not None})


def _forget_frames(error: BaseException | None) -> None:
    """Let go of what the functions held that an error went through: arrays, and open files."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _state(source: Source) -> tuple[int, int] | None:
    """Size and time of change of a file; None for what is no file here, which its reader says better."""
    if source.file is None or source.address is not None:
        return None
    try:
        status = os.stat(source.file)  # noqa: PTH116 (a Path's own takes twice as long)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
