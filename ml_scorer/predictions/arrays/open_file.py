"""Bytes of a file from any place, by several threads at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.arrays.stored import ReadBytes


@contextmanager
def reading(path: Path) -> Iterator[ReadBytes]:
    """What fills a buffer from a place in a file, for as long as the file is open.

    The file is read, not mapped into memory: where a mapped file is cut short by somebody who writes it anew, the
    whole process would be killed.
    """
    lock = Lock()
    with path.open("rb", buffering=0) as file:

        def read(buffer: memoryview, start: int) -> None:
            done = 0
            while done < len(buffer):
                if hasattr(os, "preadv"):
                    count = os.preadv(file.fileno(), [buffer[done:]], start + done)
                else:
                    with lock:
                        file.seek(start + done)
                        count = file.readinto(buffer[done:])
                if not count:
                    raise PredictionsError(
                        f"{path}: the file ends too early: expected {len(buffer):,} bytes from byte {start:,} on, "
                        f"found {done:,}. If it is being written, wait until it is whole."
                    )
                done += count

        yield read
