"""How commands give scores out: the options for it, the format that they tell, and where the text goes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ml_scorer.report import ENDINGS, FORMATS
from ml_scorer.report.cells import printable_lines
from ml_scorer.scores import Scores

_Command = TypeVar("_Command", bound=Callable[..., Any])


def output_options(command: _Command) -> _Command:
    """Add the options `top`, `format_` and `output`."""
    for option in (
        click.option("-o", "--output", metavar="FILE", help="Write the result to FILE."),
        click.option(
            "--format",
            "format_",
            type=click.Choice(list(FORMATS)),
            help="Default: told by the ending of -o, else a table. Shares are percentages in table and markdown.",
        ),
        click.option(
            "--top", type=click.IntRange(min=1), metavar="N", help="Only the N best by the first measure, best first."
        ),
    ):
        command = option(command)
    return command


def chosen_format(said: str | None, output: str | None) -> str:
    """The format that was said, or that the ending of the output tells; a table where neither does."""
    if said is not None:
        return said
    ending = Path(output or "").suffix.lower()
    if ending and ending not in ENDINGS:
        raise click.UsageError(
            f"-o {output}: the ending tells no format. Use one of {', '.join(ENDINGS)}, or say it with --format."
        )
    return ENDINGS.get(ending, "table")


def emit(scores: Scores, format_: str, output: str | None) -> None:
    """Print scores or write them to a file; each failure is said on standard error, unless it stands in the table."""
    on_terminal = output is None and format_ == "table" and sys.stdout.isatty()
    if output is not None:
        try:
            Path(output).write_text(f"{FORMATS[format_](scores)}\n", encoding="utf-8")
        except OSError as error:
            raise click.ClickException(
                f"-o {output}: cannot be written: {error.strerror}. Name another file."
            ) from error
        click.echo(f"wrote {output}", err=True)
    elif on_terminal:
        from rich.console import Console

        from ml_scorer.report.terminal import print_scores

        print_scores(scores, Console())
    else:
        click.echo(FORMATS[format_](scores))
    if not on_terminal:
        for failure in scores.failed:
            click.echo(f"Error: {printable_lines(failure.error)}", err=True)
