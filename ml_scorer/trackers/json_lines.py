"""Results as lines of JSON, for trackers of one's own."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

from ml_scorer.errors import TrackerError
from ml_scorer.report.cells import printable
from ml_scorer.report.exact import identity_fields
from ml_scorer.trackers.records import Record, Results
from ml_scorer.trackers.tracker import Tracker

STANDARD_OUTPUT: Final = "-"

_STANDARD_OUTPUTS: Final = {STANDARD_OUTPUT, "/dev/stdout", "/dev/fd/1"}

_START: Final = b'{"checkpoint": '
"""Starts every line, also one that was cut off."""

_KEYS: Final = {"checkpoint", "measures", "signatures", "annotations"}
"""What a line has that was written here."""


class JsonLines(Tracker):
    """A file that grows by a line for each checkpoint, unless the latest of this measurement says the same."""

    form: ClassVar[str] = "jsonl=FILE"
    meaning: ClassVar[str] = f"a line of JSON for each checkpoint ({STANDARD_OUTPUT} is standard output)"

    def __init__(self, where: str | None) -> None:
        if where is None:
            raise TrackerError(f"jsonl names no file: {self.form}, or jsonl={STANDARD_OUTPUT} for standard output.")
        self._path = Path(where)
        self.takes_standard_output = where in _STANDARD_OUTPUTS

    @property
    def files(self) -> tuple[str, ...]:
        """The file."""
        return () if self.takes_standard_output else (str(self._path),)

    def check(self) -> None:
        """Make sure that the file can be written, and that what it holds was written here."""
        if self.takes_standard_output:
            return
        try:
            with self._path.open("ab+") as file:
                file.seek(0)
                first = next((line for line in file if not _cut_off(line)), None)
        except OSError as error:
            raise self._unwritable(error) from error
        if first is not None and not _written_here(first):
            raise TrackerError(f"{self._path}: not a log of scores: its first line is something else. Name another.")

    @property
    def place(self) -> str:
        """The file."""
        return "standard output" if self.takes_standard_output else printable(str(self._path))

    def log(self, results: Results) -> list[str]:
        """Add a line for each checkpoint, all at once."""
        if self.takes_standard_output:
            sys.stdout.write("".join(f"{line}\n" for line in lines(results)))
            sys.stdout.flush()
            return []
        try:
            with self._path.open("ab+") as file:
                file.seek(0)
                there = file.read()
                new, changed = _new(there.split(b"\n"), results)
                unfinished = there and not there.endswith(b"\n")  # by a run that was killed
                if new:
                    file.write(b"\n" * bool(unfinished) + b"".join(line + b"\n" for line in new))
                    file.flush()
                    if self._path.is_file():  # what is a device cannot be synchronized
                        os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        return changed

    def _unwritable(self, error: OSError) -> TrackerError:
        reason = str(error.strerror or error).rstrip(".")
        return TrackerError(f"{self._path}: cannot be written: {reason}. Name another file.")


def lines(results: Results) -> Iterator[str]:
    """One JSON object a checkpoint, in ASCII: a line says all that there is to know of its numbers."""
    for record in results.records:
        yield json.dumps(_fields(record, results), allow_nan=False)


def _fields(record: Record, results: Results) -> dict[str, Any]:
    intervals = {
        name: {"low": low, "high": high, "confidence": results.confidence, "method": results.methods.get(name)}
        for name, (low, high) in record.intervals.items()
    }
    return {
        "checkpoint": record.checkpoint,
        "run": record.step and record.step.run,
        "step": record.step and record.step.step,
        "measures": dict(record.measures),
        "intervals": intervals,
        "counts": dict(record.counts),
        "near_chance": record.checkpoint in results.near_chance,
        "signatures": results.signatures_of([record]),
        "annotations": identity_fields(results.annotations),
    }


def _subject(line: bytes) -> tuple[bytes, bytes]:
    """The part of a line that tells its checkpoint, and the one that tells what was measured.

    No name can look like what stands between: a quotation mark within a text has a backslash before it.
    """
    return line.partition(b'", "run": ')[0], line.rpartition(b', "signatures": {')[2]


def _new(there: list[bytes], results: Results) -> tuple[list[bytes], list[str]]:
    """The lines that are to be added, and the checkpoints that had other numbers."""
    latest = {_subject(line): line for line in there}
    known = set(there)
    here = [(_subject(line), line, record) for record, line in zip(results.records, _encoded(results), strict=True)]
    times = Counter(subject for subject, _, _ in here)
    new, changed = [], []
    for subject, line, record in here:
        if times[subject] > 1:  # of several of one name none is the latest
            new += [] if line in known else [line]
        elif line != latest.get(subject):
            new.append(line)
            if subject in latest and _differs(latest[subject], record):
                changed.append(record.called(*(record.step or (record.checkpoint, 0))))
    return new, changed


def _encoded(results: Results) -> Iterator[bytes]:
    return map(str.encode, lines(results))


def _differs(line: bytes, record: Record) -> bool:
    """Whether a line has other numbers of a checkpoint."""
    try:
        found = json.loads(line)
        there = {**found["measures"], **found["counts"]}
    except (ValueError, KeyError, TypeError, RecursionError):  # by someone else
        return True
    return any(there.get(name) not in {None, number} for name, number in record.lasting().items())


def _cut_off(line: bytes) -> bool:
    """Whether this is all that a run wrote of a line before it was killed; what came next goes on below it."""
    text = line.strip()
    return _START.startswith(text) or (text.startswith(_START) and _parsed(text) is None)


def _written_here(line: bytes) -> bool:
    found = _parsed(line)
    return isinstance(found, dict) and found.keys() >= _KEYS


def _parsed(line: bytes) -> Any:  # noqa: ANN401 (whatever a line holds)
    """What a line says; None where it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
