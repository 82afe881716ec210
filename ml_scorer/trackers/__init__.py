"""Where results can be logged to: experiment trackers, and lines of JSON for all others."""

from __future__ import annotations

from typing import Final

from ml_scorer.addresses import public_address
from ml_scorer.errors import TrackerError
from ml_scorer.trackers.json_lines import JsonLines
from ml_scorer.trackers.mlflow_runs import MLflow
from ml_scorer.trackers.records import Record, Results
from ml_scorer.trackers.tensorboard_events import TensorBoard
from ml_scorer.trackers.tracker import Tracker

TRACKERS: Final[dict[str, type[Tracker]]] = {"mlflow": MLflow, "tensorboard": TensorBoard, "jsonl": JsonLines}
"""Every tracker by its name."""


def parse_tracker(text: str) -> Tracker:
    """The tracker that a text such as `mlflow` or `tensorboard=runs` names.

    Raises
    ------
    TrackerError
        If there is none of that name, or it cannot be where it is said to be; the message lists those that there are.
    """
    name, equals, where = text.partition("=")
    if name not in TRACKERS:
        forms = ", ".join(kind.form for kind in TRACKERS.values())
        raise TrackerError(f"unknown tracker {public_address(name)!r}. Known: {forms}.")
    if equals and not where:
        raise TrackerError(f"{text!r} names no place: {TRACKERS[name].form}.")
    return TRACKERS[name](where or None)


__all__ = ["TRACKERS", "Record", "Results", "Tracker", "parse_tracker"]
