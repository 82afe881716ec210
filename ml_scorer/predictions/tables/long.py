"""Predictions from a table in the long form: a checkpoint, an image and a label a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.labels import exact_labels
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.ahead import read_ahead
from ml_scorer.predictions.tables.columns import label_values, name_column
from ml_scorer.predictions.tables.image_rows import ImageRows, NameBook
from ml_scorer.predictions.tables.named import row_labels
from ml_scorer.predictions.tables.roles import Form
from ml_scorer.predictions.tables.runs import ROWS, Runs, checkpoint_runs
from ml_scorer.predictions.tables.scattered import scattered_predictions
from ml_scorer.predictions.tables.table import Table


def long_predictions(table: Table, form: Form, options: ReadOptions) -> Iterator[Predictions]:
    """Predictions of the checkpoints of a long table, in the order in which they first appear.

    The checkpoints are looked at first. Where the rows of each stand together, they are read checkpoint by checkpoint,
    and names that repeat those of the checkpoint before are only compared; else see `scattered_predictions`.

    Raises
    ------
    PredictionsError
        If a row has no checkpoint, an image of a checkpoint has two labels, or names or labels are refused.
    """
    runs = checkpoint_runs(table, form)
    if runs.grouped:
        yield from _grouped_predictions(table, form, runs, options)
    else:
        yield from scattered_predictions(table, form, runs, options)


def _grouped_predictions(table: Table, form: Form, runs: Runs, options: ReadOptions) -> Iterator[Predictions]:
    book = NameBook()
    checkpoints, bounds = list(runs.names), [*runs.starts, runs.height]

    def read(span: tuple[int, int]) -> pl.DataFrame:
        first, last = span
        return table.rows([form.image, *form.labels], bounds[first], bounds[last] - bounds[first])

    for (first, last), rows in read_ahead(read, _spans(bounds)):
        names = name_column(rows[form.image], table.where)
        values = label_values([rows[column] for column in form.labels], names, table.where, options)
        parts = [slice(bounds[run] - bounds[first], bounds[run + 1] - bounds[first]) for run in range(first, last)]
        found = [book.rows(names[part]) for part in parts]
        yield from _batches(checkpoints[first:last], parts, found, names, values, table.where, options)


def _spans(bounds: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs that are read together: the first, and the one behind the last."""
    first = 0
    while first < len(bounds) - 1:
        last = first + 1
        while last < len(bounds) - 1 and bounds[last + 1] <= bounds[first] + ROWS:
            last += 1
        yield first, last
        first = last


def _batches(
    checkpoints: list[str],
    parts: list[slice],
    found: list[ImageRows],
    names: pl.Series,
    values: NDArray[Any],
    where: str,
    options: ReadOptions,
) -> Iterator[Predictions]:
    """Neighbouring checkpoints with the same images in the same order go together."""
    try:
        values = exact_labels(values, where, options)
        options = ReadOptions()
    except PredictionsError:
        pass  # whose fault it is shows when each is looked at alone
    for _, group in groupby(range(len(parts)), key=lambda run: id(found[run])):
        runs = list(group)
        span = slice(parts[runs[0]].start, parts[runs[-1]].stop)
        labels = values[span].reshape(len(runs), -1, *values.shape[1:])
        of_first = names[parts[runs[0]]]
        try:
            distinct = row_labels(labels, of_first, found[runs[0]], where, options)
        except PredictionsError:
            for run, of_one in zip(runs, labels, strict=True):
                row_labels(of_one[None], of_first, found[run], f"{where}: checkpoint {checkpoints[run]!r}", options)
            raise
        yield Predictions(found[runs[0]].images, distinct, "names", names=tuple(checkpoints[runs[0] : runs[-1] + 1]))
