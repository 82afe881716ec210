"""Results of whole sources, column by column: what goes into a store, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_scorer.kernel import Sums
from ml_scorer.store.files import FileState


@dataclass(frozen=True, eq=False)
class Results:
    """What some sources gave under one measure after another.

    A source is in here with all of its checkpoints, in their order.

    Attributes
    ----------
    states : sequence of FileState
        The sources, as they were before they were read.
    contents : sequence of str
        `content_hash` of each source.
    orders : sequence of str
        How the images of each source were known: `names`, or an order.
    sources : (checkpoints,) int64
        Index in `states` of the source of each checkpoint; ascending.
    names : sequence of str
        What each checkpoint is called.
    named : (checkpoints,) bool
        Whether the source itself gave that name, so that it holds whatever the source is called.
    numerators : (checkpoints, measures) float64, int64, or object (Python integers)
        Integer sums.
    counts : (checkpoints, 4) int64
        Predictions judged correct, unclear, wrong, unreviewed; `UNKNOWN` where the images are not covered.
    missing : (checkpoints,) int64
        Required images without a prediction; `UNKNOWN` where these are not allowed.
    ties : (checkpoints,) int64
        Required images whose arg-max was a tie; `UNKNOWN` where the source held labels.
    near_chance : (checkpoints,) bool
    variances : (checkpoints, measures) float64, optional
        Sampling variance of each score; None where nobody asked for it, NaN where it is not known.
    """

    states: Sequence[FileState]
    contents: Sequence[str]
    orders: Sequence[str]
    sources: NDArray[np.int64]
    names: Sequence[str]
    named: NDArray[np.bool_]
    numerators: Sums
    counts: NDArray[np.int64]
    missing: NDArray[np.int64]
    ties: NDArray[np.int64]
    near_chance: NDArray[np.bool_]
    variances: NDArray[np.float64] | None = None


def joined(parts: Sequence[Results]) -> Results:
    """The results of several as one; no source is in two of them."""
    first = np.cumsum([0, *(len(part.states) for part in parts[:-1])])
    return Results(
        states=[state for part in parts for state in part.states],
        contents=[content for part in parts for content in part.contents],
        orders=[order for part in parts for order in part.orders],
        sources=np.concatenate([part.sources + start for part, start in zip(parts, first, strict=True)]),
        names=[name for part in parts for name in part.names],
        named=np.concatenate([part.named for part in parts]),
        numerators=np.concatenate([part.numerators for part in parts]),
        counts=np.concatenate([part.counts for part in parts]),
        missing=np.concatenate([part.missing for part in parts]),
        ties=np.concatenate([part.ties for part in parts]),
        near_chance=np.concatenate([part.near_chance for part in parts]),
        variances=_variances(parts),
    )


def _variances(parts: Sequence[Results]) -> NDArray[np.float64] | None:
    """The variances of several; NaN for the parts that have none, None where no part has any."""
    if all(part.variances is None for part in parts):
        return None
    return np.concatenate(
        [np.full(part.numerators.shape, np.nan) if part.variances is None else part.variances for part in parts]
    )


def nothing(measures: int) -> Results:
    """The results of no source."""
    none = np.empty(0, np.int64)
    false = np.empty(0, np.bool_)
    return Results((), (), (), none, (), false, np.empty((0, measures)), np.empty((0, 4), np.int64), none, none, false)
