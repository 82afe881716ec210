"""Results on their way into a store: collected, and written some at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from ml_scorer.store.merging import merge_parts
from ml_scorer.store.parts import write_part
from ml_scorer.store.results import Results, joined
from ml_scorer.store.rows import rows_of
from ml_scorer.store.settings import Measured, Settings


class Writer:
    """Collects results and writes them as parts; from one thread, within `with`.

    A kill loses what was added since the last part, at most.

    Parameters
    ----------
    folder : Path
    settings : Settings
    measures : sequence of Measured
        In the order of the numerators.
    flush_checkpoints : int
        A part is written when so many have been added,
    flush_seconds : float
        or so much time has passed since the first of them, whichever is first.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        measures: Sequence[Measured],
        *,
        flush_checkpoints: int,
        flush_seconds: float,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._measures = tuple(measures)
        self._flush_checkpoints = flush_checkpoints
        self._flush_seconds = flush_seconds
        self._pending: list[Results] = []
        self._checkpoints = 0
        self._since = 0.0

    def add(self, results: Results) -> None:
        """Take results of whole sources, and write what has gathered if it is time.

        Raises
        ------
        StoreError
            If a part cannot be written.
        """
        if not self._pending:
            self._since = time.monotonic()
        self._pending.append(results)
        self._checkpoints += results.sources.size
        if self._checkpoints >= self._flush_checkpoints or time.monotonic() - self._since >= self._flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        if not self._pending:
            return
        rows = rows_of(joined(self._pending), self._settings, self._measures, datetime.now(UTC))
        write_part(self._folder, rows)
        self._pending, self._checkpoints = [], 0
        merge_parts(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write the rest, also where an error ends the run: what was scored until then holds."""
        self.flush()
