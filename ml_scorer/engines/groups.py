"""Sources in groups that are worth sending to a worker: many small files, some large ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from ml_scorer.predictions import Source
from ml_scorer.scoring.job import Job

MOST_FILES: Final = 256
"""In a group: arrays of labels take about 20 ms then, and a group costs the driver 1 to 3 ms."""

MOST_BYTES: Final = 1 << 30
"""In a group: ten files of logits. Of 10 million, each alone, the driver would take longer than the storage."""

_GROUPS_A_WORKER: Final = 4
"""At least, so that all have work until the end."""


def groups(job: Job, workers: int) -> Iterator[list[int]]:
    """Indices of the wanted sources, some at a time, in their order.

    Parameters
    ----------
    job : Job
    workers : int
        That share the work.
    """
    most = max(1, min(MOST_FILES, len(job.wanted) // (_GROUPS_A_WORKER * max(1, workers))))
    group: list[int] = []
    total = 0
    for index in job.wanted:
        size = _size(job, index)
        if group and (len(group) == most or total + size > MOST_BYTES):
            yield group
            group, total = [], 0
        group.append(index)
        total += size
    if group:
        yield group


def _size(job: Job, index: int) -> int:
    """Bytes of a source; what cannot be told counts as large."""
    source: Source = job.sources[index]
    if source.file is None or source.address is not None:
        return MOST_BYTES
    state = None if job.states is None else job.states.get(index)
    if state is not None:
        return state.size
    try:
        return os.stat(source.file).st_size  # noqa: PTH116 (a Path's own takes twice as long)
    except OSError:
        return 0  # its reader says what is wrong
