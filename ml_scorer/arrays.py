"""Accuracy from arrays of JAX, CuPy, NumPy or whatever else has DLPack, batch by batch: pure functions, no torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations, load_annotations
from ml_scorer.errors import DoubtfulWarning, PredictionsError
from ml_scorer.measures import Measure
from ml_scorer.predictions import ORDERS, OrderLike, Predictions, Source, Sources
from ml_scorer.predictions.batch_rows import batch_rows
from ml_scorer.predictions.slot_reading import slot_predictions
from ml_scorer.predictions.slots import empty_slots, folded, slots_shape
from ml_scorer.schema import NUM_CLASSES, image_names
from ml_scorer.scores import Scores
from ml_scorer.scoring import Missing, Scorer

if TYPE_CHECKING:
    from ml_scorer.annotations.reassessed import RealLabels

_NAME: Final = "predictions"
"""What the one checkpoint is called, and what errors call the predictions."""


class MultiLabelAccuracy:
    """Multi-label accuracy as pure functions of a state, which is an array: `empty`, `update`, `merge`, `compute`.

    A state has a slot for each image, so a repeated image does not count twice, and states fold by the maximum of each
    number: it does not matter how images were cut into batches and dealt out to processes.

    Parameters
    ----------
    measures : measure, its printed name, or several
        One gives a number, several a dict of numbers by printed name.
    order : str, path or list of str, optional
        Which image each position is; see `ml_scorer.score`. None takes only names.
    annotations : Annotations or path, optional
        None looks for the table; see `ml_scorer.load_annotations`.
    missing : {"error", "wrong"}
        What a required image is that no batch had.
    class_ids, trust_order, real
        As in `ml_scorer.score`.

    Attributes
    ----------
    scorer : Scorer
        What scores are computed by.
    single : bool
        Whether one measure was asked for, rather than a list of some.

    Raises
    ------
    AnnotationsError, AnnotationsNotFoundError, MeasureError, PredictionsError, TypeError, ValueError
        As `ml_scorer.score`, if an argument is refused or a table is not to be had.
    """

    def __init__(
        self,
        measures: str | Measure | Iterable[str | Measure] = "MLA",
        *,
        order: OrderLike | None = None,
        annotations: Annotations | str | PathLike[str] | None = None,
        missing: Missing = "error",
        class_ids: str = "imagenet",
        trust_order: bool = False,
        real: RealLabels | str | PathLike[str] | None = None,
    ) -> None:
        if not isinstance(annotations, Annotations):
            annotations = load_annotations(annotations)
        self.single = isinstance(measures, str | Measure)
        self._how: dict[str, Any] = {"missing": missing, "class_ids": class_ids, "trust_order": trust_order}
        self.scorer = Scorer(annotations, measures, order=order, real=real, threads=1, **self._how)

    @property
    def k(self) -> int:
        """How many labels of an image the measures look at, at most."""
        return min(self.scorer.options.k, NUM_CLASSES)

    def empty(self) -> NDArray[np.int32]:
        """The state before the first batch: (50001, 2k + 3) int32, where the measures look at k labels."""
        return empty_slots(self.k)

    def update(self, state: NDArray[np.int32], preds: Any, images: Any) -> NDArray[np.int32]:  # noqa: ANN401
        """The state after one more batch, as a new array.

        Parameters
        ----------
        state : (50001, 2k + 3) int32
        preds : array of any library
            Logits (n, 1000) in 16, 32 or 64 bits, of which the first of the largest counts, or (n, 1001) if `class_ids`
            is `background`; or labels (n,), or the k most likely of each image (n, k), as integers. Logits of a library
            with the array API, such as JAX, become labels on their own device, and only labels come to the host.
        images : sequence or array
            The image of each: names, with or without folder; or positions in `order`, as integers.

        Raises
        ------
        PredictionsError
            If these are no such arrays, or a name is no validation image. What else is wrong shows in `compute`.
        """
        return folded(self._checked(state), *batch_rows(preds, images, self.scorer.options, self.k))

    def merge(self, state: NDArray[np.int32], *others: NDArray[np.int32]) -> NDArray[np.int32]:
        """One state of several, of batches or of processes, in any order and however often: their maximum."""
        merged = self._checked(state)
        for other in others:
            merged = np.maximum(merged, self._checked(other))
        return merged

    def compute(self, state: NDArray[np.int32]) -> float | dict[str, float]:
        """The accuracy, a share in [0, 1]: the same bits as of the command line.

        Raises
        ------
        PredictionsError
            If a required image is missing (unless that is allowed), an image was given again with another prediction,
            logits or labels are refused, or the predictions fit another order or numbering better.
        """
        scores = self.scores(state)
        shares = {name: float(scores.frame[name][0]) for name in scores.signatures}
        return next(iter(shares.values())) if self.single else shares

    def scores(self, state: NDArray[np.int32]) -> Scores:
        """All that there is to say of the one checkpoint: signatures, verdict counts, ties, the number missing.

        Raises
        ------
        PredictionsError
            As `compute`.
        """
        scores = self.scorer.score(Sources([Source(_NAME, content=self.predictions(state))]))
        if scores.near_chance:
            warnings.warn(
                "top-1 is near chance, whatever order or class ids one tries. Is the model trained, and is each image "
                "that of its prediction? Where a sampler shuffles or pads, the place in the stream is no position.",
                DoubtfulWarning,
                stacklevel=2,
            )
        return scores

    def predictions(self, state: NDArray[np.int32]) -> Predictions:
        """What was predicted for the images so far; that some are missing is no error here.

        Raises
        ------
        PredictionsError
            If an image was given again with another prediction, or logits, labels or positions are refused.
        """
        return slot_predictions(self._checked(state), self.scorer.options, _NAME)

    def with_missing(self, missing: Missing) -> MultiLabelAccuracy:
        """The same, but for what a required image is that no batch had."""
        other = MultiLabelAccuracy.__new__(MultiLabelAccuracy)
        other.__setstate__({**self.__getstate__(), "missing": missing})
        return other

    def check_state(self, state: Any) -> None:  # noqa: ANN401
        """Raise PredictionsError if an array is no state of these measures."""
        expected = slots_shape(self.k)
        dtype = str(state.dtype).removeprefix("torch.")
        if tuple(state.shape) != expected or dtype != "int32":
            raise PredictionsError(
                f"the state is {' x '.join(map(str, state.shape))} {dtype}; expected what empty() gives for "
                f"these measures, {' x '.join(map(str, expected))} int32: measures that look at more or fewer labels "
                "of an image have states of another size."
            )

    def _checked(self, given: Any) -> NDArray[np.int32]:  # noqa: ANN401
        state: NDArray[np.int32] = np.asarray(given)
        self.check_state(state)
        return state

    def __getstate__(self) -> dict[str, Any]:
        """What it takes to bind the same again in another process; what was compiled is not carried about."""
        measures = [str(measure) for measure in self.scorer.measures]
        order = self.scorer.options.order
        return {
            **self._how,
            "measures": measures[0] if self.single else measures,
            "annotations": self.scorer.annotations,
            "order": order if order is None or order.name not in ORDERS else order.name,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        order = state["order"]
        if order is not None and not isinstance(order, str):
            state = {**state, "order": image_names(pl.Series(order.images)).to_list()}
        self.__init__(**state)  # type: ignore[misc]

    def __deepcopy__(self, _: Any) -> MultiLabelAccuracy:  # noqa: ANN401
        return self  # nothing in it ever changes


def multi_label_accuracy(
    preds: Any,  # noqa: ANN401
    images: Any,  # noqa: ANN401
    measures: str | Measure | Iterable[str | Measure] = "MLA",
    **how: Any,  # noqa: ANN401
) -> float | dict[str, float]:
    """Multi-label accuracy of whole arrays.

    Parameters
    ----------
    preds, images
        Predictions, and the image of each; see `MultiLabelAccuracy.update`.
    measures : measure, its printed name, or several
        One gives a number, several a dict of numbers by printed name.
    **how
        `order`, `annotations`, `missing`, `class_ids`, `trust_order`, `real`: see `MultiLabelAccuracy`.

    Raises
    ------
    PredictionsError
        As `MultiLabelAccuracy.update` and `compute`.
    AnnotationsError, AnnotationsNotFoundError, MeasureError, TypeError, ValueError
        As `MultiLabelAccuracy`.
    """
    accuracy = MultiLabelAccuracy(measures, **how)
    return accuracy.compute(accuracy.update(accuracy.empty(), preds, images))
