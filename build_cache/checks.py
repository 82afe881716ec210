"""What must be true of the whole dataset, beyond what is true of every row."""

from __future__ import annotations

import numpy as np
import polars as pl

from ml_scorer.annotations.invariants import row_faults
from ml_scorer.errors import AnnotationsError, faults_text, some
from ml_scorer.imagenet import validation_labels
from ml_scorer.schema import (
    DATASET_IMAGES,
    IMAGENET_M_IMAGES,
    IMAGES_PER_CLASS,
    LABEL_LISTS,
    NUM_CLASSES,
    image_numbers,
)


def check_dataset(frame: pl.DataFrame, where: str) -> None:
    """Raise AnnotationsError, naming every fault with image names, unless the frame can be the dataset.

    Parameters
    ----------
    frame : polars.DataFrame
        In the table's schema.
    where : str
        What to call the source in an error.
    """
    faults = row_faults(frame)
    # Further checks read names and labels; they make no sense of broken ones.
    if not faults:
        faults = [*_counts(frame), *_original_labels(frame), *_labels(frame), *_imagenet_m(frame)]
    if faults:
        raise AnnotationsError(faults_text(where, faults))


def _counts(frame: pl.DataFrame) -> list[str]:
    if frame.height != DATASET_IMAGES:
        return [
            f"{frame.height:,} images, expected {DATASET_IMAGES:,}: the export is not complete, or of another dataset"
        ]
    per_class = np.bincount(validation_labels()[image_numbers(frame["file_name"])], minlength=NUM_CLASSES)
    odd = np.flatnonzero(per_class != IMAGES_PER_CLASS).tolist()
    if not odd:
        return []
    found = some((f"class {label} has {per_class[label]}" for label in odd), len(odd))
    return [f"every class has {IMAGES_PER_CLASS} annotated images, but {found}"]


def _original_labels(frame: pl.DataFrame) -> list[str]:
    known = validation_labels()[image_numbers(frame["file_name"])]
    given = frame["original_label"].to_numpy().astype(np.int16)
    wrong = np.flatnonzero(given != known).tolist()
    if not wrong:
        return []
    names = frame["file_name"]
    found = some((f"{names[i]} (label {given[i]}, known to be {known[i]})" for i in wrong), len(wrong))
    sentence = (
        f"{len(wrong):,} original labels are not those of ImageNet: {found}. A dataset prepared from a repacked "
        f"archive of {DATASET_IMAGES:,} images has this fault: prepare it from the original ILSVRC2012_img_val.tar"
    )
    return [sentence]


def _labels(frame: pl.DataFrame) -> list[str]:
    reviewed = frame.select(total=pl.sum_horizontal(pl.col(name).list.len() for name in LABEL_LISTS)).to_series()
    bare = frame["file_name"].filter((reviewed == 0) & ~frame["is_problematic"])
    return [f"{bare.len():,} images have no label in any list: {some(bare, bare.len())}"] if bare.len() else []


def _imagenet_m(frame: pl.DataFrame) -> list[str]:
    marked = frame["file_name"].filter(frame["is_imagenet_m"].fill_null(value=False))
    if frame["is_imagenet_m"].null_count() or marked.len() == IMAGENET_M_IMAGES:
        return []
    found = f": {some(marked, marked.len())}" if marked.len() else ""
    return [f"{marked.len()} images are in ImageNet-M, expected {IMAGENET_M_IMAGES}{found}"]
