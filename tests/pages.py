"""Outcomes of made-up checkpoints, for tests of the report."""

from __future__ import annotations

import numpy as np

from ml_scorer import Annotations
from ml_scorer.measures import DEFAULT_MEASURES
from ml_scorer.scoring import Scorer
from ml_scorer.scoring.outcomes import Outcomes


def made_labels(annotations: Annotations, shares: list[float], seed: int = 0) -> list[np.ndarray]:
    """For each share, labels of which about so many are the original ones: each (images,) int16, as the annotations."""
    random = np.random.default_rng(seed)
    difficulty = random.random(len(annotations))
    labels = []
    for share in shares:
        easy = difficulty + random.normal(0, 0.05, len(annotations)) < share
        others = random.integers(0, 1000, len(annotations), dtype=np.int16)
        labels.append(np.where(easy, annotations.original_labels, others).astype(np.int16))
    return labels


def made_outcomes(annotations: Annotations, names: list[str], measures=DEFAULT_MEASURES, confidence=0.95) -> Outcomes:
    """Outcomes of checkpoints of these names, each a little better than the one before."""
    shares = np.linspace(0.5, 0.9, len(names)).tolist() if len(names) > 1 else [0.8]
    predictions = dict(zip(names, made_labels(annotations, shares), strict=True))
    return Scorer(annotations, measures, order="annotations").outcomes(predictions, confidence=confidence)
