"""From results to the rows of a store, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.kernel import Sums
from ml_scorer.measures.rule import EXACT
from ml_scorer.scores import UNKNOWN
from ml_scorer.store.columns import COLUMNS, COUNTS
from ml_scorer.store.files import FileState
from ml_scorer.store.results import Results
from ml_scorer.store.settings import Measured, Settings


def rows_of(results: Results, settings: Settings, measures: Sequence[Measured], recorded_at: datetime) -> pl.DataFrame:
    """One row for each checkpoint and measure, the measures of a checkpoint together: in the schema `COLUMNS`."""
    sources = results.sources
    per_source = np.bincount(sources, minlength=len(results.states))
    first = np.cumsum(per_source) - per_source
    checkpoints = np.repeat(np.arange(sources.size), len(measures))  # of each row, as are the next two
    places = np.tile(np.arange(len(measures)), sources.size)
    origins = sources[checkpoints]

    def of_sources(values: Iterable[object], dtype: pl.DataType) -> pl.Series:
        return pl.Series(values, dtype=dtype)[origins]

    def of_measures(values: Iterable[str]) -> pl.Series:
        return pl.Series(values, dtype=pl.String)[places]

    orders = sorted(set(results.orders))
    signatures = [measure.signature(order) for order in orders for measure in measures]
    order_index = np.array([orders.index(order) for order in results.orders], np.int64)
    columns = {
        "source": of_sources([state.source for state in results.states], pl.String()),
        "checkpoint": pl.Series(results.names, dtype=pl.String)[checkpoints],
        "row": (np.arange(sources.size) - first[sources])[checkpoints],
        "checkpoints": per_source[origins],
        "named": results.named[checkpoints],
        "size": of_sources([state.size for state in results.states], pl.Int64()),
        "modified_ns": of_sources(
            [state.modified_ns if state.settled else None for state in results.states], pl.Int64()
        ),
        "content": of_sources(results.contents, pl.String()),
        "required": settings.required,
        "settings": settings.fingerprint(),
        "measure": of_measures(measure.name for measure in measures),
        "order": of_sources(results.orders, pl.String()),
        "signature": pl.Series(signatures, dtype=pl.String)[order_index[origins] * len(measures) + places],
        "score": _shares(results.numerators, measures),
        "numerator": _texts(results.numerators),
        "denominator": of_measures(str(measure.denominator) for measure in measures),
        "variance": _known_variances(results),
        **{name: _known(counts)[checkpoints] for name, counts in zip(COUNTS, results.counts.T, strict=True)},
        "missing_images": _known(results.missing)[checkpoints],
        "ties": _known(results.ties)[checkpoints],
        "near_chance": results.near_chance[checkpoints],
        "recorded_at": recorded_at,
        **settings.columns(),
    }
    return pl.DataFrame({name: columns[name] for name in COLUMNS}, COLUMNS)


def results_of(rows: pl.DataFrame, states: Sequence[FileState], measures: int) -> Results:
    """Results from rows that are complete.

    Parameters
    ----------
    rows : polars.DataFrame
        As `Lookup.find` gives them.
    states : sequence of FileState
        The sources as they are now; those that rows are of come out.
    measures : int
        Their number.
    """
    rows = rows.sort("position", "row", "place")
    of_checkpoints = rows.gather_every(measures)
    position = of_checkpoints["position"].to_numpy()
    of_sources = of_checkpoints.filter(of_checkpoints["row"] == 0)
    found = of_sources["position"].to_numpy()
    counts = [of_checkpoints[name].fill_null(UNKNOWN).to_numpy() for name in COUNTS]
    return Results(
        states=[states[index] for index in found.tolist()],
        contents=of_sources["content"].to_list(),
        orders=of_sources["order"].to_list(),
        sources=np.searchsorted(found, position).astype(np.int64),
        names=of_checkpoints["checkpoint"].to_list(),
        named=of_checkpoints["named"].to_numpy().astype(bool),
        numerators=whole_numbers(rows["numerator"]).reshape(-1, measures),
        counts=np.stack(counts, axis=1).astype(np.int64),
        missing=of_checkpoints["missing_images"].fill_null(UNKNOWN).to_numpy(),
        ties=of_checkpoints["ties"].fill_null(UNKNOWN).to_numpy(),
        near_chance=of_checkpoints["near_chance"].to_numpy().astype(bool),
        variances=_variances_of(rows["variance"], measures),
    )


def whole_numbers(texts: pl.Series) -> NDArray[Any]:
    """Integers from their texts: int64 where all fit, else Python integers."""
    numbers = texts.cast(pl.Int64, strict=False)
    if numbers.null_count():
        return np.array([int(text) for text in texts], object)
    return numbers.to_numpy()


def _texts(numbers: Sums) -> pl.Series:
    flat = numbers.reshape(-1)
    if flat.dtype == object:
        return pl.Series([str(int(number)) for number in flat], dtype=pl.String)
    return pl.Series(flat.astype(np.int64)).cast(pl.String)


def _shares(numbers: Sums, measures: Sequence[Measured]) -> NDArray[np.float64]:
    """Each sum over its denominator, rounded once."""
    shares = np.empty(numbers.shape)
    for index, measure in enumerate(measures):
        totals = numbers[:, index]
        exact = measure.denominator < EXACT and totals.dtype != object
        shares[:, index] = (
            totals / measure.denominator if exact else [int(total) / measure.denominator for total in totals]
        )
    return shares.reshape(-1)


def _known_variances(results: Results) -> pl.Series:
    """Variances in the order of the rows, null where unknown."""
    if results.variances is None:
        return pl.repeat(None, results.numerators.size, dtype=pl.Float64, eager=True)
    return pl.Series(results.variances.reshape(-1)).fill_nan(None)


def _variances_of(column: pl.Series, measures: int) -> NDArray[np.float64] | None:
    """Variances from a column of the rows: (checkpoints, measures), NaN where unknown; None if all are."""
    if column.null_count() == column.len():
        return None
    return column.fill_null(float("nan")).to_numpy().reshape(-1, measures)


def _known(counts: NDArray[np.int64]) -> pl.Series:
    """Counts, null where unknown."""
    series = pl.Series(counts, dtype=pl.Int64)
    return series.set(series == UNKNOWN, None) if (counts == UNKNOWN).any() else series
