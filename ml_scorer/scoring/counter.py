"""Count predictions under every rule at once: those of the measures, the verdicts, and the missing images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations
from ml_scorer.errors import MeasureError, PredictionsError, faults_text
from ml_scorer.kernel import (
    Sums,
    ValuesPlan,
    compile_plan,
    compile_top_k,
    compile_values,
    count,
    count_top_k,
    image_values,
    too_few,
)
from ml_scorer.measures import Measure
from ml_scorer.measures.rule import Rule, image_weights
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS, verdict_rules
from ml_scorer.predictions import Aligner, Predictions
from ml_scorer.schema import MISSING, VALIDATION_IMAGES, Images, Labels
from ml_scorer.scores import UNKNOWN
from ml_scorer.statistics.design import Design, variance

MISSING_COUNT = "missing"
"""Name of the output that counts required images without a prediction."""


class Counter:
    """The rules of one scorer, compiled; may be used from several threads.

    Attributes
    ----------
    rules : dict of str to Rule
        The rule of each measure, by its printed name.
    outputs : tuple of str
        What each column of the sums is: measures, verdict counts, and `missing` where that is allowed.
    required : (images,) int32
        Images that have weight in a measure; ascending.
    k : int
        Labels of an image that the measures look at, at most.
    """

    def __init__(self, measures: Sequence[Measure], annotations: Annotations, *, missing_allowed: bool) -> None:
        self.rules = _measure_rules(measures, annotations)
        self.required = _required(self.rules.values())
        self.k = max((rule.labels_needed for rule in self.rules.values()), default=1)
        verdicts = verdict_rules(annotations)
        self._counted = verdicts[VERDICT_COUNTS[0]].images
        self._always_counted = bool(np.isin(self._counted, self.required).all())
        rules = {**self.rules, **verdicts}
        if missing_allowed:
            rules[MISSING_COUNT] = _missing_rule(self.required)
        self.outputs = tuple(rules)

        def aligner(images: Images) -> Aligner:
            return Aligner(images, self.required, missing_allowed=missing_allowed)

        top1 = {name: rule for name, rule in rules.items() if rule.k == 1}
        self._top1 = [self.outputs.index(name) for name in top1]
        self._plan = compile_plan(list(top1.values()), missing_allowed=missing_allowed)
        self._aligner = aligner(self._plan.images)
        self._top_k = {
            index: (plan := compile_top_k(rules[name], missing_allowed=missing_allowed), aligner(plan.images))
            for index, name in enumerate(self.outputs)
            if name not in top1
        }
        self._of_required = aligner(self.required)

    def sums(self, predictions: Predictions, where: str) -> Sums:
        """Sum of every output: (checkpoints, outputs).

        Raises
        ------
        PredictionsError
            If required images have no prediction and that is not allowed, or have fewer labels than a measure needs.
        """
        self._check_labels(predictions, where)
        sums = np.concatenate([count(self._plan, aligned) for aligned in self._aligner.align(predictions, where)])
        if not self._top_k:
            return sums
        columns: list[Sums] = [sums[:, 0]] * len(self.outputs)
        for index, place in enumerate(self._top1):
            columns[place] = sums[:, index]
        for place, (plan, aligner) in self._top_k.items():
            columns[place] = np.concatenate(
                [count_top_k(plan, aligned) for aligned in aligner.align(predictions, where, plan.k)]
            )
        return np.stack(columns, axis=1)

    def _check_labels(self, predictions: Predictions, where: str) -> None:
        """Raise PredictionsError where a measure looks at more labels of an image than there are."""
        faults = [
            f"{self.outputs[place]} looks at {plan.k} labels of an image, and there "
            f"{'is one' if predictions.k == 1 else f'are {predictions.k}'}: too few for {few:,} images"
            for place, (plan, _) in self._top_k.items()
            if (few := too_few(plan, predictions.k))
        ]
        if faults:
            raise PredictionsError(f"{faults_text(where, faults)}. Give more labels an image, or logits.")

    def labels(self, predictions: Predictions, where: str) -> Labels:
        """Predictions for the required images: (checkpoints, required) int16, or (checkpoints, required, k).

        Raises
        ------
        PredictionsError
            If required images have no prediction and that is not allowed.
        """
        k = min(self.k, predictions.k)
        return np.concatenate([aligned.copy() for aligned in self._of_required.align(predictions, where, k)])

    def variances(self, labels: Labels) -> NDArray[np.float64]:
        """Sampling variance of the score of each measure: (checkpoints, measures).

        Parameters
        ----------
        labels : (checkpoints, required) or (checkpoints, required, k) int16
        """
        return np.stack([variance(design, image_values(plan, labels)) for plan, design in self._sampled], axis=1)

    @cached_property
    def _sampled(self) -> list[tuple[ValuesPlan, Design]]:
        """What the variances of each measure need."""
        return [(compile_values(rule, self.required), Design.of(rule)) for rule in self.rules.values()]

    def strange(self, sums: Sums) -> NDArray[np.bool_]:
        """Checkpoints more of whose predictions no expert judged than were judged wrong: (checkpoints,)."""
        *_, wrong, unreviewed = (sums[:, self.outputs.index(name)] for name in VERDICT_COUNTS)
        strange: NDArray[np.bool_] = (unreviewed > wrong).astype(bool)
        return strange

    def counts_known(self, predictions: Predictions) -> bool:
        """Whether the predictions cover the images of the verdict counts."""
        return self._always_counted or self._aligner.covers(predictions, self._counted)

    def ties(self, predictions: Predictions) -> NDArray[np.int64]:
        """Number of required images whose arg-max was a tie, or `UNKNOWN`: (checkpoints,)."""
        if predictions.ties is None:
            return np.full(len(predictions.labels), UNKNOWN, np.int64)
        required = np.isin(predictions.images, self.required)
        ties: NDArray[np.int64] = np.count_nonzero(predictions.ties[:, required], axis=1)
        return ties


def _measure_rules(measures: Iterable[Measure], annotations: Annotations) -> dict[str, Rule]:
    rules, faults = {}, []
    for measure in measures:
        try:
            rules[str(measure)] = measure.rule(annotations)
        except MeasureError as error:
            text = str(error)
            faults.append(text if text.startswith(str(measure)) else f"{measure}: {text}")
    if faults:
        raise MeasureError("\n".join(faults))
    return rules


def _required(rules: Iterable[Rule]) -> Images:
    """Every image that has weight in one of the rules; ascending."""
    has_weight = np.zeros(VALIDATION_IMAGES + 1, bool)
    for rule in rules:
        has_weight[rule.images] = True
    return np.flatnonzero(has_weight).astype(np.int32)


def _missing_rule(required: Images) -> Rule:
    """Counts the required images that have no prediction."""
    weights, denominator = image_weights(required.size)
    return Rule(
        images=required,
        weights=weights,
        denominator=denominator,
        pair_rows=np.arange(required.size),
        pair_labels=np.full(required.size, MISSING, np.int16),
        rejects=False,
        data="",
        classes=0,
    )
