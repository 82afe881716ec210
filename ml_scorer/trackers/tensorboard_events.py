"""Results as scalars of TensorBoard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import ClassVar, Final

from ml_scorer.errors import MissingExtraError, TrackerError
from ml_scorer.report.cells import printable, warnings
from ml_scorer.signature import measurement
from ml_scorer.trackers.event_files import Points, own_files, read_events, scalar, write_events
from ml_scorer.trackers.folders import folder_of
from ml_scorer.trackers.records import Results
from ml_scorer.trackers.tracker import Tracker

FOLDER: Final = "runs"
"""Where no other is named; what torch's writer uses too."""

_CODE: Final = "    "
"""Starts a line of code in Markdown, as which TensorBoard shows a text."""


class TensorBoard(Tracker):
    """A folder for each training run, with a scalar for each measure at its steps; a checkpoint without one is at 0.

    A line shall never go back: steps that come after all others are added in a file of their own; where earlier ones
    are added or change, the files that were written here before are replaced by one.
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

    def log(self, results: Results) -> None:
        """Log what is not there yet."""
        try:
            for name, steps in results.series.items():
                points = {(tag, step): scalar(x) for step, record in steps for tag, x in record.numbers().items()}
                _log(self._folder / folder_of(name), points, results)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> TrackerError:
        return TrackerError(
            f"{printable(str(error.filename or self._folder))}: cannot be written: {error.strerror or error}. "
            f"Name another folder: {self.form}."
        )


def _log(folder: Path, points: Points, results: Results) -> None:
    files = own_files(folder)
    there = read_events(files)
    signatures, earlier = results.signatures, _signatures(there.text)
    for measure in [measure for measure in signatures if measure in earlier]:
        then, now = earlier[measure], signatures[measure]
        if measurement(then) != measurement(now):
            raise TrackerError(
                f"{printable(str(folder))}: holds another measurement: {then} there, {now} here. "
                f"Name another folder: {TensorBoard.form}."
            )
    new = {place: number for place, number in points.items() if there.points.get(place) != number}
    if not new:
        return
    text = _text(warnings(results.annotations), {**earlier, **signatures})
    last: dict[str, int] = {}
    for tag, step in there.points:
        last[tag] = max(step, last.get(tag, step))
    if all(tag not in last or step > last[tag] for tag, step in new):
        write_events(folder, new, text)
        return
    write_events(folder, {**there.points, **new}, text)
    for file in files:
        file.unlink(missing_ok=True)


def _text(warned: Iterable[str], signatures: Mapping[str, str]) -> str:
    lines = [f"**{warning}**\n" for warning in warned]
    return "\n".join([*lines, *(f"{_CODE}{signature}" for signature in signatures.values())])


def _signatures(text: str) -> dict[str, str]:
    """The signatures that stand in a text, by their measures."""
    found = [line.removeprefix(_CODE) for line in text.split("\n") if line.startswith(_CODE)]
    return {signature.partition("|")[0]: signature for signature in found}


__all__ = ["FOLDER", "TensorBoard"]
