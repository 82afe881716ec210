"""Where a command reads and counts: `--engine` and `--address`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from ml_scorer.addresses import public_address
from ml_scorer.scoring.engine import Engine

THREADS, RAY = "threads", "ray"


def engine_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose an engine; the command gets one argument for them, `engine`; None is its threads."""

    @wraps(command)
    def chosen(*, engine: str, address: str | None, **others: Any) -> None:  # noqa: ANN401 (the command's own)
        with warnings.catch_warnings():
            if engine == RAY:
                warnings.showwarning = _shown  # a run that waits for a cluster says why while it does
            command(engine=_engine(engine, address), **others)

    for option in reversed(_OPTIONS):
        chosen = option(chosen)
    return chosen


def _shown(message: Warning | str, *_: object, **__: object) -> None:
    """A warning as the command shows one."""
    click.echo(f"Warning: {message}", err=True)


def _engine(name: str, address: str | None) -> Engine | None:
    if name == THREADS:
        if address is not None:
            raise click.UsageError(
                f"--address {public_address(address)} is that of a Ray cluster. Say --engine {RAY} with it."
            )
        return None
    if click.get_current_context().params.get("threads") is not None:
        raise click.UsageError(
            f"--threads says how many threads this process has; with --engine {RAY} every processor of the cluster has "
            "one. Leave it out."
        )
    from ml_scorer.engines.ray import RayEngine

    return RayEngine(address)


_OPTIONS: Final = (
    click.option(
        "--engine",
        type=click.Choice([THREADS, RAY]),
        default=THREADS,
        show_default=True,
        help="Read and count on the threads of this process, or on a Ray cluster.",
    ),
    click.option(
        "--address",
        metavar="HOST:PORT",
        help="Of a Ray cluster. Default: RAY_ADDRESS, or else one of this machine's processors while the command runs.",
    ),
)
