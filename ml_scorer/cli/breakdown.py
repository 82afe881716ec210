"""What the commands that break a score down share: how they read predictions, and how many rows they show."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click
import polars as pl

from ml_scorer.cli.binding import Bind, on_error_option
from ml_scorer.cli.doubts import say_doubts
from ml_scorer.cli.output import FOR_PEOPLE, emit, refuse_overwriting
from ml_scorer.cli.progress import ProgressBar
from ml_scorer.errors import MissingExtraError
from ml_scorer.measures.rule import LABELS
from ml_scorer.predictions import prediction_sources
from ml_scorer.report.document import Document, Kind, Table
from ml_scorer.scoring import OnError
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.statistics.confidence import check_confidence

SHOWN: Final = 20
"""Rows that people see, unless they ask for another number."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def breakdown_options(command: _Command) -> _Command:
    """Add the options `limit` and `on_error`."""
    for option in (
        on_error_option,
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help=f"Only the first N rows. Default: {SHOWN} in {', '.join(FOR_PEOPLE)}, all in other formats.",
        ),
    ):
        command = option(command)
    return command


def read_outcomes(
    predictions: Sequence[str], bind: Bind, on_error: OnError, output: str | None, confidence: float | None = None
) -> Outcomes:
    """What the checkpoints in these files predict; their scores have intervals where a confidence is given.

    Raises
    ------
    click.UsageError
        If the output would overwrite one of them.
    """
    sources = prediction_sources(list(predictions))
    refuse_overwriting(output, (source.path for source in sources))
    with ProgressBar() as progress:
        return bind().outcomes(sources, on_error=on_error, confidence=confidence, progress=progress)


def checked_level(confidence: float) -> float:
    """The confidence level, if intervals can be had at all; before predictions are read.

    Raises
    ------
    click.ClickException
        If they need an extra that is not installed; it says how to do without them.
    """
    try:
        check_confidence(confidence)
    except MissingExtraError as error:
        raise click.ClickException(f"{error}, or do without intervals: --no-intervals") from error
    return confidence


def shown_rows(format_: str, limit: int | None) -> int | None:
    """How many rows a format shows at most; None is all."""
    return limit or (SHOWN if format_ in FOR_PEOPLE else None)


def first_label_notes(outcomes: Outcomes) -> list[str]:
    """A sentence for a first measure that looks at several labels of an image; tables have the first one."""
    measure = outcomes.measures[0]
    k = outcomes.rules[str(measure)].k
    if k == 1:
        return []
    number = "as many labels of an image as are accepted" if k == LABELS else f"{k:,} labels of an image"
    return [f"{measure} looks at {number}; names and verdicts are those of the most likely one."]


def missing_notes(number: int, of: str = "") -> list[str]:
    """A sentence that says how many predictions a column `missing` counts; none for none."""
    are = f"image{of} has no prediction and counts" if number == 1 else f"images{of} have no prediction and count"
    return [f"missing: {number:,} {are} as wrong."] if number else []


def emit_breakdown(  # noqa: PLR0913 (what is shown, and how)
    name: str,
    frame: pl.DataFrame,
    outcomes: Outcomes,
    *,
    format_: str,
    output: str | None,
    limit: int | None,
    kinds: Mapping[str, Kind] | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
    rows: int | None = None,
    hidden: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> None:
    """Print or write a breakdown by the first measure; exit with status 1 if an input could not be scored.

    Parameters
    ----------
    name : str
        Of the table.
    frame : polars.DataFrame
    outcomes : Outcomes
    format_, output : str
        See `emit`.
    limit : int, optional
        Rows; see `shown_rows`.
    rows : int, optional
        How many there are, if the frame has the first of them only; None if it has all.
    kinds, intervals
        Of the table; see `Table`.
    hidden : sequence of str
        Columns that people do not see, as far as there are such: what is beside them says the same in words.
    notes : sequence of str
        Below the table.
    """
    measure = str(outcomes.measures[0])
    rows = frame.height if rows is None else rows
    limit = shown_rows(format_, limit)
    if format_ in FOR_PEOPLE:
        frame = frame.drop(hidden, strict=False)
        if limit is not None and rows > limit:
            notes = (
                *notes,
                f"{limit:,} of {rows:,} rows: --limit N shows more, and a file such as -o {name}.csv has all.",
            )
    table = Table(name, frame.slice(0, limit), kinds or {}, intervals or {})
    document = Document(
        tables=(table,),
        annotations=outcomes.scores.annotations,
        signatures={measure: outcomes.scores.signatures[measure]},
        notes=tuple(notes),
        failed=outcomes.scores.failed,
    )
    emit(document, format_, output)
    say_doubts(outcomes.scores)
    if outcomes.scores.failed:
        sys.exit(1)
