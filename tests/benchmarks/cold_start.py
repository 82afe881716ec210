"""A cold start of the whole command, against importing Polars and NumPy alone.

    python tests/benchmarks/cold_start.py

Scores one made-up CSV of 50,000 predictions against synthetic annotations, default measures.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from timing import print_table, seconds

from build_cache import SyntheticSource, build
from ml_scorer.imagenet import class_folder_order, validation_labels
from ml_scorer.schema import image_name


def write_predictions(path: Path) -> None:
    """A row an image in the order of class folders, with a probability, as evaluation scripts write them."""
    random = np.random.default_rng(0)
    images = class_folder_order()
    right = random.random(images.size) < 0.8
    labels = np.where(right, validation_labels()[images], random.integers(0, 1000, images.size))
    shares = random.random(images.size)
    rows = (f"{image_name(n)},{label},{p:.10f}" for n, label, p in zip(images, labels, shares, strict=True))
    path.write_text("\n".join(["file_name,predicted_class,predicted_probability", *rows, ""]))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        table, predictions = Path(folder) / "annotations.parquet", Path(folder) / "model.csv"
        build(SyntheticSource(), table)
        write_predictions(predictions)
        command = [sys.executable, "-m", "ml_scorer", "score", str(predictions), "--annotations", str(table)]
        baseline = [sys.executable, "-c", "import polars, numpy"]
        name, base = "ml-scorer score model.csv", "import polars, numpy"
        taken = seconds({
            base: lambda: subprocess.run(baseline, check=True),
            name: lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL),
        }, rounds=9)  # fmt: skip
    print_table(
        "Cold start, whole process",
        [(work, f"{time * 1e3:,.0f} ms", f"{time / taken[base]:.2f} x", "2.5" if work == name else "")
         for work, time in taken.items()],
    )  # fmt: skip


if __name__ == "__main__":
    main()
