"""Everything that scores depend on, bound once; scores any number of predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ml_scorer.annotations import Annotations
from ml_scorer.measures import DEFAULT_MEASURES, Measure, parse_measures
from ml_scorer.predictions import (
    OrderLike,
    ReadOptions,
    ReviewedLabels,
    Source,
    class_ids_named,
    prediction_sources,
    resolve_order,
)
from ml_scorer.scores import Failure, Scores
from ml_scorer.scoring.assembly import Binding, kept_labels
from ml_scorer.scoring.assembly import scores as assembled
from ml_scorer.scoring.block import Block, Contents, Refusal
from ml_scorer.scoring.counter import Counter
from ml_scorer.scoring.engine import Engine, ThreadEngine
from ml_scorer.scoring.job import Job, Keep
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.scoring.pipeline import Pipeline
from ml_scorer.statistics.confidence import check_confidence

if TYPE_CHECKING:
    from ml_scorer.annotations.reassessed import RealLabels
    from ml_scorer.scoring.resuming import Resuming
    from ml_scorer.store import Store

Missing = Literal["error", "wrong"]
OnError = Literal["stop", "skip"]
Progress: TypeAlias = Callable[[int, int], None]
"""Told the number of inputs that are done, and of all."""


class Scorer:
    """Binds annotations, measures and the way of reading once, and scores any number of predictions; see `score`.

    Parameters
    ----------
    annotations : Annotations
    measures, order, missing, class_ids, key, trust_order, real, threads
        As in `score`.

    Attributes
    ----------
    annotations : Annotations
    measures : tuple of Measure
    options : ReadOptions
        How predictions are read, and what the measures need of them.
    """

    def __init__(  # noqa: PLR0913 (what a score depends on)
        self,
        annotations: Annotations,
        measures: str | Measure | Iterable[str | Measure] = DEFAULT_MEASURES,
        *,
        order: OrderLike | None = None,
        missing: Missing = "error",
        class_ids: str = "imagenet",
        key: str | None = None,
        trust_order: bool = False,
        real: RealLabels | str | PathLike[str] | None = None,
        threads: int | None = None,
    ) -> None:
        if missing not in {"error", "wrong"}:
            raise ValueError(f"missing={missing!r}: expected one of error, wrong.")
        if threads is not None and threads < 1:
            raise ValueError(f"threads={threads!r}: expected None or a whole number from 1 on.")
        self.measures = parse_measures(measures)
        if any(measure.needs_real_labels for measure in self.measures):
            from ml_scorer.annotations.reassessed import with_real_labels  # other runs never look for them

            annotations = with_real_labels(annotations, real)
        self.annotations = annotations
        self._missing = missing
        self._counter = Counter(self.measures, annotations, missing_allowed=missing == "wrong")
        self.options = ReadOptions(
            order=None if order is None else resolve_order(order, annotations),
            class_ids=class_ids_named(class_ids),
            key=key,
            k=self._counter.k,
            required=self._counter.required,
            annotated=annotations.images,
        )
        self._trust_order = trust_order
        reviewed = ReviewedLabels(annotations.images[annotations.reviewed_rows], annotations.reviewed_labels)
        self._pipeline = Pipeline(self._counter, self.options, reviewed, trust_order=trust_order)
        self._threads = ThreadEngine(threads)

    @property
    def reading(self) -> str:
        """In words, how predictions are read."""
        options = self.options
        said = {
            "order": None if options.order is None else options.order.name,
            "class ids": options.class_ids.name,
            "key": options.key,
            "missing": self._missing,
            "trusted": "True" if self._trust_order else None,
        }
        return ", ".join(f"{name} {value}" for name, value in said.items() if value is not None)

    def score(
        self,
        predictions: Any,  # noqa: ANN401
        *,
        on_error: OnError = "stop",
        store: Store | str | PathLike[str] | None = None,
        confidence: float | None = None,
        engine: Engine | None = None,
        progress: Progress | None = None,
    ) -> Scores:
        """Score predictions; parameters, errors and result as in `score`.

        `progress`, if given, is called with the number of inputs done and their total, whenever some are done.
        """
        keep = Keep(variances=confidence is not None)
        scores, _ = self._scored(predictions, keep, on_error, store, confidence, engine, progress)
        return scores

    def outcomes(
        self,
        predictions: Any,  # noqa: ANN401
        *,
        on_error: OnError = "stop",
        confidence: float | None = None,
        engine: Engine | None = None,
        progress: Progress | None = None,
    ) -> Outcomes:
        """Score predictions, and keep what each checkpoint predicts for each image: 40 kB a checkpoint for MLA.

        Parameters, errors and progress as in `score`.
        """
        keep = Keep(labels=True, variances=confidence is not None)
        scores, blocks = self._scored(predictions, keep, on_error, None, confidence, engine, progress)
        return Outcomes(
            scores=scores,
            annotations=self.annotations,
            measures=self.measures,
            rules=self._counter.rules,
            images=self._counter.required,
            labels=kept_labels(blocks, self._counter),
        )

    def _scored(
        self,
        predictions: Any,  # noqa: ANN401
        keep: Keep,
        on_error: OnError,
        store: Store | str | PathLike[str] | None,
        confidence: float | None,
        engine: Engine | None,
        progress: Progress | None,
    ) -> tuple[Scores, Sequence[Block]]:
        """The scores, and the blocks that they are put together from."""
        if on_error not in {"stop", "skip"}:
            raise ValueError(f"on_error={on_error!r}: expected one of stop, skip.")
        if confidence is not None:
            check_confidence(confidence)
        sources = prediction_sources(predictions)
        names = [source.name for source in sources]
        blocks, refusals = list[Block](), list[Refusal]()
        job = Job(sources, range(len(sources)), keep)
        with ExitStack() as opened:
            resuming = None if store is None else self._resuming(sources, store, keep)
            if resuming is not None:
                blocks = resuming.known
                job = Job(sources, resuming.new, keep, resuming.states)
            done = len(sources) - len(job.wanted)
            run = opened.enter_context((engine or self._threads).run(self._pipeline, job))
            if resuming is not None:
                opened.enter_context(resuming)  # and left first: what there is is kept before the rest is given up
            for number, parts in run:
                scored = [part for part in parts if isinstance(part, Block)]
                refused = [part for part in parts if isinstance(part, Refusal)]
                blocks += scored
                if resuming is not None:
                    contents = [part for part in parts if isinstance(part, Contents)]
                    resuming.keep(scored, {index: text for part in contents for index, text in part.hashes.items()})
                if refused and on_error == "stop":
                    raise refused[0].error
                refusals += refused
                done += number
                if progress is not None:
                    progress(done, len(sources))
        refusals.sort(key=lambda refusal: refusal.source)
        failed = tuple(Failure(names[refusal.source], str(refusal.error)) for refusal in refusals)
        binding = Binding(self._counter, self.measures, self.annotations, self._missing)
        return assembled(blocks, failed, names, binding, confidence), blocks

    def _resuming(self, sources: Sequence[Source], store: Store | str | PathLike[str], keep: Keep) -> Resuming:
        from ml_scorer.scoring.resuming import Resuming  # a run without a store starts without it
        from ml_scorer.store import Store

        return Resuming(
            store if isinstance(store, Store) else Store(store),
            sources,
            self._counter,
            self.measures,
            self.options,
            annotations=self.annotations,
            missing=self._missing,
            trust_order=self._trust_order,
            variances=keep.variances,
        )
