"""Which rows of scores a command shows, and in which order: `--sort` and `--top`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import polars as pl
from click.shell_completion import CompletionItem

from ml_scorer.cli.completing import names_that_begin
from ml_scorer.errors import MeasureError
from ml_scorer.measures import MEASURES, parse_measure
from ml_scorer.predictions.folders import natural_order
from ml_scorer.scores import Scores

_Command = TypeVar("_Command", bound=Callable[..., Any])

BY_NAME, AS_GIVEN = "name", "none"


def ordering_options(command: _Command) -> _Command:
    """Add the options `sort` and `top`."""
    for option in (
        click.option(
            "--top",
            type=click.IntRange(min=1),
            metavar="N",
            help="Only the first N rows: the best by the first measure, best first, unless --sort says otherwise.",
        ),
        click.option(
            "--sort",
            metavar="M",
            callback=_order,
            shell_complete=_complete_sort,
            help=f"Order of the rows: a measure, best first; {BY_NAME}; or {AS_GIVEN}, as they come (default).",
        ),
    ):
        command = option(command)
    return command


def in_order(scores: Scores, sort: str | None, top: int | None) -> Scores:
    """The scores that are to be shown, in the order that was asked for; equal ones stay in theirs.

    Raises
    ------
    click.UsageError
        If they are to be sorted by a measure that there is not.
    """
    rows = row_order(scores.frame, "checkpoint", list(scores.signatures), sort, top)
    return scores if rows is None else scores.rows(rows)


def row_order(
    frame: pl.DataFrame, names: str, measures: list[str], sort: str | None, top: int | None
) -> list[int] | None:
    """Indices of the rows to show; None where these are all of them, as they stand.

    Parameters
    ----------
    frame : polars.DataFrame
    names : str
        The column that names the rows.
    measures : list of str
        The columns that the rows can be sorted by; the first goes with `top` alone.
    sort : str, optional
        As `--sort` gives it.
    top : int, optional
        As `--top` gives it.

    Raises
    ------
    click.UsageError
        If `sort` is none of the measures.
    """
    by = sort or (AS_GIVEN if top is None else measures[0])
    if by == AS_GIVEN:
        return None if top is None else list(range(min(top, frame.height)))
    if by == BY_NAME:
        texts = frame[names].to_list()
        rows = sorted(range(len(texts)), key=lambda row: natural_order(texts[row]))
    elif by in measures:
        rows = (
            frame.select(pl.arg_sort_by(by, descending=True, nulls_last=True, maintain_order=True))
            .to_series()
            .to_list()
        )
    else:
        raise click.UsageError(
            f"--sort {by}: not among what is measured: {', '.join(measures)}. Ask for it too: --measure '{by}'."
        )
    return rows[:top]


def _complete_sort(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return names_that_begin((*MEASURES, BY_NAME, AS_GIVEN), incomplete)


def _order(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is None or text in {BY_NAME, AS_GIVEN}:
        return text
    try:
        return str(parse_measure(text))
    except MeasureError as error:
        raise click.BadParameter(f"{error} Or {BY_NAME}, or {AS_GIVEN}.") from error
