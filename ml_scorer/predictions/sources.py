"""What a caller may pass as predictions, taken apart into checkpoints that are read one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.files import checkpoint_names, read_file
from ml_scorer.predictions.paths import expand
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.remote import read_remote
from ml_scorer.predictions.storage import is_remote, shown
from ml_scorer.predictions.tables.named import name_text
from ml_scorer.schema import image_numbers


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Something that holds predictions of one or more checkpoints, not read yet.

    Attributes
    ----------
    name : str
        What the checkpoint is called, where the source does not say itself.
    file : str, optional
        Its path or remote address; None in memory.
    content : optional
        The predictions themselves, where they are in memory; `Predictions` are taken as they are.
    """

    name: str
    file: str | None = None
    content: Any = None

    @property
    def where(self) -> str:
        """What to call it in an error: its path, where it is a file."""
        return self.name if self.file is None else name_text(shown(self.file))

    @property
    def path(self) -> Path | None:
        """Where it is a file on this machine."""
        return None if self.file is None or is_remote(self.file) else Path(self.file)

    @property
    def address(self) -> str | None:
        """Where it is a remote file; see `remote_state`."""
        return self.file if self.file is not None and is_remote(self.file) else None

    def read(self, options: ReadOptions) -> Iterator[Predictions]:
        """Its predictions, a batch of checkpoints at a time.

        Raises
        ------
        PredictionsError, OSError
            If they are refused, or cannot be read.
        """
        if self.file is None:
            if isinstance(self.content, Predictions):
                return iter([self.content])
            from ml_scorer.predictions.memory import memory_predictions  # which brings everything with it

            return memory_predictions(self.content, options, self.where)
        if is_remote(self.file):
            return read_remote(self.file, options)
        return read_file(Path(self.file), options)


class Sources(list[Source]):
    """Sources, or some of them: taken apart already, and so taken as they are, none at all too."""


def prediction_sources(predictions: Any) -> Sources:  # noqa: ANN401
    """Take apart what was passed as predictions.

    Parameters
    ----------
    predictions : path, array, frame, or mapping from image name to label; or several of them, or a mapping to them
        A path may be a folder, a pattern or a list of paths; see `expand`. `Sources` are taken as they are.

    Raises
    ------
    PredictionsError, OSError
        If a path means nothing.
    """
    if isinstance(predictions, Sources):
        return predictions
    if isinstance(predictions, Iterator):
        predictions = list(predictions)
    if isinstance(predictions, Mapping) and not _is_one_checkpoint(predictions):
        return Sources(source for name, one in predictions.items() for source in _named(name_text(name), one))
    if _is_path(predictions):
        return _several([predictions])
    if isinstance(predictions, Sequence) and predictions and not isinstance(predictions[0], int | float | np.generic):
        return _several(predictions)
    return Sources([Source("predictions", content=predictions)])


def _several(predictions: Sequence[Any]) -> Sources:
    """Paths and what is in memory, in their order; a file is called by what tells it from the other files."""
    found: list[str | Source] = []
    for are_paths, run in groupby(enumerate(predictions), key=lambda numbered: _is_path(numbered[1])):
        if are_paths:
            found += expand(one for _, one in run)
        else:
            found += [Source(f"predictions[{index}]", content=one) for index, one in run]
    names = iter(checkpoint_names([shown(one).rstrip("/") for one in found if isinstance(one, str)]))
    return Sources(Source(next(names), one) if isinstance(one, str) else one for one in found)


def _named(name: str, one: Any) -> list[Source]:  # noqa: ANN401
    """What was passed under a name: a path may mean several files."""
    if not _is_path(one):
        return [Source(name, content=one)]
    sources = _several([one])
    return [Source(name if len(sources) == 1 else f"{name}/{each.name}", each.file) for each in sources]


def _is_path(value: object) -> bool:
    return isinstance(value, str | PathLike)


def _is_one_checkpoint(mapping: Mapping[Any, Any]) -> bool:
    """Whether a mapping goes from image names to labels, rather than from checkpoint names to predictions."""
    from ml_scorer.predictions.arrays.choose import is_one_result

    name, value = next(iter(mapping.items()), ("", 0))
    names_an_image = bool(image_numbers(pl.Series([name_text(name)]))[0])
    return names_an_image or is_one_result(mapping) or isinstance(value, int | float | np.generic)
