"""Run a function in a process of its own, which takes its memory, its threads and its log lines with it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_CHILD: Final = "from build_cache.apart import main; main()"


class ProcessDiedError(RuntimeError):
    """The process ended before the function did: killed, out of memory, or crashed in a library."""


def run_apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a new Python process and return what it returns.

    Unlike `multiprocessing`, this never runs the caller's main module again, so that no script needs a guard for it.

    Parameters
    ----------
    function : callable
        Found by its module and name; arguments and result must be picklable.

    Raises
    ------
    Exception
        Whatever the function raises.
    ProcessDiedError
        If it never came to an end; the message has the last thing that was printed.
    """
    call = pickle.dumps((function, args, kwargs))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run([sys.executable, "-c", _CHILD], input=call, capture_output=True, env=environment, check=False)  # noqa: S603 - ourselves
    if ran.returncode:
        last = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ProcessDiedError(
            f"the process that ran {function.__name__} ended with {ran.returncode}: {last or 'no word'}"
        )
    succeeded, outcome = pickle.loads(ran.stdout)  # noqa: S301 - what our own process wrote
    if not succeeded:
        raise outcome
    result: T = outcome
    return result


def main() -> None:
    """Answer one call, as the process that `run_apart` starts: the call on standard input, the outcome on output."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the function prints is no part of the answer
    function, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301 - what our own process wrote
    outcome: tuple[bool, Any]
    try:
        outcome = True, function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - raised again where it was called
        outcome = False, error
    with answer:
        answer.write(pickle.dumps(outcome))
