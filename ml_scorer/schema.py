"""What an annotation table looks like: its columns, its limits, and the names of its images."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

NUM_CLASSES: Final = 1000
VALIDATION_IMAGES: Final = 50_000  # ILSVRC2012_val_00000001 to 00050000

DATASET: Final = "imagenet2012_multilabel"
DATASET_IMAGES: Final = 20_000
IMAGES_PER_CLASS: Final = 20
IMAGENET_M_IMAGES: Final = 68

CORRECT: Final = "correct_multi_labels"
WRONG: Final = "wrong_multi_labels"
UNCLEAR: Final = "unclear_multi_labels"
LABEL_LISTS: Final = (CORRECT, WRONG, UNCLEAR)

COLUMNS: Final[dict[str, pl.DataType]] = {
    "file_name": pl.String(),
    "original_label": pl.UInt16(),
    CORRECT: pl.List(pl.UInt16()),
    WRONG: pl.List(pl.UInt16()),
    UNCLEAR: pl.List(pl.UInt16()),
    "is_problematic": pl.Boolean(),
    "is_imagenet_m": pl.Boolean(),
}
"""The table's columns in their order, as Polars reads them. Only `is_imagenet_m` may be null, and then everywhere."""

SHARED_COLUMNS: Final = tuple(COLUMNS)[:6]
"""The columns that every source of annotations has, and so those that the fingerprint covers."""

REAL_DATASET: Final = "imagenet2012_real"

REAL_LABELS: Final = "real_labels"

REAL_COLUMNS: Final[dict[str, pl.DataType]] = {"file_name": pl.String(), REAL_LABELS: pl.List(pl.UInt16())}
"""The columns of the table of reassessed labels (ReaL), one row for each of the 50,000 validation images."""

IMAGE_NAME: Final = r"(?:^|[/\\])ILSVRC2012_val_([0-9]{8})(?:_n[0-9]{8})?(?:\.[A-Za-z]+)?$"
"""A validation image, in any folder, with or without an extension; some copies put the WordNet id behind the number."""

Labels: TypeAlias = NDArray[np.int16]
"""Class indices 0-999, and the two marks below."""

Images: TypeAlias = NDArray[np.int32]
"""Image numbers: the 1-50000 in `ILSVRC2012_val_00000001.JPEG`. An image is known by this number everywhere."""

MISSING: Final = -1
"""Stands where a checkpoint has no prediction."""

NO_LABEL: Final = -2
"""Stands where an image has no (further) label: equal to no prediction, and not to `MISSING`."""


def image_name(number: int) -> str:
    """Name of a validation image as the dataset writes it.

    >>> image_name(293)
    'ILSVRC2012_val_00000293.JPEG'
    """
    return f"ILSVRC2012_val_{number:08d}.JPEG"


def image_names(numbers: pl.Series) -> pl.Series:
    """Names of many validation images at once.

    >>> image_names(pl.Series([7])).to_list()
    ['ILSVRC2012_val_00000007.JPEG']
    """
    digits = numbers.cast(pl.String).str.zfill(8)
    return pl.select(pl.format("ILSVRC2012_val_{}.JPEG", digits)).to_series()


def image_numbers(names: pl.Series) -> Images:
    """Numbers of the validation images that these names mean.

    Parameters
    ----------
    names : polars.Series of str
        File names, with or without folder and extension.

    Returns
    -------
    (names,) int32
        1-50000; 0 where a name (or a null) is no ImageNet validation image.

    Examples
    --------
    >>> image_numbers(pl.Series(["val/n01440764/ILSVRC2012_val_00000293.JPEG", "ILSVRC2012_val_7", "cat.jpg"]))
    array([293,   0,   0], dtype=int32)
    """
    numbers = names.str.extract(IMAGE_NAME, 1).cast(pl.Int32).fill_null(0).to_numpy()
    return np.where(numbers <= VALIDATION_IMAGES, numbers, 0).astype(np.int32)
