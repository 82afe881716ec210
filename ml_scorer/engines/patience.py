"""How long a run waits for a cluster that has no processors: some grow on demand, others never will."""

from __future__ import annotations

import time
import warnings
from typing import Final

from ml_scorer.errors import EngineError

WARN_AFTER: Final = 30.0
"""Seconds. A cluster that has nodes shows their processors within a few; who waits for longer is told why."""

GIVE_UP_AFTER: Final = 600.0
"""Seconds. Machines that a cluster rents when it sees a demand take some minutes to start."""

_REMEDY: Final = (
    "Start a node that has some (`ray start --address HEAD:6379`, without --num-cpus 0), or let the cluster grow"
)


class Patience:
    """Counts the time in which a cluster has no processors and nothing is done."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._warned = False

    def renew(self) -> None:
        """Something was done."""
        self._since = None

    def wait(self, processors: int) -> None:
        """Nothing was done just now, on so many processors.

        Warns
        -----
        UserWarning
            Once, if there have been none for `WARN_AFTER`.

        Raises
        ------
        EngineError
            If there have been none for `GIVE_UP_AFTER`.
        """
        now = time.monotonic()
        if processors:
            self._since = None
            return
        if self._since is None:
            self._since = now
        waited = now - self._since
        if waited >= GIVE_UP_AFTER:
            raise EngineError(
                f"the Ray cluster has had no processors for {GIVE_UP_AFTER:,.0f} seconds, and nothing is scored "
                f"without. {_REMEDY}, and score again."
            )
        if waited >= WARN_AFTER and not self._warned:
            self._warned = True
            warnings.warn(
                f"the Ray cluster has no processors, and nothing is scored until it has. {_REMEDY}: this run waits for "
                f"{GIVE_UP_AFTER:,.0f} seconds in all.",
                UserWarning,
                stacklevel=2,
            )
