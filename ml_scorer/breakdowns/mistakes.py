"""Which images are wrong: what was predicted, what is accepted, and how many checkpoints share the mistake."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.breakdowns.choosing import MISTAKE_VERDICTS, Chosen, mistake_verdicts, on_image, same_label
from ml_scorer.breakdowns.wrong import WrongPredictions, wrong_predictions
from ml_scorer.measures import Measure
from ml_scorer.schema import MISSING, image_names
from ml_scorer.scoring.judged import accepted_lists, named, original_labels
from ml_scorer.scoring.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Some of all mistakes under a measure, before anything is named.

    Attributes
    ----------
    every : WrongPredictions
        All of them.
    chosen : (chosen,) int64
        Positions in these.
    """

    every: WrongPredictions
    chosen: NDArray[np.int64]

    def __len__(self) -> int:
        return self.chosen.size

    def first(self, number: int | None) -> Mistakes:
        """So many of the chosen ones; None is all."""
        return replace(self, chosen=self.chosen[:number])

    def same_mistake(self) -> NDArray[np.int64]:
        """How many of all checkpoints make each chosen mistake, with the same label: (chosen,) int64."""
        on_these = np.zeros(self.every.images.size, bool)
        on_these[self.every.rows[self.chosen]] = True
        near = on_these[self.every.rows]
        place = np.cumsum(near) - 1  # of each mistake among those on the same images
        made: NDArray[np.int64] = same_label(self.every.only(near))[place[self.chosen]]
        return made


def mistake_table(outcomes: Outcomes, measure: str | Measure = "MLA", chosen: Chosen | None = None) -> pl.DataFrame:
    """Each image that each checkpoint gets wrong; in the order of the checkpoints, then of the images.

    A thousand checkpoints make millions of rows, half a gigabyte: choose some.

    Parameters
    ----------
    outcomes : Outcomes
    measure : Measure or str
        Which predictions count as wrong.
    chosen : Chosen, optional
        Only some of them; None is all. Checkpoints are counted before anything is left out.

    Returns
    -------
    polars.DataFrame
        `checkpoint`, `image` (file name), `original_label` (uint16), `original_name`, `predicted_label` and
        `predicted_name` (the first label; null where there is no prediction), `accepted_labels` and `accepted_names`
        (lists; by the measure), `verdict` (of the experts on that label: one of `MISTAKE_VERDICTS`),
        `wrong_checkpoints`, how many checkpoints get the image wrong, and `same_mistake`, how many do so with the same
        label.

    Raises
    ------
    KeyError
        If that measure was not asked for.
    """
    return described_mistakes(find_mistakes(outcomes, measure, chosen), outcomes, measure)


def find_mistakes(outcomes: Outcomes, measure: str | Measure = "MLA", chosen: Chosen | None = None) -> Mistakes:
    """The rows of `mistake_table` as numbers, 20 bytes each; parameters and errors as there."""
    every = wrong_predictions(outcomes, measure)
    return Mistakes(every, np.flatnonzero((chosen or Chosen()).among(every, outcomes)))


def described_mistakes(mistakes: Mistakes, outcomes: Outcomes, measure: str | Measure) -> pl.DataFrame:
    """Mistakes, as many as are to be shown, with names and lists: see `mistake_table`."""
    wrong = mistakes.every.only(mistakes.chosen)
    accepted = accepted_lists(outcomes.annotations, outcomes.rules[str(measure)])
    originals = pl.Series(original_labels(outcomes.annotations, wrong.images).astype(np.uint16))
    predicted = pl.select(pl.when(pl.lit(wrong.labels) != MISSING).then(pl.lit(wrong.labels)).cast(pl.UInt16))
    labels = predicted.to_series()
    return pl.DataFrame(
        {
            "checkpoint": pl.Series(outcomes.names, dtype=pl.String).gather(wrong.checkpoints),
            "image": image_names(pl.Series(wrong.images)).gather(wrong.rows),
            "original_label": originals.gather(wrong.rows),
            "original_name": named(originals).gather(wrong.rows),
            "predicted_label": labels,
            "predicted_name": named(labels),
            "accepted_labels": accepted["accepted_labels"].gather(wrong.rows),
            "accepted_names": accepted["accepted_names"].gather(wrong.rows),
            "verdict": pl.Series(MISTAKE_VERDICTS, dtype=pl.String).gather(mistake_verdicts(wrong, outcomes)),
            "wrong_checkpoints": on_image(mistakes.every)[wrong.rows],
            "same_mistake": mistakes.same_mistake(),
        }
    )
