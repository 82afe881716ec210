"""Files of predictions: which reader takes which, and what each checkpoint is called."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from itertools import islice
from os import fspath, scandir, sep
from pathlib import Path, PurePath
from typing import Final

from ml_scorer.errors import MissingExtraError, PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.contents import content_fault, is_text_ending
from ml_scorer.predictions.reading import Reader, ReadOptions
from ml_scorer.predictions.tables.named import name_text


def _imported(module: str, function: str) -> Reader:
    """A reader that is imported when its first file is read: no run needs them all."""

    def read(path: Path, options: ReadOptions) -> Iterator[Predictions]:
        reader: Reader = getattr(import_module(f"ml_scorer.predictions.{module}"), function)
        return reader(path, options)

    return read


READERS: Final[dict[str, Reader]] = {
    **dict.fromkeys(
        (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst"), _imported("tables.csv_file", "read_csv")
    ),
    ".json": _imported("tables.json_file", "read_json"),
    **dict.fromkeys((".jsonl", ".ndjson"), _imported("tables.json_file", "read_json_lines")),
    ".parquet": _imported("tables.parquet_file", "read_parquet"),
    **dict.fromkeys((".arrow", ".feather", ".ipc", ".arrows"), _imported("tables.ipc_file", "read_ipc")),
    ".npy": _imported("arrays.npy_file", "read_npy"),
    ".npz": _imported("arrays.npz_file", "read_npz"),
    **dict.fromkeys((".pt", ".pth"), _imported("arrays.torch_file", "read_torch")),
    ".safetensors": _imported("arrays.safetensors_file", "read_safetensors"),
}
"""The reader of each kind of file, by its ending, in small letters; an ending may have two parts, as `.csv.gz`."""

FOLDER_READER: Final[Reader] = _imported("tables.hive", "read_hive")
"""The reader of a Hive-partitioned folder: Parquet files in subfolders `key=value`."""

_NAMES_LOOKED_AT: Final = 2000
"""Names of a folder that a missing file is compared with, at most: a folder may hold millions."""


def read_file(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Read one file of predictions by the reader of its ending.

    Whether the content is what the ending says shows in the first bytes. They are looked at before a text is parsed,
    for nearly anything can be taken for text; other readers see it themselves, so there they are looked at only to
    explain a refusal.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    PredictionsError
        If the ending is unknown, the file is empty or not what its ending says, or its predictions are refused.
    OSError
        If the file cannot be read.
    """
    if name_text(path) != str(path):
        raise PredictionsError(f"{name_text(path)}: the name of this file is not Unicode text. Rename it.")
    reader = _reader(path)
    ending = file_ending(path.name)
    looked_at = reader is not FOLDER_READER and is_text_ending(ending)
    if looked_at and (fault := content_fault(path, ending)):
        raise PredictionsError(fault)
    try:
        yield from reader(path, options)
    except (PredictionsError, MissingExtraError, OSError) as error:
        if not path.exists():
            raise FileNotFoundError(f"{path}: the file went away while it was read.") from error
        if not looked_at and path.is_file() and (fault := content_fault(path, ending)):
            raise PredictionsError(fault) from error
        raise


def file_ending(name: str) -> str:
    """The ending of a file's name that tells its reader, or the last one where none is known; in small letters.

    >>> file_ending("ResNet50.CSV"), file_ending("run.1.npy"), file_ending("notes.txt"), file_ending("README")
    ('.csv', '.npy', '.txt', '')
    """
    parts = name.lower().lstrip(".").rsplit(".", 2)[1:]
    for first in range(len(parts)):
        ending = f".{'.'.join(parts[first:])}"
        if ending in READERS:
            return ending
    return f".{parts[-1]}" if parts else ""


def known_endings() -> str:
    """The endings of the files that are read, for a sentence."""
    return ", ".join(READERS)


def _reader(path: Path) -> Reader:
    """The reader for what lies there; nothing is opened, for that would wait at a pipe.

    Raises
    ------
    FileNotFoundError, PredictionsError, OSError
    """
    try:
        kind = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(missing_file(path)) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(kind):
        try:
            partitioned = is_hive(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        if not partitioned:
            raise PredictionsError(f"{path}: a folder, not a file.")
        return FOLDER_READER
    if not stat.S_ISREG(kind):
        raise PredictionsError(f"{path}: not a file, but a pipe, a socket or a device. Write it to a file first.")
    ending = file_ending(path.name)
    if ending not in READERS:
        raise PredictionsError(
            f"{path}: files that end in {ending or 'nothing'!r} are not read; expected {known_endings()}."
        )
    return READERS[ending]


def _unreadable(path: Path, error: OSError) -> OSError:
    return type(error)(f"{path}: cannot be read: {error.strerror}.")


def missing_file(path: Path) -> str:
    """A sentence for a path at which there is no file: what there is instead."""
    if path.is_symlink():
        return f"{path}: a symbolic link to {path.readlink()}, which does not exist."
    if not path.parent.is_dir():
        return f"{path}: no such file: there is no folder {path.parent}."
    try:
        with scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, _NAMES_LOOKED_AT)]
    except OSError:
        names = []
    near = [name_text(name) for name in get_close_matches(path.name, names)]
    advice = f"Did you mean {' or '.join(near)}?" if near else f"Expected predictions as {known_endings()}."
    return f"{path}: no such file. {advice}"


def is_hive(folder: Path) -> bool:
    """Whether there is a folder in this one that is called `column=value`."""
    return any("=" in entry.name.lstrip("=") and entry.is_dir() for entry in folder.iterdir())


def checkpoint_names(paths: Sequence[str | PurePath]) -> list[str]:
    """A name for each file: without folder and extension where that stays unique, else with what tells them apart.

    >>> checkpoint_names([Path("runs/a.csv"), Path("runs/b.csv"), Path("other/b.npy")])
    ['a', 'b.csv', 'b.npy']
    >>> checkpoint_names([Path("run1/last.npy"), Path("run2/last.npy")])
    ['run1/last.npy', 'run2/last.npy']
    >>> checkpoint_names([Path("a.csv.npy"), Path("a.csv"), Path("a.npy")])
    ['a.csv.npy', 'a.csv', 'a.npy']
    >>> checkpoint_names(["s3://models/run1/last.npy", "run1/last.npy"])
    ['models/run1/last.npy', 'run1/last.npy']
    """
    texts = [fspath(path) if sep == "/" else fspath(path).replace(sep, "/") for path in paths]
    names = [_stem(text.rpartition("/")[2]) for text in texts]
    # One step more than there are parts: a name with its extension can be another one's without.
    for depth in range(1, 2 + max((text.count("/") + 1 for text in texts), default=0)):
        counts = Counter(names)
        if len(counts) == len(names):
            break
        names = [
            "/".join(text.split("/")[-depth:]) if counts[name] > 1 else name
            for text, name in zip(texts, names, strict=True)
        ]
    return [name_text(name) for name in names]


def _stem(name: str) -> str:
    ending = file_ending(name)
    return name[: len(name) - len(ending)] if ending else name
