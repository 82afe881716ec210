"""Read a table and make sure that it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Final

import polars as pl

from ml_scorer.annotations.find import find_table
from ml_scorer.annotations.fingerprint import seal
from ml_scorer.annotations.identity import Identity
from ml_scorer.annotations.invariants import check_columns
from ml_scorer.annotations.kinds import ANNOTATIONS, KINDS, TableKind
from ml_scorer.annotations.table import Annotations
from ml_scorer.errors import AnnotationsError, AnnotationsNotFoundError

FORMAT: Final = ANNOTATIONS.format
"""Value of the metadata key `format` in every annotation table that build-cache writes."""

METADATA: Final = (
    "format", "dataset", "version", "source", "source_sha256", "rows", "citation", "tool", "fingerprint", "seal",
)  # fmt: skip
"""The keys of a table's file metadata, in the order in which they are written. Reassessed labels have no version."""


def load_annotations(path: str | PathLike[str] | None = None) -> Annotations:
    """Read the annotation table and verify it: schema, rows, fingerprint and seal.

    Parameters
    ----------
    path : path, optional
        A Parquet file that build-cache wrote. None looks, in this order, at the environment variable
        `ML_SCORER_ANNOTATIONS`, at `data/annotations.parquet` of a checkout, at a table offered by an installed package
        (entry-point group `ml_scorer.annotations`) and at the user's data directory.

    Returns
    -------
    Annotations

    Raises
    ------
    AnnotationsNotFoundError
        If there is no such file, or none in any of those places; the message says how to get one.
    AnnotationsError
        If the file is damaged, truncated, or not a table of build-cache; or if the look-up without a path came upon a
        synthetic stand-in, which must be named to be used.
    """
    stored = read_table(ANNOTATIONS, path)
    annotations = Annotations.from_frame(stored.frame, metadata=stored.metadata, where=str(stored.file))
    check_identity(annotations.identity, stored, ANNOTATIONS, named=path is not None)
    return annotations


@dataclass(frozen=True, eq=False)
class StoredTable:
    """A table as a file holds it, under a seal that is whole."""

    file: Path
    frame: pl.DataFrame
    metadata: Mapping[str, str]


def read_table(kind: TableKind, path: str | PathLike[str] | None) -> StoredTable:
    """Read a table of some kind; None looks for it (see `find_table`).

    Raises
    ------
    AnnotationsNotFoundError
        If there is no such file.
    AnnotationsError
        If it is no whole table of that kind.
    """
    file = find_table(kind) if path is None else Path(path)
    if not file.is_file():
        raise AnnotationsNotFoundError(f"{file}: no such {kind.title}. `{kind.advice}` tells how to make one.")
    content = file.read_bytes()  # Polars would take a `[1]` in a path for a pattern
    try:
        metadata = pl.read_parquet_metadata(BytesIO(content))
        frame = pl.read_parquet(content)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        what = "the file is damaged or truncated" if content.startswith(b"PAR1") else "this is not a Parquet file"
        cause = "" if isinstance(error, pl.exceptions.PanicException) else f" ({error})"
        raise AnnotationsError(f"{file}: {what}. Copy it again, or make it again with build-cache.{cause}") from error
    found = metadata.get("format", "not given")
    if found != kind.format:
        of_other = next((other for other in KINDS if other.format == found), None)
        advice = (
            f"It is {of_other.called}: name it with {of_other.option}."
            if of_other
            else f"Turn an export of your own into one with `{kind.make}`."
        )
        raise AnnotationsError(
            f"{file}: a Parquet file, but not {kind.called} that build-cache wrote "
            f"(format {found!r}, expected {kind.format!r}). {advice}"
        )
    check_columns(frame, str(file), kind)
    if metadata.get("seal") != seal(frame, {key: metadata[key] for key in METADATA if key in metadata}, kind.columns):
        raise AnnotationsError(
            f"{file}: the seal does not fit: rows or metadata were changed after the table was made. "
            f"Copy it again from where you got it, or make it again with build-cache."
        )
    return StoredTable(file, frame, metadata)


def check_identity(identity: Identity, stored: StoredTable, kind: TableKind, *, named: bool) -> None:
    """Raise AnnotationsError for a stand-in that nobody named, and for rows that are not what the file says."""
    if not named and identity.status == "synthetic":
        raise AnnotationsError(
            f"{stored.file}: this table is SYNTHETIC, a stand-in for demonstrations, and is not used unless you name "
            f"it. Name it with {kind.option}, or replace it with the real one: `{kind.get}`."
        )
    claimed = stored.metadata.get("fingerprint", "nothing")
    if claimed != identity.fingerprint:
        raise AnnotationsError(
            f"{stored.file}: the rows have the fingerprint {identity.fingerprint[:16]}…, the file says "
            f"{claimed[:16]}…: it was changed after it was made. Make it again with build-cache."
        )
