"""Predictions from a table in the wide form: a column of image names, and one column a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.labels import exact_labels
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.ahead import read_ahead
from ml_scorer.predictions.tables.columns import label_values, name_column
from ml_scorer.predictions.tables.image_rows import ImageRows, image_rows
from ml_scorer.predictions.tables.named import row_labels
from ml_scorer.predictions.tables.roles import Form
from ml_scorer.predictions.tables.table import Table
from ml_scorer.schema import Labels

_CELLS: Final = 1 << 22
"""Cells that are read at a time: 8 MB as int16, 32 MB as int64. Each time costs milliseconds of its own."""

_INTEGERS: Final = {pl.Int8(), pl.Int32(), pl.Int64(), pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64()}

_COLUMNS: Final = 4096
"""Columns that are read at a time, at most, however short."""

_BATCH: Final = 64
"""Checkpoints of a batch: 6 MB, which the allocator gives again without the system clearing it first."""

_MARKS_FROM: Final = 100
"""A column of so many rows that holds both 0 and 1 and nothing else says yes and no, and not classes."""


def wide_predictions(table: Table, form: Form, options: ReadOptions) -> Iterator[Predictions]:
    """Predictions of the checkpoints of a wide table, a batch of them at a time.

    Raises
    ------
    PredictionsError
        If names or labels are refused.
    """
    names = name_column(table.columns([form.image])[form.image], table.where)
    if not names.len():
        raise PredictionsError(f"{table.where}: there are no predictions in it: expected a row for each image.")
    rows = image_rows(names)
    if strange := rows.strange_names(names):
        raise PredictionsError(faults_text(table.where, strange))
    step = max(1, min(_COLUMNS, _CELLS // max(1, names.len())))
    parts = [form.labels[start : start + step] for start in range(0, len(form.labels), step)]
    for _, frame in read_ahead(table.columns, parts):
        columns = frame.get_columns()
        for first in range(0, len(columns), _BATCH):
            batch = _Columns(columns[first : first + _BATCH], names, rows, table.where, options)
            yield Predictions(rows.images, batch.labels(), "names", names=tuple(batch.checkpoints))


@dataclass(frozen=True, eq=False)
class _Columns:
    """Some columns of checkpoints, of the same images."""

    columns: Sequence[pl.Series]
    names: pl.Series
    rows: ImageRows
    where: str
    options: ReadOptions

    @property
    def checkpoints(self) -> list[str]:
        return [column.name for column in self.columns]

    def labels(self) -> Labels:
        """Class indices: (checkpoints, images), or (checkpoints, images, k)."""
        try:
            block = self._block()
        except PredictionsError:
            self._refuse_columns()
            raise
        distinct, contradicted = self.rows.once(block)
        if contradicted:
            self._refuse_columns()
        self._refuse_marks(distinct)
        return distinct

    def _block(self) -> Labels:
        """Class indices row by row: (checkpoints, rows), or (checkpoints, rows, k)."""
        images = self.rows.numbers
        if all(column.dtype == pl.Int16 and not column.null_count() for column in self.columns):
            # NumPy gets them column after column, so that the transpose lies in memory row by row.
            return exact_labels(pl.DataFrame(self.columns).to_numpy().T, self.where, self.options, images)
        if all(column.dtype in _INTEGERS and not column.null_count() for column in self.columns):
            block = np.empty((len(self.columns), self.names.len()), np.int16)
            for row, column in zip(block, self.columns, strict=True):
                start = 0
                for chunk in column.get_chunks():  # each is checked and copied while the processor's cache holds it
                    values = chunk.to_numpy()
                    row[start : start + values.size] = exact_labels(values, self.where, self.options)
                    start += values.size
            return block
        labels = [exact_labels(self._values(column), self.where, self.options, images) for column in self.columns]
        if len({of_column.shape for of_column in labels}) > 1:
            raise PredictionsError(f"{self.where}: the columns of checkpoints differ in the number of labels an image.")
        return np.stack(labels)

    def _values(self, column: pl.Series) -> NDArray[Any]:
        return label_values([column], self.names, self._of(column), self.options)

    def _of(self, column: pl.Series) -> str:
        return f"{self.where}: column {column.name!r}"

    def _refuse_columns(self) -> None:
        """Refuse the first column that is at fault, by its name and the names of the images."""
        for column in self.columns:
            row_labels(self._values(column)[None], self.names, self.rows, self._of(column), self.options)

    def _refuse_marks(self, labels: Labels) -> None:
        if labels.shape[1] < _MARKS_FROM or labels.ndim != 2:  # noqa: PLR2004
            return
        suspects = np.flatnonzero(labels.max(axis=1) == 1).tolist()
        marks = [self.columns[index].name for index in suspects if labels[index].min() == 0]
        if marks:
            raise PredictionsError(
                f"{self.where}: columns that hold only 0 and 1 look like marks of what is right, not like class "
                f"indices: {some(marks, len(marks))}. "
                "Leave them out, or name the one column of labels with key= (--key)."
            )
