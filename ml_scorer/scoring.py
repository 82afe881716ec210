"""Score predictions: the one function that most people need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

import numpy as np
import polars as pl

from ml_scorer.annotations import Annotations, load_annotations
from ml_scorer.errors import MeasureError, PredictionsError
from ml_scorer.kernel import Plan, Sums, compile_plan, count
from ml_scorer.measures import DEFAULT_MEASURES, Measure, parse_measures
from ml_scorer.measures.rule import Rule, image_weights
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS, verdict_rules
from ml_scorer.predictions import Aligner, Predictions, Source, prediction_sources, resolve_order
from ml_scorer.predictions.orders import Order
from ml_scorer.schema import MISSING, VALIDATION_IMAGES, Images
from ml_scorer.scores import Failure, Scores
from ml_scorer.signature import signature

Missing = Literal["error", "wrong"]
OnError = Literal["stop", "skip"]


def score(
    predictions: Any,  # noqa: ANN401 (what it may be stands below)
    annotations: Annotations | str | PathLike[str] | None = None,
    measures: str | Measure | Iterable[str | Measure] = DEFAULT_MEASURES,
    order: str | PathLike[str] | None = None,
    missing: Missing = "error",
    on_error: OnError = "stop",
) -> Scores:
    """Score the predictions of one checkpoint or of many.

    Parameters
    ----------
    predictions
        One of these, or several of them, or a mapping from checkpoint name to them:

        - the path of a CSV or Parquet file, with a column of image names (`file_name`, `image`, …) and one of class
          indices (`predicted_class`, `prediction`, `index`, …), or of a `.npy` file;
        - a mapping from image name (str or bytes) to class index;
        - a Polars or pandas frame with such columns;
        - an array of labels (images,) or (checkpoints, images), integers 0-999, or of logits or probabilities
          (images, 1000), floats. An array has no names, so `order` must be said.

        Image names match by base name, with or without folder and extension.
    annotations : Annotations or path, optional
        None looks for the table; see `load_annotations`.
    measures : measure, its printed name, or several
        What to compute.
    order : str, optional
        Which image each position of an array is: `ilsvrc`, `imagefolder`, `tfds`, `tfds-sequential`, `annotations`, or
        the path of a text file that lists image names. None allows only predictions with names.
    missing : {"error", "wrong"}
        What a required image without a prediction is. "wrong" counts it as right in no measure.
    on_error : {"stop", "skip"}
        Raise at the first input that cannot be scored, or list it under `failed` and go on.

    Returns
    -------
    Scores

    Raises
    ------
    AnnotationsError, AnnotationsNotFoundError
        If the annotation table is not to be had or not whole.
    MeasureError
        If a measure is unknown, or these annotations cannot give it.
    PredictionsError, FileNotFoundError
        If predictions are refused.
    ValueError
        If `missing` or `on_error` is neither of its two.
    """
    for name, value, known in (("missing", missing, ("error", "wrong")), ("on_error", on_error, ("stop", "skip"))):
        if value not in known:
            raise ValueError(f"{name}={value!r}: expected one of {', '.join(known)}.")
    if not isinstance(annotations, Annotations):
        annotations = load_annotations(annotations)
    return Scorer(annotations, measures, order=order, missing=missing).score(predictions, on_error=on_error)


class Scorer:
    """Binds annotations, measures and order once, and scores any number of predictions; see `score`."""

    def __init__(
        self,
        annotations: Annotations,
        measures: str | Measure | Iterable[str | Measure] = DEFAULT_MEASURES,
        *,
        order: str | PathLike[str] | None = None,
        missing: Missing = "error",
    ) -> None:
        self.annotations = annotations
        self.measures = parse_measures(measures)
        self._missing = missing
        self._order: Order | None = None if order is None else resolve_order(order, annotations)
        self._rules = _measure_rules(self.measures, annotations)
        self._required = _required(self._rules.values())
        counts = verdict_rules(annotations)
        self._counted_images = counts[VERDICT_COUNTS[0]].images
        self._always_counted = bool(np.isin(self._counted_images, self._required).all())
        rules = {**self._rules, **counts}
        if missing == "wrong":
            rules["missing"] = _missing_rule(self._required)
        self._outputs = tuple(rules)
        self._plan: Plan = compile_plan(list(rules.values()), missing_allowed=missing == "wrong")
        self._aligner = Aligner(self._plan, self._required, missing_allowed=missing == "wrong")

    def score(
        self,
        predictions: Any,  # noqa: ANN401
        *,
        on_error: OnError = "stop",
        advance: Callable[[], None] | None = None,
    ) -> Scores:
        """Score predictions; parameters, errors and result as in `score`. `advance` is called after each input."""
        blocks: list[_Block] = []
        failed: list[Failure] = []
        for source in prediction_sources(predictions):
            try:
                blocks.append(self._score_source(source))
            except (PredictionsError, OSError) as error:
                if on_error == "stop":
                    raise
                failed.append(Failure(source.name, str(error)))
            if advance is not None:
                advance()
        return self._scores(blocks, tuple(failed))

    def _score_source(self, source: Source) -> _Block:
        predictions = source.read(self._order)
        sums = [count(self._plan, aligned) for aligned in self._aligner.align(predictions, source.where)]
        known = self._always_counted or self._aligner.covers(predictions, self._counted_images)
        return _Block(
            names=_row_names(source.name, predictions),
            sums=np.concatenate(sums),
            counts_known=known,
            ties=_count_ties(predictions, self._required),
            order=predictions.order,
        )

    def _scores(self, blocks: list[_Block], failed: tuple[Failure, ...]) -> Scores:
        empty = np.empty((0, len(self._outputs)))
        sums = np.concatenate([block.sums for block in blocks]) if blocks else empty
        totals = {name: sums[:, index] for index, name in enumerate(self._outputs)}
        columns = [pl.Series("checkpoint", [name for block in blocks for name in block.names], dtype=pl.String)]
        for measure in self.measures:
            name = str(measure)
            shares = totals[name] / self._rules[name].denominator
            columns.append(pl.Series(name, shares.astype(np.float64)))
            if measure.reports_count:
                columns.append(pl.Series(f"{name}_right", totals[name].astype(np.int64)))
        known = np.repeat([block.counts_known for block in blocks], [len(block.names) for block in blocks]).astype(bool)
        for name in VERDICT_COUNTS:
            counts = pl.Series(name, totals[name].astype(np.int64))
            columns.append(counts.zip_with(pl.Series(known, dtype=pl.Boolean), pl.Series([None], dtype=pl.Int64)))
        if self._missing == "wrong":
            columns.append(pl.Series("missing", totals["missing"].astype(np.int64)))
        if any(block.ties is not None for block in blocks):
            unknown: list[int | None] = [None]
            ties = [count for block in blocks for count in block.ties or unknown * len(block.names)]
            columns.append(pl.Series("ties", ties, dtype=pl.Int64))
        orders = {block.order for block in blocks}
        return Scores(
            frame=pl.DataFrame(columns),
            signatures={
                str(measure): signature(measure, self._rules[str(measure)], missing=self._missing, orders=orders)
                for measure in self.measures
            },
            annotations=self.annotations.identity,
            failed=failed,
            denominators={name: rule.denominator for name, rule in self._rules.items()},
            _sums={name: tuple(int(total) for total in totals[name]) for name in self._rules},
        )


@dataclass(frozen=True, eq=False)
class _Block:
    """What one source gave: (checkpoints, rules) sums, and what goes beside them."""

    names: list[str]
    sums: Sums
    counts_known: bool
    ties: list[int] | None
    order: str


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


def _row_names(source: str, predictions: Predictions) -> list[str]:
    rows = len(predictions.labels)
    return [source] if rows == 1 else [f"{source}[{row}]" for row in range(rows)]


def _count_ties(predictions: Predictions, required: Images) -> list[int] | None:
    if predictions.ties is None:
        return None
    counts: list[int] = np.count_nonzero(predictions.ties[:, np.isin(predictions.images, required)], axis=1).tolist()
    return counts
