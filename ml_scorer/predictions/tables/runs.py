"""Which rows of a long table are of which checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.predictions.tables.roles import Form
from ml_scorer.predictions.tables.table import Table

ROWS: Final = 1_000_000
"""Rows that are read at a time: some 50 MB, most of it names."""

_MOST_CHECKPOINTS: Final = 200_000


@dataclass
class Runs:
    """Runs of rows of the same checkpoint.

    Attributes
    ----------
    names : dict of str
        The checkpoints, in the order of first appearance.
    starts : list of int
        The first row of each run; complete only if `grouped`.
    grouped : bool
        Whether all rows of each checkpoint stand together.
    height : int
        Number of rows.
    """

    names: dict[str, None] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    grouped: bool = True
    height: int = 0


def checkpoint_runs(table: Table, form: Form) -> Runs:
    """The checkpoints of a long table, and where their rows stand.

    Raises
    ------
    PredictionsError
        If there is no row, one has no checkpoint, or there are too many checkpoints to be what the column says.
    """
    runs, last = Runs(), None
    while (rows := table.rows(form.checkpoint, runs.height, ROWS)).height:
        _refuse_unnamed(rows, table.where)
        begins = _begins(rows) if runs.grouped else None
        distinct = (rows if begins is None else rows[begins]).unique(maintain_order=True)
        new = checkpoint_column(distinct, form, table.where).to_list()
        if begins is not None:
            if new[0] == last:
                begins = begins[1:]
            known = sum(name in runs.names for name in new)
            runs.grouped = known == (new[0] == last) and len(begins) == len(new) - known
            runs.starts += (begins + runs.height).tolist() if runs.grouped else []
            last = checkpoint_column(rows[-1], form, table.where)[0]
        runs.names.update(dict.fromkeys(new))
        runs.height += rows.height
        if len(runs.names) > _MOST_CHECKPOINTS:
            raise PredictionsError(
                f"{table.where}: the rows are of more than {_MOST_CHECKPOINTS:,} checkpoints by "
                f"{' and '.join(map(repr, form.checkpoint))}, such as {some(runs.names, len(runs.names))}: rename that "
                "column if it does not say which checkpoint a row is of."
            )
    if not runs.height:
        raise PredictionsError(f"{table.where}: there are no predictions in it: expected a row for each image.")
    return runs


def _begins(rows: pl.DataFrame) -> NDArray[np.intp]:
    """Rows where a value is another than in the row before, and the first."""
    begins = np.zeros(rows.height, bool)
    for column in rows.iter_columns():
        lengths = column.rle().struct.field("len").to_numpy()
        begins[np.cumsum(lengths, dtype=np.intp) - lengths] = True
    return np.flatnonzero(begins)


def _refuse_unnamed(rows: pl.DataFrame, where: str) -> None:
    faults = []
    for column in rows.iter_columns():
        if column.dtype.is_nested():
            faults.append(f"column {column.name!r} is {column.dtype}, expected what a checkpoint is called")
        elif nulls := column.null_count():
            faults.append(f"column {column.name!r} is empty in {nulls:,} rows, expected what a checkpoint is called")
    if faults:
        raise PredictionsError(faults_text(where, faults))


def checkpoint_column(rows: pl.DataFrame, form: Form, where: str) -> pl.Series:
    """What the checkpoint of each row is called: the value of its column, or `model=…, epoch=…` for several.

    Raises
    ------
    PredictionsError
        If that cannot be text.
    """
    parts = [pl.col(name).cast(pl.String) for name in form.checkpoint]
    if len(parts) > 1:
        said = [pl.lit(f"{name}=") + part for name, part in zip(form.checkpoint, parts, strict=True)]
        parts = [pl.concat_str(said, separator=", ")]
    try:
        return rows.select(parts[0].alias("checkpoint")).to_series()
    except pl.exceptions.PolarsError as error:
        raise PredictionsError(
            f"{where}: columns {some(form.checkpoint, 9)}: not the names of checkpoints ({error})."
        ) from error
