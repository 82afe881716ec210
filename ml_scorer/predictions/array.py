"""Predictions from an array: labels or logits of images whose order is said."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.labels import arg_max, exact_labels
from ml_scorer.predictions.orders import Order, known_orders
from ml_scorer.schema import NUM_CLASSES

_EXPECTED = (
    "expected labels (images,) or (checkpoints, images), or logits (images, 1000) as floats, of 50,000 images "
    "(orders ilsvrc, imagefolder), 20,000 images (annotations, tfds, tfds-sequential), or those that a list names"
)


def array_predictions(array: NDArray[Any], order: Order | None, where: str) -> Predictions:
    """Predictions of one or more checkpoints from an array.

    Parameters
    ----------
    array : (images,) or (checkpoints, images) labels, or (images, 1000) float logits or probabilities
    order : Order, optional
        Which image each position is. None is an error: an array has no names.
    where : str
        What to call the input in an error.

    Raises
    ------
    PredictionsError
        If the order is missing, the shape does not fit it, or the numbers are refused.
    """
    shape = " x ".join(f"{size:,}" for size in array.shape) or "a single number"
    if array.dtype.kind not in "iuf":
        kind = "Python objects" if array.dtype.kind == "O" else str(array.dtype)
        raise PredictionsError(f"{where}: an array of {kind}; {_EXPECTED}.")
    if not array.size:
        raise PredictionsError(f"{where}: there are no predictions in it: the array is {shape}.")
    if order is None:
        raise PredictionsError(
            f"{where}: an array ({shape}) has no image names, so say which image each position is: order= "
            f"(--order) is one of {known_orders()}, or a text file that lists the names."
        )
    images = order.images.size
    logits = array.ndim == 2 and array.dtype.kind == "f" and array.shape == (images, NUM_CLASSES)  # noqa: PLR2004
    if logits:
        labels, ties = arg_max(array, where)
        return Predictions(order.images, labels[None], order.name, ties=ties[None])
    if array.ndim not in {1, 2} or array.shape[-1] != images:
        raise PredictionsError(
            f"{where}: the array is {shape}, and the order {order.name} has {images:,} images; {_EXPECTED}."
            + _advice(array, images)
        )
    return Predictions(order.images, np.atleast_2d(exact_labels(array, where)), order.name)


def _advice(array: NDArray[Any], images: int) -> str:
    if array.ndim != 2:  # noqa: PLR2004
        return ""
    if array.shape[1] == NUM_CLASSES + 1:
        return " With 1,001 columns, the first is a background class: pass array[:, 1:]."
    if array.shape == (images, NUM_CLASSES):
        return " These look like logits as integers: pass them as floats."
    if array.shape[0] == images:
        return " The images are in the rows: pass array.T."
    return ""
