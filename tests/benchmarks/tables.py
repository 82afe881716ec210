"""Tables of thousands of checkpoints: scoring them against what Polars takes to read them, or to do the same.

    python tests/benchmarks/tables.py

Uses the annotations that `ml-scorer annotations` finds, or synthetic ones of the same shape. Predictions are made up,
about 80 % of them the original label, in the order of class folders; the files (some 500 MB) are written to a temporary
folder first, and are in the system's cache when they are read. The 1,000 CSV files are links to 100 different ones.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from kernel import find_annotations
from timing import print_table, seconds

from ml_scorer import MLA, Annotations, Scorer
from ml_scorer.imagenet import class_folder_order
from ml_scorer.predictions import ReadOptions
from ml_scorer.predictions.files import read_file
from ml_scorer.schema import image_names

IMAGES = 50_000
CSV_FILES = 1_000
DIFFERENT_CSV_FILES = 100
WIDE_CHECKPOINTS = 1_000
LONG_CHECKPOINTS = 200
ROUNDS = 7


class Writer:
    """Writes predictions of made-up checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = image_names(pl.Series(class_folder_order())).alias("file_name")
        self._originals = np.repeat(np.arange(1000), IMAGES // 1000)
        self._random = np.random.default_rng(0)

    def labels(self) -> np.ndarray:
        """(images,) int64."""
        wild = self._random.integers(0, 1000, IMAGES)
        return np.where(self._random.random(IMAGES) < 0.8, self._originals, wild)

    def csv_files(self) -> list[Path]:
        """Files as ImageNet-X has them."""
        files = [self.folder / f"{index:04}.csv" for index in range(CSV_FILES)]
        for file in files[:DIFFERENT_CSV_FILES]:
            probability = pl.Series("predicted_probability", self._random.random(IMAGES)).round(10)
            frame = pl.DataFrame([self.names, pl.Series("predicted_class", self.labels()), probability])
            frame.write_csv(file)
        for index, file in enumerate(files[DIFFERENT_CSV_FILES:]):
            file.hardlink_to(files[index % DIFFERENT_CSV_FILES])
        return files

    def wide(self, dtype: type[np.integer]) -> Path:
        """A column a checkpoint."""
        path = self.folder / f"wide-{dtype.__name__}.parquet"
        columns = [pl.Series(f"step-{step}", self.labels().astype(dtype)) for step in range(WIDE_CHECKPOINTS)]
        pl.DataFrame([self.names, *columns]).write_parquet(path)
        return path

    def long(self, name: str, dtype: type[np.integer], *, mixed: bool = False) -> Path:
        """A row a checkpoint and image; mixed, image by image rather than checkpoint by checkpoint."""
        path = self.folder / f"long-{name}.parquet"
        steps = pl.Series([f"step-{step}" for step in range(LONG_CHECKPOINTS)])
        rows = np.arange(LONG_CHECKPOINTS * IMAGES).reshape(LONG_CHECKPOINTS, IMAGES)
        rows = (rows.T if mixed else rows).reshape(-1)
        labels = np.concatenate([self.labels() for _ in range(LONG_CHECKPOINTS)]).astype(dtype)
        pl.DataFrame({
            "checkpoint": steps.gather(rows // IMAGES),
            "file_name": self.names.gather(rows % IMAGES),
            "label": labels[rows],
        }).write_parquet(path)  # fmt: skip
        return path


def straightforward(annotations: pl.DataFrame, path: Path) -> pl.DataFrame:
    """MLA of every checkpoint of a long table, as one would write it with Polars."""
    accepted = pl.col("correct_multi_labels").list.contains(pl.col("label")) | pl.col(
        "unclear_multi_labels"
    ).list.contains(pl.col("label"))
    return (
        pl.read_parquet(path)
        .lazy()
        .join(annotations.lazy().filter(~pl.col("is_problematic")), on="file_name")
        .group_by("checkpoint", "original_label")
        .agg(accepted.mean().alias("share"))
        .group_by("checkpoint")
        .agg(pl.col("share").mean())
        .collect()
    )


def read(path: Path) -> int:
    """Read all checkpoints of a file, and score none."""
    return sum(len(batch.labels) for batch in read_file(path, ReadOptions()))


def compare(title: str, base: str, works: dict[str, Callable[[], object]], goals: dict[str, str]) -> None:
    """Measure works against one of them, and print."""
    taken = seconds(works, rounds=ROUNDS)
    rows = [
        (name, f"{time * 1e3:,.0f} ms", f"{time / taken[base]:.2f} x", goals.get(name, ""))
        for name, time in taken.items()
    ]
    print_table(title, rows)


def check(annotations: Annotations, path: Path) -> None:
    """The quick way and the straightforward one must agree."""
    scores = Scorer(annotations, [MLA()]).score(path).frame
    expected = dict(straightforward(annotations.frame, path).iter_rows())
    found = dict(zip(scores["checkpoint"], scores["MLA"], strict=True))
    assert found.keys() == expected.keys()
    assert all(abs(found[name] - expected[name]) < 1e-12 for name in found)


def main() -> None:
    """Measure and print."""
    annotations = find_annotations()
    alone, everything = Scorer(annotations, [MLA()]), Scorer(annotations)
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder))
        files = writer.csv_files()
        needed = ["file_name", "predicted_class"]
        compare(
            f"{CSV_FILES:,} CSV files as of ImageNet-X",
            "polars.read_csv of two columns",
            {
                "polars.read_csv of two columns": lambda: [pl.read_csv(file, columns=needed) for file in files],
                "read": lambda: [read(file) for file in files],
                "score, MLA": lambda: alone.score(files),
                "score, all default measures": lambda: everything.score(files),
            },
            {"score, MLA": "1.5"},
        )
        for dtype in (np.int16, np.int64):
            path = writer.wide(dtype)
            compare(
                f"a wide Parquet of {WIDE_CHECKPOINTS:,} checkpoints x {IMAGES:,} images, {dtype.__name__}",
                "polars.read_parquet",
                {
                    "polars.read_parquet": lambda path=path: pl.read_parquet(path),
                    "read": lambda path=path: read(path),
                    "score, MLA": lambda path=path: alone.score(path),
                    "score, all default measures": lambda path=path: everything.score(path),
                },
                {"read": "1.2", "score, MLA": "1.5"},
            )
        for name, dtype, mixed in (("int16", np.int16, False), ("int64", np.int64, False), ("mixed", np.int16, True)):
            path = writer.long(name, dtype, mixed=mixed)
            check(annotations, path)
            how = "image by image" if mixed else "checkpoint by checkpoint"
            compare(
                f"a long Parquet of {LONG_CHECKPOINTS * IMAGES:,} rows, {how}, {dtype.__name__}",
                "Polars join, list.contains, group-bys",
                {
                    "Polars join, list.contains, group-bys": lambda path=path: straightforward(annotations.frame, path),
                    "read": lambda path=path: read(path),
                    "score, MLA": lambda path=path: alone.score(path),
                    "score, all default measures": lambda path=path: everything.score(path),
                },
                {"score, MLA": "0.5"},
            )


if __name__ == "__main__":
    main()
