"""What a run of MLflow says of itself, in tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

from ml_scorer.report.cells import printable, warnings
from ml_scorer.signature import measurement
from ml_scorer.trackers.metric_names import metric_name
from ml_scorer.trackers.notes import interval_notes, numbers_in, steps_near_chance
from ml_scorer.trackers.records import Record, Results
from ml_scorer.version import tool_version

KEY: Final = "ml_scorer.key"
"""Tag that a run is found again by: names can be too long, and hold what a search cannot."""

RUN: Final = "ml_scorer.run"
_CHECKPOINT: Final = "ml_scorer.checkpoint"
"""Tags with the name: of a training run, whose metrics have steps, or of a single checkpoint."""

_SIGNATURE: Final = "signature."
"""Starts the tag with the signature of a measure."""

_INTERVAL: Final = "interval."
"""Starts the tag with the level and method of the intervals of a measure."""

_NEAR_CHANCE: Final = "ml_scorer.near_chance"
"""Tag with the steps whose model may not be trained; what has no step is at 0."""

_STEPS_LISTED: Final = 240
"""As many fit into a tag, whatever their size."""

_LONGEST_TAG: Final = 5000


def run_key(name: str) -> str:
    """What a run is found again by."""
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def run_tags(name: str, results: Results, steps: Sequence[tuple[int, Record]]) -> dict[str, str]:
    """What a run says of itself."""
    records = [record for _, record in steps]
    stepped = any(record.step for record in records)
    signatures = results.signatures_of(records)
    tags = {
        KEY: run_key(name),
        RUN if stepped else _CHECKPOINT: printable(name)[:_LONGEST_TAG],
        "ml_scorer.version": tool_version(),
        "ml_scorer.annotations": str(results.annotations),
        "ml_scorer.annotations_fingerprint": results.annotations.fingerprint,
        "ml_scorer.annotations_status": results.annotations.status,
        **{_SIGNATURE + metric_name(measure): text[:_LONGEST_TAG] for measure, text in signatures.items()},
    }
    doubt = " ".join(warnings(results.annotations))
    return {**tags, "mlflow.note.content": doubt[:_LONGEST_TAG]} if doubt else tags


def note_tags(
    results: Results, steps: Sequence[tuple[int, Record]], there: Mapping[str, str], points: Iterable[tuple[str, int]]
) -> dict[str, str]:
    """Tags with what is to be known of the numbers: how intervals were made, and which may be of untrained models.

    Parameters
    ----------
    results : Results
    steps : sequence of (int, Record)
        Those of the run that are logged now.
    there : mapping of str to str
        The tags of the run until now.
    points : iterable of (str, int)
        Metric and step of each number that the run has.
    """
    logged = {step for step, _ in steps}
    measures = {measure: _INTERVAL + metric_name(measure) for measure in results.signatures}
    earlier = {measure: there[tag] for measure, tag in measures.items() if tag in there}
    staying = {name for name, step in points if step not in logged}
    records = [record for _, record in steps]
    intervals = interval_notes(results, records, earlier, {m for m in measures if metric_name(f"{m}_low") in staying})
    near = steps_near_chance(results, steps, numbers_in(there.get(_NEAR_CHANCE, "")))
    tags = {measures[measure]: note[:_LONGEST_TAG] for measure, note in intervals.items()}
    if near or _NEAR_CHANCE in there:
        listed = ", ".join(map(str, near[:_STEPS_LISTED]))
        tags[_NEAR_CHANCE] = f"at step {listed}" if near else "no"
    return tags


def same_measurements(there: Mapping[str, str], here: Mapping[str, str]) -> bool:
    """Whether two runs, by their tags, measure the same where both measure it."""
    shared = [key for key in here if key.startswith(_SIGNATURE) and key in there]
    return all(measurement(there[key]) == measurement(here[key]) for key in shared)
