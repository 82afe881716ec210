"""From blocks of sums to a table of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations
from ml_scorer.measures import Measure
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.schema import Labels
from ml_scorer.scores import UNKNOWN, Failure, Origins, Scores
from ml_scorer.scoring.block import Block
from ml_scorer.scoring.counter import MISSING_COUNT, Counter
from ml_scorer.signature import signature
from ml_scorer.statistics.score_intervals import score_interval


@dataclass(frozen=True, eq=False)
class Binding:
    """What checkpoints were scored by.

    Attributes
    ----------
    counter : Counter
    measures : sequence of Measure
    annotations : Annotations
    missing : str
        "error" or "wrong", for the signatures.
    """

    counter: Counter
    measures: Sequence[Measure]
    annotations: Annotations
    missing: str


def scores(
    blocks: Sequence[Block],
    failed: tuple[Failure, ...],
    source_names: Sequence[str],
    binding: Binding,
    confidence: float | None = None,
) -> Scores:
    """Put blocks together into one table, in the order of their sources.

    Parameters
    ----------
    blocks : sequence of Block
        In any order.
    failed : tuple of Failure
    source_names : sequence of str
        What to call each source, where two of them have checkpoints of the same name.
    binding : Binding
    confidence : float, optional
        Level of the intervals; None gives none. Then the blocks need no variances.
    """
    counter, measures = binding.counter, binding.measures
    table = _Columns(blocks)
    called = pl.Series("source", source_names, dtype=pl.String)
    origins = Origins(called.gather(table.column(lambda block: block.sources)), table.names())
    names = origins.told_apart()
    totals = {name: table.output(index) for index, name in enumerate(counter.outputs)}
    columns = [names]
    methods = {}
    for place, measure in enumerate(measures):
        name = str(measure)
        rule = counter.rules[name]
        shares = (totals[name] / rule.denominator).astype(np.float64)
        columns.append(pl.Series(name, shares))
        if confidence is not None:
            interval = score_interval(rule, shares, table.column(partial(_variance, place)), confidence)
            methods[name] = interval.method
            columns += [pl.Series(f"{name}_low", interval.low), pl.Series(f"{name}_high", interval.high)]
        if measure.reports_count:
            columns.append(pl.Series(f"{name}_right", totals[name].astype(np.int64)))
    known = table.column(lambda block: block.counts_known).astype(bool)
    columns += [_with_nulls(name, totals[name].astype(np.int64), known) for name in VERDICT_COUNTS]
    if MISSING_COUNT in totals:
        columns.append(pl.Series(MISSING_COUNT, totals[MISSING_COUNT].astype(np.int64)))
    ties = table.column(lambda block: block.ties)
    if (ties != UNKNOWN).any():
        columns.append(_with_nulls("ties", ties, ties != UNKNOWN))
    orders = {block.order for block in blocks}
    return Scores(
        frame=pl.DataFrame(columns),
        signatures={
            str(measure): signature(measure, counter.rules[str(measure)], missing=binding.missing, orders=orders)
            for measure in measures
        },
        annotations=binding.annotations.identity,
        failed=failed,
        denominators={name: rule.denominator for name, rule in counter.rules.items()},
        near_chance=tuple(names.filter(pl.Series(table.column(lambda block: block.near_chance).astype(bool)))),
        _sums={name: totals[name] for name in counter.rules},
        confidence=confidence,
        intervals=methods,
        origins=origins,
    )


def kept_labels(blocks: Sequence[Block], counter: Counter) -> Labels:
    """The labels that blocks kept, in the order of their sources: (checkpoints, required) or (…, k) int16."""
    if not blocks:
        return np.empty((0, counter.required.size), np.int16)
    return _Columns(blocks).column(lambda block: block.labels if block.labels is not None else np.empty(0, np.int16))


def _variance(place: int, block: Block) -> NDArray[np.float64]:
    """Sampling variance of one measure; NaN where it is not known: (checkpoints,)."""
    return np.full(len(block.names), np.nan) if block.variances is None else block.variances[:, place]


class _Columns:
    """Columns of all blocks together, in the order of the sources."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        sources = self._joined(lambda block: block.sources)
        self._place = None if (np.diff(sources) >= 0).all() else np.argsort(sources, kind="stable")

    def column(self, of: Callable[[Block], NDArray[Any]]) -> NDArray[Any]:
        """One column: (checkpoints,)."""
        joined = self._joined(of)
        return joined if self._place is None else joined[self._place]

    def output(self, index: int) -> NDArray[Any]:
        """The sums of one output: (checkpoints,)."""
        return self.column(lambda block: block.sums[:, index])

    def names(self) -> pl.Series:
        """What each checkpoint is called."""
        names = pl.Series("checkpoint", [name for block in self._blocks for name in block.names], dtype=pl.String)
        return names if self._place is None else names[self._place]

    def _joined(self, of: Callable[[Block], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([of(block) for block in self._blocks] or [np.empty(0, np.int64)])


def _with_nulls(name: str, values: NDArray[Any], known: NDArray[Any]) -> pl.Series:
    series = pl.Series(name, values)
    return series if known.all() else series.zip_with(pl.Series(known), pl.Series([None], dtype=series.dtype))
