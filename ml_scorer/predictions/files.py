"""Files of predictions: which reader takes which, and what each checkpoint is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.csv_file import read_csv
from ml_scorer.predictions.named import name_text
from ml_scorer.predictions.npy_file import read_npy
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.parquet_file import read_parquet

READERS: Final[dict[str, Callable[[Path, Order | None], Predictions]]] = {
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".npy": read_npy,
}
"""The reader of each kind of file, by its ending."""

_SIGNATURES: Final = {
    b"PAR1": ".parquet",
    b"\x93NUMPY": ".npy",
    b"PK\x03\x04": ".npz or zip",
    b"\x80": "pickle",
    b"\x1f\x8b": "gzip",
    b"\x89HDF": "HDF5",
    b"ARROW1": "Arrow",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
"""How files begin that are not text."""


def read_file(path: Path, order: Order | None) -> Predictions:
    """Read one file of predictions by the reader of its ending, once its first bytes agree with that.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    PredictionsError
        If the ending is unknown, the file is empty or not what its ending says, or its predictions are refused.
    """
    if name_text(path) != str(path):
        raise PredictionsError(f"{name_text(path)}: the name of this file is not Unicode text. Rename it.")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file. Expected predictions as {', '.join(READERS)}.")
    if not path.is_file():
        advice = f" Name the files in it, such as {path}/*.csv." if path.is_dir() else ""
        raise PredictionsError(f"{path}: not a file.{advice}")
    ending = path.suffix.lower()
    if ending not in READERS:
        raise PredictionsError(
            f"{path}: files that end in {ending or 'nothing'!r} are not read; expected {', '.join(READERS)}."
        )
    with path.open("rb") as file:
        start = file.read(4096)
    if not start:
        raise PredictionsError(f"{path}: the file is empty.")
    found = next((kind for signature, kind in _SIGNATURES.items() if start.startswith(signature)), None)
    if found is None:
        found = "binary" if b"\0" in start else ".csv"
    if found != ending:
        what = "text" if found == ".csv" else f"a {found.removeprefix('.')} file"
        raise PredictionsError(
            f"{path}: the ending says {ending}, but the content is {what}. Rename it, or save it again."
        )
    return READERS[ending](path, order)


def checkpoint_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file: without folder and extension where that stays unique, else with what tells them apart.

    >>> checkpoint_names([Path("runs/a.csv"), Path("runs/b.csv"), Path("other/b.npy")])
    ['a', 'b.csv', 'b.npy']
    >>> checkpoint_names([Path("run1/last.npy"), Path("run2/last.npy")])
    ['run1/last.npy', 'run2/last.npy']
    >>> checkpoint_names([Path("a.csv.npy"), Path("a.csv"), Path("a.npy")])
    ['a.csv.npy', 'a.csv', 'a.npy']
    """
    names = [path.stem for path in paths]
    # One step more than there are parts: a name with its extension can be another one's without.
    for depth in range(1, 2 + max((len(path.parts) for path in paths), default=0)):
        counts = Counter(names)
        if max(counts.values(), default=0) <= 1:
            break
        names = [
            Path(*path.parts[-depth:]).as_posix() if counts[name] > 1 else name
            for path, name in zip(paths, names, strict=True)
        ]
    return [name_text(name) for name in names]
