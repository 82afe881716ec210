"""Batches of predictions, as a loop over images has them: what their axes are, and which images they are for."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final

import numpy as np
import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.arrays.shape import MOST_LABELS, check_columns
from ml_scorer.predictions.class_ids import ClassIds
from ml_scorer.predictions.orders import known_orders
from ml_scorer.predictions.tables.named import name_text
from ml_scorer.schema import NUM_CLASSES, Images, image_numbers

FLOAT_BYTES: Final = frozenset({2, 4, 8})
"""Sizes of the floats that logits may be."""

_NAME: Final = (str, bytes, PurePath)

_EXPECTED: Final = "expected logits (n, 1000) as floats of 16, 32 or 64 bits, or labels (n,) or (n, k) as integers"
_LOGITS_ALONE: Final = "Where a model returns more than logits, pass these alone: output.logits, or output[0]."


def are_logits(shape: tuple[int, ...], kind: str, dtype: str, images: int, class_ids: ClassIds) -> bool:
    """Whether predictions of one batch are logits; else they are labels.

    Parameters
    ----------
    shape : tuple of int
    kind : str
        Of their numbers: `i`, `u`, `f` (of `FLOAT_BYTES`), or anything else.
    dtype : str
        What to call the type of their numbers in an error.
    images : int
        How many images there are in the batch.
    class_ids : ClassIds

    Raises
    ------
    PredictionsError
        If they are neither, or are for another number of images.
    """
    text = " x ".join(f"{size:,}" for size in shape) or "a single number"
    if len(shape) not in {1, 2} or kind not in "iuf":
        found = text if kind in "iuf" else f"{text} of {dtype}, no numbers that predictions are"
        raise PredictionsError(f"a batch of predictions is {found}; {_EXPECTED}. {_LOGITS_ALONE}")
    if shape[0] != images:
        raise PredictionsError(f"a batch has {shape[0]:,} predictions ({text}) for {images:,} images; {_EXPECTED}.")
    if len(shape) == 2 and kind == "f" and shape[1] in {NUM_CLASSES, NUM_CLASSES + 1}:  # noqa: PLR2004
        check_columns(shape[1], text, class_ids, "a batch")
        return True
    if kind == "f":
        raise PredictionsError(f"a batch of predictions is {text} floats; {_EXPECTED}.")
    if shape[1:] and not 0 < shape[1] <= MOST_LABELS:
        raise PredictionsError(f"a batch of predictions is {text} integers; {_EXPECTED}.")
    return False


def no_array(preds: object, reason: object) -> PredictionsError:
    """The error for predictions that are no array, or one that cannot be read, and why."""
    why = str(reason).partition("\n")[0].rstrip(".")
    return PredictionsError(
        f"the predictions of a batch cannot be read from {type(preds).__name__} ({why}); {_EXPECTED}. {_LOGITS_ALONE}"
    )


def named_images(images: Any) -> Images | None:  # noqa: ANN401
    """Numbers of the images of a batch that are given by name, or None where they are something else.

    Parameters
    ----------
    images : sequence
        Names are str, bytes or paths.

    Raises
    ------
    PredictionsError
        If one of the names is no validation image.
    """
    if isinstance(images, _NAME):
        raise PredictionsError(f"the images of a batch are {images!r:.80}; expected a list of names, one a prediction.")
    if isinstance(images, np.ndarray):
        images = images.tolist()
    elif hasattr(images, "to_list"):  # a Series
        images = images.to_list()
    if not isinstance(images, list | tuple):
        return None
    odd = [name for name in images if not isinstance(name, _NAME)]
    if odd and len(odd) < len(images):
        raise PredictionsError(
            f"of the {len(images):,} images of a batch {len(odd):,} are no names: {some(map(repr, odd), len(odd))}. "
            "Expected a list of names, one a prediction."
        )
    if odd:
        return None
    names = pl.Series([name_text(name) for name in images], dtype=pl.String)
    numbers = image_numbers(names)
    if not numbers.all():
        unknown = names.filter(pl.Series(numbers == 0))
        raise PredictionsError(
            f"{unknown.len():,} names in a batch are no ImageNet validation images: {some(unknown, unknown.len())} "
            "(expected names such as ILSVRC2012_val_00000001.JPEG)."
        )
    return numbers


def no_order() -> PredictionsError:
    """The error for positions where no order was said."""
    return PredictionsError(
        "images are given as positions, and nothing says which image each position is: pass order= (the names of the "
        f"dataset's images, in its order, or one of {known_orders()}), or give the names of the images instead."
    )


def no_positions(shape: tuple[int, ...] | None, dtype: str) -> PredictionsError:
    """The error for images that are neither names nor positions; without a shape where they are no array."""
    text = "" if shape is None else f" ({' x '.join(f'{size:,}' for size in shape) or 'a single one'})"
    return PredictionsError(
        f"the images of a batch are {dtype}{text}; expected a list of names, or positions as integers, one a "
        "prediction."
    )
