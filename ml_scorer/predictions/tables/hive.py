"""Predictions from a Hive-partitioned folder: `checkpoint=step-100/part-0.parquet`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.folders import natural_order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.columns import column_predictions, name_column
from ml_scorer.predictions.tables.parquet_file import parquet_table
from ml_scorer.predictions.tables.roles import table_form

_ENDING: Final = ".parquet"
_Values = tuple[tuple[str, str], ...]


def read_hive(folder: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Read the Parquet files of a Hive-partitioned folder; the values in the folders' names name the checkpoint.

    Each partition is one checkpoint, in one or several files that hold image names and labels.

    Raises
    ------
    PredictionsError
        If there are other files, the partitions are of different columns, or predictions are refused.
    """
    for values, files in _partitions(folder).items():
        where = f"{folder}: {'/'.join(f'{column}={value}' for column, value in values)}"
        parts = [_columns(file, {column for column, _ in values}, options) for file in files]
        if len({part.width for part in parts}) > 1:
            raise PredictionsError(f"{where}: its files differ in the number of labels for each image.")
        alike = [part.rename(dict(zip(part.columns, parts[0].columns, strict=True))) for part in parts]
        try:
            names, *labels = pl.concat(alike, how="vertical_relaxed").get_columns()
        except pl.exceptions.PolarsError as error:
            raise PredictionsError(f"{where}: its files hold labels of different types ({error}).") from error
        predictions = column_predictions(names, labels, where, options)
        yield replace(predictions, names=(_checkpoint(values),))


def _columns(file: Path, partitioned: set[str], options: ReadOptions) -> pl.DataFrame:
    """Image names and labels of a file that holds one checkpoint, or a part of one."""
    table = parquet_table(file)
    kinds = {column: kind for column, kind in table.kinds.items() if column not in partitioned}
    form = table_form(kinds, table.where, options.key)
    if form.wide or form.checkpoint:
        several = form.checkpoint or form.labels
        raise PredictionsError(
            f"{table.where}: expected one checkpoint in each partition, but its columns hold several: "
            f"{some(several, len(several))}. Score the file by itself, or drop them."
        )
    columns = table.columns([form.image, *form.labels])
    return columns.select(name_column(columns[form.image], table.where), *(columns[label] for label in form.labels))


def _checkpoint(values: _Values) -> str:
    return values[0][1] if len(values) == 1 else ", ".join(f"{column}={value}" for column, value in values)


def _partitions(folder: Path) -> dict[_Values, list[Path]]:
    """The files of each partition, in natural order."""
    partitions: dict[_Values, list[Path]] = {}
    others = []
    for path in sorted(folder.rglob("*"), key=lambda path: natural_order(str(path))):
        inside = path.relative_to(folder)
        if path.is_dir() or any(part.startswith((".", "_")) for part in inside.parts):  # _SUCCESS, .crc
            continue
        values = tuple(
            (column, unquote(value)) for column, _, value in (part.partition("=") for part in inside.parts[:-1])
        )
        if path.suffix.lower() != _ENDING or not values or not all(column and value for column, value in values):
            others.append(str(inside))
        else:
            partitions.setdefault(values, []).append(path)
    if others:
        raise PredictionsError(
            f"{folder}: expected Parquet files in folders such as checkpoint=step-100/, but there are other files: "
            f"{some(others, len(others))}. Move them away."
        )
    if not partitions:
        raise PredictionsError(f"{folder}: there are no Parquet files in its folders.")
    columns = list(dict.fromkeys(tuple(column for column, _ in values) for values in partitions))
    if len(columns) > 1:
        found = some(("/".join(f"{column}=…" for column in each) for each in columns), len(columns))
        raise PredictionsError(f"{folder}: expected folders of the same columns throughout, found {found}.")
    return partitions
