"""How many predictions fall under each verdict, on the images of MLA."""

from __future__ import annotations

from typing import Final

from ml_scorer.annotations import VERDICTS, Annotations
from ml_scorer.measures.rule import Rule, scored_rows, verdict_rule

UNREVIEWED: Final = "unreviewed"

VERDICT_COUNTS: Final = (*VERDICTS, UNREVIEWED)
"""What every prediction is one of: judged correct, unclear or wrong, or judged by no expert."""


def verdict_rules(annotations: Annotations) -> dict[str, Rule]:
    """A rule for each of `VERDICT_COUNTS`; its integer sum is the count."""
    rows = scored_rows(annotations)
    reviewed = tuple(range(len(VERDICTS)))
    rules = {name: verdict_rule(annotations, rows, (verdict,)) for verdict, name in enumerate(VERDICTS)}
    return {**rules, UNREVIEWED: verdict_rule(annotations, rows, reviewed, rejects=True)}
