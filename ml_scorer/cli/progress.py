"""How far a command is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from ml_scorer.cli.output import is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar:
    """A bar with rate and time left on standard error: where that is a terminal, once the first of several is done."""

    def __init__(self) -> None:
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int) -> None:
        """Show that so many of all are done."""
        if self._bar is None:
            if total == 1 or not is_terminal(sys.stderr):
                return
            self._bar = _bar(total)
            self._bar.start()
        task = self._bar.tasks[0]
        rate = f"{task.speed:,.0f}/s" if task.speed else ""
        self._bar.update(task.id, completed=done, rate=rate)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar(total: int) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    bar = Progress(TextColumn("scoring"), *columns, console=Console(stderr=True), transient=True)
    bar.add_task("scoring", total=total, rate="")
    return bar
