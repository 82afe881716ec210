"""Bring predictions into the order of a plan's columns, by image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, some
from ml_scorer.kernel import BATCH, Plan
from ml_scorer.predictions.batch import Predictions
from ml_scorer.schema import MISSING, VALIDATION_IMAGES, Images, Labels, image_name


class Aligner:
    """Aligns predictions to the columns of one plan; files with the same images share the work.

    Parameters
    ----------
    plan : Plan
    required : (images,) int32
        Images that must have a prediction; ascending.
    missing_allowed : bool
        Whether a required image without a prediction counts as missing, rather than being an error.
    """

    def __init__(self, plan: Plan, required: Images, *, missing_allowed: bool) -> None:
        self._columns = plan.images
        self._required = required
        self._missing_allowed = missing_allowed
        self._images: Images | None = None
        self._positions = np.empty(0, np.intp)

    def align(self, predictions: Predictions, where: str) -> Iterator[Labels]:
        """Predictions for the plan's columns, a batch of checkpoints at a time.

        Yields
        ------
        (checkpoints, columns) int16
            `MISSING` where there is no prediction. Valid until the next batch is asked for.

        Raises
        ------
        PredictionsError
            If required images have no prediction and that is not allowed.
        """
        positions = self._positions_of(predictions.images)
        absent = self._required[positions[self._required] < 0]
        if absent.size and not self._missing_allowed:
            first = some((image_name(number) for number in absent.tolist()), absent.size)
            raise PredictionsError(
                f"{where}: {absent.size:,} of the {self._required.size:,} images that the measures need have no "
                f"prediction: {first}. Add them, or count them as wrong with missing='wrong' (--missing wrong)."
            )
        labels, columns = predictions.labels, positions[self._columns]
        incomplete = columns.min(initial=0) < 0
        if incomplete:
            columns = np.where(columns < 0, labels.shape[1], columns)
        batch = np.empty((min(BATCH, len(labels)), columns.size), np.int16)
        for start in range(0, len(labels), BATCH):
            rows = labels[start : start + BATCH]
            if incomplete:
                rows = np.pad(rows, ((0, 0), (0, 1)), constant_values=MISSING)
            # The positions are within bounds; "clip" spares NumPy a copy of the output that it would make to be sure.
            yield np.take(rows, columns, axis=1, out=batch[: len(rows)], mode="clip")

    def covers(self, predictions: Predictions, images: Images) -> bool:
        """Whether there is a prediction for each of these images."""
        return bool((self._positions_of(predictions.images)[images] >= 0).all())

    def _positions_of(self, images: Images) -> NDArray[np.intp]:
        """Where each image number stands among some images: (50001,) int, -1 where it does not."""
        if self._images is None or (images is not self._images and not np.array_equal(images, self._images)):
            self._positions = np.full(VALIDATION_IMAGES + 1, -1, np.intp)
            self._positions[images] = np.arange(images.size)
            self._images = images
        return self._positions
