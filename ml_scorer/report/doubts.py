"""Which checkpoints may not be what they are taken for, in words."""

from __future__ import annotations

import polars as pl

from ml_scorer.errors import some
from ml_scorer.measures import Top1
from ml_scorer.report.printable import printable
from ml_scorer.scores import Scores


def doubts(scores: Scores) -> tuple[str, ...]:
    """A sentence on the checkpoints near chance, and one on those that have every original label."""
    found = []
    if scores.near_chance:
        names = some(map(printable, scores.near_chance), len(scores.near_chance))
        found.append(f"near chance, whatever order or class ids one tries: {names}. Is the model trained?")
    if str(Top1()) in scores.signatures:
        perfect = scores.frame.filter(pl.col(str(Top1())) == 1)["checkpoint"]
        if perfect.len():
            names = some(map(printable, perfect), perfect.len())
            found.append(f"100% top-1: {names}. Are these the original labels, rather than predictions?")
    return tuple(found)
