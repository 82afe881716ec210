"""Which of the measures that were asked for a table is made by."""

from __future__ import annotations

from ml_scorer.measures import Measure
from ml_scorer.scoring.outcomes import Outcomes


def asked_measure(outcomes: Outcomes, measure: str | Measure) -> Measure:
    """The measure with this printed name.

    Raises
    ------
    KeyError
        If that measure was not asked for.
    """
    found = next((one for one in outcomes.measures if str(one) == str(measure)), None)
    if found is None:
        raise KeyError(f"{measure} was not measured; there are {', '.join(outcomes.rules)}")
    return found
