"""`ml-scorer watch`: score files as they appear in a folder."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Final

import click

from ml_scorer.cli.arrival_names import ArrivalNames
from ml_scorer.cli.arrivals import Arrivals
from ml_scorer.cli.binding import Bind, scorer_options
from ml_scorer.cli.log import Log, log_options
from ml_scorer.errors import MissingExtraError, PredictionsError, TrackerError
from ml_scorer.predictions.folders import find_in_folder
from ml_scorer.report.cells import printable, printable_lines
from ml_scorer.scores import Scores
from ml_scorer.scoring import Scorer
from ml_scorer.store import FileState, Store, file_state, is_part

_LOOK_EVERY: Final = 30.0
"""Seconds: network file systems do not tell of changes that other machines make, so the folder is listed anyway."""

_REST: Final = 0.5
"""Seconds between two looks at the folder, at least."""

_WAKE_EVERY: Final = 250
"""Milliseconds."""

_AT_ONCE: Final = 64
"""Most files that are scored before the next look at the folder, and at whether to stop."""


@click.command()
@click.argument("folder", metavar="FOLDER")
@click.option("--store", metavar="DIR", required=True, help="Folder that keeps the results. See `ml-scorer scores`.")
@scorer_options
@log_options
def watch(folder: str, bind: Bind, log: Log, store: str) -> None:
    """Score predictions as they appear in FOLDER, at any depth, until the command is stopped (Ctrl-C, SIGTERM).

    Files that are there already are scored first. A file is scored once it has not changed for two seconds; one that
    is refused is tried again until it has not changed for ten. What was scored is in the store, whenever the command
    ends.

    \b
    ml-scorer watch sweep --store results --order imagefolder
    ml-scorer watch sweep --store results --order imagefolder --log tensorboard
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder}: no such folder to watch.")
    opened = Store(store)
    scorer = bind()
    for file in log.files:
        if Path(file).resolve().is_relative_to(Path(folder).resolve()):
            raise click.UsageError(f"--log jsonl={file} would lie in the folder that is watched. Name another.")
    log.check()

    def say(text: str) -> None:
        click.echo(text, err=log.takes_standard_output)

    watched = Watched(Path(folder), opened, scorer, say, lambda text: click.echo(text, err=True), log.add)
    with _stopping() as stop:
        watched.run(_changes(folder, stop), stop)


class Watched:
    """A folder whose files are scored as they appear.

    Parameters
    ----------
    folder : Path
    store : Store
        May lie in the folder.
    scorer : Scorer
    say, complain : callable
        Given a line for each checkpoint that was scored, and for each file that was refused.
    log : callable, optional
        Given what was scored. What it cannot log stays in the store, and the watch goes on.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        scorer: Scorer,
        say: Callable[[str], None],
        complain: Callable[[str], None],
        log: Callable[[Scores], None] | None = None,
    ) -> None:
        self._folder = folder
        self._store = store
        self._scorer = scorer
        self._say = say
        self._complain = complain
        self._log = log
        self._arrivals = Arrivals()
        self._names = ArrivalNames(folder)
        self._unnamed: set[str] = set()

    def run(self, changes: Iterable[bool], stop: Event) -> None:
        """Score until `stop` is set.

        Parameters
        ----------
        changes : iterable of bool
            Whether something changed in the folder, every now and then; its end is the end of the run.
        stop : Event

        Raises
        ------
        FileNotFoundError
            If the folder goes away.
        StoreError, OSError
            If the store cannot be read or written.
        """
        waiting, earliest, latest = False, 0.0, 0.0
        for changed in chain([True], changes):
            if stop.is_set():
                return
            now = time.monotonic()
            waiting = waiting or changed
            due = self._arrivals.next_due()
            if (now >= earliest and waiting) or now >= latest or (due is not None and now >= due):
                states = self._states()
                waiting, latest = False, now + _LOOK_EVERY
                earliest = now + max(_REST, 4 * (time.monotonic() - now))
                self._names.look(states)
                self._score(self._arrivals.look(states, now), stop)

    def _states(self) -> dict[str, FileState]:
        """State of every file of predictions in the folder now."""
        if not self._folder.is_dir():
            raise FileNotFoundError(f"{self._folder}: the folder that was watched is gone.")
        states = {}
        for path, _ in find_in_folder(str(self._folder)).places():
            if is_part(Path(path)):
                continue
            try:
                states[path] = file_state(path)
            except OSError:  # it went away
                continue
            except PredictionsError as error:
                if path not in self._unnamed:
                    self._unnamed.add(path)
                    self._complain(f"Error: {printable_lines(str(error))}")
        return states

    def _score(self, paths: Sequence[str], stop: Event) -> None:
        for start in range(0, len(paths), _AT_ONCE):
            if stop.is_set():
                return
            named = {self._names[path]: path for path in paths[start : start + _AT_ONCE]}
            scores = self._scorer.score(named, on_error="skip", store=self._store)
            for line in lines(scores):
                self._say(line)
            self._log_all(scores)
            errors = {failure.checkpoint: failure.error for failure in scores.failed}
            for name, path in named.items():
                if name not in errors:
                    self._arrivals.scored(path)
                elif self._arrivals.refused(path, time.monotonic()):
                    self._complain(f"Error: {printable_lines(errors[name])}")

    def _log_all(self, scores: Scores) -> None:
        if self._log is None:
            return
        try:
            self._log(scores)
        except TrackerError as error:
            later = f"`ml-scorer scores {self._store.folder} --log …` logs what is missing."
            self._complain(f"Error: {printable_lines(f'{error} {later}')}")


def lines(scores: Scores) -> Iterator[str]:
    """A line for each checkpoint: its name and its scores."""
    for row in scores.frame.iter_rows(named=True):
        shares = "  ".join(f"{name} {row[name]:.2%}" for name in scores.signatures)
        doubt = "  (near chance: is the model trained?)" if row["checkpoint"] in scores.near_chance else ""
        yield f"{printable(row['checkpoint'])}  {shares}{doubt}"


def _changes(folder: str, stop: Event) -> Iterator[bool]:
    """Whether something changed in a folder, several times a second; ends when `stop` is set."""
    try:
        from watchfiles import watch as watch_files
    except ImportError as error:
        raise MissingExtraError("`ml-scorer watch`", "watch") from error

    found = watch_files(folder, watch_filter=None, stop_event=stop, rust_timeout=_WAKE_EVERY, yield_on_timeout=True)
    first = next(found, set())  # from here on nothing is missed: the folder is listed after this, and then watched
    return map(bool, chain([first], found))


@contextmanager
def _stopping() -> Iterator[Event]:
    """An event that the first SIGINT or SIGTERM sets; the second does what it does elsewhere."""
    stop = Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(*_: object) -> None:
        stop.set()
        restore()

    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        restore()
