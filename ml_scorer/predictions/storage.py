"""Remote storage by its address, through fsspec: opened, asked again where a fault may pass, its errors explained."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from tempfile import gettempdir
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from ml_scorer.errors import MissingExtraError, PredictionsError

_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_WEB_ADDRESS: Final = re.compile(r"https?://[^\s'\"]+", re.IGNORECASE)
WEB: Final = {"http", "https"}
_ATTEMPTS: Final = 3
_FIRST_PAUSE: Final = 0.5  # seconds; each further one is twice as long

_PACKAGES: Final = {"gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub"}
"""What must be installed for storages that the extra leaves out."""

_NO_CREDENTIALS: Final = re.compile(r"Credential|ProfileNotFound|SSO|TokenNotFound")
_NO_NETWORK: Final = re.compile(r"Connect|Timeout|HTTPClientError|gaierror|ServerDisconnected|PayloadError")
"""Errors by their names: each storage has its own."""

_TRANSIENT: Final = {errno.EIO, errno.EBUSY, errno.ETIMEDOUT, errno.EAGAIN}
_BUSY: Final = 429  # HTTP: too many requests
_SERVER_FAULT: Final = 500

_Result = TypeVar("_Result")


def is_remote(text: str) -> bool:
    """Whether this is an address rather than a path.

    >>> is_remote("s3://bucket/a.csv"), is_remote("runs/a.csv"), is_remote("C://a.csv")
    (True, False, False)
    """
    return _ADDRESS.match(text) is not None


def shown(address: str) -> str:
    """An address as it may be shown: one of the web without user and query, which can hold a secret.

    >>> shown("https://me:secret@host/a.csv?signature=secret"), shown("s3://bucket/a?.csv")
    ('https://host/a.csv', 's3://bucket/a?.csv')
    """
    if scheme_of(address) not in WEB:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def without_secrets(address: str) -> str:
    """An address as it may be kept: as it is shown, and where that leaves something out, what stands for the rest.

    >>> without_secrets("s3://bucket/a.csv"), without_secrets("https://host/a.csv?signature=secret")
    ('s3://bucket/a.csv', 'https://host/a.csv#8590e375')
    """
    text = shown(address)
    return text if text == address else f"{text}#{blake2b(address.encode(), digest_size=4).hexdigest()}"


def scheme_of(address: str) -> str:
    """The kind of storage that an address begins with; of a path, what nothing begins with."""
    return address.partition("://")[0].lower()


def storage_of(address: str) -> tuple[Any, str]:
    """The storage, and the path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(f"reading {scheme_of(address)}:// addresses", "remote") from error
    scheme = scheme_of(address)
    try:
        storage, path = url_to_fs(address)
    except ImportError as error:
        if scheme not in _PACKAGES:
            raise MissingExtraError(f"reading {scheme}:// addresses ({error})", "remote") from error
        raise PredictionsError(
            f"{shown(address)}: reading {scheme}:// addresses needs a package that is not installed: "
            f"pip install {_PACKAGES[scheme]}"
        ) from error
    except ValueError as error:
        raise PredictionsError(f"{shown(address)}: no storage of this kind is known ({error}).") from error
    return storage, str(path)


def persistently(ask: Callable[[], _Result]) -> _Result:
    """The answer, with a few more attempts where the fault may pass."""
    for attempt in range(_ATTEMPTS - 1):
        try:
            return ask()
        except Exception as error:  # each storage raises its own
            if not _may_pass(error):
                raise
            time.sleep(_FIRST_PAUSE * 2**attempt)
    return ask()


def _may_pass(error: Exception) -> bool:
    status = getattr(error, "status", 0)
    if isinstance(status, int) and status:
        return status == _BUSY or status >= _SERVER_FAULT
    if isinstance(error, OSError) and error.errno in _TRANSIENT:
        return True
    return isinstance(error, TimeoutError | ConnectionError) or "PayloadError" in type(error).__name__


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Turn whatever a storage raises into an error with a sentence."""
    try:
        yield
    except (PredictionsError, MissingExtraError):
        raise
    except Exception as error:  # each storage raises its own
        raise _explanation(shown(address), error) from error


def _explanation(where: str, error: Exception) -> OSError:
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__[:-1])
    text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    text = _WEB_ADDRESS.sub(lambda found: shown(found[0]), text)
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(f"{where}: no such file, folder or bucket ({text}).")
    if _NO_CREDENTIALS.search(kinds):
        return PermissionError(
            f"{where}: no credentials were found ({text}). For s3://, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            """or run `aws configure`; for a public bucket, set FSSPEC_S3='{"anon": true}'."""
        )
    if isinstance(error, PermissionError):
        return PermissionError(f"{where}: access is denied ({text}). Are these the right credentials?")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return OSError(
            f"{where}: no space is left in {gettempdir()}, where it is fetched to. Set TMPDIR to another folder."
        )
    if _NO_NETWORK.search(kinds):
        return ConnectionError(
            f"{where}: the storage cannot be reached ({text}). Is there a network? For a server other than Amazon's, "
            "set AWS_ENDPOINT_URL."
        )
    return OSError(f"{where}: cannot be fetched: {type(error).__name__}: {text}.")
