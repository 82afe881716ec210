"""Which classes are taken for which: pairs of an original and a predicted class, over all checkpoints."""

from __future__ import annotations

import polars as pl

from ml_scorer.breakdowns.choosing import MISTAKE_VERDICTS, Chosen, mistake_verdicts, possible_verdicts
from ml_scorer.breakdowns.wrong import wrong_predictions
from ml_scorer.measures import Measure
from ml_scorer.schema import MISSING
from ml_scorer.scoring.judged import named, original_labels
from ml_scorer.scoring.outcomes import Outcomes


def confusion_pairs(outcomes: Outcomes, measure: str | Measure = "MLA", chosen: Chosen | None = None) -> pl.DataFrame:
    """Pairs of an original class and a class predicted in its place, over all checkpoints; the most frequent first.

    The two may be equal: experts judged some original labels wrong. Images without a prediction are left out. Where a
    measure looks at several labels of an image, the first one is what is predicted.

    Parameters
    ----------
    outcomes : Outcomes
    measure : Measure or str
        Which predictions count as wrong.
    chosen : Chosen, optional
        Only some of them; None is all.

    Returns
    -------
    polars.DataFrame
        `original_label` (uint16), `original_name`, `predicted_label` (uint16), `predicted_name`; `predictions`, how
        often this happened; on how many different `images`, and to how many `checkpoints`; and how many of the
        predictions have each verdict, which adds up: `wrong` and `unreviewed`; where the measure accepts other labels
        than experts do, `correct` and `unclear` before them; and `not_annotated`, where it has images that no expert
        saw.

    Raises
    ------
    KeyError
        If that measure was not asked for.
    """
    wrong = wrong_predictions(outcomes, measure)
    wrong = wrong.only((chosen or Chosen()).among(wrong, outcomes) & (wrong.labels != MISSING))
    originals = original_labels(outcomes.annotations, wrong.images)
    made = pl.DataFrame(
        {
            "original_label": originals[wrong.rows].astype("uint16"),
            "predicted_label": wrong.labels.astype("uint16"),
            "row": wrong.rows,
            "checkpoint": wrong.checkpoints,
            "verdict": mistake_verdicts(wrong, outcomes),
        }
    )
    verdicts = possible_verdicts(outcomes, measure)
    pairs = made.group_by("original_label", "predicted_label").agg(
        predictions=pl.len().cast(pl.Int64),
        images=pl.col("row").n_unique().cast(pl.Int64),
        checkpoints=pl.col("checkpoint").n_unique().cast(pl.Int64),
        **{name: (pl.col("verdict") == MISTAKE_VERDICTS.index(name)).sum().cast(pl.Int64) for name in verdicts},
    )
    pairs = pairs.sort("predictions", "original_label", "predicted_label", descending=[True, False, False])
    return pairs.select(
        "original_label",
        named(pairs["original_label"]).alias("original_name"),
        "predicted_label",
        named(pairs["predicted_label"]).alias("predicted_name"),
        "predictions",
        "images",
        "checkpoints",
        *verdicts,
    )
