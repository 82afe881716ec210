"""The expert annotations: what the table holds, how it is verified, where it is found."""

from ml_scorer.annotations.identity import Identity
from ml_scorer.annotations.load import load_annotations
from ml_scorer.annotations.table import VERDICTS, Annotations

__all__ = ["VERDICTS", "Annotations", "Identity", "load_annotations"]
