"""Which factors of variation mark which images: pose, background, texture and others, as Imagenet-X annotates them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import GroupsError, MissingExtraError, faults_text, some
from ml_scorer.schema import Images, image_numbers

FACTORS: Final = (
    "pose", "background", "pattern", "color", "smaller", "shape", "partial_view", "subcategory", "texture", "larger",
    "darker", "object_blocking", "person_blocking", "style", "brighter", "multiple_objects",
)  # fmt: skip
"""In the order of Idrissi et al., ImageNet-X, ICLR 2023 (arXiv:2211.01866)."""

WHICH: Final = ("top", "multi")
"""Of each image the one factor that marks it most; or all that mark it."""

_PROTOTYPES: Final = "prototypical_paths.csv"
"""Lists the prototypical images, three a class, with which annotators compared each image: typical by choice."""

_KNOWN: Final = {
    "11a7cba40b93931ad60052ac7786c950b92ecc2b6c1e79348bc1fe97f6027721": "imagenet-x/0.0.7/top",
    "40f7946e7aec11a97c5ef1ceb00d9f0961d443695ae0e345625378ee3d1ca7ab": "imagenet-x/0.0.7/multi",
}
"""Fingerprints of published factors. Made by `read_factors` from the package imagenet-x 0.0.7."""


@dataclass(frozen=True, eq=False)
class Factors:
    """Which factors mark which images.

    Attributes
    ----------
    images : (images,) int32
        Numbers of the annotated images, ascending, without prototypical ones where these are known.
    marked : (images, factors) bool
        By `FACTORS`.
    prototypes : int or None
        Number of prototypical images that were left out; None where nothing says which they are.
    """

    images: Images
    marked: NDArray[np.bool_]
    prototypes: int | None

    @property
    def fingerprint(self) -> str:
        """The sha256 of the images as little-endian 32-bit numbers, then of the marks as bytes, row by row."""
        return sha256(self.images.astype("<i4").tobytes() + self.marked.astype(np.uint8).tobytes()).hexdigest()

    def __str__(self) -> str:
        """What they are, told by the content, for a signature: `imagenet-x/0.0.7/top@…` or `UNVERIFIED-FACTORS@…`."""
        return f"{_KNOWN.get(self.fingerprint, 'UNVERIFIED-FACTORS')}@{self.fingerprint[:8]}"


def read_factors(which: str | Path = "top") -> Factors:
    """Factors of the validation images.

    Parameters
    ----------
    which : {"top", "multi"} or path
        A data file of the installed package imagenet-x, which is found without an import; or a copy of that file, such
        as `imagenet_x_val_top_factor.jsonl`. A file `prototypical_paths.csv` beside it says which images are
        prototypical: these are left out, as that package does.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    GroupsError
        If the file is no such file, or a folder; all faults are named.
    FileNotFoundError
        If there is no such file.
    """
    path = _in_package(str(which)) if str(which) in WHICH else Path(which)
    if path.is_dir():
        raise GroupsError(
            f"{path} is a folder: name the file of factors in it, such as imagenet_x_val_top_factor.jsonl."
        )
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of factors. Install imagenet-x, or name a copy of its file.")
    names, marked = _marks(path)
    images = image_numbers(names)
    _check_names(names, images, path)
    prototypes = _prototypes(path.parent / _PROTOTYPES)
    left_out = np.isin(images, prototypes if prototypes is not None else [])
    order = np.argsort(images)
    order = order[~left_out[order]]
    return Factors(images[order], marked[order], None if prototypes is None else int(np.count_nonzero(left_out)))


def _in_package(which: str) -> Path:
    try:
        package = distribution("imagenet-x")
    except PackageNotFoundError as error:
        raise MissingExtraError("A score by factor", "imagenet-x") from error
    return Path(str(package.locate_file(f"imagenet_x/annotations/imagenet_x_val_{which}_factor.jsonl")))


def _marks(path: Path) -> tuple[pl.Series, NDArray[np.bool_]]:
    """Image names, and which factors mark them: (images,) and (images, factors)."""
    try:
        table = pl.read_ndjson(path, schema={"file_name": pl.String, **dict.fromkeys(FACTORS, pl.Int64)})
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise GroupsError(f"{path}: not a file of factors, one JSON object a line: {reason}") from error
    absent = [name for name in table.columns if table[name].null_count() == table.height]
    if absent:
        raise GroupsError(
            f"{path}: expected objects with file_name and the {len(FACTORS)} factors of Imagenet-X, 0 or 1: there is "
            f"no {some(absent, len(absent))}."
        )
    marks = table.select(FACTORS)
    bad = marks.select(pl.any_horizontal(~pl.all().is_in([0, 1]).fill_null(value=False))).to_series()
    if bad.any():
        lines = (bad.arg_true() + 1).to_list()
        found = some(lines, len(lines))
        raise GroupsError(f"{path}: expected 0 or 1 for each factor, found something else in line {found}.")
    return table["file_name"], marks.to_numpy().astype(bool)


def _check_names(names: pl.Series, images: Images, path: Path) -> None:
    unknown = names.filter(pl.Series(images == 0))
    repeated = names.filter(names.is_duplicated() & pl.Series(images > 0)).unique().sort()
    faults = []
    if unknown.len():
        faults.append(f"names of no ImageNet validation image: {some(unknown, unknown.len())}")
    if repeated.len():
        faults.append(f"images that stand twice: {some(repeated, repeated.len())}")
    if faults:
        raise GroupsError(faults_text(str(path), faults))


def _prototypes(path: Path) -> Images | None:
    """Numbers of the prototypical images; None without a list of them."""
    if not path.is_file():
        return None
    try:
        names = pl.read_csv(path, columns=["file_name"], schema_overrides={"file_name": pl.String}).to_series()
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise GroupsError(f"{path}: expected a column file_name of prototypical images: {reason}") from error
    return image_numbers(names)
