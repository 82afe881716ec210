"""Two hashes of a table: the fingerprint says which annotations it holds, the seal that nothing changed.

The *fingerprint* is a sha256 over UTF-8 text, one line an image in the order of their names::

    file_name TAB original_label TAB correct TAB wrong TAB unclear TAB is_problematic LF

where each list of labels is its distinct labels in ascending order, joined by commas, and `is_problematic` is 0 or 1.
So the same annotations have the same fingerprint however they were exported, and anybody can compute it. A line of the
reassessed labels is ``file_name TAB labels LF``.

The *seal* is a sha256 over everything that the file holds: each column as stored, then all other metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final

import numpy as np
import polars as pl

from ml_scorer.schema import COLUMNS, LABEL_LISTS, SHARED_COLUMNS

_NO_LABEL: Final = 2**16 - 1
_ROWS: Final = 2000


def _cells(frame: pl.DataFrame, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Columns as text in canonical form, rows by name; a part at a time, since text takes much memory."""
    texts = [_text(pl.col(name), frame.schema[name]) for name in columns]
    for part in frame.select(columns).sort("file_name").iter_slices(_ROWS):
        yield part.with_columns(texts)


def _text(cells: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List):
        return cells.list.unique().list.sort().cast(pl.List(pl.String)).list.join(",")
    return (cells.cast(pl.UInt8) if dtype == pl.Boolean else cells).cast(pl.String)


def _lines(column: pl.Series) -> bytes:
    return "".join(f"{line}\n" for line in column.to_list()).encode()


def fingerprint(frame: pl.DataFrame, columns: Sequence[str] = SHARED_COLUMNS) -> str:
    """The sha256, in hexadecimal, of the annotations in canonical form (above).

    Parameters
    ----------
    frame : polars.DataFrame
        At least these columns; rows in any order.
    columns : sequence of str
        What the fingerprint covers, `file_name` among it; by default the six columns that every source of the expert
        annotations has.
    """
    digest = sha256()
    for cells in _cells(frame, columns):
        digest.update(_lines(cells.select(pl.concat_str(*cells.columns, separator="\t")).to_series()))
    return digest.hexdigest()


def column_fingerprints(frame: pl.DataFrame) -> dict[str, str]:
    """The first 16 digits of a sha256 over each of the six columns alone: its cells in canonical form, one a line."""
    digests = {name: sha256() for name in SHARED_COLUMNS}
    for cells in _cells(frame, SHARED_COLUMNS):
        for name, digest in digests.items():
            digest.update(_lines(cells[name]))
    return {name: digest.hexdigest()[:16] for name, digest in digests.items()}


def seal(frame: pl.DataFrame, metadata: Mapping[str, str], columns: Mapping[str, pl.DataType] = COLUMNS) -> str:
    """The sha256, in hexadecimal, of the table as stored and of its metadata without the seal itself.

    Columns go in as text (names, joined by line feeds) or little-endian integers (labels, list lengths, and booleans
    as 0, 1 or 2 for null); metadata as JSON with sorted keys. A null that no whole table has, but a damaged one can,
    goes in as an empty name or as the largest integer of its type.
    """
    digest = sha256()
    for name, dtype in columns.items():
        column = frame[name]
        if dtype == pl.String:
            digest.update("\n".join(column.fill_null("").to_list()).encode())
        elif dtype == pl.Boolean:
            digest.update(column.cast(pl.UInt8).fill_null(2).to_numpy().tobytes())
        elif isinstance(dtype, pl.List):
            digest.update(column.list.len().fill_null(2**32 - 1).to_numpy().astype("<u4").tobytes())
            digest.update(flat(column).astype("<u2").tobytes())
        else:
            digest.update(column.fill_null(_NO_LABEL).to_numpy().astype("<u2").tobytes())
    others = {key: value for key, value in metadata.items() if key != "seal"}
    digest.update(json.dumps(others, sort_keys=True).encode())
    return digest.hexdigest()


def flat(lists: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    """All labels of a list column, row after row; empty lists add nothing, and a null counts as the label 65535."""
    return lists.filter(lists.list.len() > 0).explode().fill_null(_NO_LABEL).to_numpy()


def canonical_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that the fingerprint covers, each label list as a sorted set, rows by name: for comparing tables."""
    sets = [pl.col(name).list.unique().list.sort() for name in LABEL_LISTS]
    return frame.select(SHARED_COLUMNS).with_columns(sets).sort("file_name")
