"""What takes the sources of a run through a pipeline: the threads of this process, unless an engine is given."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from ml_scorer.scoring.block import Part
from ml_scorer.scoring.job import STACK, Job
from ml_scorer.scoring.pipeline import Pipeline
from ml_scorer.scoring.threads import in_order, usable_processors


class Engine(Protocol):
    """Runs a pipeline over the sources of a job. No bit of what comes out depends on which engine it is."""

    def run(self, pipeline: Pipeline, job: Job) -> Generator[tuple[int, list[Part]]]:
        """What the wanted sources give, some at a time, in any order; what is under way is given up when it is closed.

        Parameters
        ----------
        pipeline : Pipeline
        job : Job

        Yields
        ------
        int
            How many sources these are.
        list of Part
            Blocks or a refusal of each, all of a source together, and their contents where the job has states.
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

    def run(self, pipeline: Pipeline, job: Job) -> Generator[tuple[int, list[Part]]]:
        """As in `Engine`, in the order of the sources."""
        most = max(1, min(STACK, len(job.wanted) // (2 * self._threads)))
        tasks = list(job.task(job.wanted).stacks(most))
        if len(tasks) == 1 and len(tasks[0].indices) == 1:
            yield 1, pipeline.parts(tasks[0], self._threads)
            return
        for task, parts in zip(tasks, in_order(tasks, pipeline.parts, self._threads), strict=True):
            yield len(task.indices), parts
