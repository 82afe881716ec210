"""From a source of the reassessed labels (ReaL) to their table in its place."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from build_cache.building import check_target, read_back, sealed_metadata, target_of
from build_cache.sources.real_labels import RealSource
from build_cache.writing import put_in_place, require_pyarrow, table_bytes
from ml_scorer.annotations.kinds import REAL
from ml_scorer.annotations.reassessed import RealLabels, load_real_labels
from ml_scorer.schema import REAL_DATASET

CITATION = "Beyer et al., Are we done with ImageNet?, 2020 (arXiv:2006.07159)"


@dataclass(frozen=True, eq=False)
class RealReport:
    """What was written.

    Attributes
    ----------
    output : Path
    size : int
        In bytes.
    labels : RealLabels
        The table as read back.
    """

    output: Path
    size: int
    labels: RealLabels


def build_real(source: str | PathLike[str] | None = None, output: str | PathLike[str] | None = None) -> RealReport:
    """Export the reassessed labels into a Parquet table, once.

    Parameters
    ----------
    source : path, optional
        A wheel of timm, or the JSON file of the labels by itself (`real.json`); see `RealSource` for None.
    output : path, optional
        The Parquet file to write; replaced in one step. None is the user's data directory, where the scorer looks.

    Returns
    -------
    RealReport

    Raises
    ------
    AnnotationsError
        If the source is not what it should be; nothing is written.
    FileNotFoundError
        If there is no such source.
    MissingExtraError
        If pyarrow is not installed.
    """
    target = target_of(output, REAL)
    require_pyarrow()
    export = RealSource(None if source is None else Path(source)).export()
    check_target(target, export.where)
    frame = RealLabels.from_frame(export.frame, where=export.where).frame
    about = {
        "dataset": REAL_DATASET,
        "source": RealSource.kind,
        "source_sha256": export.sha256,
        "citation": CITATION,
    }
    content = table_bytes(frame, sealed_metadata(frame, REAL, about))
    labels = read_back(content, frame, load_real_labels)
    put_in_place(content, target)
    return RealReport(target, len(content), labels)
