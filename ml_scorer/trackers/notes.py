"""What stands beside the numbers of a run, and is kept true as steps are added and numbers change."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from ml_scorer.trackers.records import Record, Results

_BETWEEN: Final = "; "
"""Between two ways in which the intervals of one measure were made."""

_NUMBER: Final = re.compile(r"-?\d+")


def interval_notes(
    results: Results, records: Iterable[Record], earlier: Mapping[str, str], staying: Collection[str]
) -> dict[str, str]:
    """The level and the method of the intervals of each measure.

    Parameters
    ----------
    results : Results
    records : iterable of Record
        Those of the run that are logged now.
    earlier : mapping of str to str
        What stands there of each measure.
    staying : collection of str
        Measures of which intervals stay at other steps: how these were made is said, too.
    """
    notes = dict(earlier)
    for measure in {name for record in records for name in record.intervals}:
        now = f"confidence {results.confidence}, {results.methods.get(measure, 'method not known')}"
        before = earlier[measure].split(_BETWEEN) if measure in staying and measure in earlier else []
        notes[measure] = _BETWEEN.join(dict.fromkeys([*before, now]))
    return {measure: notes[measure] for measure in sorted(notes)}


def steps_near_chance(results: Results, steps: Sequence[tuple[int, Record]], earlier: Iterable[int]) -> list[int]:
    """The steps of a run whose model may not be trained: those of `earlier` that are not among these, and of these."""
    near = {step for step, record in steps if record.checkpoint in results.near_chance}
    return sorted({*earlier} - {step for step, _ in steps} | near)


def numbers_in(text: str) -> list[int]:
    """The steps that a text lists."""
    return [int(number) for number in _NUMBER.findall(text)]
