"""Read an annotation table and make sure that it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Final

import polars as pl

from ml_scorer.annotations.find import find_annotations
from ml_scorer.annotations.fingerprint import seal
from ml_scorer.annotations.invariants import check_columns
from ml_scorer.annotations.table import Annotations
from ml_scorer.errors import AnnotationsError, AnnotationsNotFoundError

FORMAT: Final = "ml_scorer.annotations/1"
"""Value of the metadata key `format` in every table that build-cache writes."""

METADATA: Final = (
    "format", "dataset", "version", "source", "source_sha256", "rows", "citation", "tool", "fingerprint", "seal",
)  # fmt: skip
"""The keys of a table's file metadata, in the order in which they are written."""


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
    file = find_annotations() if path is None else Path(path)
    if not file.is_file():
        raise AnnotationsNotFoundError(f"{file}: no such annotation table. `build-cache --help` tells how to make one.")
    frame, metadata = _read(file)
    annotations = Annotations.from_frame(frame, metadata=metadata, where=str(file))
    if path is None and annotations.identity.status == "synthetic":
        raise AnnotationsError(
            f"{file}: this table is SYNTHETIC, a stand-in for demonstrations, and is not used unless you name it. "
            f"Name it with --annotations, or replace it with the real one: `build-cache download`."
        )
    claimed = metadata.get("fingerprint", "nothing")
    if claimed != annotations.identity.fingerprint:
        raise AnnotationsError(
            f"{file}: the rows have the fingerprint {annotations.identity.fingerprint[:16]}…, the file says "
            f"{claimed[:16]}…: it was changed after it was made. Make it again with build-cache."
        )
    return annotations


def _read(file: Path) -> tuple[pl.DataFrame, Mapping[str, str]]:
    """The table and its metadata, once the seal is known to be whole."""
    content = file.read_bytes()  # Polars would take a `[1]` in a path for a pattern
    try:
        metadata = pl.read_parquet_metadata(BytesIO(content))
        frame = pl.read_parquet(content)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        what = "the file is damaged or truncated" if content.startswith(b"PAR1") else "this is not a Parquet file"
        raise AnnotationsError(
            f"{file}: {what}. Copy it again, or make it again with build-cache. ({error})"
        ) from error
    if metadata.get("format") != FORMAT:
        raise AnnotationsError(
            f"{file}: a Parquet file, but not an annotation table that build-cache wrote "
            f"(format {metadata.get('format', 'not given')!r}, expected {FORMAT!r}). "
            f"Turn an export of your own into one with `build-cache table FILE -o OUT`."
        )
    check_columns(frame, str(file))
    if metadata.get("seal") != seal(frame, {key: metadata[key] for key in METADATA if key in metadata}):
        raise AnnotationsError(
            f"{file}: the seal does not fit: rows or metadata were changed after the table was made. "
            f"Copy it again from where you got it, or make it again with build-cache."
        )
    return frame, metadata
