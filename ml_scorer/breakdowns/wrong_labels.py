"""What a class is taken for: the most frequent wrong labels of each class, as lists."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from ml_scorer.breakdowns.wrong import wrong_predictions
from ml_scorer.measures import Measure
from ml_scorer.schema import MISSING, NUM_CLASSES
from ml_scorer.scoring.judged import named, original_labels
from ml_scorer.scoring.outcomes import Outcomes

MOST: Final = 3
"""Labels that are listed for a class."""


def frequent_wrong_labels(
    outcomes: Outcomes, measure: str | Measure, wanted: pl.DataFrame, *, pooled: bool
) -> pl.DataFrame:
    """The wrong labels that are most often predicted for images of some classes.

    Parameters
    ----------
    outcomes : Outcomes
    measure : Measure or str
    wanted : polars.DataFrame
        For which `position` (of the checkpoint; 0 where pooled) and `class` they are wanted.
    pooled : bool
        Over all checkpoints together, instead of for each.

    Returns
    -------
    polars.DataFrame
        One row for each `position` (int32) and `class` (uint16) that is wanted and has wrong predictions:
        `wrong_labels`, up to `MOST` structs of `label` (uint16), `name` and `images` (int64), the most frequent first,
        then by label.
    """
    wrong = wrong_predictions(outcomes, measure)
    originals = original_labels(outcomes.annotations, wrong.images).astype(np.uint16)
    is_wanted = np.zeros((1 if pooled else len(outcomes.labels), NUM_CLASSES), bool)
    is_wanted[wanted["position"].to_numpy(), wanted["class"].to_numpy()] = True
    positions = 0 if pooled else wrong.checkpoints
    wrong = wrong.only((wrong.labels != MISSING) & is_wanted[positions, originals[wrong.rows]])
    made = pl.DataFrame(
        {
            "position": np.zeros_like(wrong.checkpoints) if pooled else wrong.checkpoints,
            "class": originals[wrong.rows],
            "label": wrong.labels.astype(np.uint16),
        }
    )
    counted = made.group_by("position", "class", "label").agg(images=pl.len().cast(pl.Int64))
    counted = counted.sort("position", "class", "images", "label", descending=[False, False, True, False])
    first = counted.filter(pl.int_range(pl.len()).over("position", "class") < MOST)
    first = first.with_columns(named(first["label"]).alias("name"))
    return first.group_by("position", "class", maintain_order=True).agg(
        wrong_labels=pl.struct("label", "name", "images")
    )
