"""What the axes of an array of predictions are: checkpoints, images, classes, or the best labels of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.logits import best_columns
from ml_scorer.predictions.arrays.stored import StoredArray
from ml_scorer.predictions.class_ids import ClassIds
from ml_scorer.predictions.doctor import fitting
from ml_scorer.predictions.orders import Order, known_orders, order_sizes
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import DATASET_IMAGES, NUM_CLASSES

MOST_LABELS: Final = 100
"""An image's best labels are at most so many; a longer axis is something else."""

_EXPECTED = (
    "expected labels (images,), (checkpoints, images) or, the best k of each image, (images, k), or logits "
    "(images, 1000) as floats, of 50,000 images (as order ilsvrc), 20,000 images (as order annotations), or those that "
    "a list names"
)


@dataclass(frozen=True)
class Form:
    """What the axes are: [checkpoints,] images [, labels or classes]."""

    has_checkpoints: bool
    has_logits: bool = False
    has_several_labels: bool = False


def form_of(array: StoredArray, options: ReadOptions, where: str) -> tuple[Form, Order]:
    """What the axes of an array are, and the order of its images.

    Raises
    ------
    PredictionsError
        If no order is said, or the array does not fit it in exactly one way; the sentence names the orders that fit.
    """
    shape = _shape_text(array)
    if array.dtype.kind not in "iuf":
        raise PredictionsError(f"{where}: an array of {array.dtype_name}; {_EXPECTED}.")
    if 0 in array.shape:
        raise PredictionsError(f"{where}: there are no predictions in it: the array is {shape}.")
    order = options.order
    if order is None:
        raise PredictionsError(
            f"{where}: an array ({shape}) has no image names, so say which image each position is: order= "
            f"(--order) is one of {known_orders()}, or a text file that lists the names."
            f"{_orders_that_fit(array, options)}"
        )
    images = order.images.size
    forms = _forms(array, images)
    if len(forms) == 1:
        if forms[0].has_logits:
            check_columns(array.shape[-1], shape, options.class_ids, where)
        return forms[0], order
    if forms:
        raise PredictionsError(
            f"{where}: the array is {shape}, and the order {order.name} has {images:,} images, so either axis could be "
            "the images. Add an axis of one: (1, images, k) or (1, images, 1000) for one checkpoint, "
            "(checkpoints, images, 1) for labels of several."
        )
    raise PredictionsError(
        f"{where}: the array is {shape}, and the order {order.name} has {images:,} images; {_EXPECTED}."
        f"{_advice(array, images)}{_orders_that_fit(array, options)}"
    )


def _forms(array: StoredArray, images: int) -> list[Form]:
    """All that an array of this shape can be, for a number of images."""
    shape, forms = array.shape, []
    if shape == (images,):
        forms.append(Form(has_checkpoints=False))
    if len(shape) == 2 and shape[1] == images:  # noqa: PLR2004
        forms.append(Form(has_checkpoints=True))
    if len(shape) in {2, 3} and shape[-2] == images:
        logits = array.holds_floats and shape[-1] in {NUM_CLASSES, NUM_CLASSES + 1}
        if logits or shape[-1] <= MOST_LABELS:
            forms.append(Form(len(shape) == 3, has_logits=logits, has_several_labels=not logits))  # noqa: PLR2004
    return forms


def check_columns(columns: int, shape: str, class_ids: ClassIds, where: str) -> None:
    """Raise PredictionsError unless logits have as many columns as this numbering has classes.

    Parameters
    ----------
    columns : int
        1,000 or 1,001.
    shape : str
        Of the array, for the error.
    class_ids : ClassIds
    where : str
        What to call the input in an error.
    """
    background = class_ids.name == "background"
    if columns > NUM_CLASSES and not background:
        raise PredictionsError(
            f"{where}: the array is {shape}: logits of 1,001 classes, where 1,000 are expected. If the first is a "
            "background class, say so with class_ids='background' (--class-ids background)."
        )
    if columns == NUM_CLASSES and background:
        raise PredictionsError(
            f"{where}: the array is {shape}: logits of 1,000 classes, where with class ids 'background' 1,001 are "
            "expected. If the background class is left out already, leave out that option."
        )


def _shape_text(array: StoredArray) -> str:
    return " x ".join(f"{size:,}" for size in array.shape) or "a single number"


def _advice(array: StoredArray, images: int) -> str:
    if len(array.shape) != 2:  # noqa: PLR2004
        return ""
    if array.shape == (images, NUM_CLASSES):
        return " These look like logits as integers: pass them as floats."
    if array.shape[0] != images:
        return " The images are in the columns: pass array.T." if array.shape == (NUM_CLASSES, images) else ""
    if array.holds_floats:
        return f" Logits have 1,000 columns, one for each class, and these have {array.shape[1]:,}."
    return " The images are in the rows: pass array.T."


def _orders_that_fit(array: StoredArray, options: ReadOptions) -> str:
    """Which orders are as long as the array's images, and which of them its labels say it is."""
    annotated = np.arange(1, DATASET_IMAGES + 1, dtype=np.int32) if options.annotated is None else options.annotated
    orders = order_sizes(annotated)
    fits = {length: forms[0] for length in set(orders.values()) if (forms := _forms(array, length))}
    if len(fits) != 1:
        return ""
    [(length, form)] = fits.items()
    names = ", ".join(name for name, images in orders.items() if images == length)
    return f" Orders of {length:,} images: {names}.{_fitting(array, form, options)}"


def _fitting(array: StoredArray, form: Form, options: ReadOptions) -> str:
    first = array.part(0) if form.has_checkpoints else array
    if form.has_logits:
        try:
            columns, _ = best_columns(first, "", background=first.shape[-1] > NUM_CLASSES)
        except PredictionsError:  # it is refused for something else already
            return ""
        return fitting(columns[:, 0], options, columns=True)
    values = first.values()
    labels = values[:, 0] if values.ndim > 1 else values
    if not (labels == np.floor(labels)).all():  # NaN among them, too
        return ""
    return fitting(np.ascontiguousarray(labels), options)
