"""Scoring on the nodes of a Ray cluster: groups of files are its tasks, and results come back as they are ready."""

from __future__ import annotations

import os
import pickle
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, TypeAlias

from ml_scorer.engines.cluster import joined
from ml_scorer.engines.groups import groups
from ml_scorer.engines.patience import Patience
from ml_scorer.errors import EngineError, MissingExtraError, PredictionsError
from ml_scorer.predictions import Source
from ml_scorer.scoring.block import Part, Refusal
from ml_scorer.scoring.engine import Run
from ml_scorer.scoring.job import Job
from ml_scorer.scoring.pipeline import Pipeline
from ml_scorer.version import tool_version

_ATTEMPTS: Final = 3
"""Of a file by itself: nodes are lost, too, but hardly three that had the same file."""

_WAITING: Final = 2
"""Groups that wait for each that is at work, so that no worker waits for the driver."""

_LEAST_UNDER_WAY: Final = 16
"""Groups, so that a cluster that grows on demand sees a demand."""

_LOOK_EVERY: Final = 5.0
"""Seconds between two looks at how many processors the cluster has."""

_ONE_THREAD: Final = {"POLARS_MAX_THREADS": "1"}
"""Ray itself says so to OpenMP and BLAS."""

Answer: TypeAlias = tuple[str, str | list[Part]]
"""A node's name, and what it found, or why it can do nothing."""


