"""A Ray cluster to work on: one that runs already, or one of this machine's processors for as long as it is needed."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from ml_scorer.addresses import public_address, without_secrets_in
from ml_scorer.errors import EngineError, MissingExtraError
from ml_scorer.scoring.threads import usable_processors

AUTO: Final = "auto"
"""The address of the cluster of this machine."""

_ANSWERS_WITHIN: Final = 10
"""Seconds in which a node must take a connection."""

_OBJECTS: Final = 256 << 20
"""Bytes of shared memory of a cluster that is started here: results are small, and are taken at once."""

_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # which are sent over the network
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what Ray will do from some version on, and warns of until then
}
"""Settings that Ray reads from the environment when it is imported, unless they are set."""

_IMPATIENT: Final = {"RAY_NUM_REDIS_GET_RETRIES": "3"}
"""The same where a cluster is to be joined: attempts, of which Ray's own 20 take up to a quarter of an hour."""

_NOT_LET_IN: Final = "Unauthenticated"
"""What Ray writes to standard error at a token that is missing or wrong; its exception does not say so."""

_REMEDY: Final = (
    "Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN here to what the nodes of the cluster were started with "
    "(`ray get-auth-token` on one of them prints it)."
)


_CONNECTED: Final = Lock()
"""Held while a run has connected this process; Ray has one connection for a process."""

_BEGINNING: Final = Lock()
"""Held for a moment, so that no other run connects while one looks whether somebody has."""


@contextmanager
def joined(address: str | None) -> Iterator[Any]:
    """The module `ray`, connected; at the end a cluster that was started here is stopped, and any other one left alone.

    Parameters
    ----------
    address : str, optional
        Of a cluster. None is the one in the environment variable RAY_ADDRESS, or else a new one on this machine. A
        process that is connected already stays so.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    EngineError
        If the address is empty, the cluster cannot be joined or started, this process is connected to another one, or
        another run of it has joined or started one for itself.
    """
    if address is not None and not address.strip():
        raise EngineError("the address of the Ray cluster is empty. Name HOST:PORT, or leave the address out.")
    given, address = address, address or os.environ.get("RAY_ADDRESS") or None
    for name, value in (_QUIET if address is None else _QUIET | _IMPATIENT).items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("Scoring on a Ray cluster", "ray") from error
    if not _begin(ray):
        _check_joined(ray, given)
        yield ray
        return
    try:
        if address is None:
            _start(ray)
        else:
            _join(ray, address)
        yield ray
    finally:
        try:
            ray.shutdown()
        finally:
            _CONNECTED.release()


def _begin(ray: Any) -> bool:  # noqa: ANN401 (an optional package)
    """Whether this run is to connect the process, and holds `_CONNECTED` until its end; not if it is connected."""
    with _BEGINNING:
        if not _CONNECTED.locked() and ray.is_initialized():
            return False
        if not _CONNECTED.acquire(blocking=False):
            raise EngineError(
                "another run of this process has joined a Ray cluster for itself, and there is room for one. Wait for "
                "its end, or call ray.init() before both, so that they share a cluster."
            )
    return True


def _check_joined(ray: Any, address: str | None) -> None:  # noqa: ANN401 (an optional package)
    joined_address = ray.get_runtime_context().gcs_address
    if address is None or address in {AUTO, joined_address}:
        return
    if _places(ray, address).isdisjoint(_places(ray, joined_address)):
        raise EngineError(
            f"this process is connected to the Ray cluster at {joined_address} already, and not to "
            f"{public_address(address)}. Leave the address out, or call ray.shutdown() first."
        )


def _places(ray: Any, address: str) -> set[tuple[str, int]]:  # noqa: ANN401
    """Numeric addresses, with ports, that an address stands for; for this machine's own Ray uses that of its node."""
    host, port = _host_and_port(address)
    if host is None or port is None:
        return set()
    try:
        found = {str(place[4][0]) for place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()
    if any(ip_address(number.partition("%")[0]).is_loopback for number in found):
        found.add(ray.util.get_node_ip_address())
    return {(number, port) for number in found}


def _start(ray: Any) -> None:  # noqa: ANN401
    try:
        ray.init(
            address="local",
            num_cpus=usable_processors(),
            object_store_memory=_OBJECTS,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
        )
    except Exception as error:  # Ray raises what its parts raise
        raise EngineError(f"Ray does not start on this machine: {_first_line(error)}") from error


def _join(ray: Any, address: str) -> None:  # noqa: ANN401
    if address != AUTO:
        _check_answer(address)
    place = public_address(address)
    try:
        with _aside() as said:
            ray.init(address=address, log_to_driver=False, logging_level="error")
    except ray.exceptions.AuthenticationError as error:
        raise EngineError(f"the Ray cluster at {place} wants a token, and none is set here. {_REMEDY}") from error
    except ConnectionError as error:
        if address == AUTO:
            raise EngineError("--address auto: no Ray cluster runs on this machine. Name HOST:PORT.") from error
        if _NOT_LET_IN in "".join(said):
            raise EngineError(
                f"the Ray cluster at {place} wants a token: that of this run is missing or wrong. {_REMEDY}"
            ) from error
        raise EngineError(
            f"what answers at {place} is no Ray cluster that this Ray ({ray.__version__}) can join."
        ) from error
    except Exception as error:  # Ray raises what its parts raise
        raise EngineError(f"the Ray cluster at {place} cannot be joined: {_first_line(error, address)}") from error


@contextmanager
def _aside() -> Iterator[list[str]]:
    """Take what Ray's own code writes to standard error meanwhile, which is in the list at the end."""
    said: list[str] = []
    with TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            said.append(file.read().decode(errors="replace"))


def _check_answer(address: str) -> None:
    """Raise EngineError if nothing listens at an address: Ray itself would try for minutes."""
    place = public_address(address)
    if "://" in place:
        raise EngineError(
            f"{place}: the address of Ray Client or of another service, and a run joins the cluster itself. "
            "Name HOST:PORT, such as 10.0.0.1:6379."
        )
    host, port = _host_and_port(address)
    if host is None or port is None:
        raise EngineError(f"{place}: not the address of a Ray cluster. Expected HOST:PORT, such as 10.0.0.1:6379.")
    try:
        socket.create_connection((host, port), _ANSWERS_WITHIN).close()
    except (OSError, UnicodeError) as error:  # the latter, where it is no name of a host
        raise EngineError(
            f"no Ray cluster answers at {place} ({error}). `ray start --head` on its first node says its address."
        ) from error


def _host_and_port(address: str) -> tuple[str | None, int | None]:
    """Both as far as they are there."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None, None
    return host, port


def _first_line(error: Exception, address: str | None = None) -> str:
    """What is wrong, on one line, without the secrets of an address."""
    said = without_secrets_in(str(error).strip(), address) or type(error).__name__
    return " ".join(said.split())[:400]
