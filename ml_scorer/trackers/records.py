"""What trackers are given: of each checkpoint all that was measured, and what it is a measurement of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """One checkpoint, and what is known of it.

    Attributes
    ----------
    checkpoint : str
    step : Step or None
        Training run and step, where the name tells them.
    measures : mapping of str to float
        Share in [0, 1] of each measure that it has, by its printed name.
    intervals : mapping of str to (float or None, float or None)
        Lower and upper end of each measure that has an interval.
    counts : mapping of str to int
        Verdicts, and what else is counted: `missing`, `ties`, `ImageNetM_right`.
    """

    checkpoint: str
    step: Step | None
    measures: Mapping[str, float]
    intervals: Mapping[str, tuple[float | None, float | None]]
    counts: Mapping[str, int]

    def numbers(self) -> dict[str, float]:
        """Every number that is known by the name of its column: measures, `<measure>_low`, `<measure>_high`, counts."""
        low = {f"{name}_low": ends[0] for name, ends in self.intervals.items()}
        high = {f"{name}_high": ends[1] for name, ends in self.intervals.items()}
        every = {**self.measures, **low, **high, **self.counts}
        return {name: float(number) for name, number in every.items() if number is not None}

    def lasting(self) -> dict[str, float]:
        """The numbers that are others only if the predictions are, whatever else is measured, and how."""
        every = {**self.measures, **{name: self.counts[name] for name in VERDICT_COUNTS if name in self.counts}}
        return {name: float(number) for name, number in every.items()}

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

    def signatures_of(self, records: Iterable[Record]) -> dict[str, str]:
        """The signatures of those measures that some of these records have."""
        measured = {name for record in records for name in record.measures}
        return {name: signature for name, signature in self.signatures.items() if name in measured}

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
    steps = steps_of(scores.frame["checkpoint"].to_list(), step_pattern)
    for row, step in zip(scores.frame.iter_rows(named=True), steps, strict=True):
        measures = {name: share for name in scores.signatures if (share := _known(row[name])) is not None}
        with_interval = [name for name in measures if f"{name}_low" in row]
        counted = (*(f"{name}_right" for name in measures), *VERDICT_COUNTS, MISSING_COUNT, "ties")
        yield Record(
            row["checkpoint"],
            step,
            measures,
            {name: (_known(row[f"{name}_low"]), _known(row[f"{name}_high"])) for name in with_interval},
            {name: row[name] for name in counted if row.get(name) is not None},
        )


def _known(number: float | None) -> float | None:
    """What is no number is not known."""
    return None if number is None or not math.isfinite(number) else number
