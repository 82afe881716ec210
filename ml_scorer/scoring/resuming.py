"""Between scoring and a store: what is known already is taken from it, what is new is put into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations
from ml_scorer.kernel.sums import number_type
from ml_scorer.measures import Measure
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.predictions import ReadOptions, Source
from ml_scorer.scores import UNKNOWN
from ml_scorer.scoring.block import Block, joined_by_source
from ml_scorer.scoring.counter import MISSING_COUNT, Counter
from ml_scorer.scoring.versions import state_of
from ml_scorer.signature import signature
from ml_scorer.store import (
    Measured,
    Results,
    Settings,
    Store,
    images_fingerprint,
)


class Resuming:
    """One run against a store; use it in `with`, from one thread.

    Parameters
    ----------
    store : Store
    sources : sequence of Source
        Every source of the run.
    counter, measures, options, annotations, missing, trust_order
        What the results depend on.
    variances : bool
        Whether the sampling variance of each score is wanted: results without it are not known then.

    Attributes
    ----------
    known : list of Block
        Results that the store has already.
    new : list of int
        Indices of the sources that are to be scored.
    states : dict of int to FileState
        Every source as it is before anything is read, by its index; without those that cannot be looked at.
    """

    def __init__(  # noqa: PLR0913 (what a result depends on)
        self,
        store: Store,
        sources: Sequence[Source],
        counter: Counter,
        measures: Sequence[Measure],
        options: ReadOptions,
        *,
        annotations: Annotations,
        missing: str,
        trust_order: bool,
        variances: bool,
    ) -> None:
        in_memory = next((source.name for source in sources if source.file is None), None)
        if in_memory is not None:
            raise ValueError(f"a store keeps results of files, and {in_memory} is in memory: score it without store=.")
        self._sources = sources
        self._counter = counter
        self._measures = [str(measure) for measure in measures]
        marks = annotations.is_imagenet_m
        any_real = any(measure.needs_real_labels for measure in measures)
        settings = Settings(
            order=options.order.name if options.order else None,
            missing=missing,
            class_ids=options.class_ids.name,
            key=options.key,
            trusted=trust_order,
            annotations=annotations.identity,
            required=images_fingerprint(counter.required),
            marked="" if marks is None else images_fingerprint(annotations.images[marks]),
            real=annotations.real.identity.fingerprint if annotations.real and any_real else "",
        )

        def measured(measure: Measure) -> Measured:
            rule = counter.rules[str(measure)]
            return Measured(
                name=str(measure),
                denominator=rule.denominator,
                signature=lambda order: signature(measure, rule, missing=missing, orders=[order]),
            )

        kept = [measured(measure) for measure in measures]
        self.states = {index: state for index, source in enumerate(sources) if (state := state_of(source)) is not None}
        places: dict[str, list[int]] = {}
        for index, state in self.states.items():
            places.setdefault(state.source, []).append(index)
        found = store.known(settings, kept, list(self.states.values()), variances=variances)
        self.known = list(self._blocks(found, places))
        done = {index for state in found.states for index in places[state.source]}
        self.new = [index for index in range(len(sources)) if index not in done]
        self._writer = store.writer(settings, kept)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, traceback)

    def keep(self, blocks: Iterable[Block], contents: Mapping[int, str]) -> None:
        """Put the results of whole sources into the store.

        Parameters
        ----------
        blocks : iterable of Block
        contents : mapping of int to str
            Hash of the content of each source, by its index; one that is not in here is not kept.
        """
        for block in joined_by_source(blocks):
            results = self._results(block, contents)
            if results is not None:
                self._writer.add(results)

    def _results(self, block: Block, hashes: Mapping[int, str]) -> Results | None:
        """Of the sources of a block that are still as they were before they were read."""
        indices, rows_of = np.unique(block.sources, return_inverse=True)
        states = [self.states.get(index) for index in indices.tolist()]
        contents = [hashes.get(index) for index in indices.tolist()]
        whole = np.array([content is not None for content in contents])
        if not whole.any():
            return None
        rows = whole[rows_of]
        column = {name: index for index, name in enumerate(self._counter.outputs)}
        numerators = block.sums[:, [column[name] for name in self._measures]]
        counts = block.sums[:, [column[name] for name in VERDICT_COUNTS]].astype(np.int64)
        missing = block.sums[:, column[MISSING_COUNT]].astype(np.int64) if MISSING_COUNT in column else None
        return Results(
            states=[state for state, content in zip(states, contents, strict=True) if state and content is not None],
            contents=[content for content in contents if content is not None],
            orders=[block.order] * int(whole.sum()),
            sources=(np.cumsum(whole) - 1)[rows_of][rows],
            names=[name for name, kept in zip(block.names, rows.tolist(), strict=True) if kept],
            named=block.named[rows],
            numerators=numerators[rows],
            counts=np.where(block.counts_known[:, None], counts, UNKNOWN)[rows],
            missing=np.full(int(rows.sum()), UNKNOWN) if missing is None else missing[rows],
            ties=block.ties[rows],
            near_chance=block.near_chance[rows],
            variances=None if block.variances is None else block.variances[rows],
        )

    def _blocks(self, found: Results, places: Mapping[str, Sequence[int]]) -> Iterable[Block]:
        """Known results as they would come from the sources now, each under all of its names."""
        column = {name: index for index, name in enumerate(self._counter.outputs)}
        exact = number_type(max(rule.denominator for rule in self._counter.rules.values()))
        sums = np.zeros((found.sources.size, len(column)), exact)
        sums[:, [column[name] for name in self._measures]] = found.numerators
        sums[:, [column[name] for name in VERDICT_COUNTS]] = np.maximum(found.counts, 0)
        if MISSING_COUNT in column:
            sums[:, column[MISSING_COUNT]] = found.missing
        orders = np.array(found.orders, dtype=object)
        indices = [places[state.source] for state in found.states]
        for turn in range(max(map(len, indices), default=0)):  # a file that was named twice has two
            of_source = np.array([each[turn] if turn < len(each) else -1 for each in indices], np.int64)
            for order in dict.fromkeys(found.orders):
                rows = np.flatnonzero((orders == order)[found.sources] & (of_source[found.sources] >= 0))
                sources = of_source[found.sources[rows]]
                yield Block(
                    sources=sources,
                    names=self._called(found, rows, sources),
                    named=found.named[rows],
                    sums=sums[rows],
                    counts_known=found.counts[rows, 0] != UNKNOWN,
                    ties=found.ties[rows],
                    near_chance=found.near_chance[rows],
                    order=order,
                    variances=None if found.variances is None else found.variances[rows],
                )

    def _called(self, found: Results, rows: NDArray[np.intp], sources: NDArray[np.int64]) -> list[str]:
        """What checkpoints are called now: as their source names them, or else after what it is called in this run."""
        first, checkpoints = np.unique(found.sources, return_index=True, return_counts=True)[1:]
        place = rows - first[found.sources[rows]]
        several = checkpoints[found.sources[rows]] > 1
        each = zip(rows.tolist(), sources.tolist(), place.tolist(), several.tolist(), strict=True)

        def called(row: int, source: int, at: int, *, many: bool) -> str:
            name = self._sources[source].name
            return found.names[row] if found.named[row] else f"{name}[{at}]" if many else name

        return [called(row, source, at, many=many) for row, source, at, many in each]
