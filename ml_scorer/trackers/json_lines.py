"""Results as lines of JSON, for trackers of one's own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

from ml_scorer.errors import TrackerError
from ml_scorer.report.exact import identity_fields
from ml_scorer.trackers.records import Record, Results
from ml_scorer.trackers.tracker import Tracker

STANDARD_OUTPUT: Final = "-"

_KEYS: Final = {"checkpoint", "measures", "signatures", "annotations"}
"""What a line has that was written here."""


class JsonLines(Tracker):
    """A file that grows by a line for each checkpoint; a line that it has already is not added again."""

    form: ClassVar[str] = "jsonl=FILE"
    meaning: ClassVar[str] = f"a line of JSON for each checkpoint ({STANDARD_OUTPUT} is standard output)"

    def __init__(self, where: str | None) -> None:
        if where is None:
            raise TrackerError(f"jsonl names no file: {self.form}, or jsonl={STANDARD_OUTPUT} for standard output.")
        self._path = Path(where)
        self.takes_standard_output = where == STANDARD_OUTPUT

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
                first = file.readline()
        except OSError as error:
            raise self._unwritable(error) from error
        if first.strip() and not _written_here(first):
            raise TrackerError(f"{self._path}: not a log of scores: its first line is something else. Name another.")

    def log(self, results: Results) -> None:
        """Add a line for each checkpoint, all at once."""
        if self.takes_standard_output:
            sys.stdout.write("".join(f"{line}\n" for line in lines(results)))
            sys.stdout.flush()
            return
        try:
            with self._path.open("ab+") as file:
                file.seek(0)
                there = file.read()
                known = set(there.split(b"\n"))
                new = [line for line in map(str.encode, lines(results)) if line not in known]
                unfinished = there and not there.endswith(b"\n")  # by a run that was killed
                if new:
                    file.write(b"\n" * bool(unfinished) + b"".join(line + b"\n" for line in new))
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> TrackerError:
        return TrackerError(f"{self._path}: cannot be written: {error.strerror or error}. Name another file.")


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
        "signatures": dict(results.signatures),
        "annotations": identity_fields(results.annotations),
    }


def _written_here(line: bytes) -> bool:
    if not line.endswith(b"\n"):
        return line.startswith(b'{"checkpoint": ')  # by a run that was killed
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() >= _KEYS
