"""The table that a store is: one row for each checkpoint and measure, with all that the result depends on."""

from __future__ import annotations

from typing import Final

import polars as pl

SETTINGS: Final[dict[str, pl.DataType]] = {
    "order_said": pl.String(),  # null where none was said
    "missing": pl.String(),
    "class_ids": pl.String(),
    "key": pl.String(),  # null where none was said
    "trusted": pl.Boolean(),
    "annotations": pl.String(),  # fingerprint
    "dataset": pl.String(),
    "scorer": pl.String(),
}
"""How a run was told to score."""

READING: Final = ("order_said", "class_ids", "key", "trusted")
"""The settings that say how a source is read: with another one, it holds other predictions."""

COUNTS: Final = ("correct", "unclear", "wrong", "unreviewed")

COLUMNS: Final[dict[str, pl.DataType]] = {
    "source": pl.String(),  # absolute path
    "checkpoint": pl.String(),
    "row": pl.Int32(),  # of the checkpoint among those of its source, from 0
    "checkpoints": pl.Int32(),  # of the source: its rows are complete, or count as none
    "named": pl.Boolean(),  # the source itself names its checkpoints
    "size": pl.Int64(),  # bytes
    "modified_ns": pl.Int64(),  # null where the source was too fresh for that to tell its versions apart
    "content": pl.String(),  # xxh3_128
    **SETTINGS,
    "settings": pl.String(),  # a hash that stands for all settings
    "required": pl.String(),  # fingerprint of the images that the measures of the run need, for `missing` and ties
    "measure": pl.String(),
    "order": pl.String(),  # how the images were known, as in the signature
    "signature": pl.String(),
    "score": pl.Float64(),
    "numerator": pl.String(),  # integers may pass 2**63
    "denominator": pl.String(),
    "variance": pl.Float64(),  # of the score, by the sampling of images; null where nobody asked for an interval
    **{name: pl.Int64() for name in COUNTS},  # null where unknown
    "missing_images": pl.Int64(),  # null where that is not allowed
    "ties": pl.Int64(),  # null where the source held labels
    "near_chance": pl.Boolean(),
    "recorded_at": pl.Datetime("us", "UTC"),  # when it was scored, or last found again to hold
}
"""The columns in their order."""

KEY: Final = ("source", "content", "row", "settings", "required", "measure")
"""What a result is kept under: of several rows that agree in this, the latest is the result."""
