"""Thousands of array files: scoring them against reading their bytes, and what grows with their number.

    python tests/benchmarks/files.py [FOLDER]

The files, labels of 50,000 images as int16, are written to FOLDER (1 GB; default: a temporary one); 100,000 of them are
hard links to these 10,000. Every run is a process of its own, so that its peak memory is its own. The annotations are
those that `ml-scorer annotations` finds, or synthetic ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from timing import print_table, seconds

from ml_scorer import Annotations, Scorer, load_annotations
from ml_scorer.errors import AnnotationsNotFoundError
from ml_scorer.imagenet import validation_labels

FILES = 10_000
SIZES = (10, 100, 1_000, 10_000, 100_000)
ORDER = "ilsvrc"


def annotations() -> Annotations:
    """The annotations that are found, or synthetic ones."""
    try:
        return load_annotations()
    except AnnotationsNotFoundError:
        from build_cache import SyntheticSource, build

        with tempfile.TemporaryDirectory() as folder:
            return build(SyntheticSource(0), Path(folder) / "annotations.parquet").annotations


def write_files(folder: Path) -> list[Path]:
    """Checkpoints of about 80 % top-1, one a file."""
    random = np.random.default_rng(0)
    original = validation_labels()[1:]
    paths = [folder / "files" / f"step-{number:06d}.npy" for number in range(max(SIZES))]
    paths[0].parent.mkdir(exist_ok=True)
    for number, path in enumerate(paths):
        if path.exists():
            continue
        if number < FILES:
            labels = original.copy()
            wrong = random.integers(0, labels.size, labels.size // 5)
            labels[wrong] = random.integers(0, 1000, wrong.size)
            np.save(path, labels)
        else:
            os.link(paths[number % FILES], path)
    return paths


def read_all(paths: list[Path]) -> int:
    """The bytes of every file, as fast as a plain loop reads them."""
    total = 0
    for path in paths:
        with open(path, "rb") as file:  # noqa: PTH123 (the plain loop)
            total += len(file.read())
    return total


def one_run(folder: Path, number: int, measures: tuple[str, ...]) -> None:
    """Score some files in this process; print seconds and peak memory."""
    paths = [str(folder / "files" / f"step-{index:06d}.npy") for index in range(number)]
    scorer = Scorer(annotations(), measures, order=ORDER) if measures else Scorer(annotations(), order=ORDER)
    scorer.score(paths[:64])
    start = time.perf_counter()
    scores = scorer.score(paths)
    taken = time.perf_counter() - start
    assert scores.frame.height == number
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    print(taken, peak)  # noqa: T201 (for the process that asked)


def run(folder: Path, number: int, *measures: str) -> tuple[float, float]:
    """Seconds and peak bytes of scoring so many files."""
    command = [sys.executable, __file__, str(folder), str(number), *measures]
    taken, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(taken), float(peak)


def main(folder: Path) -> None:
    """Write the files, measure, and print."""
    paths = write_files(folder)[:FILES]
    reading = seconds({"reading": lambda: read_all(paths)}, rounds=5)["reading"]
    rows = [("reading their bytes", f"{reading / FILES * 1e6:,.1f} µs", "1.0 x", "")]
    for name, measures in (("score, MLA", ("MLA",)), ("score, all default measures and counts", ())):
        taken = median(run(folder, FILES, *measures)[0] for _ in range(3))
        rows.append((name, f"{taken / FILES * 1e6:,.1f} µs", f"{taken / reading:.1f} x", "3"))
    print_table("10,000 .npy files of 50,000 int16; time a file", rows)

    runs = {number: run(folder, number) for number in SIZES}
    _, least = runs[1_000]
    time_of_1000 = runs[1_000][0] / 1_000
    print_table(
        "cost against the number of checkpoints; ratios to 1,000 of them",
        [
            (
                f"{number:,}",
                f"{taken / number * 1e6:,.1f} µs, {peak / 1e6:,.0f} MB",
                f"{taken / number / time_of_1000:.2f} x, {peak / least:.2f} x",
                "1.5, 1.2" if number > 1_000 else "",
            )
            for number, (taken, peak) in runs.items()
        ],
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        one_run(Path(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:]))
    elif len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
