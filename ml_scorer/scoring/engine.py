"""What takes the sources of a run through a pipeline: the threads of this process, unless an engine is given."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Protocol, TypeAlias

from ml_scorer.scoring.block import Part
from ml_scorer.scoring.job import STACK, Job
from ml_scorer.scoring.pipeline import Pipeline
from ml_scorer.scoring.threads import in_order, usable_processors

Run: TypeAlias = Iterator[tuple[int, list[Part]]]
"""How many sources are done just now, and what they gave: blocks or a refusal of each, all of a source together, and
their contents where the job has states."""


class Engine(Protocol):
    """Runs a pipeline over the sources of a job. No bit of what comes out depends on which engine it is."""

    def run(self, pipeline: Pipeline, job: Job) -> AbstractContextManager[Run]:
        """What the wanted sources give, some at a time, in any order, for use in `with`.

        What is under way is given up when that is left, and not before, whatever ends the run.

        Parameters
        ----------
        pipeline : Pipeline
        job : Job
        """
        ...


class ThreadEngine:
    """Threads of this process. NumPy and the file system let other threads run meanwhile; results come in order.

    Parameters
    ----------
    threads : int, optional
        None is one for each processor that this process may use.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = usable_processors() if threads is None else threads

    @contextmanager
    def run(self, pipeline: Pipeline, job: Job) -> Iterator[Run]:
        """As in `Engine`, in the order of the sources."""
        with closing(self._results(pipeline, job)) as results:
            yield results

    def _results(self, pipeline: Pipeline, job: Job) -> Generator[tuple[int, list[Part]]]:
        most = max(1, min(STACK, len(job.wanted) // (2 * self._threads)))
        tasks = list(job.task(job.wanted).stacks(most))
        if len(tasks) == 1 and len(tasks[0].indices) == 1:
            yield 1, pipeline.parts(tasks[0], self._threads)
            return
        for task, parts in zip(tasks, in_order(tasks, pipeline.parts, self._threads), strict=True):
            yield len(task.indices), parts
