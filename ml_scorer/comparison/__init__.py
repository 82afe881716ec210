"""Checkpoints side by side: differences on the same images, rankings that admit ties, averages over seeds."""

from __future__ import annotations

from ml_scorer.comparison.agreement import agreement
from ml_scorer.comparison.choosing import find_checkpoint
from ml_scorer.comparison.deciding import deciding_classes, deciding_images
from ml_scorer.comparison.pairs import pairs
from ml_scorer.comparison.ranking import ranking, with_places
from ml_scorer.comparison.seeds import RunPatternError, Runs, over_seeds, run_names

__all__ = [
    "RunPatternError",
    "Runs",
    "agreement",
    "deciding_classes",
    "deciding_images",
    "find_checkpoint",
    "over_seeds",
    "pairs",
    "ranking",
    "run_names",
    "with_places",
]
