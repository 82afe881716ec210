"""The annotations in memory: the table, and the arrays that measures are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.annotations.fingerprint import fingerprint, flat
from ml_scorer.annotations.identity import Identity, identify
from ml_scorer.annotations.invariants import check_columns, check_rows
from ml_scorer.schema import CORRECT, NUM_CLASSES, UNCLEAR, WRONG, Images, Labels, image_numbers

if TYPE_CHECKING:
    from ml_scorer.annotations.reassessed import RealLabels

VERDICTS: Final = ("correct", "unclear", "wrong")
"""The verdicts that an expert can give, the most favourable first: a label in several lists takes the first of them."""

_LIST_OF_VERDICT: Final = (CORRECT, UNCLEAR, WRONG)


@dataclass(frozen=True, eq=False)
class Annotations:
    """The expert annotations, one row an image, in the order of the image names.

    Made by `load_annotations` from a file, or by `from_frame`. All arrays have one entry an image, but the last three,
    which have one for each reviewed pair of an image and a label.

    `real` are the reassessed labels, of all validation images; None until a measure needs them.
    """

    frame: pl.DataFrame
    identity: Identity
    num_classes: int
    images: Images
    original_labels: Labels
    is_problematic: NDArray[np.bool_]
    is_imagenet_m: NDArray[np.bool_] | None
    """None where the source does not say."""
    reviewed_rows: NDArray[np.int64]
    """Row of the image of each reviewed pair; ascending."""
    reviewed_labels: Labels
    verdicts: NDArray[np.int8]
    """Index into `VERDICTS` for each reviewed pair."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    real: RealLabels | None = None

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame,
        *,
        num_classes: int = NUM_CLASSES,
        metadata: Mapping[str, str] | None = None,
        where: str = "annotations",
    ) -> Annotations:
        """Check a frame in the table's schema (DESIGN: `ml_scorer.schema.COLUMNS`) and take it over.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows in any order.
        num_classes : int
            How many classes the labels are from.
        metadata : mapping of str to str, optional
            What the file said of itself; None means nothing.
        where : str
            What to call the table in an error.

        Raises
        ------
        AnnotationsError
            If a column or a row is wrong; all faults are named.
        """
        check_columns(frame, where)
        check_rows(frame, where, num_classes)
        frame = frame.sort("file_name")
        images = image_numbers(frame["file_name"])
        metadata = dict(metadata or {})
        rows, labels, verdicts = _reviewed_pairs(frame, num_classes)
        marked = frame["is_imagenet_m"]
        return cls(
            frame=frame,
            identity=identify(fingerprint(frame), images, metadata),
            num_classes=num_classes,
            images=images,
            original_labels=frame["original_label"].to_numpy().astype(np.int16),
            is_problematic=frame["is_problematic"].to_numpy(),
            is_imagenet_m=None if marked.null_count() else marked.to_numpy(),
            reviewed_rows=rows,
            reviewed_labels=labels,
            verdicts=verdicts,
            metadata=metadata,
        )

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        return f"<Annotations {self.identity}: {len(self):,} images>"


def _reviewed_pairs(frame: pl.DataFrame, num_classes: int) -> tuple[NDArray[np.int64], Labels, NDArray[np.int8]]:
    """Every (row, label) that stands in a list, once, with the most favourable verdict; sorted by row, then label."""
    pairs, verdicts = [], []
    for verdict, name in enumerate(_LIST_OF_VERDICT):
        labels = flat(frame[name]).astype(np.int64)
        rows = np.repeat(np.arange(frame.height), frame[name].list.len().to_numpy())
        pairs.append(rows * num_classes + labels)
        verdicts.append(np.full(labels.size, verdict, np.int8))
    distinct, first = np.unique(np.concatenate(pairs), return_index=True)
    rows, labels = np.divmod(distinct, num_classes)
    return rows, labels.astype(np.int16), np.concatenate(verdicts)[first]
