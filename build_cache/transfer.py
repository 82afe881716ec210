"""One attempt at fetching a file: ask for what is still missing, and keep whatever comes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from typing import Final, TypeAlias
from urllib import request
from urllib.error import HTTPError, URLError

from ml_scorer.version import tool_version

Progress: TypeAlias = Callable[[int, int | None], object]
"""Called with the bytes received so far and the bytes in all, None where the server does not say how many."""

BLOCK: Final = 1 << 16

_MAY_PASS: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
"""Client errors (4xx) that may be gone at the next attempt, as server errors (5xx) may."""


class FetchError(OSError):
    """A file could not be fetched from an address."""


class StorageError(FetchError):
    """What was fetched could not be kept: this machine's disk is at fault, and no other address will help."""


class InterruptionError(Exception):
    """A failure that may pass.

    Attributes
    ----------
    wait : float
        Seconds for which the server asks to be left alone.
    reached : bool
        Whether there was a server at all.
    """

    def __init__(self, reason: str, *, wait: float = 0.0, reached: bool = True) -> None:
        super().__init__(reason)
        self.wait = wait
        self.reached = reached


@dataclass(frozen=True)
class Origin:
    """Where a part is from, and what its server gave to tell that file from a later one."""

    url: str
    etag: str | None
    modified: str | None

    @property
    def validator(self) -> str | None:
        """What `If-Range` takes: a strong ETag, or else a date (RFC 9110, section 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


@dataclass(frozen=True)
class Part:
    """The bytes received so far, beside the target, and a note of their origin."""

    target: Path

    @property
    def path(self) -> Path:
        """The bytes."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def note(self) -> Path:
        """The origin, as JSON."""
        return self.target.with_name(f"{self.target.name}.part.json")

    @property
    def size(self) -> int:
        """Number of bytes; 0 where there is no part."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def origin(self) -> Origin | None:
        """What the note says; None where there is none that can be read."""
        try:
            return Origin(**json.loads(self.note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, origin: Origin) -> None:
        """Start over."""
        with storage_errors(self.path):
            self.path.write_bytes(b"")
            self.note.write_text(json.dumps(asdict(origin)), encoding="utf-8")

    def finish(self) -> None:
        """Put the part in the target's place."""
        with storage_errors(self.target):
            self.path.replace(self.target)
            self.note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the bytes and the note."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


@dataclass(frozen=True)
class Transfer:
    """One file on its way into its part.

    Attributes
    ----------
    url : str
    part : Part
    pinned : bool
        Whether the sha256 of the whole file is known, so that a wrongly joined one would be noticed.
    timeout : float
        Seconds without a byte after which the connection counts as lost.
    progress : callable, optional
        See `Progress`.
    """

    url: str
    part: Part
    pinned: bool
    timeout: float
    progress: Progress | None = None

    def kept(self) -> Origin | None:
        """Origin of the part, if the next attempt can go on from it."""
        origin = self.part.origin()
        usable = origin and self.part.size and origin.url == self.url and (self.pinned or origin.validator)
        return origin if usable else None

    def attempt(self) -> None:
        """Receive what is still missing.

        Raises
        ------
        InterruptionError
            If it may go better next time.
        FetchError
            If it will not.
        """
        origin = self.kept()
        done = self.part.size if origin else 0
        try:
            response = self._ask(origin, done)
        except HTTPError as error:
            with error:
                if not origin or error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    raise _failure(self.url, error) from error
                if _content_range(error.headers) == (None, done):
                    return
                raise self._misfit() from error
        with response:
            etag = response.headers["ETag"]
            if origin and response.status == HTTPStatus.PARTIAL_CONTENT:
                start, total = _content_range(response.headers)
                if start != done or (origin.etag and etag not in {origin.etag, None}):
                    raise self._misfit()
            elif response.status == HTTPStatus.OK:
                done, total = 0, response.length
                self.part.begin(Origin(self.url, etag, response.headers["Last-Modified"]))
            else:
                raise FetchError(f"{self.url}: answered {response.status} {response.reason}, expected the file.")
            self._receive(response, done, total)

    def _ask(self, origin: Origin | None, done: int) -> HTTPResponse:
        """Ask for the file, or for what comes after the first bytes of it."""
        headers = {"User-Agent": f"ml_scorer/{tool_version()}"}
        if origin:
            headers["Range"] = f"bytes={done}-"
            if origin.validator:
                headers["If-Range"] = origin.validator
        try:
            asked = request.Request(self.url, headers=headers)  # noqa: S310 - http(s) only, see `fetch`
            with _interruptions(self.timeout):
                response: HTTPResponse = _opener().open(asked, timeout=self.timeout)
        except (InvalidURL, ValueError) as error:
            raise FetchError(f"{self.url}: not an address that can be asked: {error}") from error
        return response

    def _receive(self, response: HTTPResponse, done: int, total: int | None) -> None:
        """Append what comes to the part."""
        with storage_errors(self.part.path), self.part.path.open("ab") as file:
            while True:
                if self.progress:
                    self.progress(done, total)
                with _interruptions(self.timeout):
                    block = response.read(BLOCK)
                if not block:
                    break
                file.write(block)
                done += len(block)
        if total is not None and done < total:
            raise InterruptionError(f"the connection broke off after {done:,} of {total:,} bytes")

    def _misfit(self) -> InterruptionError:
        self.part.discard()
        return InterruptionError("the file there is another one than that whose first part was kept; starting over")


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Say of a failure to write that it is this machine's."""
    try:
        yield
    except FetchError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"{path}: cannot be written: {reason}. Make room there, or make it writable.") from error


@contextmanager
def _interruptions(timeout: float) -> Iterator[None]:
    """Tell failures of the network, which may pass, from answers."""
    try:
        yield
    except (HTTPError, InvalidURL):
        raise
    except URLError as error:
        lost = isinstance(error.reason, ConnectionResetError | ConnectionAbortedError | BrokenPipeError)
        raise InterruptionError(f"cannot be reached: {error.reason}", reached=lost) from error
    except TimeoutError as error:
        raise InterruptionError(f"nothing came for {timeout:g} seconds") from error
    except (OSError, HTTPException) as error:
        raise InterruptionError(f"the connection broke off ({error or type(error).__name__})") from error


def _opener() -> request.OpenerDirector:
    """An opener that follows the environment's proxies, and knows no files and no FTP, wherever it is sent."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
        request.HTTPDefaultErrorHandler(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _failure(url: str, error: HTTPError) -> FetchError | InterruptionError:
    """What an answer that is not the file means."""
    answer = f"answered {error.code} {error.reason}"
    if error.code in _MAY_PASS or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return InterruptionError(answer, wait=_retry_after(error.headers))
    return FetchError(f"{url}: {answer}.")


def _retry_after(headers: Message) -> float:
    """Seconds that `Retry-After` asks for, as a number or as a date; 0 where it does not."""
    value = headers["Retry-After"] or ""
    if value.isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max((date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _content_range(headers: Message) -> tuple[int | None, int | None]:
    """First byte and size of the whole, as `Content-Range` says: `bytes 500-999/1000`, `bytes */1000`."""
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", headers["Content-Range"] or "")
    first, size = match.groups() if match else (None, None)
    return (int(first) if first else None, int(size) if size else None)
