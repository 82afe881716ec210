"""Predictions from a table of any form: one checkpoint, one a column, or one a group of rows."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.columns import column_predictions
from ml_scorer.predictions.tables.long import long_predictions
from ml_scorer.predictions.tables.roles import Form, table_form
from ml_scorer.predictions.tables.table import Table, frame_table
from ml_scorer.predictions.tables.wide import wide_predictions


def frame_predictions(frame: pl.DataFrame, options: ReadOptions, where: str) -> Iterator[Predictions]:
    """Predictions from a frame in memory; see `table_predictions`."""
    return table_predictions(frame_table(frame, where), options)


def table_predictions(table: Table, options: ReadOptions) -> Iterator[Predictions]:
    """Predictions from a table, a batch of checkpoints at a time; its columns tell its form.

    Raises
    ------
    PredictionsError
        If the form cannot be told, or the predictions are refused.
    """
    yield from form_predictions(table, table_form(table.kinds, table.where, options.key), options)


def form_predictions(table: Table, form: Form, options: ReadOptions) -> Iterator[Predictions]:
    """Predictions from a table of this form; see `table_predictions`."""
    if form.wide:
        yield from wide_predictions(table, form, options)
    elif form.checkpoint:
        yield from long_predictions(table, form, options)
    else:
        columns = table.columns([form.image, *form.labels])
        yield column_predictions(columns[form.image], [columns[name] for name in form.labels], table.where, options)
