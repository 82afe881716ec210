"""Score predictions: the one function that most people need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ml_scorer.annotations import Annotations, load_annotations
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


def score(  # noqa: PLR0913 (what a score depends on)
    predictions: Any,  # noqa: ANN401 (what it may be stands below)
    annotations: Annotations | str | PathLike[str] | None = None,
    measures: str | Measure | Iterable[str | Measure] = DEFAULT_MEASURES,
    *,
    order: OrderLike | None = None,
    missing: Missing = "error",
    class_ids: str = "imagenet",
    key: str | None = None,
    trust_order: bool = False,
    real: RealLabels | str | PathLike[str] | None = None,
    threads: int | None = None,
    on_error: OnError = "stop",
    store: Store | str | PathLike[str] | None = None,
    confidence: float | None = None,
    engine: Engine | None = None,
) -> Scores:
    """Score the predictions of one checkpoint or of many.

    Parameters
    ----------
    predictions
        One of these, or several of them, or a mapping from checkpoint name to them:

        - a path: a file of any kind that the README lists, a folder of them, a glob pattern, `@list.txt` (a file that
          lists paths), or an address such as `s3://bucket/sweep/`;
        - a mapping from image name (str or bytes) to class index, or to the indices of the most likely classes;
        - a Polars or pandas frame with a column of image names and one of class indices;
        - an array, or a tensor of PyTorch or JAX: labels (images,) or (checkpoints, images), top-k labels (images, k),
          integers; or logits or probabilities (images, 1000), floats. An array has no names, so `order` must be said.

        Image names match by base name, with or without folder and extension.
    annotations : Annotations or path, optional
        None looks for the table; see `load_annotations`.
    measures : measure, its printed name, or several
        What to compute.
    order : str, path or list of str, optional
        Which image each position of an array is: `ilsvrc`, `imagefolder`, `tfds`, `tfds-sequential`, `annotations`, the
        path of a text file that lists image names, or a list of these names. None allows only predictions with names.
    missing : {"error", "wrong"}
        What a required image without a prediction is. "wrong" counts it as right in no measure.
    class_ids : str
        What the numbers of classes mean: one of `ml_scorer.predictions.CLASS_IDS`.
    key : str, optional
        Which array of a file of several, or which column of a table, holds the predictions. None: told by its name.
    trust_order : bool
        Score predictions even if another order or numbering of the classes fits them better.
    real : RealLabels or path, optional
        The reassessed labels, for the measure ReaL alone. None looks for their table then, as for the annotations.
    threads : int, optional
        None is one for each processor that this process may use. No result depends on it.
    on_error : {"stop", "skip"}
        Raise at the first input that cannot be scored, or list it under `failed` and go on.
    store : Store or path, optional
        A folder that keeps the results of files: what is in it already, for the same content, is not scored again.
    confidence : float, optional
        Confidence level of an interval for every score, such as 0.95; None gives no intervals.
    engine : Engine, optional
        What reads and counts, such as `ml_scorer.engines.ray.RayEngine`; None is the threads of this process. No result
        depends on it.

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
    StoreError
        If the store is no such folder, or damaged.
    MissingExtraError
        If a package that a reader or the store needs is not installed; the message names the extra.
    TypeError
        If a measure is neither a text nor a measure.
    ValueError
        If `missing` or `on_error` is neither of its two, `threads` is less than 1, `confidence` is no share between 0
        and 1, or predictions in memory are to be kept in a store.
    """
    if not isinstance(annotations, Annotations):
        annotations = load_annotations(annotations)
    scorer = Scorer(
        annotations,
        measures,
        order=order,
        missing=missing,
        class_ids=class_ids,
        key=key,
        trust_order=trust_order,
        real=real,
        threads=threads,
    )
    return scorer.score(predictions, on_error=on_error, store=store, confidence=confidence, engine=engine)


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
            resuming = None if store is None else opened.enter_context(self._resuming(sources, store, keep))
            if resuming is not None:
                blocks = resuming.known
                job = Job(sources, resuming.new, keep, resuming.states)
            done = len(sources) - len(job.wanted)
            run = opened.enter_context(closing((engine or self._threads).run(self._pipeline, job)))
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
