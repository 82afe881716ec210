"""What every reader of predictions is told, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.class_ids import CLASS_IDS, ClassIds
from ml_scorer.predictions.orders import Order
from ml_scorer.schema import Images


@dataclass(frozen=True, eq=False)
class ReadOptions:
    """How predictions are to be read.

    Attributes
    ----------
    order : Order, optional
        Which image each position of an array is. None allows only predictions with names.
    class_ids : ClassIds
        What the numbers that stand for classes mean.
    key : str, optional
        Which array of a file of several, or which column of a table, holds the predictions. None: told by its name.
    k : int
        How many labels of an image the measures look at, at most: as many are taken from logits.
    required : (images,) int32, optional
        Images that the measures need, ascending: of logits, only their rows are read. None is all.
    annotated : (images,) int32, optional
        The images of the annotations, ascending, for naming the order that fits. None leaves those orders out.
    """

    order: Order | None = None
    class_ids: ClassIds = CLASS_IDS["imagenet"]
    key: str | None = None
    k: int = 1
    required: Images | None = None
    annotated: Images | None = None


Reader: TypeAlias = Callable[[Path, ReadOptions], Iterator[Predictions]]
"""Reads one file, a batch of checkpoints at a time; raises PredictionsError where the file is refused."""
