"""Labels from logits of 50,000 images, of which 18,692 are needed, and from many small array files.

    python tests/benchmarks/logits.py

Against NumPy's arg-max over the whole memory-mapped file, and against reading the bytes of the files one by one. The
files are in the page cache; both ways must agree.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from timing import print_table, seconds

from ml_scorer.predictions.arrays.npy_file import read_npy
from ml_scorer.predictions.arrays.npy_stack import read_stack
from ml_scorer.predictions.orders import ORDERS, Order
from ml_scorer.predictions.reading import ReadOptions

IMAGES, NEEDED = 50_000, 18_692
FILES = 10_000
STACK = 32

GOALS = {"float32": "0.6", "float16": "0.3"}


def measure_logits(folder: Path, dtype: str) -> None:
    """Time the logits of one checkpoint as this type."""
    random = np.random.default_rng(0)
    path = folder / f"{dtype}.npy"
    np.save(path, random.standard_normal((IMAGES, 1000), np.float32).astype(dtype))
    order = Order("ilsvrc", ORDERS["ilsvrc"](np.empty(0, np.int32)))
    required = np.sort(random.choice(order.images, NEEDED, replace=False))

    def whole_arg_max() -> np.ndarray:
        return np.load(path, mmap_mode="r").argmax(axis=1)

    def read(k: int = 1) -> Callable[[], np.ndarray]:
        options = ReadOptions(order, k=k, required=required)
        return lambda: next(read_npy(path, options)).labels

    assert (read()()[0] == whole_arg_max()[required - 1]).all()
    whole = f"numpy.argmax of the whole {dtype} file"
    times = seconds(
        {whole: whole_arg_max, "labels of the images needed": read(), "their five best": read(5)}, rounds=15
    )
    print_table(
        f"logits {IMAGES:,} x 1,000, {dtype}; {NEEDED:,} images needed",
        [
            (name, f"{time * 1e3:,.1f} ms", f"{time / times[whole]:.2f} x", goal)
            for (name, time), goal in zip(times.items(), ("", GOALS[dtype], ""), strict=True)
        ],
    )
    path.unlink()


def measure_files(folder: Path) -> None:
    """Time many files of labels."""
    labels = np.random.default_rng(0).integers(0, 1000, (STACK, IMAGES), dtype=np.int16)
    paths = [folder / f"{number}.npy" for number in range(FILES)]
    for number, path in enumerate(paths):
        np.save(path, labels[number % STACK])
    options = ReadOptions(Order("ilsvrc", ORDERS["ilsvrc"](np.empty(0, np.int32))))

    def plain_loop() -> int:
        total = 0
        for path in paths:
            with open(path, "rb") as file:  # noqa: PTH123  (the plain way)
                total += len(file.read())
        return total

    def stacks() -> Iterator[np.ndarray]:
        for start in range(0, FILES, STACK):
            found = read_stack(paths[start : start + STACK], options)
            assert found is not None
            yield found.labels

    assert (next(stacks()) == labels).all()
    plain = "reading their bytes in a plain loop"
    times = seconds({plain: plain_loop, "their labels, checked": lambda: sum(map(len, stacks()))}, rounds=5)
    print_table(
        f"{FILES:,} .npy files of {IMAGES:,} int16; time a file",
        [
            (name, f"{time / FILES * 1e6:,.1f} µs", f"{time / times[plain]:.2f} x", goal)
            for (name, time), goal in zip(times.items(), ("", "1.3"), strict=True)
        ],
    )


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        for dtype in GOALS:
            measure_logits(Path(folder), dtype)
        measure_files(Path(folder))


if __name__ == "__main__":
    main()
