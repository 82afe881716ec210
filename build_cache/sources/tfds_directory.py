"""A folder that TensorFlow Datasets prepared, read without decoding an image."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias

from build_cache.apart import run_apart
from build_cache.sources.source import Export, columns_frame
from ml_scorer.errors import AnnotationsError, MissingExtraError, faults_text, some
from ml_scorer.schema import DATASET, LABEL_LISTS, SHARED_COLUMNS

INFO: Final = "dataset_info.json"
VALIDATION: Final = "validation"
IMAGENET_M: Final = "imagenet_m"
"""The split that lists the images of ImageNet-M again; versions before 3.0.0 do not have it."""

_VERSION: Final = re.compile(r"\d+\.\d+\.\d+")
_AGAIN: Final = "Copy the folder again from where it was prepared, or prepare the dataset again"
_Builder: TypeAlias = Any  # TensorFlow Datasets has no types


class MissingTensorFlowError(MissingExtraError):
    """The shards are tfrecord files, and TensorFlow, which is needed to read those, is not installed."""

    def __str__(self) -> str:
        return (
            f"{self.what}: tfrecord shards need TensorFlow: pip install tensorflow (or the smaller tensorflow-cpu). "
            f"To do without it, prepare the dataset with file_format='array_record'."
        )


@dataclass(frozen=True)
class TfdsSource:
    """The dataset as TensorFlow Datasets prepared it, in array_record shards or, with TensorFlow, tfrecord ones.

    The path is the folder of a version, the one with `dataset_info.json`, or one above it with no other version.
    """

    path: str | Path
    kind: ClassVar[str] = "tfds"

    def export(self) -> Export:
        """Read everything but the images, in a process of its own: what TensorFlow takes and logs goes with that."""
        return run_apart(read_directory, Path(self.path))


def read_directory(path: Path) -> Export:
    """Read everything but the images.

    Raises
    ------
    AnnotationsError
        If there is not one whole dataset in the folder, of this name.
    FileNotFoundError
        If there is no such folder.
    MissingExtraError
        If TensorFlow Datasets is not installed, or TensorFlow and the shards are tfrecord files.
    """
    folder = _version_folder(path)
    where = str(folder)
    info = (folder / INFO).read_bytes()
    _check_name(info, where)
    builder = _open(where)
    _check_contents(builder, where)
    with _read_errors(where, "the examples cannot be read"):
        columns = _columns(builder, where)
        if IMAGENET_M in builder.info.splits:
            columns["is_imagenet_m"] = _in_imagenet_m(columns["file_name"], builder, where)
    frame = columns_frame(columns, where)
    return Export(frame, where, sha256(info).hexdigest(), version=str(builder.info.version))


def _version_folder(path: Path) -> Path:
    """The folder that holds `dataset_info.json`: the path itself, or the only version below it."""
    example = f"Pass the folder of one version, such as {DATASET}/3.0.0"
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such folder. {example}.")
    if not path.is_dir():
        raise AnnotationsError(f"{path}: is a file. {example}.")
    if (path / INFO).is_file():
        return path
    files = [*path.glob(f"*/{INFO}"), *path.glob(f"{DATASET}/*/{INFO}")]
    versions = sorted(file.parent for file in files if _VERSION.fullmatch(file.parent.name))
    if len(versions) == 1:
        return versions[0]
    if versions:
        found = ", ".join(str(version.relative_to(path)) for version in versions)
        raise AnnotationsError(f"{path}: {len(versions)} versions: {found}. Pass one, such as {versions[-1]}.")
    names = sorted(child.name for child in path.iterdir())
    raise AnnotationsError(
        f"{path}: nothing that TensorFlow Datasets prepared: no {INFO} here or in a version's folder below. "
        f"Found: {some(names, len(names)) or 'an empty folder'}. {example}."
    )


def _check_name(info: bytes, where: str) -> None:
    """Raise AnnotationsError unless this is the description of the dataset."""
    try:
        name = json.loads(info)["name"]
    except (ValueError, LookupError, TypeError) as error:
        raise AnnotationsError(f"{where}: {INFO} cannot be read ({error!r}). {_AGAIN}.") from error
    if name != DATASET:
        raise AnnotationsError(f"{where}: the dataset {name!r}, expected {DATASET!r}. Pass a folder of that one.")


def _open(where: str) -> _Builder:
    """The dataset as a builder that can only read."""
    try:
        # Without this one TensorFlow Datasets 4.9.10 logs a traceback, and imports as an empty module.
        import_module("importlib_resources")
        from tensorflow_datasets import builder_from_directory
    except ImportError as error:
        raise MissingExtraError("build-cache tfds", "tfds") from error
    with _read_errors(where, "cannot be opened"):
        return builder_from_directory(where)


def _check_contents(builder: _Builder, where: str) -> None:
    """Raise AnnotationsError, naming every fault, unless splits, features and shards that are read are there."""
    splits, features = builder.info.splits, builder.info.features
    faults = []
    if VALIDATION not in splits:
        faults.append(f"no split {VALIDATION!r}; the splits are {', '.join(map(repr, splits)) or 'none'}")
    lacking = [name for name in SHARED_COLUMNS if name not in features]
    if lacking:
        there = ", ".join(map(repr, features))
        faults.append(f"no feature {', '.join(map(repr, lacking))}; the features are {there}")
    used = [splits[name] for name in (VALIDATION, IMAGENET_M) if name in splits]
    shards = [Path(file) for split in used for file in split.filepaths]
    missing = [file.name for file in shards if not file.is_file()]
    if missing:
        faults.append(f"{len(missing)} of {len(shards)} shards are missing: {some(missing, len(missing))}")
    if faults:
        raise AnnotationsError(f"{faults_text(where, faults)}\n{_AGAIN}.")


def _columns(builder: _Builder, where: str) -> dict[str, list[Any]]:
    """The columns that every source has, as Python values."""
    columns: dict[str, list[Any]] = {name: [] for name in SHARED_COLUMNS}
    for example in _examples(builder, VALIDATION, where):
        columns["file_name"].append(example["file_name"].decode())
        columns["original_label"].append(int(example["original_label"]))
        columns["is_problematic"].append(bool(example["is_problematic"]))
        for name in LABEL_LISTS:
            columns[name].append([int(label) for label in example[name]])
    return columns


def _in_imagenet_m(names: list[str], builder: _Builder, where: str) -> list[bool]:
    """Whether each of these images is in the split of ImageNet-M, which may have no others."""
    members = {example["file_name"].decode() for example in _examples(builder, IMAGENET_M, where)}
    unknown = sorted(members.difference(names))
    if unknown:
        what = f"{len(unknown)} images of the split {IMAGENET_M!r} are not in {VALIDATION!r}"
        raise AnnotationsError(f"{where}: {what}: {some(unknown, len(unknown))}. {_AGAIN}.")
    return [name in members for name in names]


def _examples(builder: _Builder, split: str, where: str) -> Iterator[dict[str, Any]]:
    """The examples of a split, one at a time: faster than many at once, and no images pile up in memory."""
    shards = builder.info.file_format.value
    if shards == "array_record":
        from tensorflow_datasets import decode

        yield from builder.as_data_source(split, decoders={"image": decode.SkipDecoding()})
    elif shards == "tfrecord":
        yield from _tfrecord_examples(builder, split, where)
    else:
        raise AnnotationsError(f"{where}: the shards are {shards!r}, expected 'array_record' or 'tfrecord'.")


def _tfrecord_examples(builder: _Builder, split: str, where: str) -> Iterator[dict[str, Any]]:
    """The same by TensorFlow, which does not even parse the image."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingTensorFlowError(where, "tfds") from error
    from tensorflow_datasets import ReadConfig, as_numpy, decode

    options = tf.data.Options()
    options.autotune.enabled = False  # with it on, the last step can hang for up to 20 s
    reading = ReadConfig(options=options, try_autocache=False, interleave_cycle_length=1)
    wanted = decode.PartialDecoding(dict.fromkeys(SHARED_COLUMNS, True))
    yield from as_numpy(builder.as_dataset(split, decoders=wanted, read_config=reading, shuffle_files=False))


@contextmanager
def _read_errors(where: str, what: str) -> Iterator[None]:
    """Say in one sentence what the layers below raised; their errors have no base class but Exception."""
    try:
        yield
    except (AnnotationsError, MissingExtraError):
        raise
    except ImportError as error:
        raise MissingExtraError("build-cache tfds", "tfds") from error
    except Exception as error:
        # TensorFlow sets the node that failed before its message, and the operation behind it.
        reason = str(error).strip().rpartition("}} ")[2].partition(" [Op:")[0].split("\n")[0]
        raise AnnotationsError(f"{where}: {what}: {reason or repr(error)}. {_AGAIN}.") from error
