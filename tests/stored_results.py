"""Made-up results for tests of the store."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from ml_scorer.annotations import Identity
from ml_scorer.store import Measured, Results, Settings, content_hash, file_state

IDENTITY = Identity("synthetic", "SYNTHETIC", None, "5f" * 32)
SETTINGS = Settings(
    order="imagefolder",
    missing="error",
    class_ids="imagenet",
    key=None,
    trusted=False,
    annotations=IDENTITY,
    required="3@0123456789abcdef",
    scorer="1.0",
)
OLD = 1_700_000_000_000_000_000
"""A time of change that is long past."""


def measured(name, denominator=100, settings=SETTINGS):
    def signature(order):
        data = f"SYNTHETIC@{settings.annotations.fingerprint[:8]}"
        return f"{name}|data:{data}|missing:{settings.missing}|order:{order}|ml_scorer:{settings.scorer}"

    return Measured(name, denominator, signature)


MEASURES = [measured("MLA"), measured("Top1")]


def write_file(path, content=b"predictions", modified_ns=OLD):
    """Write a file, and make it as old as is said."""
    path.write_bytes(content)
    os.utime(path, ns=(modified_ns, modified_ns))
    return path


def results(paths, checkpoints=1, first=0, order="imagefolder", measures=2, **changes):
    """Results of files as they are now; numerators count up from `first`."""
    rows = len(paths) * checkpoints
    names = [path.stem for path in paths]
    made = Results(
        states=[file_state(path) for path in paths],
        contents=[content_hash(path) for path in paths],
        orders=[order] * len(paths),
        sources=np.repeat(np.arange(len(paths)), checkpoints),
        names=names if checkpoints == 1 else [f"{name}[{row}]" for name in names for row in range(checkpoints)],
        named=np.zeros(rows, bool),
        numerators=first + np.arange(rows * measures, dtype=np.float64).reshape(rows, measures),
        counts=np.arange(rows * 4).reshape(rows, 4),
        missing=np.full(rows, -1),
        ties=np.full(rows, -1),
        near_chance=np.zeros(rows, bool),
    )
    return replace(made, **changes)


def put(store, *parts, settings=SETTINGS, measures=None):
    """Put results into a store, each as a part of its own."""
    measures = measures or [measured(measure.name, settings=settings) for measure in MEASURES]
    for part in parts:
        with store.writer(settings, measures) as writer:
            writer.add(part)
