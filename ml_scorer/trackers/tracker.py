"""What every tracker is to the command: a place that results can be logged to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ml_scorer.trackers.records import Results


class Tracker(ABC):
    """A place that results are logged to. Logging the same results again changes nothing there.

    Parameters
    ----------
    where : str, optional
        Which one, as `form` says; None is the usual one.

    Raises
    ------
    TrackerError
        If that can be none.
    """

    form: ClassVar[str]
    """How the command line names it, such as `tensorboard[=DIR]`."""

    meaning: ClassVar[str]
    """What it does, for the help."""

    takes_standard_output: bool = False
    """Whether results go to standard output, so that nothing else may."""

    @abstractmethod
    def __init__(self, where: str | None) -> None: ...

    @property
    def files(self) -> tuple[str, ...]:
        """Files that it adds to, none of which may be one that is read."""
        return ()

    @abstractmethod
    def check(self) -> None:
        """Make sure that results can be logged, before anything is scored.

        Raises
        ------
        MissingExtraError
            If a package is not installed.
        TrackerError
            If the place cannot be reached or written.
        """

    @property
    @abstractmethod
    def place(self) -> str:
        """Where results are logged to, as people call it."""

    @abstractmethod
    def log(self, results: Results) -> list[str]:
        """Log what is not there yet, or not as the latest.

        Returns
        -------
        list of str
            Checkpoints that had other numbers there until now, as `Record.called` says.

        Raises
        ------
        TrackerError
            If the place can no longer be reached or written, or holds something else.
        """
