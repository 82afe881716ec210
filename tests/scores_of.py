"""Made-up scores for tests of what is done with them."""

from __future__ import annotations

import numpy as np
import polars as pl

from ml_scorer.annotations import Identity
from ml_scorer.scores import Scores

GENUINE = Identity("genuine", "imagenet2012_multilabel", "3.0.0", "f2b50695" * 8)
SYNTHETIC = Identity("synthetic", "SYNTHETIC", None, "5f0c1d2e" * 8)
MEASURES = ("MLA", "MLA(unclear=wrong, average=image)", "Top1")


def scores_of(names, *, identity=GENUINE, confidence=None, seed=0, missing="error", measures=MEASURES, **columns):
    """Scores of checkpoints of these names: shares with all of their bits; `columns` replace or add some."""
    names = list(names)
    rng = np.random.default_rng(seed)
    data = {"checkpoint": pl.Series(names, dtype=pl.String)}
    for measure in measures:
        shares = rng.random(len(names))
        data[measure] = shares
        if confidence is not None:
            data |= {f"{measure}_low": shares * 0.99, f"{measure}_high": shares * 1.003}
    counts = ("correct", "unclear", "wrong", "unreviewed")
    data |= {count: rng.integers(0, 9000, len(names)) for count in counts}
    return Scores(
        frame=pl.DataFrame(data | columns),
        signatures={name: f"{name}|data:{identity}|missing:{missing}|order:names|ml_scorer:0.1.0" for name in measures},
        annotations=identity,
        failed=(),
        denominators=dict.fromkeys(measures, 1000),
        _sums={},
        confidence=confidence,
        intervals={} if confidence is None else dict.fromkeys(measures, "Clopper-Pearson"),
    )
