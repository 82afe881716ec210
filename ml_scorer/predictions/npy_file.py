"""Predictions from a NumPy array file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.array import array_predictions
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.orders import Order


def read_npy(path: Path, order: Order | None) -> Predictions:
    """Map a `.npy` file of labels or logits into memory and take its predictions; pickled objects are never loaded.

    Raises
    ------
    PredictionsError
        If the file is truncated, holds objects, or its predictions are refused.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header makes NumPy raise nearly anything
        text = str(error) or type(error).__name__
        if "Python objects" in text:
            text = "it holds Python objects, which are never loaded; save labels as an integer array"
        raise PredictionsError(f"{path}: not a whole array file: {text.rstrip('.')}.") from error
    return array_predictions(array, order, str(path))
