"""Documents as data: JSON, CSV and Parquet, shares in [0, 1] to the last bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from typing import Any, Final

import polars as pl

from ml_scorer.annotations import Identity
from ml_scorer.report.document import Document
from ml_scorer.report.lists import listed
from ml_scorer.report.seal import SEAL, seal

PARQUET_FORMAT: Final = "ml_scorer.result/1"
"""What the metadata of a Parquet file says that it is, under the key `format`."""

SCORES: Final = "scores"
"""Name of the table of scores, which other commands read back."""

SIGNATURE: Final = " signature"
"""Ends the heading of the column of CSV that holds the signature of the measure before it."""

_FORMULA: Final = r"^[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
_PLAIN_NUMBER: Final = r"^[+\-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+\-]?\d+)?$"


def json_text(document: Document) -> str:
    """One JSON object: `signatures`, `annotations`, each table as a list of objects, `failed`, and what else there is.

    In ASCII, so that a name reaches its reader through any encoding, and steers no terminal on the way. What is not a
    number is null.
    """
    about = {
        **{table.name: _finite(table.frame).to_dicts() for table in document.tables},
        "failed": [asdict(failure) for failure in document.failed],
        **document.extra,
        **({"notes": list(document.notes)} if document.notes else {}),
    }
    said = {"signatures": dict(document.signatures), "annotations": identity_fields(document.annotations), **about}
    return json.dumps(said, indent=2, allow_nan=False)


def csv_text(document: Document) -> str:
    """The first table as CSV, each measure's signature in a column of its own, so that it goes where the number goes.

    A text that a spreadsheet would run as a formula gets an apostrophe before it, which a spreadsheet takes for "this
    is text" (OWASP, "CSV Injection"); a number in a column of names stays as it is. The entries of a list stand in one
    cell, with semicolons between them.
    """
    frame = document.tables[0].frame
    texts = [
        listed(frame[name]).alias(name)
        for name, dtype in frame.schema.items()
        if dtype == pl.String or dtype.is_nested() or isinstance(dtype, pl.Categorical | pl.Enum)
    ]
    more = {name + SIGNATURE: pl.lit(text) for name, text in document.signatures.items()}
    if "confidence" in document.extra and "confidence" not in frame.columns:
        more["confidence"] = pl.lit(document.extra["confidence"])
    frame = frame.with_columns(texts).with_columns(_guarded(pl.col(text.name)) for text in texts).with_columns(**more)
    headings = pl.Series(frame.columns).to_frame("heading").select(_guarded(pl.col("heading"))).to_series()
    return frame.rename(dict(zip(frame.columns, headings, strict=True))).write_csv().rstrip("\n")


def parquet_bytes(document: Document) -> bytes:
    """The first table as a Parquet file; what else there is stands in its metadata, as JSON.

    Scores, which are read back, have a seal on all of it.
    """
    about: Mapping[str, Any] = {
        "signatures": dict(document.signatures),
        "annotations": identity_fields(document.annotations),
        "failed": [asdict(failure) for failure in document.failed],
        **document.extra,
        "notes": list(document.notes),
    }
    buffer = BytesIO()
    metadata = {"format": PARQUET_FORMAT, "table": document.tables[0].name}
    metadata |= {key: json.dumps(value) for key, value in about.items()}
    frame = document.tables[0].frame
    if document.tables[0].name == SCORES:
        metadata[SEAL] = seal(frame, metadata)
    frame.write_parquet(buffer, metadata=metadata)
    return buffer.getvalue()


def identity_fields(identity: Identity) -> dict[str, Any]:
    """Which annotations these are, as the fields of an object."""
    return {
        "name": identity.name,
        "version": identity.version,
        "fingerprint": identity.fingerprint,
        "genuine": identity.genuine,
    }


def unguarded(text: str) -> str:
    """A text of CSV without the apostrophe that keeps a spreadsheet from running it."""
    return text[1:] if text[:1] == "'" and text[1:2] in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") - {""} else text


def _guarded(text: pl.Expr) -> pl.Expr:
    runs = text.str.contains(_FORMULA) & ~text.str.contains(_PLAIN_NUMBER)
    return pl.when(runs).then(pl.lit("'") + text).otherwise(text).name.keep()


def _finite(frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame with nulls for what JSON has no word for."""
    floats = pl.selectors.float()
    return frame.with_columns(pl.when(floats.is_finite()).then(floats))
