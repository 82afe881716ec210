"""What a caller may pass as predictions, taken apart into checkpoints that are read one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.files import checkpoint_names, read_file
from ml_scorer.predictions.memory import memory_predictions
from ml_scorer.predictions.named import name_text
from ml_scorer.predictions.orders import Order
from ml_scorer.schema import image_numbers


@dataclass(frozen=True)
class Source:
    """Something that holds predictions of one or more checkpoints, not read yet."""

    name: str
    where: str
    """What to call it in an error: its path, where it is a file."""
    read: Callable[[Order | None], Predictions]


def prediction_sources(predictions: Any) -> list[Source]:  # noqa: ANN401
    """Take apart what was passed as predictions.

    Parameters
    ----------
    predictions : path, array, frame, or mapping from image name to label; or several of them, or a mapping to them
    """
    if isinstance(predictions, Predictions):
        return [Source("predictions", "predictions", lambda _: predictions)]
    if isinstance(predictions, Iterator):
        predictions = list(predictions)
    if _is_path(predictions):
        return _files([predictions])
    if isinstance(predictions, Mapping) and not _is_one_checkpoint(predictions):
        return [_source(name_text(name), one) for name, one in predictions.items()]
    if isinstance(predictions, Sequence) and predictions and not isinstance(predictions[0], int | float | np.generic):
        if all(map(_is_path, predictions)):
            return _files(predictions)
        return [_source(f"predictions[{index}]", one) for index, one in enumerate(predictions)]
    return [_source("predictions", predictions)]


def _files(paths: Sequence[str | PathLike[str]]) -> list[Source]:
    files = [Path(fspath(path)) for path in paths]
    return [_file(name, file) for name, file in zip(checkpoint_names(files), files, strict=True)]


def _file(name: str, path: Path) -> Source:
    return Source(name, name_text(path), partial(read_file, path))


def _source(name: str, one: Any) -> Source:  # noqa: ANN401
    if _is_path(one):
        return _file(name, Path(fspath(one)))
    return Source(name, name, lambda order: memory_predictions(one, order, name))


def _is_path(value: object) -> bool:
    return isinstance(value, str | PathLike)


def _is_one_checkpoint(mapping: Mapping[Any, Any]) -> bool:
    """Whether a mapping goes from image names to labels, rather than from checkpoint names to predictions."""
    name, value = next(iter(mapping.items()), ("", 0))
    return bool(image_numbers(pl.Series([name_text(name)]))[0]) or isinstance(value, int | float | np.generic)
