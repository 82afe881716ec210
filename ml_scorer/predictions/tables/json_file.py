"""Predictions from a JSON file, or from JSON lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.arrays.array import array_predictions
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.csv_file import read_csv
from ml_scorer.predictions.tables.form import frame_predictions
from ml_scorer.predictions.tables.json_columns import joined_columns
from ml_scorer.predictions.tables.json_forms import json_tables, records_table

_LINES_AT_A_TIME: Final = 20_000  # as Python objects some 20 MB, until they are a table


class _RepeatedKeyError(Exception):
    """An object has a key twice, of which Python would take the last."""


def read_json(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Read a JSON file: whatever form people give predictions in, see `json_tables`.

    The whole file is parsed in memory: three times its size for mappings from names to numbers, six times for records,
    twelve times for timm's lists of top-k labels. JSON lines are read as such, a part at a time, and a table of
    comma-separated values too: timm writes one into a .json file (`--results-format json-record`).

    Raises
    ------
    PredictionsError
        If the file is no JSON, an object has a key twice, or what it holds is refused.
    """
    text = _text(path)
    first_line = text.lstrip().partition("\n")[0]
    if first_line[:1] not in {"{", "["}:
        if not {",", "\t"} & set(first_line):
            raise PredictionsError(f"{path}: not JSON: it begins with {first_line!r:.60}.")
        del text
        yield from read_csv(path, options)
        return
    try:
        value = _parsed(text, str(path))
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data") or not _is_json(first_line):
            raise PredictionsError(f"{path}: not JSON: {_fault(error, text)}.") from error
        value = None
    del text
    yield from _of_lines(path, options) if value is None else _of_value(value, options, str(path))


def read_json_lines(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Read JSON lines: an object a line, a row of the table; see `read_json` for the rest.

    Raises
    ------
    PredictionsError
        If a line is not one whole object, an object has a key twice, or what the table holds is refused.
    """
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    yield from read_json(path, options) if start[:1] != b"{" else _of_lines(path, options)


def _of_lines(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    where = str(path)
    parts: list[pl.DataFrame] = []
    single = None
    try:
        with path.open(encoding="utf-8-sig") as file:  # splits at line ends only, not at what else Unicode has for it
            lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
            while some_lines := list(islice(lines, _LINES_AT_A_TIME)):
                records = [_record(line, number, where) for number, line in some_lines]
                single = records[0] if len(records) == 1 and not parts else None
                parts.append(records_table(records, where).frame)
    except UnicodeDecodeError as error:
        raise PredictionsError(
            f"{where}: not UTF-8 text ({error.reason} at byte {error.start:,} of a part)."
        ) from error
    if single is not None:
        yield from _of_value(single, options, where)  # an object in one line, which may be any form
    else:
        yield from frame_predictions(joined_columns(parts, where), options, where)


def _record(line: str, number: int, where: str) -> dict[str, Any]:
    try:
        record = _parsed(line, f"{where}: line {number:,}")
    except json.JSONDecodeError as error:
        raise PredictionsError(f"{where}: line {number:,} is not JSON: {_fault(error, line)}.") from error
    if not isinstance(record, dict) or not record:
        raise PredictionsError(
            f"{where}: line {number:,} is {line.strip()!r:.60}, expected an object with the columns of a row, such as "
            '{"file_name": "ILSVRC2012_val_00000001.JPEG", "prediction": 65}.'
        )
    return record


def _of_value(value: Any, options: ReadOptions, where: str) -> Iterator[Predictions]:  # noqa: ANN401
    try:
        for table in json_tables(value, where):
            if isinstance(table, np.ndarray):
                yield from array_predictions(table, options, where)
                continue
            of_one = where if table.checkpoint is None else f"{where}: {table.checkpoint}"
            for predictions in frame_predictions(table.frame, options, of_one):
                yield predictions if table.checkpoint is None else replace(predictions, names=(table.checkpoint,))
    except RecursionError as error:
        raise PredictionsError(f"{where}: the JSON is nested too deeply.") from error


def _parsed(text: str, where: str) -> Any:  # noqa: ANN401
    """The value that a JSON text is.

    Raises
    ------
    PredictionsError
        If an object has a key twice, a number is too long, or objects are nested too deeply.
    json.JSONDecodeError
        If it is no JSON.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except _RepeatedKeyError as error:
        raise PredictionsError(f"{where}: {error}. Which one is meant cannot be told.") from error
    except RecursionError as error:
        raise PredictionsError(f"{where}: the JSON is nested too deeply.") from error
    except ValueError as error:  # an integer of thousands of digits
        raise PredictionsError(f"{where}: a number in it is too long to be read ({error}).") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        raise _RepeatedKeyError(f"{len(twice):,} keys stand twice in one object: {some(map(repr, twice), len(twice))}")
    return found


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object)
"""Made once: `json.loads` would make one for every line."""


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PredictionsError(f"{path}: not JSON: byte {error.start:,} is not UTF-8 text.") from error


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _fault(error: json.JSONDecodeError, text: str) -> str:
    if error.pos >= len(text.rstrip()):
        return "it ends in the middle, so it is truncated"
    return f"{error.msg} at line {error.lineno:,}, column {error.colno:,}"
