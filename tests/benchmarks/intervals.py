"""Statistics of many checkpoints on 18,692 images in 1,000 classes, against averaging their values.

    python tests/benchmarks/intervals.py [CHECKPOINTS]

The checkpoints are made up: all of them find the same images hard, and their scores spread from about 75 to 90 %.
"""

from __future__ import annotations

import sys

import numpy as np
from timing import print_table, seconds

from ml_scorer.statistics.agreement import error_consistency
from ml_scorer.statistics.design import Design, average, variance
from ml_scorer.statistics.intervals import analytic_interval, bootstrap_interval, clopper_pearson
from ml_scorer.statistics.paired import paired_tests
from ml_scorer.statistics.ranking import rank_intervals

CHECKPOINTS = 1_000
CLASSES, IMAGES = 1_000, 18_692
ROUNDS = 3


def make_design() -> Design:
    """Two images of each class, the others of any."""
    random = np.random.default_rng(0)
    strata = np.concatenate([np.arange(CLASSES).repeat(2), random.integers(0, CLASSES, IMAGES - 2 * CLASSES)])
    random.shuffle(strata)
    return Design(1 / (CLASSES * np.bincount(strata)[strata]), strata)


def make_values(checkpoints: int) -> np.ndarray:
    """(checkpoints, images) bool."""
    random = np.random.default_rng(0)
    hard = random.normal(0, 1, IMAGES).astype(np.float32)
    skill = random.normal(1.5, 0.3, checkpoints)
    return np.stack([each + hard + 0.7 * random.standard_normal(IMAGES, np.float32) > 0 for each in skill])


def main() -> None:
    """Measure and print."""
    checkpoints = int(sys.argv[1]) if len(sys.argv) > 1 else CHECKPOINTS
    design, values = make_design(), make_values(checkpoints)
    scores, variances, right = average(design, values), variance(design, values), values.sum(axis=1)
    base = "average"
    taken = seconds({
        base: lambda: average(design, values),
        "variance within classes": lambda: variance(design, values),
        "Korn-Graubard intervals, of variances": lambda: analytic_interval(scores, variances, design, 0.95),
        "Clopper-Pearson intervals, of counts": lambda: clopper_pearson(right, IMAGES, 0.95),
        "bootstrap intervals, 2,000 resamples, of 10": lambda: bootstrap_interval(design, values[:10], 0.95),
        "paired tests against one": lambda: paired_tests(design, values, 0, 0.95),
        "ranking, all pairs": lambda: rank_intervals(design, values, 0.95),
        "error consistency, all pairs": lambda: error_consistency(values),
    }, rounds=ROUNDS)  # fmt: skip
    print_table(
        f"{checkpoints:,} checkpoints x {IMAGES:,} images; all of them",
        [(name, f"{time * 1e3:,.1f} ms", f"{time / taken[base]:,.1f} x", "") for name, time in taken.items()],
    )


if __name__ == "__main__":
    main()
