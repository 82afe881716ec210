"""The option `--step-pattern`: how the names of checkpoints tell a training run and a step of it."""

from __future__ import annotations

from typing import Final

import click

from ml_scorer.steps import STEP_PATTERN, parsed_step_pattern


def _checked(_: click.Context, __: click.Parameter, text: str | None) -> str:
    if text is None:
        return STEP_PATTERN
    try:
        parsed_step_pattern(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return text


step_pattern_option: Final = click.option(
    "--step-pattern",
    metavar="REGEX",
    callback=_checked,
    help=r"How names tell run and step, e.g. '(?P<run>.+)-step-(?P<step>\d+)'. "
    "Default: finds name-step-500, name-00500, name/epoch=3.",
)
