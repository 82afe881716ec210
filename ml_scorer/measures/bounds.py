"""How far the labels that no expert judged leave a measure open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ml_scorer.measures.measure import Measure
from ml_scorer.measures.mla import MLA
from ml_scorer.measures.rule import LABELS


def upper_bound(measure: Measure) -> Measure | None:
    """What a measure would be at most, had every unreviewed label been correct; None where it is its own bound.

    With k=labels nobody can say: how many labels are accepted is not known then.

    >>> str(upper_bound(MLA(average="image")))
    'MLA(unreviewed=correct, average=image)'
    """
    if not isinstance(measure, MLA) or measure.unreviewed == "correct" or measure.k == LABELS:
        return None
    return replace(measure, unreviewed="correct")


def with_upper_bounds(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    """The measures, each with its upper bound right behind it, unless that is among them already.

    >>> [str(measure) for measure in with_upper_bounds([MLA(), MLA(k="labels")])]
    ['MLA', 'MLA(unreviewed=correct)', 'MLA(k=labels)']
    """
    asked = dict.fromkeys(measures)
    found: dict[Measure, None] = {}
    for measure in asked:
        found[measure] = None
        bound = upper_bound(measure)
        if bound is not None and bound not in asked:
            found[bound] = None
    return tuple(found)
