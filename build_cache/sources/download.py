"""The published annotations, from wherever they can still be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from build_cache.sources.annotation_file import PUBLISHED_NAME, PUBLISHED_SHA256, PUBLISHED_SIZE, JsonSource
from build_cache.sources.source import Export, Source, file_sha256
from build_cache.sources.table import TableSource
from ml_scorer.errors import faults_text

if TYPE_CHECKING:
    from build_cache.fetching import Patience, Progress


@dataclass(frozen=True)
class KnownFile:
    """A public file with the annotations.

    Attributes
    ----------
    url : str
        Its own address.
    size : int
        In bytes.
    sha256 : str
        In hexadecimal.
    source : callable
        The source that reads it.
    """

    url: str
    size: int
    sha256: str
    source: Callable[[Path], Source]

    @property
    def name(self) -> str:
        """The last part of the address."""
        return PurePosixPath(urlsplit(self.url).path).name

    def is_at(self, path: Path) -> bool:
        """Whether a path is this file, whole."""
        return path.is_file() and path.stat().st_size == self.size and file_sha256(path) == self.sha256


KNOWN_FILES: Final = (
    KnownFile(
        "https://raw.githubusercontent.com/klarajanouskova/ImageNet/04fb51bbb74e286c7f42f1bd9171eed088a282b4/"
        "eval_corrections/load_data/validation_correction/imagenet_multilabel/multilabel.csv",
        1_357_853,
        "3d2068a392410a04cee532732c1f0c298e8c69535e1c391a062412ce9bc86602",
        TableSource,
    ),
    KnownFile(
        f"https://storage.googleapis.com/brain-car-datasets/imagenet-mistakes/{PUBLISHED_NAME}",
        PUBLISHED_SIZE,
        PUBLISHED_SHA256,
        JsonSource,
    ),
)
"""In the order in which they are tried: the table published with "Flaws of ImageNet" (ICLR 2025 blog post), which does
not have ImageNet-M; then the dataset's own file, at an address that has answered 403 since August 2025
(tensorflow/datasets issue 11123)."""


@dataclass(frozen=True)
class DownloadSource:
    """The published annotations, fetched from the known addresses in turn. No file but one of the known ones is taken.

    Attributes
    ----------
    mirror : str, optional
        An http(s) address that is tried first: of one of the files, told by its ending, or of a folder that has one
        under its name.
    cache : Path, optional
        Where a file is kept until it is exported; a whole one that lies there is taken. None is the user's cache
        directory.
    progress : callable, optional
        Told how far a download is, see `build_cache.fetching.Progress`.
    patience : Patience, optional
        How much to put up with, see `build_cache.fetching.Patience`; None is its default.
    files : tuple of KnownFile
    """

    mirror: str | None = None
    cache: Path | None = None
    progress: Progress | None = field(default=None, compare=False, repr=False)
    patience: Patience | None = None
    files: tuple[KnownFile, ...] = KNOWN_FILES
    kind: ClassVar[str] = "download"

    def export(self) -> Export:
        """Fetch a file and read it.

        Raises
        ------
        FetchError
            If no address gave one; each is named with its reason.
        StorageError
            If the cache cannot be written.
        """
        from build_cache.fetching import cache_folder, discard

        folder = self.cache or cache_folder()
        url, file = self._fetched(folder)
        export = file.source(folder / file.name).export()
        for known in self.files:
            discard(folder / known.name)
        return replace(export, where=url)

    def _fetched(self, folder: Path) -> tuple[str, KnownFile]:
        """The first file that can be had, whole in the folder now, and the address that it is from."""
        from build_cache.fetching import PATIENCE, FetchError, StorageError, fetch

        for file in self.files:
            if file.is_at(folder / file.name):
                return file.url, file
        reasons = []
        for url, file in self._addresses():
            try:
                fetch(
                    url,
                    folder / file.name,
                    sha256=file.sha256,
                    progress=self.progress,
                    patience=self.patience or PATIENCE,
                )
            except StorageError:
                raise
            except FetchError as error:
                reasons.append(str(error))
            else:
                return url, file
        names = " or ".join(file.name for file in self.files)
        raise FetchError(
            f"{faults_text('The annotations cannot be downloaded', reasons)}\n"
            f"Name another address with --mirror URL; behind a proxy, set https_proxy; or get {names} some other way "
            f"and export it with `build-cache table FILE` or `build-cache json FILE`."
        )

    def _addresses(self) -> Iterator[tuple[str, KnownFile]]:
        """Where to ask, in this order, and for which file."""
        if self.mirror:
            parts = urlsplit(self.mirror)
            ending = PurePosixPath(parts.path).suffix.lower()
            named = [file for file in self.files if ending == PurePosixPath(file.name).suffix]
            for file in named or self.files:
                path = parts.path if named else f"{parts.path.rstrip('/')}/{file.name}"
                yield parts._replace(path=path).geturl(), file
        for file in self.files:
            yield file.url, file
