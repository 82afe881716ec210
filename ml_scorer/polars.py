"""Verdicts in Polars expressions: `import ml_scorer.polars` adds the namespace `imagenet` to every expression."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations, load_annotations
from ml_scorer.errors import PredictionsError, faults_text
from ml_scorer.measures.rule import scored_rows
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS, verdict_table
from ml_scorer.predictions import ReadOptions
from ml_scorer.predictions.labels import exact_labels, label_faults
from ml_scorer.predictions.tables.cells import label_cells
from ml_scorer.schema import IMAGE_NAME, NUM_CLASSES, VALIDATION_IMAGES, Images, image_name
from ml_scorer.scoring.judged import named, original_labels

VERDICT: Final = pl.Enum(VERDICT_COUNTS)
"""Type of a verdict: correct, unclear, wrong or unreviewed."""

_ACCEPTED: Final = ("correct", "unclear")
_NONE: Final = -1
"""Stands for a null in arrays."""

_WHERE: Final = "predictions"

_TEXT: Final = (pl.String, pl.Categorical, pl.Enum, pl.Binary, pl.Null)
"""Types of columns that names of images may be; of the last, all are null."""

AnnotationsLike: TypeAlias = Annotations | str | PathLike[str] | None
"""The annotations, or where they lie; None are those that `ml_scorer.load_annotations` finds."""


@pl.api.register_expr_namespace("imagenet")
class ImageNet:
    """What experts say of predictions for images of ImageNet.

    Nothing is checked here beyond each value by itself: one-based labels, or those of another order of the images, have
    verdicts like any others, and wrong ones. Let `ml_scorer.score` read the same predictions first; it refuses them.

    Every method gives one value for each, in lazy and in eager frames, under the name of the column that it is called
    on. The annotations are those that `ml_scorer.load_annotations` finds unless some are given, and are read when the
    expression is made.

    Examples
    --------
    >>> import ml_scorer.polars
    >>> pl.select(pl.lit("n01440764").imagenet.class_name()).item()
    'tench'
    """

    def __init__(self, expression: pl.Expr) -> None:
        self._expression = expression

    def verdict(self, images: str | pl.Expr, annotations: AnnotationsLike = None) -> pl.Expr:
        """What experts say of predictions: `correct`, `unclear`, `wrong`, or `unreviewed` by any.

        Problematic images have verdicts too, which no measure counts: `is_scored` tells which are counted.

        Parameters
        ----------
        images : str or Expr
            The column of image names, or an expression for it.
        annotations : Annotations or path, optional

        Returns
        -------
        polars.Expr
            Of type `VERDICT`; null where the image is not annotated, or the prediction is null.

        Raises
        ------
        AnnotationsNotFoundError, AnnotationsError
            If there are none, or they are damaged.
        PredictionsError
            When it is evaluated, if a prediction is no class: neither an index 0-999, nor a WordNet id, nor a name; or
            if the images are no text. Older versions of Polars give its sentence as a ComputeError.
        """
        known = _bound(annotations)
        rows = _rows(known)
        table = verdict_table(known, known.images)

        def judge(pairs: NDArray[np.int64]) -> NDArray[np.int8]:
            numbers, labels = np.divmod(pairs, NUM_CLASSES)
            row = rows[_of_validation(numbers)]
            return np.where(row == _NONE, np.int8(_NONE), table[row, labels])

        def named_verdicts(pairs: pl.Series) -> pl.Series:
            return pl.Series(VERDICT_COUNTS, dtype=VERDICT).gather(_of_known(judge, pairs))

        pairs = self._labels() + _numbers(images) * NUM_CLASSES
        return pairs.map_batches(named_verdicts, VERDICT, is_elementwise=True)

    def accepted(self, images: str | pl.Expr, annotations: AnnotationsLike = None) -> pl.Expr:
        """Whether predictions are right in MLA: judged correct or unclear; all else as of `verdict`.

        The mean over the images that `is_scored` tells is `MLA(average=image)`.
        """
        return self.verdict(images, annotations).is_in(list(_ACCEPTED))

    def class_name(self) -> pl.Expr:
        """What people call the predicted classes; null for a null."""
        return self._labels().map_batches(named, pl.String, is_elementwise=True)

    def original_label(self, annotations: AnnotationsLike = None) -> pl.Expr:
        """Original labels of images, of which this column has the names; null for any other name."""
        known = _bound(annotations)

        def labels(numbers: pl.Series) -> pl.Series:
            return _of_known(lambda images: original_labels(known, _of_validation(images)), numbers)

        return _numbers(self._expression).map_batches(labels, pl.Int64, is_elementwise=True)

    def is_scored(self, annotations: AnnotationsLike = None) -> pl.Expr:
        """Whether images, of which this column has the names, count in MLA: annotated, and not problematic."""
        known = _bound(annotations)
        scored = np.zeros(VALIDATION_IMAGES + 1, bool)
        scored[known.images[scored_rows(known)]] = True

        def found(numbers: pl.Series) -> pl.Series:
            return pl.Series(scored[_of_validation(numbers.fill_null(0).to_numpy())])

        return _numbers(self._expression).map_batches(found, pl.Boolean, is_elementwise=True)

    def _labels(self) -> pl.Expr:
        """Class indices of predictions; of a list the first."""
        return self._expression.map_batches(_class_indices, pl.Int64, is_elementwise=True)


def _bound(annotations: AnnotationsLike) -> Annotations:
    return annotations if isinstance(annotations, Annotations) else load_annotations(annotations)


def _numbers(images: str | pl.Expr) -> pl.Expr:
    """Numbers of images by their names, as far as these are names of images; some may be of no validation image."""
    names = pl.col(images) if isinstance(images, str) else images
    return names.map_batches(_as_text, pl.String, is_elementwise=True).str.extract(IMAGE_NAME, 1).cast(pl.Int64)


def _as_text(names: pl.Series) -> pl.Series:
    if names.dtype not in _TEXT:
        raise PredictionsError(
            f"the images are {names.dtype} (such as {names.first()!r:.50}); expected their names as text, such as "
            f"{image_name(1)}. Name the column of file names, or make names of numbers first."
        )
    return names.cast(pl.String)


def _of_validation(numbers: NDArray[np.int64]) -> Images:
    """The same numbers, with 0 for those that no validation image has."""
    return np.where(numbers <= VALIDATION_IMAGES, numbers, 0).astype(np.int32)


def _rows(annotations: Annotations) -> NDArray[np.int64]:
    """Row of each image in the annotations by its number, or `_NONE`: (50001,) int64."""
    rows = np.full(VALIDATION_IMAGES + 1, _NONE)
    rows[annotations.images] = np.arange(len(annotations))
    return rows


def _class_indices(predictions: pl.Series) -> pl.Series:
    places = pl.arange(predictions.len(), eager=True).cast(pl.String)

    def labels(given: pl.Series, places: pl.Series) -> NDArray[np.int16]:
        numbers = label_cells(given, places, _WHERE, ReadOptions())
        if label_faults(numbers):
            raise PredictionsError(faults_text(_WHERE, label_faults(numbers, "row " + places)))
        found = exact_labels(numbers, _WHERE)
        return found if found.ndim == 1 else found[:, 0]

    return _with_nulls(predictions, lambda known: labels(predictions.filter(known), places.filter(known)))


def _of_known(function: Callable[[NDArray[np.int64]], NDArray[np.integer]], values: pl.Series) -> pl.Series:
    """A function of those values that are not null; null for the others, and where it gives `_NONE`."""
    return _with_nulls(values, lambda known: function(values.filter(known).to_numpy()))


def _with_nulls(values: pl.Series, of_known: Callable[[pl.Series], NDArray[np.integer]]) -> pl.Series:
    known = values.is_not_null()
    found = np.full(values.len(), _NONE, np.int64)
    if known.any():
        found[known.to_numpy()] = of_known(known)
    series = pl.Series(found)
    return series if found.min(initial=0) != _NONE else series.set(series == _NONE, None)
