"""A hash over all that a result in Parquet holds, so that damage shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import polars as pl

SEAL: Final = "seal"
"""Key of the metadata."""

_SCHEMA: Final = "ARROW:schema"
"""Key of what Polars adds to the metadata."""


def seal(frame: pl.DataFrame, metadata: Mapping[str, str]) -> str:
    """The sha256, in hexadecimal, of a table and of its metadata without the seal itself.

    The columns go in one after the other, each as its name and its values: floats as little-endian bytes, after the
    numbers of the rows that are null, and all else as JSON; then the metadata as JSON with sorted keys.
    """
    digest = sha256()
    for column in frame.iter_columns():
        values = column.is_null().arg_true() if column.dtype.is_float() else column
        digest.update(json.dumps([column.name, values.to_list()], default=str).encode())
        if column.dtype.is_float():
            digest.update(column.cast(pl.Float64).fill_null(0.0).to_numpy().astype("<f8").tobytes())
    others = {key: text for key, text in metadata.items() if key not in {SEAL, _SCHEMA}}
    digest.update(json.dumps(others, sort_keys=True).encode())
    return digest.hexdigest()


def read_sealed(path: str, metadata: Mapping[str, str]) -> pl.DataFrame:
    """The table of a result in Parquet.

    Parameters
    ----------
    path : str
    metadata : mapping of str to str
        Of that file. Without a seal among them nothing is checked.

    Raises
    ------
    ValueError
        If the table or the metadata are not what was written.
    polars.exceptions.PolarsError, polars.exceptions.PanicException
        If it cannot be read.
    """
    frame = pl.read_parquet(path)
    if SEAL in metadata and metadata[SEAL] != seal(frame, metadata):
        raise ValueError("its content is not what was written")
    return frame
