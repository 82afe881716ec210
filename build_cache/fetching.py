"""Fetch a file over a bad network: go on where it broke off, try again, and never take half a file for a whole one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import platformdirs

from build_cache.sources.source import file_sha256
from build_cache.transfer import (
    BLOCK,
    FetchError,
    InterruptionError,
    Part,
    Progress,
    StorageError,
    Transfer,
    storage_errors,
)

__all__ = ["PATIENCE", "FetchError", "Patience", "Progress", "StorageError", "cache_folder", "discard", "fetch"]

_LONGEST_WAIT: Final = 60.0
"""Seconds. A server that asks for more (`Retry-After`) is not waited for."""


@dataclass(frozen=True)
class Patience:
    """How much to put up with.

    Attributes
    ----------
    attempts : int
        Failures in a row after which to give up; an attempt that brought something new begins the count again.
    timeout : float
        Seconds without a byte after which a connection counts as lost.
    sleep : callable
        Waits so many seconds between two attempts: 1, 2, 4, …, or what the server asks for.
    """

    attempts: int = 5
    timeout: float = 30.0
    sleep: Callable[[float], object] = time.sleep


PATIENCE: Final = Patience()


def cache_folder() -> Path:
    """Where downloads are kept until they are exported: the user's cache directory."""
    return platformdirs.user_cache_path("ml_scorer", appauthor=False)


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    patience: Patience = PATIENCE,
) -> None:
    """Fetch a file, going on with the part that an earlier call left.

    The part lies beside the target as `NAME.part`, with a note of where it is from. It is gone on with only
    where a wrongly joined file would be noticed: the server gives an `ETag` or a date, or the sha256 is known.
    Proxies are those of the environment (`https_proxy`, `no_proxy`).

    Parameters
    ----------
    url : str
        http or https; redirections are followed to these two only.
    target : Path
        Replaced in one step, once the whole file is there. Its folder is made.
    sha256 : str, optional
        What the whole file must have, in hexadecimal; None takes any file.
    progress : callable, optional
        See `Progress`; None reports to nobody.
    patience : Patience

    Raises
    ------
    FetchError
        If the file cannot be had from there, or is not the one expected.
    StorageError
        If the folder cannot be written or the disk is full.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise FetchError(
            f"{url}: only http and https addresses are fetched. "
            f"For a file on this machine: `build-cache table FILE` or `build-cache json FILE`."
        )
    with storage_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    transfer = Transfer(url, Part(target), sha256 is not None, patience.timeout, progress)
    _persist(transfer, patience)
    if sha256 is not None:
        _verify(transfer, sha256)
    transfer.part.finish()


def discard(target: Path) -> None:
    """Remove a fetched file, and what an unfinished download of it left."""
    target.unlink(missing_ok=True)
    Part(target).discard()


def _persist(transfer: Transfer, patience: Patience) -> None:
    """Attempt a transfer until it is complete, or until there is no hope."""
    failures, furthest, reached = 0, transfer.part.size, False
    while True:
        try:
            transfer.attempt()
        except InterruptionError as interruption:
            reached |= interruption.reached
            size = transfer.part.size
            failures = 1 if size >= furthest + BLOCK else failures + 1
            furthest = max(furthest, size)
            # A server that was there a moment ago is waited for; one that never was is not.
            if failures >= patience.attempts or interruption.wait > _LONGEST_WAIT or not reached:
                _give_up(transfer, interruption, failures)
            patience.sleep(max(min(2.0 ** (failures - 1), _LONGEST_WAIT), interruption.wait))
        else:
            return


def _give_up(transfer: Transfer, interruption: InterruptionError, failures: int) -> NoReturn:
    if interruption.wait > _LONGEST_WAIT:
        advice = f"It asks to be left alone for {interruption.wait:,.0f} seconds."
    elif interruption.reached:
        advice = f"Gave up after {failures} attempts in a row."
    else:
        advice = "Is there a network here, and does it want a proxy (https_proxy)?"
    if transfer.kept():
        advice += f" {transfer.part.size:,} bytes are kept: the next run goes on from there."
    raise FetchError(f"{transfer.url}: {interruption}. {advice}") from interruption


def _verify(transfer: Transfer, expected: str) -> None:
    part = transfer.part
    found = file_sha256(part.path)
    if found == expected:
        return
    size = part.size
    with part.path.open("rb") as file:
        start = file.read(30)
    part.discard()
    raise FetchError(
        f"{transfer.url}: not the file expected: sha256 {found[:16]}…, expected {expected[:16]}…; {size:,} bytes that "
        f"begin with {start!r}. The file there was changed, or a proxy on the way answered with a page of its own. "
        f"What came was deleted."
    )
