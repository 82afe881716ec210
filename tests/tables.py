"""Small annotation tables for tests."""

from __future__ import annotations

import polars as pl
from hypothesis import strategies as st

from build_cache.writing import table_bytes
from ml_scorer.annotations.fingerprint import fingerprint, seal
from ml_scorer.annotations.load import FORMAT, METADATA
from ml_scorer.schema import COLUMNS, CORRECT, UNCLEAR, WRONG, image_name


def small_frame(rows=2, **columns):
    """A table in the schema, of images 1, 2, …; a column that is given replaces the one that is made up."""
    made_up = {
        "file_name": [image_name(number + 1) for number in range(rows)],
        "original_label": list(range(rows)),
        CORRECT: [[row, row + 1] for row in range(rows)],
        WRONG: [[] for _ in range(rows)],
        UNCLEAR: [[500] for _ in range(rows)],
        "is_problematic": [False] * rows,
        "is_imagenet_m": [None] * rows,
    }
    return pl.DataFrame({**made_up, **columns}, schema=COLUMNS)


def set_cell(frame, row, column, value):
    """The same table with another value in one cell."""
    values = frame[column].to_list()
    values[row] = value
    return frame.with_columns(pl.Series(column, values, dtype=frame.schema[column]))


def random_rows(classes=1000, max_size=6):
    """Hypothesis: rows of a table as dicts, each of another image."""
    labels = st.lists(st.integers(0, classes - 1), max_size=4)
    cells = {
        "file_name": st.integers(1, 50_000).map(image_name),
        "original_label": st.integers(0, classes - 1),
        CORRECT: labels,
        WRONG: labels,
        UNCLEAR: labels,
        "is_problematic": st.booleans(),
        "is_imagenet_m": st.just(None),
    }
    return st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=max_size, unique_by=lambda row: row["file_name"])


def frame_of(rows):
    """Rows as a table in the schema."""
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def sealed_metadata(frame, **changes):
    """Metadata as build-cache writes them for a table, with changes, under a seal that fits; None leaves a key out."""
    made = {key: f"some {key}" for key in METADATA} | {"format": FORMAT, "rows": str(frame.height)}
    made |= {"fingerprint": fingerprint(frame), **changes}
    metadata = {key: made[key] for key in METADATA if made[key] is not None}
    return {**metadata, "seal": seal(frame, metadata)}


def write_sealed(path, frame, **changes):
    """Write a table that is whole, whatever its metadata say."""
    path.write_bytes(table_bytes(frame, sealed_metadata(frame, **changes)))
    return path
