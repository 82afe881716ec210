"""What a worker does with the sources that it is sent."""

from __future__ import annotations

import pickle
from functools import lru_cache
from typing import Any

from ml_scorer.scoring.block import Part
from ml_scorer.scoring.job import Task
from ml_scorer.scoring.pipeline import Pipeline


def work(reference: Any, packed: bytes) -> list[Part]:  # noqa: ANN401 (of Ray)
    """Score the sources of a packed task in this process.

    Parameters
    ----------
    reference : ray.ObjectRef
        Of a pickled pipeline; fetched and unpacked once in the life of a worker.
    packed : bytes
        A pickled `Task`.
    """
    pipeline = _pipeline(reference)
    task: Task = pickle.loads(packed)  # noqa: S301 (from the run that this worker belongs to)
    return [part for stack in task.stacks() for part in pipeline.parts(stack)]


@lru_cache(maxsize=1)
def _pipeline(reference: Any) -> Pipeline:  # noqa: ANN401
    import ray

    pipeline: Pipeline = pickle.loads(ray.get(reference))  # noqa: S301
    return pipeline
