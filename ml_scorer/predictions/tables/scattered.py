"""Predictions from a long table whose checkpoints are mixed with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.labels import exact_labels, label_faults, other_numberings
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.ahead import read_ahead
from ml_scorer.predictions.tables.columns import label_values, name_column
from ml_scorer.predictions.tables.image_rows import NameBook, rows_of
from ml_scorer.predictions.tables.named import repeated_labels
from ml_scorer.predictions.tables.roles import Form
from ml_scorer.predictions.tables.runs import ROWS, Runs, checkpoint_column
from ml_scorer.predictions.tables.table import Table
from ml_scorer.schema import MISSING, VALIDATION_IMAGES, Images, Labels, image_name

_IMAGES: Final = VALIDATION_IMAGES + 1
_LABELS: Final = 1 << 26
"""Labels that are gathered at a time: 128 MB. More checkpoints than fit are gathered by reading the table again."""

_BATCH: Final = 64


def scattered_predictions(table: Table, form: Form, runs: Runs, options: ReadOptions) -> Iterator[Predictions]:
    """Predictions of the checkpoints of a long table whose rows are in any order, in the order of `runs`.

    Raises
    ------
    PredictionsError
        If an image of a checkpoint has two labels, or names or labels are refused.
    """
    checkpoints = list(runs.names)
    gathering = _Gathering(table, form, checkpoints, runs.height, options)
    start = 0
    while start < len(checkpoints):
        block = gathering.labels_from(start)
        for first in range(0, len(block), _BATCH):
            names = checkpoints[start + first : start + first + _BATCH]
            yield from _of_same_images(block[first : first + _BATCH], names)
        start += len(block)


def _of_same_images(block: Labels, checkpoints: Sequence[str]) -> Iterator[Predictions]:
    """Checkpoints in a row that have the same images go together."""
    present = block.reshape(*block.shape[:2], -1)[:, :, 0] != MISSING
    changes = np.flatnonzero((present[1:] != present[:-1]).any(axis=1)) + 1
    bounds = [0, *changes.tolist(), len(block)]
    for first, last in pairwise(bounds):
        images = np.flatnonzero(present[first]).astype(np.int32)
        yield Predictions(images, block[first:last, images], "names", names=tuple(checkpoints[first:last]))


class _Gathering:
    """Puts the labels of a long table where their checkpoint and image say."""

    def __init__(self, table: Table, form: Form, checkpoints: Sequence[str], height: int, options: ReadOptions) -> None:
        self._table = table
        self._form = form
        self._checkpoints = checkpoints
        self._height = height
        self._options = options
        self._book = NameBook()
        self._categories = pl.Categorical(pl.Categories.random())
        # Kept, since Polars forgets the categories when the last column of them goes.
        self._kept = pl.Series(checkpoints, dtype=pl.String).cast(self._categories)
        codes = self._kept.to_physical().to_numpy()
        self._indices = np.empty(len(checkpoints), np.int64)
        self._indices[codes] = np.arange(len(checkpoints))

    def labels_from(self, start: int) -> Labels:
        """Labels of as many checkpoints as may be held, from one on: (checkpoints, 50001) or (checkpoints, 50001, k).

        By image number; `MISSING` where there is no row.
        """
        block: Labels | None = None
        count = 0
        for which, images, labels in self._rows():
            if block is None:
                k = labels.shape[1:]
                checkpoints = max(1, _LABELS // (_IMAGES * max(1, *k, 1)))
                block = np.full((min(checkpoints, len(self._checkpoints) - start), _IMAGES, *k), MISSING, np.int16)
            if labels.shape[1:] != block.shape[2:]:
                raise PredictionsError(f"{self._table.where}: rows differ in their number of labels.")
            places, of_places = _inside(block, which - start, images, labels)
            _flat(block)[places] = of_places
            count += places.size
        if block is None:
            raise PredictionsError(f"{self._table.where}: the table has become empty while it was read.")
        if np.count_nonzero(block != MISSING) != count * (block[0, 0].size):
            self._refuse_contradictions(block, start)
        return block

    def _refuse_contradictions(self, block: Labels, start: int) -> None:
        """Some rows are of the same checkpoint and image: refuse those that do not have the label that was put last."""
        bad: set[int] = set()
        for which, images, labels in self._rows():
            places, of_places = _inside(block, which - start, images, labels)
            differs = (_flat(block)[places] != of_places).reshape(places.size, -1).any(axis=1)
            bad.update(places[differs].tolist())
        if bad:
            found = (f"{image_name(p % _IMAGES)} of {self._checkpoints[start + p // _IMAGES]}" for p in sorted(bad))
            raise PredictionsError(
                f"{self._table.where}: {len(bad):,} images of a checkpoint are repeated with another label: "
                f"{some(found, len(bad))}."
            )

    def _rows(self) -> Iterator[tuple[NDArray[np.int64], Images, Labels]]:
        """All rows, some at a time: see `_taken`."""
        columns = [*self._form.checkpoint, self._form.image, *self._form.labels]
        parts = read_ahead(lambda first: self._table.rows(columns, first, ROWS), range(0, self._height, ROWS))
        for _, rows in parts:
            yield self._taken(rows)

    def _taken(self, rows: pl.DataFrame) -> tuple[NDArray[np.int64], Images, Labels]:
        """Index of the checkpoint, image number and labels of each row."""
        where, options = self._table.where, self._options
        names = name_column(rows[self._form.image], where)
        images = self._book.numbers(names)
        checkpoints = checkpoint_column(rows, self._form, where)
        faults = [] if images.all() else rows_of(images).strange_names(names)
        values = label_values([rows[column] for column in self._form.labels], names, where, options)
        places = names + pl.Series([" of "]) + checkpoints if _outside(values, options) else names
        if values.dtype.kind in "iuf" and (of_labels := label_faults(values, places, options.class_ids)):
            faults += [*of_labels[:-1], of_labels[-1] + other_numberings(values, options)]
        faults += repeated_labels(values[None], names)
        if faults:
            raise PredictionsError(faults_text(where, faults))
        codes = checkpoints.cast(self._categories).to_physical().to_numpy()
        return self._indices[codes], images, exact_labels(values, where, options)


def _flat(block: Labels) -> Labels:
    return block.reshape(-1, *block.shape[2:])


def _inside(
    block: Labels, which: NDArray[np.int64], images: Images, labels: Labels
) -> tuple[NDArray[np.int64], Labels]:
    """Where in the flat block the labels belong of those rows whose checkpoint is in it; and these labels."""
    inside = (which >= 0) & (which < len(block))
    if not inside.all():
        which, images, labels = which[inside], images[inside], labels[inside]
    return which * _IMAGES + images, labels


def _outside(values: NDArray[Any], options: ReadOptions) -> bool:
    return values.dtype.kind in "iuf" and bool(label_faults(values, class_ids=options.class_ids))
