"""Columns of a table from values that were JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from math import inf
from typing import Any, Final

import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.tables.named import name_text

_NOTHING: Final = type(None)
_SPARE_CELLS: Final = 1_000_000


def json_column(name: str, values: Sequence[Any]) -> pl.Series:
    """One column: integers, floats, text, or lists of these; what is neither, or several kinds, becomes its JSON text.

    Polars would make integers of the fractions and truths that stand behind integers, so the kinds are told first.

    >>> json_column("x", [1, 2.5]).to_list(), json_column("x", [3, "n01440764"]).to_list()
    ([1.0, 2.5], ['3', 'n01440764'])
    """
    kinds = set(map(type, values))
    lists = list in kinds and kinds <= {list, _NOTHING}
    if lists:
        kinds = set(map(type, chain.from_iterable(filter(None, values))))
    if kinds <= {int, _NOTHING}:
        with suppress(TypeError, OverflowError):  # of more than 64 bits
            return pl.Series(name, values, pl.List(pl.Int64()) if lists else pl.Int64())
    if kinds <= {int, float, _NOTHING}:
        floats = (
            [_as_float(value) for value in values]
            if not lists
            else [None if items is None else [_as_float(item) for item in items] for items in values]
        )
        return pl.Series(name, floats, pl.List(pl.Float64()) if lists else pl.Float64())
    if kinds <= {str, _NOTHING}:
        return _texts(name, values, pl.List(pl.String()) if lists else pl.String())
    return _texts(name, [_as_text(value) for value in values], pl.String())


def json_frame(columns: Mapping[str, Sequence[Any]], where: str) -> pl.DataFrame:
    """A table of columns, which must be equally long.

    Raises
    ------
    PredictionsError
        If they are not, or two have one name (which can be once it is Unicode text).
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        found = some((f"{length:,} in {name!r}" for name, length in lengths.items()), len(lengths))
        raise PredictionsError(f"{where}: the columns differ in length: {found}.")
    names = [name_text(name) for name in columns]
    if len(set(names)) < len(names):
        raise PredictionsError(f"{where}: two columns have the same name: {some(names, len(names))}.")
    return pl.DataFrame([json_column(name, values) for name, values in zip(names, columns.values(), strict=True)])


def columns_of_records(records: Sequence[Mapping[str, Any]], where: str) -> dict[str, list[Any]]:
    """Columns from one object a row; None where an object lacks a key.

    Raises
    ------
    PredictionsError
        If the objects have so little in common that their table would be mostly empty.
    """
    keys = records[0].keys()
    if all(record.keys() == keys for record in records):
        return {key: [record[key] for record in records] for key in keys}
    every = dict.fromkeys(chain.from_iterable(records))
    if len(every) * len(records) > 10 * sum(map(len, records)) + _SPARE_CELLS:
        raise PredictionsError(
            f"{where}: {len(records):,} objects with {len(every):,} different keys, such as {some(every, len(every))}. "
            'Expected the same keys in each, such as {"file_name": "ILSVRC2012_val_00000001.JPEG", "prediction": 65}.'
        )
    return {key: [record.get(key) for record in records] for key in every}


def joined_columns(parts: Iterable[pl.DataFrame], where: str) -> pl.DataFrame:
    """Tables one below the other; a column may be missing in some, and hold integers here and floats there.

    Raises
    ------
    PredictionsError
        If a column holds something else in one part than in another.
    """
    try:
        return pl.concat(parts, how="diagonal_relaxed", rechunk=True)
    except pl.exceptions.PolarsError as error:
        raise PredictionsError(f"{where}: a column holds values of several kinds: {error}.") from error


def _texts(name: str, values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    try:
        return pl.Series(name, values, dtype)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write
        return pl.Series(name, [_unicode(value) for value in values], dtype)


def _unicode(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_unicode(item) for item in value]
    return value and name_text(value)


def _as_float(value: float | None) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf


def _as_text(value: Any) -> str | None:  # noqa: ANN401
    return value if value is None or isinstance(value, str) else json.dumps(value)
