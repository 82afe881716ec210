"""What every checkpoint predicts for every image: where a score is one number, this says what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations
from ml_scorer.kernel import Values, compile_values, image_values
from ml_scorer.measures import Measure
from ml_scorer.measures.rule import Rule, scored_rows
from ml_scorer.measures.verdict_counts import verdict_table
from ml_scorer.schema import MISSING, Images, Labels
from ml_scorer.scores import Scores
from ml_scorer.statistics.confidence import check_confidence
from ml_scorer.statistics.design import Design
from ml_scorer.statistics.intervals import bootstrap_interval


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Predictions of checkpoints with all that they are judged by.

    Attributes
    ----------
    scores : Scores
        The scores of the same checkpoints, in the same order.
    annotations : Annotations
    measures : tuple of Measure
    rules : mapping of str to Rule
        The rule of each measure, by its printed name.
    images : (images,) int32
        Numbers of the images that the measures need; ascending.
    labels : (checkpoints, images) or (checkpoints, images, k) int16
        Predictions for these, the most likely first; `MISSING` where there is none. 40 kB a checkpoint for MLA.
    """

    scores: Scores
    annotations: Annotations
    measures: tuple[Measure, ...]
    rules: Mapping[str, Rule]
    images: Images
    labels: Labels

    def __repr__(self) -> str:
        return f"<Outcomes of {self.labels.shape[0]:,} x {self.images.size:,} images, {', '.join(self.rules)}>"

    @property
    def names(self) -> tuple[str, ...]:
        """What each checkpoint is called."""
        return tuple(self.scores.frame["checkpoint"])

    @property
    def top1(self) -> Labels:
        """The most likely label of each image: (checkpoints, images) int16."""
        return self.labels if self.labels.ndim == 2 else self.labels[:, :, 0]  # noqa: PLR2004

    def values(self, measure: str | Measure) -> Values:
        """How right each image of a measure is: (checkpoints, rule's images) bool, or float64 for k=labels.

        The images are those of `rules[str(measure)].images`, in that order.
        """
        return image_values(compile_values(self._rule(measure), self.images), self.labels)

    def design(self, measure: str | Measure) -> Design:
        """How the images of a measure were sampled, and what they weigh."""
        return Design.of(self._rule(measure))

    @cached_property
    def scored_images(self) -> Images:
        """The images of MLA, as far as the measures need them: (scored,) int32, ascending."""
        scored = self.annotations.images[scored_rows(self.annotations)]
        return scored[np.isin(scored, self.images)]

    def verdicts(self, checkpoints: slice = slice(None)) -> NDArray[np.int8]:
        """What experts say of the first prediction for each of `scored_images`.

        Parameters
        ----------
        checkpoints : slice
            Of some checkpoints only.

        Returns
        -------
        (checkpoints, scored) int8
            Index into `VERDICT_COUNTS` (correct, unclear, wrong, unreviewed); `MISSING` without a prediction.
        """
        columns = np.searchsorted(self.images, self.scored_images)
        labels = self.top1[checkpoints][:, columns]
        verdicts: NDArray[np.int8] = self._verdict_of[np.arange(columns.size), labels]
        return np.where(labels == MISSING, np.int8(MISSING), verdicts)

    @cached_property
    def _verdict_of(self) -> NDArray[np.int8]:
        """Verdict of each class for each of `scored_images`: (scored, classes)."""
        return verdict_table(self.annotations, self.scored_images)

    def bootstrapped(self, confidence: float, *, resamples: int, seed: int = 0) -> Outcomes:
        """The same, the intervals of the scores made by a bootstrap of the images within their strata.

        Parameters
        ----------
        confidence : float
            Level of the intervals, in (0, 1).
        resamples : int
        seed : int
            Of the random draws: the same for every measure and checkpoint.

        Raises
        ------
        ValueError
            If the level is no share between 0 and 1.
        MissingExtraError
            If scipy is not installed.
        """
        check_confidence(confidence)
        ends, methods = {}, {}
        for name in map(str, self.measures):
            design, values = self.design(name), self.values(name)
            interval = bootstrap_interval(design, values, confidence, seed=seed, resamples=resamples)
            methods[name] = f"{interval.method} of {resamples:,} resamples, seed {seed}"
            ends[name] = [pl.Series(f"{name}_low", interval.low), pl.Series(f"{name}_high", interval.high)]
        earlier = {end.name for pair in ends.values() for end in pair}
        columns = [column for column in self.scores.frame if column.name not in earlier]
        frame = pl.DataFrame([part for column in columns for part in (column, *ends.get(column.name, ()))])
        return replace(self, scores=replace(self.scores, frame=frame, confidence=confidence, intervals=methods))

    def _rule(self, measure: str | Measure) -> Rule:
        name = str(measure)
        if name not in self.rules:
            raise KeyError(f"{name} was not measured; there are {', '.join(self.rules)}")
        return self.rules[name]
