"""Results as scalars of TensorBoard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import ClassVar, Final

from ml_scorer.errors import MissingExtraError, TrackerError
from ml_scorer.report.cells import printable, warnings
from ml_scorer.signature import measurement
from ml_scorer.trackers.event_files import Events, Points, own_files, read_events, scalar, write_events
from ml_scorer.trackers.folders import folder_of
from ml_scorer.trackers.notes import interval_notes, numbers_in, steps_near_chance
from ml_scorer.trackers.records import Record, Results
from ml_scorer.trackers.tracker import Tracker

FOLDER: Final = "runs"
"""Where no other is named; what torch's writer uses too."""

_CODE: Final = "    "
"""Starts a line of code in Markdown, as which TensorBoard shows a text."""

_INTERVAL: Final = re.compile(r"^Interval of `(.+)`: (.+)\.$", re.MULTILINE)
_NEAR_CHANCE: Final = re.compile(r"^\*\*Near chance, .* At step (.+)\.\*\*$", re.MULTILINE)
"""Lines of the text, as they are found again."""


class TensorBoard(Tracker):
    """A folder for each training run, with a scalar for each measure at its steps; a checkpoint without one is at 0.

    A line shall never go back: steps that come after all others are added in a file of their own; where earlier ones
    are added or change, or what is said of the numbers does, the files that were written here before are replaced by
    one.
    """

    form: ClassVar[str] = "tensorboard[=DIR]"
    meaning: ClassVar[str] = f"event files in DIR (default: {FOLDER})"

    def __init__(self, where: str | None) -> None:
        self._folder = Path(where or FOLDER)

    def check(self) -> None:
        """Make sure that tensorboard is installed, and that files can be made in the folder."""
        if find_spec("tensorboard") is None:
            raise MissingExtraError("--log tensorboard", "tensorboard")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            raise self._unwritable(error) from error

    @property
    def place(self) -> str:
        """The folder."""
        return printable(str(self._folder))

    def log(self, results: Results) -> list[str]:
        """Log what is not there yet, or not with this number."""
        changed = []
        try:
            for name, steps in results.series.items():
                changed += _log(self._folder / folder_of(name), name, steps, results)
        except OSError as error:
            raise self._unwritable(error) from error
        return changed

    def _unwritable(self, error: OSError) -> TrackerError:
        return TrackerError(
            f"{printable(str(error.filename or self._folder))}: cannot be written: {error.strerror or error}. "
            f"Name another folder: {self.form}."
        )


def _log(folder: Path, name: str, steps: Sequence[tuple[int, Record]], results: Results) -> list[str]:
    files = own_files(folder)
    there = read_events(files)
    signatures, earlier = results.signatures_of(record for _, record in steps), _signatures(there.text)
    for measure in [measure for measure in signatures if measure in earlier]:
        then, now = earlier[measure], signatures[measure]
        if measurement(then) != measurement(now):
            raise TrackerError(
                f"{printable(str(folder))}: holds another measurement: {then} there, {now} here. "
                f"Name another folder: {TensorBoard.form}."
            )
    points = {(tag, step): scalar(number) for step, record in steps for tag, number in record.numbers().items()}
    new = {place: number for place, number in points.items() if there.points.get(place) != number}
    text = _text(there, steps, results)
    if not new and text == there.text:
        return []
    last: dict[str, int] = {}
    for tag, step in there.points:
        last[tag] = max(step, last.get(tag, step))
    if text == (there.text or text) and all(tag not in last or step > last[tag] for tag, step in new):
        write_events(folder, new, text)
        return []
    write_events(folder, {**there.points, **new}, text)
    for file in files:
        file.unlink(missing_ok=True)
    return [record.called(name, step) for step, record in steps if _differs(there.points, step, record)]


def _differs(points: Points, step: int, record: Record) -> bool:
    """Whether there are other numbers of a checkpoint."""
    numbers = {tag: scalar(number) for tag, number in record.lasting().items()}
    return any(points.get((tag, step), number) != number for tag, number in numbers.items())


def _text(there: Events, steps: Sequence[tuple[int, Record]], results: Results) -> str:
    """What is said of the numbers of a run: warnings, signatures, how intervals were made."""
    logged = {step for step, _ in steps}
    tags = {tag for tag, step in there.points if step not in logged}
    staying = {measure for measure in results.signatures if f"{measure}_low" in tags}
    records = [record for _, record in steps]
    notes = interval_notes(results, records, dict(_INTERVAL.findall(there.text)), staying)
    signatures = {**_signatures(there.text), **results.signatures_of(records)}
    near = steps_near_chance(results, steps, numbers_in("".join(_NEAR_CHANCE.findall(there.text))))
    return "\n".join(
        [
            *(f"**{warning}**\n" for warning in warnings(results.annotations)),
            *([f"**Near chance, is the model trained? At step {', '.join(map(str, near))}.**\n"] if near else ()),
            *(f"{_CODE}{signature}" for signature in signatures.values()),
            *(f"\nInterval of `{measure}`: {note}." for measure, note in notes.items()),
        ]
    )


def _signatures(text: str) -> dict[str, str]:
    """The signatures that stand in a text, by their measures."""
    found = [line.removeprefix(_CODE) for line in text.split("\n") if line.startswith(_CODE)]
    return {signature.partition("|")[0]: signature for signature in found}


__all__ = ["FOLDER", "TensorBoard"]
