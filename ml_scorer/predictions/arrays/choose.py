"""Which of several named arrays hold predictions: those of a `.npz`, safetensors or torch file, or of a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.predictions.arrays.array import array_predictions
from ml_scorer.predictions.arrays.stored import StoredArray
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import image_name, image_numbers

PREDICTION_KEYS: Final = frozenset((
    "pred", "preds", "prediction", "predictions", "predicted", "predicted_class", "predicted_classes",
    "predicted_label", "predicted_labels", "y_pred", "y_hat", "top1", "top_1", "top5", "top_5", "topk", "top_k",
    "argmax", "logit", "logits", "prob", "probs", "probability", "probabilities", "softmax", "score", "scores",
    "output", "outputs",
))  # fmt: skip
"""Names of arrays that are predictions, whatever lies beside them."""

_TRUTH_KEYS: Final = frozenset((
    "target", "targets", "truth", "ground_truth", "groundtruth", "gt", "true", "y_true", "y", "true_label",
    "true_labels", "original_label", "original_labels",
))  # fmt: skip
_UNCLEAR_KEYS: Final = frozenset(("label", "labels", "class", "classes"))
"""Predictions or ground truth."""

_PLAIN_KEYS: Final = frozenset(("arr_0", "array", "data", "tensor", "x", "value", "values"))
"""What a lone array is called where nobody gave it a name."""

NAME_KEYS: Final = frozenset((
    "name", "names", "file", "files", "file_name", "file_names", "filename", "filenames", "image", "images",
    "image_name", "image_names", "image_id", "image_ids", "img", "imgs", "id", "ids", "path", "paths", "file_path",
    "file_paths", "filepath", "filepaths", "image_path", "image_paths",
))  # fmt: skip
"""Names of arrays of image names."""


def is_one_result(keys: Iterable[object]) -> bool:
    """Whether arrays of these names are predictions and what belongs to them, rather than a checkpoint each."""
    plain = {_plain(key) for key in keys if isinstance(key, str)}
    return bool(plain & PREDICTION_KEYS) and bool(plain & (_TRUTH_KEYS | _UNCLEAR_KEYS | NAME_KEYS))


def _plain(key: str) -> str:
    return key.strip().lower().replace("-", "_")


@dataclass(frozen=True)
class NamedArrays:
    """Arrays by their names, each opened when it is needed.

    Attributes
    ----------
    arrays : mapping of str to a function without parameters
        Each gives the array.
    image_names : mapping of str to a function without parameters
        The same of arrays of texts.
    """

    arrays: Mapping[str, Callable[[], StoredArray]]
    image_names: Mapping[str, Callable[[], Sequence[str]]]


def named_array_predictions(named: NamedArrays, options: ReadOptions, where: str) -> Iterator[Predictions]:
    """Predictions of those arrays that hold some.

    `options.key` says which; else that with a name such as preds or logits; else each is a checkpoint of that name.
    If image names stand beside them, no order is needed.

    Raises
    ------
    PredictionsError
        If it cannot be told which arrays are predictions, or they are refused.
    """
    chosen = _chosen(list(named.arrays), options.key, where)
    options = _with_names(named, options, where)
    for key, name in chosen.items():
        yield from array_predictions(named.arrays[key](), options, f"{where}[{key}]", name)


def _chosen(keys: list[str], key: str | None, where: str) -> dict[str, str | None]:
    """The arrays that are predictions, and what each checkpoint is called: None if it has no name of its own."""
    has = f"It has {some(keys, len(keys))}" if keys else "It has no array of numbers"
    if key is not None:
        if key not in keys:
            raise PredictionsError(f"{where}: there is no array {key!r} in it. {has}.")
        return {key: None}
    if not keys:
        raise PredictionsError(f"{where}: there are no predictions in it: no array of numbers.")
    plain = {key: _plain(key) for key in keys}
    predictions = [key for key in keys if plain[key] in PREDICTION_KEYS]
    if len(predictions) == 1:
        return {predictions[0]: None}
    if predictions:
        raise PredictionsError(
            f"{where}: {len(predictions)} arrays could be the predictions: {some(predictions, len(predictions))}. "
            "Say which by key= (--key)."
        )
    truth = [key for key in keys if plain[key] in _TRUTH_KEYS or (plain[key] in _UNCLEAR_KEYS and len(keys) > 1)]
    if truth:
        raise PredictionsError(
            f"{where}: {some(truth, len(truth))} may be the ground truth, and which array is the predictions cannot be "
            f"told. {has}. Say which by key= (--key)."
        )
    if len(keys) == 1 and plain[keys[0]] in _PLAIN_KEYS | _UNCLEAR_KEYS:
        return {keys[0]: None}
    return {key: key for key in keys}


def _with_names(named: NamedArrays, options: ReadOptions, where: str) -> ReadOptions:
    keys = [key for key in named.image_names if _plain(key) in NAME_KEYS]
    if not keys:
        return options
    if len(keys) > 1:
        raise PredictionsError(
            f"{where}: {len(keys)} arrays could be the image names: {some(keys, len(keys))}. Leave one of them."
        )
    return replace(options, order=order_of_names(named.image_names[keys[0]](), f"{where}[{keys[0]}]"))


def order_of_names(texts: Sequence[str], where: str) -> Order:
    """The order of images that are named, each once.

    Raises
    ------
    PredictionsError
        If a name is no validation image, or one is named twice.
    """
    names = pl.Series(list(texts), dtype=pl.String)
    images = image_numbers(names)
    faults = []
    if not images.all():
        unknown = names.filter(pl.Series(images == 0))
        faults.append(
            f"{unknown.len():,} names are no ImageNet validation images: {some(unknown, unknown.len())} "
            "(expected names such as ILSVRC2012_val_00000001.JPEG)"
        )
    known, counts = np.unique(images[images > 0], return_counts=True)
    if (counts > 1).any():
        repeated = [image_name(number) for number in known[counts > 1].tolist()]
        faults.append(f"{len(repeated):,} images are named more than once: {some(repeated, len(repeated))}")
    if faults:
        raise PredictionsError(faults_text(where, faults))
    return Order("names", images)
