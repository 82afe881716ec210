"""Score predictions: the one function that most people need."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any

from ml_scorer.annotations import Annotations, load_annotations
from ml_scorer.errors import DoubtfulWarning
from ml_scorer.measures import DEFAULT_MEASURES, Measure
from ml_scorer.predictions import OrderLike
from ml_scorer.scores import Scores
from ml_scorer.scoring.engine import Engine
from ml_scorer.scoring.scorer import Missing, OnError, Progress, Scorer

if TYPE_CHECKING:
    from ml_scorer.annotations.reassessed import RealLabels
    from ml_scorer.store import Store

__all__ = ["Missing", "OnError", "Progress", "Scorer", "score"]


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

    Warns
    -----
    DoubtfulWarning
        If checkpoints are near chance, or have every original label right.

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
    scores = scorer.score(predictions, on_error=on_error, store=store, confidence=confidence, engine=engine)
    for doubt in scores.doubts:
        warnings.warn(doubt, DoubtfulWarning, stacklevel=2)
    return scores
