"""Read the next part of a table while the last one is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Task = TypeVar("_Task")
_Part = TypeVar("_Part")


def read_ahead(read: Callable[[_Task], _Part], tasks: Iterable[_Task]) -> Iterator[tuple[_Task, _Part]]:
    """Each task with what was read for it, in their order; one part is read while the one before is in use."""
    with ThreadPoolExecutor(1) as reader:
        before: tuple[_Task, Future[_Part]] | None = None
        try:
            for task in tasks:
                under_way = task, reader.submit(read, task)
                if before is not None:
                    yield before[0], before[1].result()
                before = under_way
            if before is not None:
                yield before[0], before[1].result()
        finally:
            if before is not None:
                before[1].cancel()
