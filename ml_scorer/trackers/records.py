"""What trackers are given: of each checkpoint all that was measured, and what it is a measurement of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from ml_scorer.annotations import Identity
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.scores import Scores
from ml_scorer.scoring.counter import MISSING_COUNT
from ml_scorer.steps import STEP_PATTERN, Step, steps_of


@dataclass(frozen=True)
class Record:
    """One checkpoint.

    Attributes
    ----------
    checkpoint : str
    step : Step or None
        Training run and step, where the name tells them.
    measures : mapping of str to (float or None)
        Share in [0, 1] of each measure by its printed name; None where it is not known.
    intervals : mapping of str to (float or None, float or None)
        Lower and upper end of each measure that has an interval.
    counts : mapping of str to (int or None)
        Verdicts, and what else is counted: `missing`, `ties`, `ImageNetM_right`.
    """

    checkpoint: str
    step: Step | None
    measures: Mapping[str, float | None]
    intervals: Mapping[str, tuple[float | None, float | None]]
    counts: Mapping[str, int | None]

    def numbers(self) -> dict[str, float]:
        """Every number that is known by the name of its column: measures, `<measure>_low`, `<measure>_high`, counts."""
        low = {f"{name}_low": ends[0] for name, ends in self.intervals.items()}
        high = {f"{name}_high": ends[1] for name, ends in self.intervals.items()}
        every = {**self.measures, **low, **high, **self.counts}
        return {name: float(number) for name, number in every.items() if number is not None}

    def lasting(self) -> dict[str, float]:
        """The numbers that are others only if the predictions are, whatever else is measured, and how."""
        every = {**self.measures, **{name: self.counts.get(name) for name in VERDICT_COUNTS}}
        return {name: float(number) for name, number in every.items() if number is not None}

    def called(self, run: str, step: int) -> str:
        """What people call it where it stands in a series."""
        return f"{run} at step {step}" if self.step == (run, step) else run


@dataclass(frozen=True)
class Results:
    """Checkpoints that were scored together.

    Attributes
    ----------
    records : sequence of Record
    signatures : mapping of str to str
        What each measure is a measurement of.
    annotations : Identity
    confidence : float or None
        Of the intervals.
    methods : mapping of str to str
        How the interval of each measure was made.
    near_chance : frozenset of str
        Checkpoints that may not be trained.
    """

    records: Sequence[Record]
    signatures: Mapping[str, str]
    annotations: Identity
    confidence: float | None
    methods: Mapping[str, str]
    near_chance: frozenset[str]

    @classmethod
    def of(cls, scores: Scores, step_pattern: str = STEP_PATTERN) -> Results:
        """Scores, and what their names tell.

        Parameters
        ----------
        scores : Scores
            What could not be scored is left out.
        step_pattern : str
            See `steps_of`.
        """
        return cls(
            tuple(_records(scores, step_pattern)),
            scores.signatures,
            scores.annotations,
            scores.confidence,
            scores.intervals,
            frozenset(scores.near_chance),
        )

    @cached_property
    def series(self) -> dict[str, list[tuple[int, Record]]]:
        """The checkpoints of each training run with their steps, ascending; others by themselves under their name.

        What has no step stands at step 0. Of two checkpoints with the same run and step the second stands by itself.
        """
        found: dict[str, dict[int, Record]] = {}
        for record in self.records:
            run, step = record.step or (record.checkpoint, 0)
            if step in found.get(run, {}):
                run, step = next(name for name in _told_apart(record.checkpoint) if name not in found), 0
            found.setdefault(run, {})[step] = record
        return {run: sorted(steps.items()) for run, steps in found.items()}


def _told_apart(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in count(2))


def _records(scores: Scores, step_pattern: str) -> Iterator[Record]:
    columns = scores.frame.columns
    with_interval = [name for name in scores.signatures if f"{name}_low" in columns]
    counted = (*(f"{name}_right" for name in scores.signatures), *VERDICT_COUNTS, MISSING_COUNT, "ties")
    counts = [name for name in counted if name in columns]
    steps = steps_of(scores.frame["checkpoint"].to_list(), step_pattern)
    for row, step in zip(scores.frame.iter_rows(named=True), steps, strict=True):
        yield Record(
            row["checkpoint"],
            step,
            {name: _known(row[name]) for name in scores.signatures},
            {name: (_known(row[f"{name}_low"]), _known(row[f"{name}_high"])) for name in with_interval},
            {name: row[name] for name in counts},
        )


def _known(number: float | None) -> float | None:
    """What is no number is not known."""
    return None if number is None or not math.isfinite(number) else number
