"""The reassessed labels (ReaL): a JSON list of lists, by itself or inside a wheel that holds it."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final

import polars as pl

from build_cache.sources.source import Export
from ml_scorer.errors import AnnotationsError, faults_text, some
from ml_scorer.schema import NUM_CLASSES, REAL_COLUMNS, REAL_LABELS, VALIDATION_IMAGES, image_name, image_names

INSTALLED: Final = ("timm", "imagenet-x")
"""The packages among whose files the labels are looked for when nobody says where they are."""

MEMBERS: Final = ("imagenet_real_labels.json", "imagenet_real_labels.jsonl")
"""What the file is called there; under both names it is one JSON list."""

LARGEST: Final = 8_000_000
"""Bytes; the published file has 388,478."""

ADVICE: Final = "pip download --no-deps timm, then build-cache real timm-*.whl"


@dataclass(frozen=True)
class RealSource:
    """Where the reassessed labels are.

    Parameters
    ----------
    path : path, optional
        A wheel of timm, or the JSON file itself: the list of the 50,000 lists of labels in the order of the image
        numbers. None takes it from the files of an installed timm, which is not imported.
    """

    path: str | Path | None = None
    kind: ClassVar[str] = "real"

    def export(self) -> Export:
        """Read the labels.

        Raises
        ------
        AnnotationsError
            If they are not there, or not what they should be.
        FileNotFoundError
            If there is no such file, or none is given and no package that has them is installed.
        """
        where, content = _installed() if self.path is None else _given(Path(self.path))
        return Export(_frame(_lists(content, where)), where, sha256(content).hexdigest())


def _installed() -> tuple[str, bytes]:
    """The file of an installed package: what to call it in an error, and its bytes."""
    for name in INSTALLED:
        try:
            files = distribution(name).files or ()
        except PackageNotFoundError:
            continue
        for file in files:
            path = Path(str(file.locate()))
            if file.name in MEMBERS and path.is_file():
                return _read(path)
    raise FileNotFoundError(
        f"No package is installed whose files hold the reassessed labels (looked for in {' and '.join(INSTALLED)}). "
        f"Get a wheel that does: {ADVICE}"
    )


def _given(path: Path) -> tuple[str, bytes]:
    """A file that was named, or the one in a wheel that was: what to call it in an error, and the bytes."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. To get the reassessed labels: {ADVICE}")
    if path.suffix.lower() != ".whl":
        return _read(path)
    try:
        with zipfile.ZipFile(path) as archive:
            found = [info for info in archive.infolist() if PurePosixPath(info.filename).name in MEMBERS]
            if not found:
                raise AnnotationsError(f"{path}: no {MEMBERS[0]} in this wheel. A wheel of timm has it: {ADVICE}")
            _check_size(found[0].file_size, str(path))
            return str(path), archive.read(found[0])
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise AnnotationsError(f"{path}: the wheel is damaged or truncated: {error}. Download it again.") from error


def _read(path: Path) -> tuple[str, bytes]:
    _check_size(path.stat().st_size, str(path))
    return str(path), path.read_bytes()


def _check_size(size: int, where: str) -> None:
    if size > LARGEST:
        raise AnnotationsError(
            f"{where}: {size:,} bytes, where the reassessed labels are under 400,000. Is it another file? They come "
            f"in a wheel of timm: {ADVICE}"
        )


def _lists(content: bytes, where: str) -> list[list[int]]:
    """The list of labels of each image, once they are whole numbers in lists."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise AnnotationsError(f"{where}: not a whole JSON file: {error}.") from error
    if not isinstance(found, list):
        raise AnnotationsError(
            f"{where}: expected a JSON list with the list of labels of each image, in the order of the image numbers; "
            f"found {type(found).__name__}."
        )
    faults = []
    unlisted = [
        f"{labels!r} at {image_name(number)}" for number, labels in enumerate(found, 1) if type(labels) is not list
    ]
    if unlisted:
        faults.append(f"{len(unlisted):,} images have no list of labels: {some(unlisted, len(unlisted))}")
    if len(found) != VALIDATION_IMAGES:
        faults.append(f"labels of {len(found):,} images, expected {VALIDATION_IMAGES:,}")
    odd = [
        f"{label!r} at {image_name(number)}"
        for number, labels in enumerate(found, 1)
        if type(labels) is list
        for label in labels
        if type(label) is not int or not 0 <= label < NUM_CLASSES  # true is no label
    ]
    if odd:
        faults.append(f"{len(odd):,} labels are no class index 0-{NUM_CLASSES - 1}: {some(odd, len(odd))}")
    if faults:
        raise AnnotationsError(faults_text(where, faults))
    return found


def _frame(lists: list[list[int]]) -> pl.DataFrame:
    """In the table's schema; the position in the list is the number of the image."""
    numbers = pl.Series(range(1, len(lists) + 1))
    return pl.DataFrame(
        {"file_name": image_names(numbers), REAL_LABELS: pl.Series(lists, dtype=REAL_COLUMNS[REAL_LABELS])}
    )
