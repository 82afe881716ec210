"""Predictions in remote storage, such as `s3://bucket/runs/a.npy`, through fsspec.

A file is fetched when its turn comes, and deleted once it has been read: so every reader can read it, only one file a
thread lies on the disk, and while one thread scores another fetches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.files import READERS, file_ending, known_endings, read_file
from ml_scorer.predictions.folders import is_partitioned, left_out, natural_order
from ml_scorer.predictions.patterns import PATTERN
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.storage import WEB, explained, persistently, scheme_of, shown, storage_of

_STATES: Final = ("ETag", "etag", "md5Hash", "generation", "oid", "blob_id", "LastModified", "updated", "mtime")
"""What storages call that which changes with a file's content, or the time of its last change; the best first."""


class RemoteListing:
    """Lists remote folders as they are now: what was listed earlier is forgotten, once for each kind of storage."""

    def __init__(self) -> None:
        self._renewed: set[str] = set()

    def files(self, address: str) -> list[str]:
        """The addresses of all files of predictions that an address means: itself, those in it, or those that fit it.

        A Hive-partitioned folder is one of them, with a slash at its end.

        Raises
        ------
        OSError
            If the storage cannot be asked, there is nothing at the address, or nothing fits it.
        PredictionsError
            If there is no file of predictions in the folder.
        MissingExtraError
            If a package is missing.
        """
        if scheme_of(address) in WEB:
            return [address]
        with explained(address):
            storage, path = storage_of(address)
            if scheme_of(address) not in self._renewed:
                storage.invalidate_cache()
                self._renewed.add(scheme_of(address))
            if _ending(address) in READERS and not PATTERN.search(path):
                return [address]
            found = persistently(lambda: _listed(storage, path))
        known = [one for one in found if file_ending(one) in READERS or one.endswith("/")]
        if not known:
            if not found and PATTERN.search(path):
                raise FileNotFoundError(f"{address}: no file fits this pattern.")
            raise PredictionsError(f"{address}: no predictions among {len(found):,} files. Expected {known_endings()}.")
        return [storage.unstrip_protocol(one) for one in sorted(known, key=natural_order)]


def remote_state(address: str, *, anew: bool = False) -> str | None:
    """What tells whether a remote file is still the same: its size, and its content's hash or the time of its change.

    None where the storage tells neither, as many web servers do.

    Parameters
    ----------
    address : str
    anew : bool
        Ask the storage, even if a listing has told it already.

    Raises
    ------
    OSError
        If the storage cannot be asked, or there is no such file.
    MissingExtraError
        If a package is missing.
    """
    with explained(address):
        storage, path = storage_of(address)
        if anew:
            storage.invalidate_cache()
        if address.endswith("/"):
            files = persistently(lambda: storage.find(path, detail=True))
            states = [f"{name}={_state(files[name])}" for name in sorted(files)]
            return ";".join(states)
        return _state(persistently(lambda: storage.info(path)))


def read_remote(address: str, options: ReadOptions) -> Iterator[Predictions]:
    """Fetch a remote file, read it as `read_file` reads, and delete it; errors call it by its address.

    Raises
    ------
    PredictionsError
        If its predictions are refused.
    OSError
        If it cannot be fetched.
    MissingExtraError
        If a package is missing.
    """
    with TemporaryDirectory(prefix="ml-scorer-", ignore_cleanup_errors=True) as folder:
        local = Path(folder) / f"predictions{_ending(address)}"
        with explained(address):
            storage, path = storage_of(address)
            if address.endswith("/"):
                persistently(lambda: storage.get(path, str(local), recursive=True))
            else:
                persistently(lambda: storage.get_file(path, str(local)))
        try:
            yield from read_file(local, options)
        except (PredictionsError, OSError) as error:
            raise type(error)(str(error).replace(str(local), shown(address))) from error


def _ending(address: str) -> str:
    return file_ending(shown(address).rpartition("/")[2])


def _listed(storage: Any, path: str) -> list[str]:  # noqa: ANN401 (fsspec has no types)
    """Paths of all files that a path means, hidden and temporary ones left out; a partitioned folder ends in /."""
    if PATTERN.search(path) and not storage.exists(path):
        meant = storage.glob(path, detail=True)
    else:
        meant = {path: storage.info(path)}
    files: dict[str, None] = {}
    for name, about in meant.items():
        if about["type"] == "directory":
            files |= dict.fromkeys(_in_folder(storage, name))
        else:
            files[name] = None
    return list(files)


def _in_folder(storage: Any, folder: str) -> list[str]:  # noqa: ANN401
    start = len(folder.rstrip("/")) + 1
    files = [name for name in storage.find(folder) if not any(map(left_out, name[start:].split("/")))]
    known = [name[start:] for name in files if file_ending(name.rpartition("/")[2]) in READERS]
    parts = [name.partition("/")[0] for name in known if "/" in name]
    whole = len(parts) == len(known) and is_partitioned(parts) and all(name.endswith(".parquet") for name in known)
    return [f"{folder.rstrip('/')}/"] if whole else files


def _state(about: dict[str, Any]) -> str | None:
    change = next((about[name] for name in _STATES if about.get(name)), None)
    return None if change is None else f"{about.get('size')} {change}"
