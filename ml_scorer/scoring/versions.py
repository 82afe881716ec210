"""Which version of a source was scored: its state before it is read, and its content after that."""

from __future__ import annotations

from hashlib import blake2b

from ml_scorer.errors import MissingExtraError, PredictionsError
from ml_scorer.predictions import Source
from ml_scorer.predictions.remote import remote_state
from ml_scorer.predictions.storage import without_secrets
from ml_scorer.store.files import FileState, content_hash, file_state, unchanged


def state_of(source: Source) -> FileState | None:
    """What a source is now; None where that is not to be had, which its reader says better."""
    try:
        if source.address is None:
            return None if source.path is None else file_state(source.path)
        version = remote_state(source.address)
    except (OSError, PredictionsError, MissingExtraError):
        return None
    return None if version is None else FileState(without_secrets(source.address), 0, _number_of(version), settled=True)


def content_of(source: Source, state: FileState) -> str | None:
    """The content of a source that was read; None if it is another one than it was in this state.

    Raises
    ------
    MissingExtraError
        If xxhash is not installed.
    """
    try:
        if source.address is None:
            content = content_hash(state.source)
            return content if unchanged(state.source, state) else None
        version = remote_state(source.address, anew=True)
    except OSError:
        return None
    return f"{state.modified_ns:016x}" if version is not None and _number_of(version) == state.modified_ns else None


def _number_of(version: str) -> int:
    """A number that stands for what a remote storage says of the version of a file."""
    return int.from_bytes(blake2b(version.encode(), digest_size=8).digest()) >> 1
