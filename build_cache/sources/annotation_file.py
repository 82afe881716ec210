"""The published annotation file: one JSON object of 200 MB, of which a twentieth is needed."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypedDict, TypeVar

import polars as pl

from build_cache.sources.source import Export, columns_frame
from ml_scorer.errors import AnnotationsError, MissingExtraError, faults_text, some
from ml_scorer.imagenet import label_of_wordnet_id, validation_labels
from ml_scorer.schema import CORRECT, UNCLEAR, WRONG, image_numbers

if TYPE_CHECKING:
    from msgspec import Raw

    from build_cache.fetching import Progress

T = TypeVar("T")

PUBLISHED_NAME: Final = "human_accuracy_v3.0.0.json"
PUBLISHED_SIZE: Final = 200_417_830
PUBLISHED_SHA256: Final = "d5b2b6111fc9efea16aaebd21bc5a401d16ad18285d3fd99635d8b32ebdb6287"
PUBLISHED_VERSION: Final = "3.0.0"

_PREFIX: Final = "ILSVRC2012_val_"
"""Of the names of validation images; the file also holds images of ImageNetV2, whose names are hashes."""

_EXPECTED: Final = (
    f"Expected the published annotation file ({PUBLISHED_NAME} has {PUBLISHED_SIZE:,} bytes): one JSON object with "
    "`initial_annots`, `problematic_images` and `imagenet_m`."
)


@dataclass(frozen=True)
class JsonSource:
    """The published annotation file, `human_accuracy_v3.0.0.json`, or an older one of its form.

    It says nothing of original labels: those are known, and taken from `ml_scorer.imagenet`.

    Attributes
    ----------
    path : path or str
        The file, or an http(s) address of it.
    cache : Path, optional
        Where a file from an address is kept until it is exported; None is the user's cache directory.
    progress : callable, optional
        Told how far a download is, see `build_cache.fetching.Progress`.
    """

    path: str | Path
    cache: Path | None = None
    progress: Progress | None = field(default=None, compare=False, repr=False)
    kind: ClassVar[str] = "json"

    def export(self) -> Export:
        """Read the file."""
        try:
            import msgspec  # noqa: F401 - asked for here, before 200 MB are fetched for nothing
        except ImportError as error:
            raise MissingExtraError("build-cache json", "build") from error
        where = str(self.path)
        if "://" not in where:
            return _export(Path(where), where)

        from build_cache.fetching import cache_folder, discard, fetch

        file = (self.cache or cache_folder()) / f"{sha256(where.encode()).hexdigest()[:16]}.json"
        fetch(where, file, progress=self.progress)
        try:
            return _export(file, where)
        finally:
            discard(file)


class _Verdicts(TypedDict, total=False):
    """The WordNet ids that experts gave an image; a list that is not there is empty."""

    correct: list[str]
    wrong: list[str]
    unclear: list[str]


@dataclass(frozen=True)
class _Content:
    """What is needed of the file: its ImageNet images alone. `imagenet_m` is None where there is no such key."""

    verdicts: dict[str, _Verdicts]
    problematic: list[str]
    imagenet_m: list[str] | None


def _export(file: Path, where: str) -> Export:
    if not file.is_file():
        raise FileNotFoundError(f"{where}: no such file.")
    content, digest = _read(file, where)
    names = pl.Series(list(content.verdicts), dtype=pl.String)
    lists = {
        CORRECT: [verdicts.get("correct", []) for verdicts in content.verdicts.values()],
        WRONG: [verdicts.get("wrong", []) for verdicts in content.verdicts.values()],
        UNCLEAR: [verdicts.get("unclear", []) for verdicts in content.verdicts.values()],
    }
    numbers = image_numbers(names)
    faults = _name_faults(names.filter(pl.Series(numbers == 0)), content) + _wordnet_id_faults(names, lists)
    if faults:
        raise AnnotationsError(faults_text(where, faults))
    columns = {
        "file_name": names,
        "original_label": validation_labels()[numbers],
        **{name: _label_lists(ids) for name, ids in lists.items()},
        "is_problematic": names.is_in(content.problematic),
    }
    if content.imagenet_m is not None:
        columns["is_imagenet_m"] = names.is_in(content.imagenet_m)
    version = PUBLISHED_VERSION if digest == PUBLISHED_SHA256 else None
    return Export(columns_frame(columns, where), where, digest, version)


def _read(file: Path, where: str) -> tuple[_Content, str]:
    """What is needed of a file, and its sha256; the file itself is out of memory again when this returns."""
    if not file.stat().st_size:
        raise AnnotationsError(f"{where}: an empty file. {_EXPECTED}")
    with file.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    with ThreadPoolExecutor(1) as beside:  # hashing needs no interpreter lock, so that both take the time of one
        digest = beside.submit(sha256, mapped)
        content = _decoded(mapped, where)
    return content, digest.result().hexdigest()


def _decoded(content: mmap.mmap, where: str) -> _Content:
    """Decode what is needed, passing over the rest.

    Raises
    ------
    AnnotationsError
        If the file is not whole, or what is needed of it has not the form that it should; all such faults are named.
    """
    from msgspec import DecodeError, Raw
    from msgspec.json import Decoder

    try:
        parts = _parts(content)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnnotationsError(f"{where}: {error}, in {len(content):,} bytes. {_EXPECTED}") from error
    faults: list[str] = []
    annotated = _part(parts, "initial_annots", dict[str, Raw], faults) or {}
    problematic = _part(parts, "problematic_images", dict[str, Raw], faults) or {}
    imagenet_m = _part(parts, "imagenet_m", list[str], faults) if "imagenet_m" in parts else None
    verdicts: dict[str, _Verdicts] = {}
    broken: list[str] = []
    decoder = Decoder(_Verdicts)
    for name, given in annotated.items():
        if name.startswith(_PREFIX):
            try:
                verdicts[name] = decoder.decode(given)
            except DecodeError as error:
                broken.append(f"{name} ({error})")
    if broken:
        faults.append(f"{len(broken):,} images of `initial_annots` cannot be read: {some(broken, len(broken))}")
    if faults:
        raise AnnotationsError(f"{faults_text(where, faults)}\n{_EXPECTED}")
    validation = [name for name in problematic if name.startswith(_PREFIX)]
    return _Content(verdicts, validation, imagenet_m)


def _parts(content: mmap.mmap) -> dict[str, Raw]:
    """The object's own keys, what they hold left as it is."""
    from msgspec import DecodeError, Raw
    from msgspec.json import decode

    try:
        return decode(content, type=dict[str, Raw])
    except DecodeError:
        # Two numbers that Python writes and JSON does not know. They can stand only in what is passed over.
        known = content[:].replace(b"NaN", b"0.0").replace(b"Infinity", b"0.000000")
        return decode(known, type=dict[str, Raw])


