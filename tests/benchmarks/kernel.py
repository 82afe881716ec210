"""1,000 checkpoints in memory: the kernel against reading the matrix, the documented loop, and a Polars join.

    python tests/benchmarks/kernel.py

Uses the annotations that `ml-scorer annotations` finds, or synthetic ones of the same shape. Predictions are made up,
about 80 % of them accepted; all methods score the same matrix and must agree.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from timing import print_table, seconds

from build_cache import SyntheticSource, build
from ml_scorer import MLA, Annotations, Scorer, load_annotations
from ml_scorer.errors import AnnotationsNotFoundError
from ml_scorer.kernel import BATCH, compile_plan, count
from ml_scorer.predictions import Aligner, Predictions

CHECKPOINTS = 1_000
LOOPED = 3  # the slow ways score so many checkpoints, and their time is given for one
JOINED = 10


def find_annotations() -> Annotations:
    """The table at hand, else a synthetic one."""
    try:
        return load_annotations()
    except AnnotationsNotFoundError:
        with tempfile.TemporaryDirectory() as folder:
            return load_annotations(build(SyntheticSource(), Path(folder) / "annotations.parquet").output)


def make_matrix(annotations: Annotations, rows: np.ndarray) -> np.ndarray:
    """(checkpoints, images) int16 for some rows of the annotations, in their order."""
    random = np.random.default_rng(0)
    originals = annotations.original_labels[rows]
    wild = random.integers(0, 1000, (CHECKPOINTS, rows.size), dtype=np.int16)
    return np.where(random.random((CHECKPOINTS, rows.size)) < 0.8, originals, wild).astype(np.int16)


def documented_loop(examples: list[dict], predictions: dict[str, int]) -> float:
    """The recipe of the dataset's documentation, on plain lists that are already in memory."""
    right: dict[int, int] = {}
    total: dict[int, int] = {}
    for example in examples:
        if example["is_problematic"]:
            continue
        label = example["original_label"]
        if label not in right:
            right[label] = 0
            total[label] = 0
        total[label] += 1
        prediction = predictions[example["file_name"]]
        if prediction in example["correct_multi_labels"] or prediction in example["unclear_multi_labels"]:
            right[label] += 1
    average = 0.0
    for label in range(len(total)):
        average += right[label] / total[label]
    return average / len(total)


def polars_join(annotations: pl.DataFrame, predictions: pl.DataFrame) -> float:
    """The straightforward way with Polars: join by name, look into the lists, group by class, average."""
    accepted = pl.col("correct_multi_labels").list.contains(pl.col("label")) | pl.col(
        "unclear_multi_labels"
    ).list.contains(pl.col("label"))
    return (
        annotations.lazy()
        .filter(~pl.col("is_problematic"))
        .join(predictions.lazy(), on="file_name")
        .group_by("original_label")
        .agg(accepted.mean().alias("share"))
        .select(pl.col("share").mean())
        .collect()
        .item()
    )


def main() -> None:
    """Measure and print."""
    annotations = find_annotations()
    rows = np.flatnonzero(~annotations.is_problematic)
    matrix = make_matrix(annotations, rows)
    images = annotations.images[rows]
    words = matrix.reshape(-1)[: matrix.size // 4 * 4].view(np.int64)

    plan = compile_plan([MLA().rule(annotations)])
    position = np.full(50_001, -1)
    position[images] = np.arange(images.size)
    aligned = np.take(matrix, position[plan.images], axis=1)
    everything = Scorer(annotations)
    alone = Scorer(annotations, [MLA()])
    predictions = Predictions(images, matrix, "names")
    aligner = Aligner(plan.images, images, missing_allowed=False)

    def kernel() -> np.ndarray:
        return np.concatenate([count(plan, aligned[i : i + BATCH]) for i in range(0, CHECKPOINTS, BATCH)])

    def align_and_count() -> np.ndarray:
        return np.concatenate([count(plan, batch) for batch in aligner.align(predictions, "sweep")])

    def scorer(bound: Scorer) -> pl.DataFrame:
        return bound.score(predictions).frame

    names = annotations.frame["file_name"].gather(rows)
    fast = seconds({
        "reading the matrix once": words.sum,
        "kernel, MLA, aligned": kernel,
        "align and kernel, MLA": align_and_count,
        "score, MLA": lambda: scorer(alone),
        "score, all default measures and counts": lambda: scorer(everything),
    })  # fmt: skip
    one = {name: time / CHECKPOINTS for name, time in fast.items()}

    examples = annotations.frame.to_dicts()
    dicts = [dict(zip(names.to_list(), labels.tolist(), strict=True)) for labels in matrix[:LOOPED]]
    frames = [pl.DataFrame({"file_name": names, "label": labels}) for labels in matrix[:JOINED].astype(np.uint16)]
    slow = seconds({
        "documented loop, plain lists": lambda: [documented_loop(examples, each) for each in dicts],
        "Polars join, list.contains, group-bys": lambda: [polars_join(annotations.frame, each) for each in frames],
    }, rounds=3)  # fmt: skip
    one["documented loop, plain lists"] = slow["documented loop, plain lists"] / LOOPED
    one["Polars join, list.contains, group-bys"] = slow["Polars join, list.contains, group-bys"] / JOINED

    scores = kernel()[:, 0] / plan.denominators[0]
    for index, each in enumerate(dicts):
        assert math.isclose(scores[index], documented_loop(examples, each), abs_tol=1e-12)
    for index, frame in enumerate(frames):
        assert math.isclose(scores[index], polars_join(annotations.frame, frame), abs_tol=1e-12)
    assert scorer(everything)["MLA"].to_list() == scores.tolist()

    def rows_of(names: Iterable[str], digits: int, base: str, goals: dict[str, str]) -> list:
        text = f"{{:,.{digits}f}}"
        return [
            (name, f"{one[name] * 1e6:,.2f} µs", f"{text.format(one[name] / one[base])} x", goals.get(name, ""))
            for name in names
        ]

    reading, fastest = "reading the matrix once", "kernel, MLA, aligned"
    print_table(
        f"1,000 checkpoints x {images.size:,} images, int16, {annotations.identity}; time a checkpoint",
        rows_of(fast, 1, reading, {fastest: "4"}),
    )
    goals = {"documented loop, plain lists": "1,000", "Polars join, list.contains, group-bys": "100"}
    print_table("as a multiple of the kernel, aligned", rows_of(slow, 0, fastest, goals))


if __name__ == "__main__":
    main()
