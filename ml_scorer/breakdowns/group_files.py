"""A user's own groups of classes, from a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import polars as pl

from ml_scorer.breakdowns.class_lookup import CLASS_FORMS, classes_meant
from ml_scorer.errors import GroupsError, PredictionsError, faults_text, some
from ml_scorer.imagenet import class_names
from ml_scorer.predictions.tables.delimited import COMPRESSED, beginning
from ml_scorer.schema import NUM_CLASSES

CLASS_COLUMNS: Final = (
    "class", "class_index", "class_id", "class_idx", "index", "label", "wordnet_id", "wnid", "synset", "name",
    "class_name",
)  # fmt: skip
GROUP_COLUMNS: Final = ("group", "group_name", "superclass", "supercategory", "category", "cluster")

_FORMS: Final = (
    f"a table (.csv, .tsv, .parquet, .json, .jsonl) with a column of classes ({', '.join(CLASS_COLUMNS[:6])}, "
    f"{CLASS_COLUMNS[6]}, {CLASS_COLUMNS[9]}, …) and one of groups ({', '.join(GROUP_COLUMNS)}), "
    'or JSON such as {"pets": [151, "n02123045"]} or {"151": "pets"}'
)

_Row: TypeAlias = tuple[str, tuple[Any, ...], Any]
"""Where it stands, what its columns of classes say, and its group."""


def read_groups(path: str | Path) -> dict[str, tuple[int, ...]]:
    """Groups of classes from a file.

    Parameters
    ----------
    path : path
        `.csv` or `.tsv` (also with `;` or `|` between, also `.gz` or `.zst`), `.parquet`, `.json`, `.jsonl`: a table
        with one column of groups and one or more of classes, told by their names (`GROUP_COLUMNS`, `CLASS_COLUMNS`);
        or a JSON object, from a group to a list of classes, or from a class to one group. A class is an index 0-999,
        a WordNet id, or a name, as `class_called` takes them. It may stand in several rows, for several groups; where
        a group is empty, its class is in none.

    Returns
    -------
    dict of str to tuple of int
        Class indices of each group, ascending, each once; groups in the order of the file.

    Raises
    ------
    GroupsError
        If the file is nothing of that kind, or a folder, or a row is wrong; all faults are named.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    members: dict[str, set[int]] = {}
    faults: dict[str, list[str]] = {}
    for place, cells, group in _rows(path):
        labels = {_label(cell) for cell in cells}
        wrong = [label for label in labels if isinstance(label, str)]
        if wrong:
            faults.setdefault(wrong[0], []).append(place)
        elif len(labels) > 1:
            faults.setdefault("the columns of classes mean different classes", []).append(place)
        elif isinstance(group, bool) or not isinstance(group, str | int | None):
            faults.setdefault("the group is neither a text nor a whole number", []).append(place)
        elif group is not None and str(group).strip():
            members.setdefault(str(group).strip(), set()).update(label for label in labels if isinstance(label, int))
    if faults:
        raise GroupsError(
            faults_text(str(path), [f"{fault}: {some(places, len(places))}" for fault, places in faults.items()])
        )
    if not members:
        raise GroupsError(f"{path}: no class is in a group. Expected {_FORMS}.")
    return {name: tuple(sorted(labels)) for name, labels in members.items()}


def _label(cell: Any) -> int | str:  # noqa: ANN401 (whatever a file holds)
    """Class index that a cell means, or what is wrong with it."""
    text = "" if cell is None else str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
    if text.isascii() and text.removeprefix("-").isdecimal():
        index = int(text)
        return index if 0 <= index < NUM_CLASSES else f"class index {index} is not in 0-{NUM_CLASSES - 1}"
    found = classes_meant(text)
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(f"{index} ({class_names()[index]})" for index in found)
        return f"{text!r} is the name of {len(found)} classes, {names}; write the index"
    return f"{text!r:.80} is no class (expected {CLASS_FORMS})" if text else "the class is empty"


def _rows(path: Path) -> Iterator[_Row]:
    """Every row of the file."""
    if path.is_dir():
        raise GroupsError(f"{path} is a folder: name one file of groups (.csv, .tsv, .parquet, .json, .jsonl).")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of groups.")
    if path.suffix.lower() != ".json":
        return _table_rows(_records(path), path)
    content = _json(path.read_bytes(), path)
    if isinstance(content, dict):
        return _object_rows(content, path)
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise GroupsError(f"{path}: expected {_FORMS}.")
    return _table_rows(content, path)


def _object_rows(content: dict[str, Any], path: Path) -> Iterator[_Row]:
    kinds = {type(value) for value in content.values()}
    if kinds == {list}:
        return ((f"in {group!r:.60}", (cell,), group) for group, cells in content.items() for cell in cells)
    if kinds == {str}:
        return ((f"at {cell!r:.60}", (cell,), group) for cell, group in content.items())
    raise GroupsError(
        f"{path}: expected an object from group to list of classes, or from class to the name of a group, found "
        f"{'values that are neither all lists nor all texts' if content else 'an empty one'}."
    )


def _table_rows(records: Sequence[Mapping[str, Any]], path: Path) -> Iterator[_Row]:
    columns = list(dict.fromkeys(column for record in records for column in record))
    cells = [column for column in columns if column.strip().lower() in CLASS_COLUMNS]
    groups = [column for column in columns if column.strip().lower() in GROUP_COLUMNS]
    faults = []
    if not cells:
        faults.append(f"expected a column of classes, such as {', '.join(CLASS_COLUMNS[:4])}: there is none")
    if len(groups) != 1:
        found = f"{len(groups)} columns could be it ({', '.join(groups)})" if groups else "there is none"
        faults.append(f"expected one column of groups, such as {', '.join(GROUP_COLUMNS[:3])}: {found}")
    if faults:
        has = f"The columns are {some(map(repr, columns), len(columns))}; rename or drop some" if columns else "No rows"
        raise GroupsError(f"{faults_text(str(path), faults)}\n{has}.")
    return (
        (f"row {number:,}", tuple(record.get(column) for column in cells), record.get(groups[0]))
        for number, record in enumerate(records, 1)
    )


def _records(path: Path) -> list[dict[str, Any]]:
    """Rows of a table."""
    ending = next((ending for ending in reversed(path.suffixes) if ending.lower() not in COMPRESSED), "").lower()
    try:
        if ending in {".csv", ".tsv"}:
            table = pl.read_csv(path, separator=beginning(path).separator, infer_schema=False, glob=False)
            return table.filter(~pl.all_horizontal(pl.all().is_null())).to_dicts()  # a blank line is no row
        if ending == ".parquet":
            return pl.read_parquet(path, glob=False).to_dicts()
        if ending in {".jsonl", ".ndjson"}:
            return pl.read_ndjson(path).to_dicts()
    except (pl.exceptions.PolarsError, PredictionsError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].removeprefix(f"{path}: ")
        raise GroupsError(f"{path}: not a table of classes and groups: {reason}") from error
    raise GroupsError(f"{path}: the ending tells no kind of file. Expected {_FORMS}.")


def _json(content: bytes, path: Path) -> Any:  # noqa: ANN401 (whatever a file holds)
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated = sorted(key for key, number in Counter(key for key, _ in pairs).items() if number > 1)
        if repeated:
            raise GroupsError(f"{path}: keys stand twice in an object: {some(map(repr, repeated), len(repeated))}.")
        return dict(pairs)

    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=once)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise GroupsError(f"{path}: not JSON: {error}.") from error
