"""Scores in parts: a part as it is written, and read back to be merged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from ml_scorer.annotations import Identity
from ml_scorer.annotations.identity import recorded_identity
from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.shards import Cut
from ml_scorer.report.document import Document
from ml_scorer.report.exact import PARQUET_FORMAT, SCORES
from ml_scorer.report.seal import SEAL, read_sealed
from ml_scorer.scores import Failure, Origins, Scores

_SOURCE: Final = "source"
_NAME: Final = "name_in_source"

GAP: Final = "gap"
"""Key of the metadata that says what a merged result lacks."""

_TEXTS: Final = ("format", "table", SEAL, "ARROW:schema")
"""What the metadata hold as it is; all else is JSON."""

_KEYS: Final = ("signatures", "annotations", "failed", "near_chance")
"""What the metadata of every result hold."""

_DAMAGES: Final = (
    ValueError, TypeError, KeyError, AttributeError, RecursionError, pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)  # fmt: skip
"""What reading a result raises that is not what was written."""


@dataclass(frozen=True, eq=False)
class Part:
    """Scores that were written to a Parquet file.

    Attributes
    ----------
    path : str
    frame : polars.DataFrame
        As `Scores.frame`.
    origins : Origins or None
        Where the rows are from; None of a result that is no shard.
    number : int
        Which shard it is, from 1; 0 of a result that is none.
    cut : Cut or None
        What it is a shard of.
    signatures : mapping of str to str
    annotations : Identity
    failed : tuple of Failure
    near_chance : tuple of str
    confidence : float or None
    intervals : mapping of str to str
    gap : str
        What is to be said of the shards that are not among the scores, if it was merged without; else empty.
    """

    path: str
    frame: pl.DataFrame
    origins: Origins | None
    number: int
    cut: Cut | None
    signatures: Mapping[str, str]
    annotations: Identity
    failed: tuple[Failure, ...]
    near_chance: tuple[str, ...]
    confidence: float | None
    intervals: Mapping[str, str]
    gap: str


def as_part(document: Document, scores: Scores) -> Document:
    """A document of scores whose table says also where each row is from, so that names can be told apart anew."""
    table = document.tables[0]
    if scores.origins is None:
        return document
    columns = (scores.origins.sources.alias(_SOURCE), scores.origins.names.alias(_NAME))
    return replace(document, tables=(replace(table, frame=table.frame.with_columns(columns)), *document.tables[1:]))


def read_part(path: str) -> Part:
    """Read a result that was written as Parquet.

    Raises
    ------
    PredictionsError
        If it is something else, or damaged.
    OSError
        If it cannot be read.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path}: no such file. Was that part scored?")
    if Path(path).is_dir():
        raise PredictionsError(f"{path}: a folder; name the files of the parts, such as {path.rstrip('/')}/*.parquet.")
    with Path(path).open("rb") as file:
        start = file.read(4)
    try:
        metadata = pl.read_parquet_metadata(path) if start == b"PAR1" else {}
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _damaged(path, str(error)) from error
    if metadata.get("format") != PARQUET_FORMAT or metadata.get("table") != SCORES:
        raise PredictionsError(
            f"{path}: expected scores that `ml-scorer score … -o FILE.parquet` wrote; found something else. "
            f"Parts are merged from Parquet alone, which holds all of them."
        )
    try:
        about = {key: json.loads(text) for key, text in metadata.items() if key not in _TEXTS}
        return _part(path, read_sealed(path, metadata), about)
    except _DAMAGES as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _part(path: str, frame: pl.DataFrame, about: Mapping[str, Any]) -> Part:
    signatures, annotations, failed, near_chance = (about[key] for key in _KEYS)
    wanted = {"checkpoint": pl.String, **dict.fromkeys(signatures, pl.Float64)}
    wrong = [name for name, dtype in wanted.items() if frame.schema.get(name) != dtype]
    if wrong or not signatures:
        raise ValueError(f"no column {wrong[0]}" if wrong else "no measure in it")
    origins = None
    if _SOURCE in frame.columns:
        origins = Origins(frame[_SOURCE], frame[_NAME].alias("checkpoint"))
    return Part(
        path=path,
        frame=frame.drop(_SOURCE, _NAME, strict=False),
        origins=origins,
        number=about["shard"]["number"] if "shard" in about else 0,
        cut=Cut(**about["shard"]["cut"]) if "shard" in about else None,
        signatures=signatures,
        annotations=recorded_identity(*(annotations[key] for key in ("fingerprint", "name", "version"))),
        failed=tuple(Failure(**each) for each in failed),
        near_chance=tuple(near_chance),
        confidence=about.get("confidence"),
        intervals=about.get("intervals", {}),
        gap=about.get(GAP, ""),
    )


def _damaged(path: str, fault: str) -> PredictionsError:
    return PredictionsError(f"{path}: a result, but damaged: {fault}. Score that part again.")
