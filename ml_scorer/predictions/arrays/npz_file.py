"""Predictions from an archive of NumPy arrays."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Final

import numpy as np

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.arrays.choose import NamedArrays, named_array_predictions
from ml_scorer.predictions.arrays.npy_header import HEADER_BYTES, NpyHeader, npy_header
from ml_scorer.predictions.arrays.open_file import reading
from ml_scorer.predictions.arrays.stored import ArrayInFile, ReadBytes, StoredArray, in_memory
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.named import name_text

_LARGEST: Final = 8 << 30
"""Bytes of a compressed array, unpacked: 80,000 checkpoints of int16, and more than the logits of twenty."""

_MOST_TIMES: Final = 1_040
"""Deflate makes nothing smaller than this many times."""

_LARGEST_TURNED: Final = 1 << 28
"""Bytes of an array that comes into memory whole."""

_SKIP_BYTES: Final = 1 << 20
_LOCAL_HEADER: Final = 30


def read_npz(path: Path, options: ReadOptions) -> Iterator[Predictions]:
    """Take the predictions of a `.npz` file; pickled objects are never loaded.

    What its arrays claim to be is checked before any is read. Compressed ones are unpacked a part at a time.

    Raises
    ------
    PredictionsError
        If the file is damaged, or it cannot be told which arrays are predictions, or they are refused.
    """
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged archive makes zipfile raise nearly anything
        raise _damaged(str(path), error) from error
    with archive, reading(path) as read:
        members = archive.infolist()
        _check_members(members, path)
        arrays: dict[str, Callable[[], StoredArray]] = {}
        names: dict[str, Callable[[], Sequence[str]]] = {}
        for member in members:
            key = member.filename.removesuffix(".npy")
            dtype = _header(archive, member, path).dtype
            if dtype.kind in "US":
                names[key] = partial(_texts, archive, member, path)
            elif dtype.kind in "iuf" or options.key == key or len(members) == 1:
                arrays[key] = partial(_array, archive, member, path, read)
        yield from named_array_predictions(NamedArrays(arrays, names), options, str(path))


def _check_members(members: list[zipfile.ZipInfo], path: Path) -> None:
    strange = [member.filename for member in members if not member.filename.endswith(".npy")]
    if strange:
        raise PredictionsError(f"{path}: an archive, but not of NumPy arrays: it holds {some(strange, len(strange))}.")
    repeated = [name for name, count in Counter(member.filename for member in members).items() if count > 1]
    if repeated:
        raise PredictionsError(f"{path}: arrays stand twice in it: {some(repeated, len(repeated))}.")
    size = path.stat().st_size
    for member in members:
        claimed, packed = member.file_size, member.compress_size
        most = {zipfile.ZIP_STORED: packed, zipfile.ZIP_DEFLATED: min(_LARGEST, _MOST_TIMES * packed + _SKIP_BYTES)}
        if member.header_offset + packed > size or claimed > most.get(member.compress_type, _LARGEST):
            raise PredictionsError(
                f"{_where(path, member)}: it claims to be {claimed:,} bytes, from {packed:,} in a file of {size:,}; of "
                f"packed arrays, at most {_LARGEST:,} are read. Save it anew, unpacked: numpy.savez or numpy.save."
            )


def _where(path: Path, member: zipfile.ZipInfo) -> str:
    return f"{path}[{member.filename.removesuffix('.npy')}]"


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> NpyHeader:
    """The header of an array that is as long as it claims."""
    where = _where(path, member)
    try:
        with archive.open(member) as file:
            start = file.read(HEADER_BYTES)
    except Exception as error:  # as above
        raise _damaged(where, error) from error
    try:
        header = npy_header(start)
    except ValueError as error:
        raise PredictionsError(
            f"{where}: not a whole array: {error}. Image names are saved as texts: numpy.array(names, dtype=str)."
        ) from error
    found = member.file_size - header.length
    if header.nbytes != found:
        raise PredictionsError(
            f"{where}: not a whole array: it claims {header.nbytes:,} bytes, and there are {found:,}."
        )
    return header


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, read: ReadBytes) -> StoredArray:
    header = _header(archive, member, path)
    unpacked = _Unpacked(archive, member, _where(path, member))
    if member.compress_type != zipfile.ZIP_STORED:
        if header.in_fortran_order:
            return _turned(header, unpacked, _where(path, member))
        return ArrayInFile(shape=header.shape, dtype=header.dtype, read=unpacked, offset=header.length, is_stream=True)
    local = bytearray(_LOCAL_HEADER)
    read(memoryview(local), member.header_offset)
    name_and_extra = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    offset = member.header_offset + _LOCAL_HEADER + name_and_extra + header.length
    if header.in_fortran_order and header.nbytes:  # rows lie scattered; the map finds them
        return in_memory(np.memmap(path, header.dtype, "r", offset, header.shape, "F"))
    return ArrayInFile(shape=header.shape, dtype=header.dtype, read=read, offset=offset)


def _turned(header: NpyHeader, read: ReadBytes, where: str) -> StoredArray:
    """A packed array that lies column by column: it is unpacked whole to find its rows."""
    if header.nbytes > _LARGEST_TURNED:
        raise PredictionsError(
            f"{where}: a packed array in Fortran order, of {header.nbytes:,} bytes; save it in C order: "
            "numpy.ascontiguousarray(array)."
        )
    turned = np.empty(header.shape[::-1], header.dtype)
    if turned.size:
        read(turned.data.cast("B"), header.length)
    return in_memory(turned.T)


class _Unpacked:
    """Reads a packed member from one place after the other, and checks at its end that it is whole."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> None:
        self._open: Callable[[], IO[bytes]] = partial(archive.open, member)
        self._where = where
        self._file: IO[bytes] | None = None
        self._place = 0

    def __call__(self, buffer: memoryview, start: int) -> None:
        try:
            if self._file is None or start < self._place:
                self._file, self._place = self._open(), 0
            while self._place < start:
                self._place += len(self._read(min(_SKIP_BYTES, start - self._place)))
            done = 0
            while done < len(buffer):
                part = self._read(min(_SKIP_BYTES, len(buffer) - done))
                buffer[done : done + len(part)] = part
                done += len(part)
            self._place += done
        except PredictionsError:
            raise
        except Exception as error:  # as above
            raise _damaged(self._where, error) from error

    def _read(self, size: int) -> bytes:
        part = self._file.read(size) if self._file else b""
        if not part:
            raise PredictionsError(f"{self._where}: not a whole array: it ends too early.")
        return part


def _texts(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> list[str]:
    header = _header(archive, member, path)
    array = np.empty(header.shape[::-1] if header.in_fortran_order else header.shape, header.dtype)
    if header.nbytes > _LARGEST_TURNED:
        raise PredictionsError(f"{_where(path, member)}: {header.nbytes:,} bytes of texts are no image names.")
    if header.nbytes:
        _Unpacked(archive, member, _where(path, member))(array.view(np.uint8).data.cast("B"), header.length)
    return [name_text(text) for text in array.reshape(-1).tolist()]


def _damaged(where: str, error: Exception) -> PredictionsError:
    text = str(error) or type(error).__name__
    return PredictionsError(f"{where}: not a whole archive of arrays: {text.rstrip('.')}.")
