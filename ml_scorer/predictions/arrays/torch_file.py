"""Predictions from a file that torch wrote."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ml_scorer.errors import MissingExtraError, PredictionsError
from ml_scorer.predictions.arrays.array import array_predictions
from ml_scorer.predictions.arrays.choose import NamedArrays, named_array_predictions
from ml_scorer.predictions.arrays.stored import StoredArray
from ml_scorer.predictions.arrays.tensors import as_array, is_tensor
from ml_scorer.predictions.arrays.weights import refuse_weights
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions


def read_torch(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Take the predictions of a `.pt` or `.pth` file: a tensor, or a list or dict of tensors.

    Nothing but tensors and plain values is ever loaded from it (`weights_only=True`): other contents are code.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    PredictionsError
        If the file is damaged, holds other things, or its predictions are refused.
    """
    content, where = _load(path), str(path)
    if is_tensor(content):
        yield from array_predictions(_array(content, where), options, where)
        return
    if isinstance(content, list | tuple):
        content = {str(place): one for place, one in enumerate(content)}
    if not isinstance(content, Mapping):
        raise PredictionsError(
            f"{where}: it holds {type(content).__name__}; expected a tensor, or a list or dict of tensors."
        )
    yield from named_array_predictions(_tensors(content, where), options, where)


def _load(path: Path) -> Any:  # noqa: ANN401
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("reading .pt and .pth files", "torch") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old forms
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except Exception:  # noqa: BLE001, S110  (old forms cannot be mapped; what else is wrong shows below)
            pass
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (FileNotFoundError, PermissionError):
            raise
        except Exception as error:  # a damaged file makes torch raise nearly anything
            if "weights_only" not in str(error).lower():
                text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
                raise PredictionsError(f"{path}: not a whole file of tensors: {text}.") from error
            raise PredictionsError(
                f"{path}: it holds more than tensors, and such files run code when they are loaded, so it is not. "
                "Save the tensors alone: torch.save({'logits': logits.cpu()}, path) or numpy.save(path, logits)."
            ) from error


def _tensors(content: Mapping[Any, Any], where: str) -> NamedArrays:
    for inner in (content, *(value for value in content.values() if isinstance(value, Mapping))):
        refuse_weights((str(key) for key, value in inner.items() if is_tensor(value)), where)
    arrays: dict[str, Callable[[], StoredArray]] = {
        str(key): partial(_array, value, f"{where}[{key}]") for key, value in content.items() if is_tensor(value)
    }
    names: dict[str, Callable[[], Sequence[str]]] = {
        str(key): partial(list, value)
        for key, value in content.items()
        if isinstance(value, list | tuple) and value and all(isinstance(each, str) for each in value)
    }
    return NamedArrays(arrays, names)


def _array(tensor: Any, where: str) -> StoredArray:  # noqa: ANN401
    try:
        return as_array(tensor)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PredictionsError(f"{where}: a tensor that NumPy cannot take: {error}") from error
