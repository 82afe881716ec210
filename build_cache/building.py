"""From a source of annotations to a table in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

import polars as pl

from build_cache.checks import check_dataset
from build_cache.sources import JsonSource, Source, TableSource, TfdsSource
from build_cache.writing import put_in_place, require_pyarrow, table_bytes
from ml_scorer.annotations import Annotations, Identity, load_annotations
from ml_scorer.annotations.find import user_table
from ml_scorer.annotations.fingerprint import fingerprint, seal
from ml_scorer.annotations.identity import differences
from ml_scorer.annotations.kinds import ANNOTATIONS, TableKind
from ml_scorer.annotations.load import METADATA
from ml_scorer.errors import AnnotationsError
from ml_scorer.schema import DATASET
from ml_scorer.version import tool_version

CITATION = (
    "Shankar et al., Evaluating Machine Accuracy on ImageNet, ICML 2020; "
    "Vasudevan et al., When does dough become a bagel?, NeurIPS 2022 (arXiv:2205.04596)"
)


@dataclass(frozen=True, eq=False)
class Report:
    """What was written.

    Attributes
    ----------
    output : Path
    size : int
        In bytes.
    annotations : Annotations
        The table as read back.
    differences : tuple of str
        Where these are not the genuine annotations: in what they differ.
    """

    output: Path
    size: int
    annotations: Annotations
    differences: tuple[str, ...]

    @property
    def identity(self) -> Identity:
        """What the table turned out to be."""
        return self.annotations.identity


def build(source: Source | str | PathLike[str], output: str | PathLike[str] | None = None) -> Report:
    """Export annotations into a Parquet table, once.

    Parameters
    ----------
    source : Source, path or address
        A path is taken by what it is: a table (`.csv`, `.parquet`, `.jsonl`), the published annotation file (`.json`,
        or its http(s) address), or a folder that TensorFlow Datasets prepared.
    output : path, optional
        The Parquet file to write; replaced in one step. None is the user's data directory, where the scorer looks.

    Returns
    -------
    Report

    Raises
    ------
    AnnotationsError
        If the source is not what it should be, or what it holds cannot be the dataset; nothing is written.
    FileNotFoundError
        If there is no such source.
    FetchError
        If a source from the network cannot be fetched; an OSError.
    MissingExtraError
        If a package that the source needs is not installed; the message names the extra.
    """
    if isinstance(source, str | PathLike):
        source = source_of(source)
    target = target_of(output, ANNOTATIONS)
    require_pyarrow()  # before anything is fetched or read for nothing
    export = source.export()
    check_target(target, export.where)
    check_dataset(export.frame, export.where)
    frame = export.frame.sort("file_name")
    known = ANNOTATIONS.releases.get(fingerprint(frame))
    kind = "synthetic" if export.synthetic else source.kind
    about = {
        "dataset": DATASET,
        "version": (known.version if known else export.version) or "",
        "citation": CITATION,
        "source": kind,
        "source_sha256": export.sha256,
    }
    content = table_bytes(frame, sealed_metadata(frame, ANNOTATIONS, about))
    annotations = read_back(content, frame, load_annotations)
    if output is None and annotations.identity.status == "synthetic":
        raise AnnotationsError(
            f"{export.where}: SYNTHETIC annotations are not put where scorers look by themselves. Name a file (-o)."
        )
    put_in_place(content, target)
    genuine = annotations.identity.genuine or annotations.identity.status == "synthetic"
    return Report(target, len(content), annotations, () if genuine else differences(frame))


def source_of(path: str | PathLike[str]) -> Source:
    """The source that a path or an address is, told by its kind and ending."""
    if isinstance(path, str) and "://" in path:
        return JsonSource(path)
    file = Path(path)
    if file.is_dir():
        return TfdsSource(file)
    return JsonSource(file) if file.suffix.lower() == ".json" else TableSource(file)


def target_of(output: str | PathLike[str] | None, kind: TableKind) -> Path:
    """The file to write; None is the user's data directory, where the scorer looks."""
    target = user_table(kind) if output is None else Path(output)
    if target.is_dir():
        raise AnnotationsError(f"{target}: is a folder. Name the file to write, such as {target / kind.file_name}.")
    return target


def check_target(target: Path, source: str) -> None:
    """Raise AnnotationsError where a table would take the place of a source of another kind."""
    if Path(source) == target and target.suffix.lower() != ".parquet":
        raise AnnotationsError(f"{target}: a Parquet file would take the place of its own source. Name another file.")


def sealed_metadata(frame: pl.DataFrame, kind: TableKind, about: dict[str, str]) -> dict[str, str]:
    """The metadata of a table, in their order and under a seal.

    Parameters
    ----------
    frame : polars.DataFrame
        As it will be written.
    kind : TableKind
    about : dict of str to str
        What does not follow from the rows: dataset, version, source and its sha256, citation.
    """
    metadata = {
        **about,
        "format": kind.format,
        "rows": str(frame.height),
        "tool": f"ml_scorer {tool_version()}",
        "fingerprint": fingerprint(frame, kind.hashed),
    }
    metadata["seal"] = seal(frame, metadata, kind.columns)
    return {key: metadata[key] for key in METADATA if key in metadata}


class HasFrame(Protocol):
    """A table in memory."""

    @property
    def frame(self) -> pl.DataFrame:
        """Its rows."""
        ...


Table = TypeVar("Table", bound=HasFrame)


def read_back(content: bytes, frame: pl.DataFrame, load: Callable[[Path], Table]) -> Table:
    """Read the new table as the scorer will, before it takes the place of an old one."""
    with TemporaryDirectory(prefix="build-cache-") as folder:
        file = Path(folder) / "table.parquet"
        file.write_bytes(content)
        table = load(file)
    if not table.frame.equals(frame):
        raise AnnotationsError(
            "the table read back is not the table written; nothing was put in place. Please report this."
        )
    return table
