"""Predictions: read, checked, and aligned by image."""

from ml_scorer.predictions.align import Aligner
from ml_scorer.predictions.arrays.npy_stack import read_stack
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.class_ids import CLASS_IDS, class_ids_named
from ml_scorer.predictions.doctor import examine
from ml_scorer.predictions.orders import ORDERS, OrderLike, resolve_order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.shifts import check_shift
from ml_scorer.predictions.sources import Source, Sources, prediction_sources
from ml_scorer.predictions.twins import ReviewedLabels, check_twin

__all__ = [
    "CLASS_IDS",
    "ORDERS",
    "Aligner",
    "OrderLike",
    "Predictions",
    "ReadOptions",
    "ReviewedLabels",
    "Source",
    "Sources",
    "check_shift",
    "check_twin",
    "class_ids_named",
    "examine",
    "prediction_sources",
    "read_stack",
    "resolve_order",
]
