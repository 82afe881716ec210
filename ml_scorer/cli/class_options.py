"""The options that choose classes: one by one, or as a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ml_scorer.breakdowns.class_lookup import class_called
from ml_scorer.errors import MeasureError
from ml_scorer.measures.class_sets import ALL, class_set_members, class_set_text

_Command = TypeVar("_Command", bound=Callable[..., Any])


def class_indices(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[int, ...]:
    """Callback of an option that names classes, each by index, WordNet id or name."""
    try:
        return tuple(map(class_called, texts))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _members(_: click.Context, __: click.Parameter, text: str) -> frozenset[int]:
    """Class indices of a set; empty for all classes."""
    try:
        text = class_set_text(text)
    except MeasureError as error:
        raise click.BadParameter(str(error)) from error
    return frozenset() if text == ALL else class_set_members(text)


def class_options(command: _Command) -> _Command:
    """Add the options `class_` (tuple of int) and `classes` (set of int); together they mean the union."""
    for option in (
        click.option(
            "--classes",
            "--group",
            default=ALL,
            callback=_members,
            metavar="SET",
            help="Only images of these original classes: dog, organism, object, organism-not-dog, or 0-9+15.",
        ),
        click.option(
            "--class",
            "class_",
            callback=class_indices,
            multiple=True,
            metavar="CLASS",
            help="Only images of this original class: index, WordNet id or name; give it again for more.",
        ),
    ):
        command = option(command)
    return command