class RayEngine:
    """Reads and counts on the workers of a Ray cluster, each with one processor.

    Every node must see the predictions under the same path, and have the same version of this package. What a worker
    or a node had in hand when it was lost is done again; a file that kills its worker again and again is refused, and
    only that one.

    Parameters
    ----------
    address : str, optional
        Of a cluster: HOST:PORT, or `auto` for the one of this machine. None is the one that this process is connected
        to, else that of the environment variable RAY_ADDRESS, else a cluster of this machine's processors, for the time
        of a run.

    Raises
    ------
    MissingExtraError
        In a run, if Ray is not installed.
    EngineError
        In a run, if the cluster cannot be joined, has had no processors for ten minutes, or a node has no such package;
        or another run of this process has joined a cluster for itself meanwhile.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address

    @contextmanager
    def run(self, pipeline: Pipeline, job: Job) -> Iterator[Run]:
        """As in `ml_scorer.scoring.engine.Engine`."""
        if not job.wanted:
            yield iter(())
            return
        with joined(self._address) as ray:
            run = _Run(ray, pipeline, job)
            try:
                yield run.results()
            finally:
                run.cancel()


class _Run:
    """One job on a cluster that is connected."""

    def __init__(self, ray: Any, pipeline: Pipeline, job: Job) -> None:  # noqa: ANN401 (an optional package)
        self._ray = ray
        self._job = job
        self._pipeline = ray.put(pickle.dumps(pipeline))
        self._send = ray.remote(num_cpus=1, max_retries=0, runtime_env={"env_vars": _ONE_THREAD})(_remote_function())
        self._under_way: dict[Any, list[int]] = {}
        self._again: deque[int] = deque()
        self._deaths = Counter[int]()
        self._processors, self._looked = 0, float("-inf")
        self._patience = Patience()

    def results(self) -> Run:
        """What the groups give, in the order in which they are done."""
        waiting = groups(self._job, self._workers())
        while True:
            while len(self._under_way) < self._most_under_way() and (group := self._next(waiting)):
                self._start(group)
            if not self._under_way:
                return
            yield from self._done()

    def _next(self, waiting: Iterator[list[int]]) -> list[int] | None:
        """What to start now. A file that is done again goes before what is new: whether it kills shows soon."""
        return [self._again.popleft()] if self._again else next(waiting, None)

    def cancel(self) -> None:
        """Give up what is under way."""
        for reference in self._under_way:
            self._ray.cancel(reference)
        self._under_way.clear()

    def _workers(self) -> int:
        """Processors of the cluster now; nodes come and go."""
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY:
            self._processors, self._looked = int(self._ray.cluster_resources().get("CPU", 0)), now
        return self._processors

    def _most_under_way(self) -> int:
        return max(_LEAST_UNDER_WAY, (1 + _WAITING) * self._workers())

    def _start(self, group: list[int]) -> None:
        task = self._job.task(group)
        packed = pickle.dumps(replace(task, sources=[_absolute(source) for source in task.sources]))
        # In a list, a reference goes as it is, rather than what it stands for.
        self._under_way[self._send.remote([self._pipeline], packed, tool_version())] = group

    def _done(self) -> Run:
        """The groups that are done, once one is."""
        wait, references = self._ray.wait, list(self._under_way)
        if not wait(references, num_returns=1, timeout=_LOOK_EVERY, fetch_local=False)[0]:
            self._patience.wait(self._workers())
            return
        self._patience.renew()
        ready, _ = wait(references, num_returns=len(references), timeout=0, fetch_local=False)
        for reference in ready:
            group = self._under_way.pop(reference)
            parts = self._answer(reference, group)
            if parts:
                yield len(group), parts

    def _answer(self, reference: Any, group: list[int]) -> list[Part]:  # noqa: ANN401
        """What a group gave; nothing if it is to be done again."""
        lost = self._ray.exceptions
        try:
            node, found = self._ray.get(reference)
        except lost.RayTaskError as error:  # of ours, as it would be raised here
            raise error.cause or error from None
        except (lost.WorkerCrashedError, lost.NodeDiedError, lost.OutOfMemoryError, lost.ObjectLostError) as error:
            return list(self._died(group, error))
        except lost.RayError as error:
            raise EngineError(f"Ray: {' '.join(str(error).split())[:400]}") from error
        if isinstance(found, str):
            raise EngineError(found)
        return [self._as_here(part, node) if isinstance(part, Refusal) else part for part in found]

    def _died(self, group: list[int], error: Exception) -> Iterator[Part]:
        """Refuse a file that has killed its workers; the files of a group are done again, each by itself."""
        for index in group:
            self._deaths[index] += len(group) == 1
            if self._deaths[index] < _ATTEMPTS:
                self._again.append(index)
            else:
                yield Refusal(index, PredictionsError(self._killed(index, error)))

    def _killed(self, index: int, error: Exception) -> str:
        lost = self._ray.exceptions
        out_of_memory = isinstance(error, lost.OutOfMemoryError)
        why = "for want of memory" if out_of_memory else "as after a crash"
        return (
            f"{self._job.sources[index].where}: the process that read this file died {_ATTEMPTS} times, {why}, and "
            "those of other files did not. Score it alone, without --engine ray, to see more."
        )

    def _as_here(self, refusal: Refusal, node: str) -> Refusal:
        """A refusal in the words of a run on this machine: the path as it was given."""
        source, error = self._job.sources[refusal.source], refusal.error
        if source.path is None or isinstance(error, MissingExtraError):
            return refusal
        path = os.path.abspath(source.path)  # noqa: PTH100 (links stay as they were given)
        if isinstance(error, FileNotFoundError) and os.path.lexists(path):
            error = FileNotFoundError(
                f"{source.where}: there is no such file on the node {node}, and there is one here. Every node must see "
                f"the predictions under the same path, on a file system that they share: {path}"
            )
            return replace(refusal, error=error)
        return replace(refusal, error=type(error)(str(error).replace(path, source.where)))


def _absolute(source: Source) -> Source:
    """The same from whatever folder it is looked at."""
    if source.path is None:
        return source
    return replace(source, file=os.path.abspath(source.path))  # noqa: PTH100


def _remote_function() -> Callable[[Sequence[Any], bytes, str], Answer]:
    """What a worker is sent: as code, not by a name, so that it runs where this package is absent, and can say so."""

    def score_group(references: Sequence[Any], packed: bytes, version: str) -> Answer:
        import platform

        node = platform.node()
        try:
            import ml_scorer.version

            there = ml_scorer.version.tool_version()
            if there == version:
                from ml_scorer.engines.work import work
        except ImportError as error:
            return node, (
                f"the package ml-scorer cannot be imported on the node {node} ({error}): install version {version} "
                f"there, for Python {platform.python_version()}."
            )
        if there != version:
            return node, (
                f"the node {node} has version {there} of ml-scorer, and this run is of version {version}: install the "
                "same one on all nodes."
            )
        return node, work(references[0], packed)

    return score_group
