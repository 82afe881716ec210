"""Files of events, as TensorBoard reads them: scalars, and a text.

Scalars have 32 bits: the server of TensorBoard (data server 0.7) shows nothing of those of 64.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

Points: TypeAlias = Mapping[tuple[str, int], float]
"""The value of each tag at each step, as `scalar` gives it."""

TEXT_TAG: Final = "signatures"

_OURS: Final = ".ml_scorer"
"""Ends the names of files that were written here."""

_FILE_VERSION: Final = "brain.Event:2"


@dataclass(frozen=True)
class Events:
    """What the files of one folder hold.

    Attributes
    ----------
    points : dict of (str, int) to float
        The value of each tag at each step, as written last.
    text : str
        What stands in the text, or nothing.
    """

    points: dict[tuple[str, int], float]
    text: str


def scalar(number: float) -> float:
    """A number with the bits that a file holds of it."""
    return float(np.float32(number))


def own_files(folder: Path) -> list[Path]:
    """The files in a folder that were written here, the oldest first."""
    return sorted(folder.glob(f"events.out.tfevents.*{_OURS}"))


def read_events(files: Iterable[Path]) -> Events:
    """What files hold that were written here; what stands behind damage, or an end in mid-record, is not there."""
    from tensorboard.compat.tensorflow_stub import errors
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
    from tensorboard.util import tensor_util

    found = Events({}, "")
    for file in files:
        reader = PyRecordReader_New(str(file))
        for value, step in _values(reader, errors.OpError):
            held = tensor_util.make_ndarray(value.tensor).item()
            if value.tag == TEXT_TAG:
                found = Events(found.points, held.decode())
            else:
                found.points[value.tag, step] = held
    return found


def write_events(folder: Path, points: Points, text: str) -> None:
    """Write a file of points, in the order of their steps, and of a text; it is there as a whole or not at all."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    now = time.time()
    by_step: dict[int, list[Summary.Value]] = {}
    for (tag, step), number in points.items():
        by_step.setdefault(step, []).append(_scalar(tag, number))
    events = [Event(wall_time=now, file_version=_FILE_VERSION)]
    events.append(Event(wall_time=now, step=min(by_step, default=0), summary=Summary(value=[_text(text)])))
    events += [Event(wall_time=now, step=step, summary=Summary(value=by_step[step])) for step in sorted(by_step)]
    folder.mkdir(parents=True, exist_ok=True)
    nanoseconds = time.time_ns()
    name = f"events.out.tfevents.{nanoseconds // 10**9:010d}.{nanoseconds % 10**9:09d}{_OURS}"
    unfinished = folder / f".unfinished.{nanoseconds}.{os.getpid()}"
    try:
        with unfinished.open("xb") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(event.SerializeToString())
            writer.flush()
        unfinished.replace(folder / name)
    finally:
        unfinished.unlink(missing_ok=True)


def _values(reader: object, end: type[Exception]) -> Iterator[tuple[Summary.Value, int]]:
    from tensorboard.compat.proto.event_pb2 import Event

    with suppress(end):
        while True:
            reader.GetNext()  # type: ignore[attr-defined]
            event = Event.FromString(reader.record())  # type: ignore[attr-defined]
            for value in event.summary.value:
                yield value, event.step


def _scalar(tag: str, number: float) -> Summary.Value:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    metadata = create_summary_metadata(display_name=tag, description="")
    return Summary.Value(tag=tag, tensor=make_tensor_proto(np.float32(number)), metadata=metadata)


def _text(text: str) -> Summary.Value:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.text.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    metadata = create_summary_metadata(display_name=TEXT_TAG, description="")
    return Summary.Value(tag=TEXT_TAG, tensor=make_tensor_proto([text.encode()]), metadata=metadata)
