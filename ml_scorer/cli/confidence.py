"""The option `--confidence`: how sure an interval is to hold the true score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from ml_scorer.statistics.confidence import check_level

CONFIDENCE: Final = 0.95
"""Where something needs a confidence level and none is said."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def confidence_option(of: str, *, default: float | None = CONFIDENCE) -> Callable[[_Command], _Command]:
    """The option `confidence`.

    Parameters
    ----------
    of : str
        What it is for, as the help says it.
    default : float, optional
        None where there are no intervals unless a level is said.
    """
    return click.option(
        "--confidence", type=float, default=default, show_default=True, metavar="C", callback=_level, help=of
    )


def _level(_: click.Context, __: click.Parameter, confidence: float | None) -> float | None:
    """A confidence level that was said, if it is one; a usage error if it is no share between 0 and 1."""
    if confidence is not None:
        try:
            check_level(confidence)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return confidence
