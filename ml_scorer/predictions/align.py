"""Bring predictions into the order of columns, by image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, some
from ml_scorer.kernel import BATCH
from ml_scorer.predictions.batch import Predictions
from ml_scorer.schema import MISSING, VALIDATION_IMAGES, Images, Labels, image_name

_MOST_LABELS: Final = 10 * BATCH
"""Labels of an image that a batch holds at most, over all of its checkpoints: the first 1,000 of each would not fit."""


class Aligner:
    """Aligns predictions to columns; predictions for the same images share the work, on any number of threads.

    Parameters
    ----------
    columns : (columns,) int32
        The image that each column is for.
    required : (images,) int32
        Images that must have a prediction; ascending.
    missing_allowed : bool
        Whether a required image without a prediction counts as missing, rather than being an error.
    """

    def __init__(self, columns: Images, required: Images, *, missing_allowed: bool) -> None:
        self._columns = columns
        self._required = required
        self._missing_allowed = missing_allowed
        self._last: tuple[Images, NDArray[np.intp]] = np.empty(0, np.int32), np.empty(0, np.intp)

    def align(self, predictions: Predictions, where: str, k: int = 1) -> Iterator[Labels]:
        """Predictions for the columns, a batch of checkpoints at a time.

        Parameters
        ----------
        predictions : Predictions
        where : str
            What to call them in an error.
        k : int
            Labels wanted for each image; no more than there are.

        Yields
        ------
        (checkpoints, columns) int16, or (checkpoints, columns, k) if k is more than 1
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
        labels = predictions.top1 if k == 1 else predictions.labels[:, :, :k]
        columns = positions[self._columns]
        incomplete = columns.min(initial=0) < 0
        if incomplete:
            columns = np.where(columns < 0, labels.shape[1], columns)
        step = max(1, min(BATCH, _MOST_LABELS // k))
        batch = np.empty((min(step, len(labels)), columns.size, *labels.shape[2:]), np.int16)
        for start in range(0, len(labels), step):
            rows = labels[start : start + step]
            if incomplete:
                rows = np.pad(rows, ((0, 0), (0, 1), (0, 0))[: rows.ndim], constant_values=MISSING)
            # The positions are within bounds; "clip" spares NumPy a copy of the output that it would make to be sure.
            yield np.take(rows, columns, axis=1, out=batch[: len(rows)], mode="clip")

    def covers(self, predictions: Predictions, images: Images) -> bool:
        """Whether there is a prediction for each of these images."""
        return bool((self._positions_of(predictions.images)[images] >= 0).all())

    def _positions_of(self, images: Images) -> NDArray[np.intp]:
        """Where each image number stands among some images: (50001,) int, -1 where it does not."""
        known, positions = self._last  # read and replaced as one, so that another thread never sees half of it
        if images is known or (known.size and np.array_equal(images, known)):
            return positions
        positions = np.full(VALIDATION_IMAGES + 1, -1, np.intp)
        positions[images] = np.arange(images.size)
        self._last = images, positions
        return positions
