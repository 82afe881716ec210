"""Time things side by side, and print each as a multiple of one of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

ROUNDS = 7


def seconds(works: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds of each work; they take turns, so that a slow moment of the machine falls on all of them."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - start)
    return {name: median(times) for name, times in taken.items()}


def print_table(title: str, rows: list[tuple[str, str, str, str]]) -> None:
    """Print rows of work, time, ratio and goal."""
    table = [("", "time", "ratio", "goal"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    print(f"\n{title}")  # noqa: T201
    for row in table:
        print("  ".join([row[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(row[1:], widths[1:], strict=True))]))  # noqa: T201
