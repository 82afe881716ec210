"""What a JSON value holds, if it holds predictions: tables, or an array without names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NoReturn

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.tables.json_columns import columns_of_records, json_frame
from ml_scorer.predictions.tables.named import name_text
from ml_scorer.schema import image_numbers

_NAME, _LABEL = "file_name", "prediction"  # what columns without a name of their own are called
_PAIR: Final = 2

_EXPECTED: Final = (
    'expected an object from image names to labels, such as {"ILSVRC2012_val_00000001.JPEG": 65}, a list of objects '
    'such as {"file_name": …, "prediction": …}, or what pandas or timm write'
)


@dataclass(frozen=True, eq=False)
class JsonTable:
    """A table, and what the checkpoint is called that it is of, if it is said outside the table."""

    frame: pl.DataFrame
    checkpoint: str | None = None


def json_tables(value: Any, where: str) -> Iterator[JsonTable | NDArray[Any]]:  # noqa: ANN401
    """The tables in a JSON value, or the array.

    ====================================================  ======================================================
    ``{image: label}``, ``{image: [label, …]}``           one checkpoint
    ``{image: {column: value}}``                          timm's json; pandas ``orient="index"``
    ``{column: {image: value}}``, ``{checkpoint: …}``     pandas' default with image names as its index
    ``{column: [value, …]}``, ``{column: {"0": value}}``  pandas ``orient="list"`` and its default
    ``{"columns": […], "data": [[…]], "index": […]}``     timm's json-split; pandas ``orient="split"``
    ``{"schema": …, "data": [{…}]}``                      pandas ``orient="table"``
    ``[{column: value}]``, ``[[image, label]]``           records, pairs
    ``[label, …]``, ``[[label, …], …]``                   an array, whose order must be said
    ====================================================  ======================================================

    Raises
    ------
    PredictionsError
        If it is nothing of that.
    """
    if isinstance(value, dict) and value:
        yield from _of_object(value, where)
    elif isinstance(value, list) and value:
        yield _of_list(value, where)
    elif value in ({}, []):
        raise PredictionsError(f"{where}: there are no predictions in it: the JSON is {value}.")
    else:
        _refuse(f"a JSON value of type {type(value).__name__}", where)


def _of_object(value: dict[str, Any], where: str) -> Iterator[JsonTable]:
    kinds = set(map(type, value.values()))
    if {"initial_annots", "problematic_images"} & value.keys():
        raise PredictionsError(
            f"{where}: these are annotations (the file human_accuracy of the dataset), not predictions. "
            "build-cache exports them: build-cache json --help."
        )
    if isinstance(value.get("data"), list) and isinstance(value.get("columns"), list):
        yield _of_split(value, where)
    elif isinstance(value.get("data"), list) and "schema" in value:
        yield records_table(value["data"], where)
    elif _are_images(value):
        yield _of_images(value, kinds, where)
    elif kinds == {list}:
        yield JsonTable(json_frame(value, where))
    elif kinds == {dict}:
        yield from _of_columns(value, where)
    else:
        _refuse(f"an object with the keys {some(map(repr, value), len(value))}, none of which is an image", where)


def _of_images(value: dict[str, Any], kinds: set[type], where: str) -> JsonTable:
    if kinds != {dict}:
        return JsonTable(json_frame({_NAME: list(value), _LABEL: list(value.values())}, where))
    columns = columns_of_records(list(value.values()), where)
    if _NAME in columns:
        _refuse(f"image names both before the objects and in them, as {_NAME!r}", where)
    return JsonTable(json_frame({_NAME: list(value), **columns}, where))


def _of_columns(value: dict[str, dict[str, Any]], where: str) -> Iterator[JsonTable]:
    """Columns, or checkpoints, that are objects from row to value; or rows that are numbered."""
    first = next(iter(value.values()))
    if all(map(str.isdecimal, value)) and not all(map(str.isdecimal, first)):
        yield records_table(list(value.values()), where)
        return
    named = any(map(_are_images, value.values()))
    if all(column.keys() == first.keys() for column in value.values()):
        columns = {name: [column[row] for row in first] for name, column in value.items()}
        if named and _NAME in columns:
            _refuse(f"image names both as keys and in a column {_NAME!r}", where)
        yield JsonTable(json_frame({_NAME: list(first), **columns} if named else columns, where))
        return
    if not named:
        _refuse(
            f"objects with different keys in {some(map(repr, value), len(value))}, none of which is an image", where
        )
    for checkpoint, labels in value.items():
        of_one = json_frame({_NAME: list(labels), _LABEL: list(labels.values())}, f"{where}: {checkpoint}")
        yield JsonTable(of_one, name_text(checkpoint))


def _of_split(value: dict[str, Any], where: str) -> JsonTable:
    columns, rows, index = value["columns"], value["data"], value.get("index")
    if not all(isinstance(column, str) for column in columns) or len(set(columns)) < len(columns):
        _refuse(f"columns that are no names, or stand twice: {some(map(repr, columns), len(columns))}", where)
    wrong = [number for number, row in enumerate(rows) if not isinstance(row, list) or len(row) != len(columns)]
    if wrong:
        _refuse(f"{len(wrong):,} rows of data that are not {len(columns)} long: row {some(wrong, len(wrong))}", where)
    table = {column: [row[position] for row in rows] for position, column in enumerate(columns)}
    if isinstance(index, list) and len(index) == len(rows) and _NAME not in table and _are_images(index):
        table = {_NAME: index, **table}
    return JsonTable(json_frame(table, where))


def _of_list(value: list[Any], where: str) -> JsonTable | NDArray[Any]:
    kinds = set(map(type, value))
    if dict in kinds:
        return records_table(value, where)
    if kinds == {list} and all(len(row) == _PAIR and isinstance(row[0], str) for row in value):
        names, labels = zip(*value, strict=True)
        return JsonTable(json_frame({_NAME: names, _LABEL: labels}, where))
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal lengths among them
        return _refuse(f"a list of {len(value):,} values of unequal lengths without image names", where)
    if kinds == {list}:
        kinds = set(map(type, chain.from_iterable(value)))
    if array.dtype.kind not in "iuf" or bool in kinds:  # which NumPy takes for 0 and 1 among numbers
        _refuse(f"a list that begins with {value[0]!r:.60}, without image names", where)
    return array


def records_table(records: Sequence[Any], where: str) -> JsonTable:
    """A table from one object a row, or from objects that each hold the label of one image under its name.

    Raises
    ------
    PredictionsError
        If there are none, not all are objects, or they have too little in common.
    """
    if not records:
        raise PredictionsError(f"{where}: there are no predictions in it: the list is empty.")
    if not all(isinstance(record, dict) for record in records):
        _refuse("a list in which not all are objects", where)
    if all(len(record) == 1 for record in records) and _are_images(key for record in records for key in record):
        names, labels = zip(*(item for record in records for item in record.items()), strict=True)
        return JsonTable(json_frame({_NAME: names, _LABEL: labels}, where))
    return JsonTable(json_frame(columns_of_records(records, where), where))


def _are_images(names: Iterable[Any] | Mapping[str, Any]) -> bool:
    """Whether one of these is the name of a validation image."""
    texts = [name_text(name) for name in names if isinstance(name, str)]
    return bool(image_numbers(pl.Series(texts, dtype=pl.String)).any())


def _refuse(found: str, where: str) -> NoReturn:
    raise PredictionsError(f"{where}: {_EXPECTED}; found {found}.")