def _part(parts: Mapping[str, Raw], name: str, form: type[T], faults: list[str]) -> T | None:
    """One part decoded; None, and a fault more, where it cannot be."""
    from msgspec import DecodeError
    from msgspec.json import decode

    if name not in parts:
        faults.append(f"no `{name}`")
        return None
    try:
        return decode(parts[name], type=form)
    except (DecodeError, UnicodeDecodeError) as error:
        faults.append(f"`{name}`: {error}")
        return None


def _name_faults(unknown: pl.Series, content: _Content) -> list[str]:
    faults = []
    if unknown.len():
        faults.append(f"{unknown.len():,} names are no ImageNet validation image: {some(unknown, unknown.len())}")
    # An image that is problematic and not annotated is in no table: TensorFlow Datasets' builder passes it over, too.
    absent = [name for name in content.imagenet_m or [] if name not in content.verdicts]
    if absent:
        faults.append(f"{len(absent):,} images of `imagenet_m` are not annotated: {some(absent, len(absent))}")
    return faults


def _wordnet_id_faults(names: pl.Series, lists: Mapping[str, list[list[str]]]) -> list[str]:
    given = set(chain.from_iterable(chain.from_iterable(lists.values())))
    unknown = given - label_of_wordnet_id().keys()
    if not unknown:
        return []
    places = [
        f"{wordnet_id!r} at {name}"
        for of_images in lists.values()
        for name, wordnet_ids in zip(names, of_images, strict=True)
        for wordnet_id in wordnet_ids
        if wordnet_id in unknown
    ]
    return [f"{len(places):,} labels are no WordNet id of ImageNet's classes: {some(places, len(places))}"]


def _label_lists(of_images: list[list[str]]) -> pl.Series:
    """Labels of each image from its WordNet ids; through texts, which Polars takes up ten times as fast as lists."""
    texts = pl.Series([" ".join(wordnet_ids) for wordnet_ids in of_images], dtype=pl.String)
    labels = pl.element().replace_strict(label_of_wordnet_id(), return_dtype=pl.UInt16)
    return texts.str.extract_all(r"\S+").list.eval(labels)
