"""Predictions: read, checked, and aligned by image."""

from ml_scorer.predictions.align import Aligner
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.orders import ORDERS, resolve_order
from ml_scorer.predictions.sources import Source, prediction_sources

__all__ = ["ORDERS", "Aligner", "Predictions", "Source", "prediction_sources", "resolve_order"]
