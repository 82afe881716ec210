"""A table that somebody exported: CSV, Parquet or JSON lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import polars as pl

from build_cache.sources.source import Export, file_sha256
from ml_scorer.annotations.load import FORMAT
from ml_scorer.errors import AnnotationsError, faults_text, some
from ml_scorer.schema import COLUMNS, CORRECT, LABEL_LISTS, image_name, image_numbers

ALIASES: Final = {"file_name": ("id",), CORRECT: ("proposed_labels",)}
"""What the public table calls columns that the dataset calls otherwise."""

_READERS: Final[dict[str, Callable[[Path], pl.DataFrame]]] = {
    ".csv": lambda path: pl.read_csv(path, infer_schema=False),
    ".parquet": lambda path: pl.read_parquet(path, hive_partitioning=False),
    ".jsonl": lambda path: pl.read_ndjson(path, infer_schema_length=None),
    ".ndjson": lambda path: pl.read_ndjson(path, infer_schema_length=None),
}

_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class TableSource:
    """A CSV, Parquet or JSON lines file with one row an image.

    Columns are named as in the dataset's documentation, or as in the public table (`id`, `proposed_labels`); others
    are ignored, and `is_imagenet_m` may be left out. A list of labels is a list, or a text: `415, 813` or `[415, 813]`.
    """

    path: Path
    kind: ClassVar[str] = "table"

    def export(self) -> Export:
        """Read the table."""
        where = str(self.path)
        reader = _READERS.get(self.path.suffix.lower())
        if reader is None:
            raise AnnotationsError(f"{where}: not a table that is read here; expected {', '.join(_READERS)}.")
        if not self.path.is_file():
            raise FileNotFoundError(f"{where}: no such file.")
        try:
            raw = reader(self.path)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            what = str(error).strip().splitlines()[0]
            raise AnnotationsError(f"{where}: not a whole {self.path.suffix[1:]} file: {what}") from error
        metadata = pl.read_parquet_metadata(self.path) if self.path.suffix.lower() == ".parquet" else {}
        ours = metadata.get("format") == FORMAT
        return Export(
            frame=to_schema(raw, where),
            where=where,
            sha256=file_sha256(self.path),
            version=metadata.get("version") or None if ours else None,
            synthetic=ours and metadata.get("source") == "synthetic",
        )


def to_schema(raw: pl.DataFrame, where: str) -> pl.DataFrame:
    """Bring a table as somebody wrote it into the annotation table's schema.

    Raises
    ------
    AnnotationsError
        If a column is missing or a cell cannot be read; all such faults are named, with the images they are at.
    """
    chosen = {name: _column_of(raw, name) for name in COLUMNS}
    lacking = [name for name, column in chosen.items() if column is None and name != "is_imagenet_m"]
    if lacking:
        raise AnnotationsError(
            f"{where}: no column {', '.join(map(repr, lacking))}; the columns are {', '.join(map(repr, raw.columns))}. "
            f"Expected those of the dataset's documentation or of the public table (id, proposed_labels, …)."
        )
    names = raw[chosen["file_name"] or ""].cast(pl.String)
    numbers = image_numbers(names)
    known = pl.Series([image_name(number) if number else None for number in numbers.tolist()], dtype=pl.String)
    faults: list[str] = []
    columns = {"file_name": known.zip_with(known.is_not_null(), names)}
    for name, dtype in COLUMNS.items():
        if name == "file_name":
            continue
        column = chosen[name]
        if column is None:
            columns[name] = pl.Series([None] * raw.height, dtype=dtype)
            continue
        values, broken = _parsed(raw[column], name)
        columns[name] = values
        if broken.any():
            cells = [
                f"{cell!r} at {image}"
                for cell, image in zip(raw[column].filter(broken)[:3], names.filter(broken)[:3], strict=True)
            ]
            faults.append(f"column {column!r} cannot be read as {dtype}: {some(cells, int(broken.sum()))}")
    if faults:
        raise AnnotationsError(faults_text(where, faults))
    return pl.DataFrame({name: columns[name] for name in COLUMNS})


def _column_of(raw: pl.DataFrame, name: str) -> str | None:
    return next((column for column in (name, *ALIASES.get(name, ())) if column in raw.columns), None)


def _parsed(column: pl.Series, name: str) -> tuple[pl.Series, pl.Series]:
    """A column in its type, and a mask of the cells that could not be read."""
    if name in LABEL_LISTS:
        return _parsed_lists(column)
    if COLUMNS[name] == pl.Boolean:
        if column.dtype in {pl.Boolean, pl.Null}:
            return column.cast(pl.Boolean), _none(column)
        texts = column.cast(pl.String).str.strip_chars().str.to_lowercase()
        texts = texts.replace("", None)
        values = texts.replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
        return values, values.is_null() & texts.is_not_null()
    values = column.cast(pl.UInt16, strict=False)
    return values, values.is_null() & column.is_not_null()


def _parsed_lists(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    labels = pl.List(pl.UInt16)
    if column.dtype == pl.Null:
        return pl.Series([[]] * column.len(), dtype=labels), _none(column)
    if isinstance(column.dtype, pl.List):
        tokens = column
    else:
        texts = column.cast(pl.String).str.strip_chars()
        well_formed = texts.str.contains(r"^(\[\s*(\d+\s*(,\s*\d+\s*)*)?\]|(\d+\s*(,\s*\d+\s*)*)?)$")
        if not well_formed.all():
            return pl.Series([[]] * column.len(), dtype=labels), ~well_formed.fill_null(value=True)
        tokens = texts.str.extract_all(r"\d+")
    values = tokens.cast(labels, strict=False)
    too_large = (
        values.list.eval(pl.element().is_null()).list.any() & ~tokens.list.eval(pl.element().is_null()).list.any()
    )
    return values.fill_null(pl.Series([[]], dtype=labels)), too_large.fill_null(value=False)


def _none(column: pl.Series) -> pl.Series:
    return pl.Series([False] * column.len(), dtype=pl.Boolean)
