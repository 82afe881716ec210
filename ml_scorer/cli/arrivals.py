"""Which files of a folder that others write into are whole, as far as that shows from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ml_scorer.store import FRESH, FileState

SETTLED: Final = FRESH / 1e9
"""Seconds without a change after which a file is tried: as many as its time of change needs to tell the next one."""

PATIENCE: Final = 10.0
"""Seconds without a change after which a refusal of a file is final: until then it may be half-written."""


@dataclass
class _Seen:
    """A file in one state: since when it has not changed, and when it is to be tried (None: no more)."""

    state: FileState
    quiet_since: float
    due: float | None


class Arrivals:
    """Keeps track of files from one look at their folder to the next; times are in seconds of one clock."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def look(self, states: Mapping[str, FileState], now: float) -> list[str]:
        """The files that are to be scored now, of all that there are.

        Parameters
        ----------
        states : mapping of path to FileState
            All files there are now; one that is gone is forgotten.
        now : float
        """
        for path, state in states.items():
            before = self._seen.get(path)
            if before is None:
                since = now - SETTLED if state.settled else now
                self._seen[path] = _Seen(state, since, since + SETTLED)
            elif before.state[:3] != state[:3]:
                self._seen[path] = _Seen(state, now, now + SETTLED)
        for path in self._seen.keys() - states.keys():
            del self._seen[path]
        return [path for path in states if (due := self._seen[path].due) is not None and due <= now]

    def scored(self, path: str) -> None:
        """Take a file as done until it changes."""
        self._seen[path].due = None

    def refused(self, path: str, now: float) -> bool:
        """Whether a refusal is to be reported: the file had time to become whole. If not, it is tried again."""
        seen = self._seen[path]
        final = now - seen.quiet_since >= PATIENCE
        seen.due = None if final else seen.quiet_since + PATIENCE
        return final

    def next_due(self) -> float | None:
        """When the next file is to be tried, if nothing changes until then."""
        return min((seen.due for seen in self._seen.values() if seen.due is not None), default=None)
