"""What was counted, and what could not be: the results of sources before they become a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_scorer.kernel import Sums
from ml_scorer.schema import Labels


@dataclass(frozen=True, eq=False)
class Block:
    """Sums of some checkpoints, column by column.

    Attributes
    ----------
    sources : (checkpoints,) int64
        Index of the source that each is from; ascending.
    names : list of str
    named : (checkpoints,) bool
        Whether the source itself gave that name.
    sums : (checkpoints, outputs) float64, or object (Python integers)
    counts_known : (checkpoints,) bool
        Whether the predictions cover the images of the verdict counts.
    ties : (checkpoints,) int64
        Required images whose arg-max was a tie; `UNKNOWN` where the source held labels.
    near_chance : (checkpoints,) bool
        Whether top-1 is near chance, and no other order or numbering fits better.
    order : str
        How the images were known.
    labels : (checkpoints, required images) or (checkpoints, required images, k) int16, optional
        Their predictions, where these are to be kept.
    variances : (checkpoints, measures) float64, optional
        Sampling variance of each score, where intervals are wanted.
    """

    sources: NDArray[np.int64]
    names: list[str]
    named: NDArray[np.bool_]
    sums: Sums
    counts_known: NDArray[np.bool_]
    ties: NDArray[np.int64]
    near_chance: NDArray[np.bool_]
    order: str
    labels: Labels | None = None
    variances: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Refusal:
    """A source that could not be scored, and why."""

    source: int
    error: Exception


@dataclass(frozen=True, eq=False)
class Contents:
    """Hash of the content of each source that is still as it was before it was read, by the source's index."""

    hashes: Mapping[int, str]


Part: TypeAlias = Block | Refusal | Contents
"""What comes of sources."""


def joined_by_source(blocks: Iterable[Block]) -> Iterator[Block]:
    """The same blocks, those that follow each other from one source as one."""
    for _, run in groupby(blocks, key=lambda block: (int(block.sources[0]), block.order)):
        parts = list(run)
        yield (
            parts[0]
            if len(parts) == 1
            else Block(
                sources=np.concatenate([part.sources for part in parts]),
                names=[name for part in parts for name in part.names],
                named=np.concatenate([part.named for part in parts]),
                sums=np.concatenate([part.sums for part in parts]),
                counts_known=np.concatenate([part.counts_known for part in parts]),
                ties=np.concatenate([part.ties for part in parts]),
                near_chance=np.concatenate([part.near_chance for part in parts]),
                order=parts[0].order,
                variances=_joined([part.variances for part in parts]),
            )
        )


def _joined(parts: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    given = [part for part in parts if part is not None]
    return np.concatenate(given) if len(given) == len(parts) else None
