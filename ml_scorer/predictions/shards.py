"""Parts of the inputs, for processes that share them out and know nothing of each other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256

from ml_scorer.predictions.sources import Source, Sources
from ml_scorer.predictions.storage import without_secrets


@dataclass(frozen=True)
class Shard:
    """One of several parts of the inputs.

    Attributes
    ----------
    number : int
        Which one, from 1.
    of : int
        How many there are.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(f"shard {self.number} of {self.of}: shards are numbered from 1 to as many as there are.")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def part(self, sources: Sources) -> Sources:
        """Its sources: neighbours, so that all shards in their order are all sources in theirs.

        Sizes differ by one at most; of fewer sources than shards, some shards have none.
        """
        start, stop = (len(sources) * place // self.of for place in (self.number - 1, self.number))
        return Sources(sources[start:stop])


@dataclass(frozen=True)
class Cut:
    """What the shards of one run have in common: which inputs were cut into how many, and how they are read.

    Attributes
    ----------
    shards : int
    inputs : int
        How many all shards have together.
    fingerprint : str
        A sha256 over the paths and addresses of all inputs in their order.
    reading : str
        How predictions are read, as far as no signature says so.
    """

    shards: int
    inputs: int
    fingerprint: str
    reading: str

    @classmethod
    def of(cls, sources: Sources, shards: int, reading: str) -> Cut:
        """All sources, cut into so many shards, and read in this way."""
        places = "\n".join(map(_place, sources))
        digest = sha256(places.encode(errors="surrogateescape")).hexdigest()
        return cls(shards, len(sources), digest, reading)

    def __str__(self) -> str:
        return f"{self.shards:,} shards of {self.inputs:,} inputs @{self.fingerprint[:8]}, {self.reading}"


def _place(source: Source) -> str:
    """Where a source is, wherever the command runs."""
    if source.address is not None:
        return without_secrets(source.address)
    return os.path.abspath(source.path) if source.path else source.name  # noqa: PTH100 (links stay as they were given)
