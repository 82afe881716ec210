"""The options `--log` and `--step-pattern`: where results are logged to, and how names tell their steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from os import PathLike
from typing import Any

import click

from ml_scorer.cli.output import leads_to_one_file, refuse_overwriting
from ml_scorer.cli.step_pattern import step_pattern_option
from ml_scorer.errors import TrackerError, some
from ml_scorer.report.printable import printable
from ml_scorer.scores import Scores
from ml_scorer.trackers import TRACKERS, Results, Tracker, parse_tracker


@dataclass(frozen=True)
class Log:
    """Where the results of a command are logged to.

    Attributes
    ----------
    trackers : sequence of Tracker
    step_pattern : str
    """

    trackers: Sequence[Tracker]
    step_pattern: str

    @property
    def takes_standard_output(self) -> bool:
        """Whether a tracker writes to standard output, in place of what is shown there else."""
        return any(tracker.takes_standard_output for tracker in self.trackers)

    @property
    def files(self) -> list[str]:
        """The files that are added to."""
        return [file for tracker in self.trackers for file in tracker.files]

    def check(self, read: Iterable[str | PathLike[str] | None] = ()) -> None:
        """Make sure that results can be logged.

        Parameters
        ----------
        read : iterable of str or path
            Files that are read, as for `refuse_overwriting`.

        Raises
        ------
        click.UsageError
            If a file is to be added to that is read.
        MissingExtraError, TrackerError
            If a package is not installed, or a tracker cannot be reached or written.
        """
        files = self.files
        if files:
            read = list(read)
        for file in files:
            refuse_overwriting(file, read, "--log jsonl=")
        for tracker in self.trackers:
            tracker.check()

    def add(self, scores: Scores) -> None:
        """Log all scores; what could not be scored has none. What had other numbers is said on standard error.

        Raises
        ------
        TrackerError
            If a tracker can no longer be reached or written; the others have their results then.
        """
        if not self.trackers or scores.frame.is_empty():
            return
        results = Results.of(scores, self.step_pattern)
        faults = []
        for tracker in self.trackers:
            try:
                changed = tracker.log(results)
            except TrackerError as error:
                faults.append(str(error))
                continue
            if changed:
                click.echo(f"Warning: {_changed_text(tracker, changed)}", err=True)
        if faults:
            raise TrackerError("\n".join(faults))


def _changed_text(tracker: Tracker, changed: Sequence[str]) -> str:
    number = len(changed)
    checkpoints = f"{number:,} checkpoint{'' if number == 1 else 's'}"
    return (
        f"{tracker.place}: {checkpoints} had other numbers there until now: {some(map(printable, changed), number)}. "
        "Other checkpoints of the same names need a place of their own."
    )


def log_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of logging; the command gets one argument for all of them, `log`."""

    @wraps(command)
    def logging(*, log: tuple[Tracker, ...], step_pattern: str, **others: Any) -> None:  # noqa: ANN401 (the command's own)
        command(log=_checked(Log(log, step_pattern), others.get("format_"), others.get("output")), **others)

    return _log_option(step_pattern_option(logging))


def _checked(log: Log, format_: str | None, output: str | None) -> Log:
    if sum(tracker.takes_standard_output for tracker in log.trackers) > 1:
        raise click.UsageError("--log jsonl=- is given twice, and there is one standard output.")
    if log.takes_standard_output and format_ is not None and output is None:
        raise click.UsageError(
            f"--log jsonl=- and --format {format_} would both go to standard output. Name a file for one of them."
        )
    for file in log.files:
        if output is not None and leads_to_one_file(output, file):
            raise click.UsageError(f"--log jsonl={file} and -o {output} would both write this file. Name another one.")
    return log


def _parsed(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Tracker, ...]:
    try:
        return tuple(parse_tracker(text) for text in dict.fromkeys(texts))
    except TrackerError as error:
        raise click.BadParameter(str(error)) from error


_log_option = click.option(
    "--log",
    metavar="TRACKER",
    multiple=True,
    callback=_parsed,
    help="Log the scores of all checkpoints too; give it again for more. "
    + "; ".join(f"{kind.form}: {kind.meaning}" for kind in TRACKERS.values())
    + ".",
)
