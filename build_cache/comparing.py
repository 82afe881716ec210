"""Which images differ between two annotation tables, and how."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ml_scorer.annotations import Annotations
from ml_scorer.annotations.fingerprint import canonical_columns
from ml_scorer.schema import SHARED_COLUMNS


@dataclass(frozen=True)
class Difference:
    """One way in which one image differs. A side is None where that table does not have the image."""

    file_name: str
    column: str
    first: object
    second: object

    def __str__(self) -> str:
        return f"{self.file_name}  {self.column}: {_text(self.first)} -> {_text(self.second)}"


def compare(first: Annotations, second: Annotations) -> list[Difference]:
    """Every difference between two tables, by image name; lists of labels are compared as sets.

    `is_imagenet_m` is compared where both tables say it.
    """
    columns = SHARED_COLUMNS[1:]
    frames = [canonical_columns(table.frame) for table in (first, second)]
    if first.is_imagenet_m is not None and second.is_imagenet_m is not None:
        columns = (*columns, "is_imagenet_m")
        frames = [
            frame.join(table.frame.select("file_name", "is_imagenet_m"), on="file_name", maintain_order="left")
            for frame, table in zip(frames, (first, second), strict=True)
        ]
    both = frames[0].join(frames[1], on="file_name", suffix=" second", maintain_order="left")
    found: list[Difference] = []
    for side, (these, others) in enumerate((frames, frames[::-1])):
        here, there = ("there", None) if side == 0 else (None, "there")
        alone = these.join(others, on="file_name", how="anti")["file_name"].to_list()
        found += [Difference(name, "image", here, there) for name in alone]
    for column in columns:
        other = f"{column} second"
        differing = both.filter(pl.col(column).ne_missing(pl.col(other))).select("file_name", column, other)
        found += [Difference(name, column, a, b) for name, a, b in differing.iter_rows()]
    return sorted(found, key=lambda difference: (difference.file_name, difference.column))


def _text(value: object) -> str:
    if value is None:
        return "not there"
    return str(value)
