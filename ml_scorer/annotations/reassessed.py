"""The reassessed labels (ReaL): for each of the 50,000 validation images the labels that a second look found right.

They are those of Beyer et al., Are we done with ImageNet?, arXiv:2006.07159.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike

import numpy as np
import polars as pl

from ml_scorer.annotations.fingerprint import fingerprint, flat
from ml_scorer.annotations.identity import Identity, identify
from ml_scorer.annotations.invariants import check_columns, row_faults
from ml_scorer.annotations.kinds import REAL
from ml_scorer.annotations.load import check_identity, read_table
from ml_scorer.annotations.table import Annotations
from ml_scorer.errors import AnnotationsError, faults_text, some
from ml_scorer.schema import REAL_LABELS, VALIDATION_IMAGES, Images, Labels, image_numbers


@dataclass(frozen=True, eq=False)
class RealLabels:
    """The reassessed labels, one row an image, in the order of the image names.

    Attributes
    ----------
    frame : polars.DataFrame
    identity : Identity
    images : (images,) int32
        Numbers of the images that have at least one label; ascending.
    pair_images : (pairs,) int32
        Number of the image of each pair of an image and a label; ascending.
    pair_labels : (pairs,) int16
    metadata : mapping of str to str
    """

    frame: pl.DataFrame
    identity: Identity
    images: Images
    pair_images: Images
    pair_labels: Labels
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_frame(
        cls, frame: pl.DataFrame, *, metadata: Mapping[str, str] | None = None, where: str = "reassessed labels"
    ) -> RealLabels:
        """Check a frame in the table's schema (`ml_scorer.schema.REAL_COLUMNS`) and take it over.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows in any order.
        metadata : mapping of str to str, optional
            What the file said of itself; None means nothing.
        where : str
            What to call the table in an error.

        Raises
        ------
        AnnotationsError
            If a column or a row is wrong, or an image is not there; all faults are named.
        """
        check_columns(frame, where, REAL)
        if faults := row_faults(frame, columns=REAL.columns) or _faults(frame):
            raise AnnotationsError(faults_text(where, faults))
        frame = frame.sort("file_name")
        numbers = image_numbers(frame["file_name"])
        counts = frame[REAL_LABELS].list.len().to_numpy()
        metadata = dict(metadata or {})
        return cls(
            frame=frame,
            identity=identify(fingerprint(frame, REAL.hashed), numbers, metadata, REAL.releases),
            images=numbers[counts > 0],
            pair_images=np.repeat(numbers, counts),
            pair_labels=flat(frame[REAL_LABELS]).astype(np.int16),
            metadata=metadata,
        )

    def __repr__(self) -> str:
        return f"<RealLabels {self.identity}: {self.images.size:,} images with labels>"


def _faults(frame: pl.DataFrame) -> list[str]:
    """What is wrong with the table as a whole, whose rows are right each by itself."""
    faults = []
    if frame.height != VALIDATION_IMAGES:
        faults.append(f"{frame.height:,} images, expected all {VALIDATION_IMAGES:,} of the validation set")
    lists = frame[REAL_LABELS]
    repeats = frame["file_name"].filter(lists.list.n_unique() != lists.list.len())
    if repeats.len():
        faults.append(f"{REAL_LABELS} has a label twice in {repeats.len():,} rows: {some(repeats, repeats.len())}")
    if not lists.list.len().sum():
        faults.append("no image has a label")
    return faults


def load_real_labels(path: str | PathLike[str] | None = None) -> RealLabels:
    """Read the table of reassessed labels and verify it as `load_annotations` does the annotations.

    Parameters
    ----------
    path : path, optional
        A Parquet file that `build-cache real` wrote. None looks, in this order, at the environment variable
        `ML_SCORER_REAL`, at `data/real.parquet` of a checkout, at a table offered by an installed package (entry-point
        group `ml_scorer.real`) and at the user's data directory.

    Raises
    ------
    AnnotationsNotFoundError
        If there is no such file, or none in any of those places; the message says how to get one.
    AnnotationsError
        If the file is damaged, truncated, or not such a table.
    """
    stored = read_table(REAL, path)
    labels = RealLabels.from_frame(stored.frame, metadata=stored.metadata, where=str(stored.file))
    check_identity(labels.identity, stored, REAL, named=path is not None)
    return labels


def with_real_labels(annotations: Annotations, real: RealLabels | str | PathLike[str] | None = None) -> Annotations:
    """The annotations with the reassessed labels beside them.

    Parameters
    ----------
    annotations : Annotations
    real : RealLabels or path, optional
        None is what the annotations have already; where they have none, the table is looked for.

    Raises
    ------
    AnnotationsNotFoundError, AnnotationsError
        As `load_real_labels`.
    """
    if real is None and annotations.real is not None:
        return annotations
    return replace(annotations, real=real if isinstance(real, RealLabels) else load_real_labels(real))
