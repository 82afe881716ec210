"""How commands give documents out: the options for it, the format that they tell, and where the text goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

import click

from ml_scorer.report import BINARY_FORMATS, ENDINGS, FORMATS
from ml_scorer.report.document import Document
from ml_scorer.report.intervals import TO
from ml_scorer.report.printable import printable_lines
from ml_scorer.writing import write_output

_Command = TypeVar("_Command", bound=Callable[..., Any])

FOR_PEOPLE: Final = ("table", "markdown", "latex")
"""Formats that round numbers and may leave out some columns and rows; all others give everything."""


def output_options(command: _Command) -> _Command:
    """Add the options `format_` and `output`."""
    for option in (
        click.option("-o", "--output", metavar="FILE", help="Write the result to FILE."),
        click.option(
            "--format",
            "format_",
            type=click.Choice([*FORMATS, *BINARY_FORMATS]),
            help="Default: told by the ending of -o, else a table. Shares are in [0, 1] in json, csv and parquet, and "
            "percentages elsewhere.",
        ),
    ):
        command = option(command)
    return command


def chosen_format(said: str | None, output: str | None) -> str:
    """The format that was said, or that the ending of the output tells; a table where neither does."""
    if said is not None:
        if said in BINARY_FORMATS and output is None:
            raise click.UsageError(f"--format {said} is no text to print. Name a file for it: -o FILE.{said}.")
        return said
    ending = Path(output or "").suffix.lower()
    if ending and ending not in ENDINGS:
        raise click.UsageError(
            f"-o {output}: the ending tells no format. Use one of {', '.join(ENDINGS)}, or say it with --format."
        )
    return ENDINGS.get(ending, "table")


def refuse_overwriting(output: str | None, read: Iterable[str | PathLike[str] | None], option: str = "-o ") -> None:
    """Raise a usage error if the output is one of the files that are read, by whatever name or link.

    `scorer_options` does so for the files of its options and for lists of predictions.

    Parameters
    ----------
    output : str, optional
        None: nothing is written to a file.
    read : iterable of str or path
        Gone through only if the output exists. None stands for what is no file on this machine.
    option : str
        How the output was named.
    """
    status = None if output is None else file_status(output)
    if status is not None and any(is_file_of(status, path) for path in read):
        raise click.UsageError(f"{option}{output} would overwrite a file that is to be read. Name another one.")


def file_status(path: str | PathLike[str]) -> os.stat_result | None:
    """The status of the file that a path leads to; None where it leads to none."""
    try:
        return os.stat(path)  # noqa: PTH116 (a Path takes longer, and there may be a hundred thousand)
    except (OSError, ValueError):  # ValueError: of a path that cannot be one, with a zero byte in it
        return None


def is_file_of(status: os.stat_result, path: str | PathLike[str] | None) -> bool:
    """Whether a path leads to the file of this status."""
    other = None if path is None else file_status(path)
    return other is not None and os.path.samestat(status, other)


def leads_to_one_file(first: str, second: str) -> bool:
    """Whether two paths lead to one file, by whatever name or link; also where the file is not there yet."""
    status = file_status(first)
    return os.path.realpath(first) == os.path.realpath(second) if status is None else is_file_of(status, second)


@contextmanager
def writing(output: str) -> Iterator[None]:
    """Turn what keeps the output from being written into an error that names it."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"-o {output}: cannot be written: {error.strerror}. Name another file.") from error


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal; it is None where it was closed before the command started."""
    return stream is not None and stream.isatty()


def emit(document: Document, format_: str, output: str | None, *, silent: bool = False) -> None:
    """Print a document or write it to a file; each failure is said on standard error, unless it stands in the table.

    Parameters
    ----------
    document : Document
    format_ : str
    output : str, optional
        None prints.
    silent : bool
        Whether standard output is taken by something else, so that nothing is printed.
    """
    to_terminal = output is None and is_terminal(sys.stdout) and not silent
    on_terminal = to_terminal and format_ == "table"
    if output is not None:
        with writing(output):
            write_output(_content(document, format_), output)
        click.echo(f"wrote {output}", err=True)
    elif sys.stdout is None and not silent:
        raise click.ClickException("standard output is closed. Name a file: -o FILE.")
    elif on_terminal:
        from rich.console import Console

        from ml_scorer.report.terminal import print_document

        print_document(document, Console())
    elif not silent:
        # A failure is said once: below the table on a terminal, else on standard error.
        text = FORMATS[format_](replace(document, failed=()) if format_ in FOR_PEOPLE else document)
        click.echo(_encodable(printable_lines(text) if to_terminal else text))
    if not on_terminal:
        for failure in document.failed:
            click.echo(f"Error: {printable_lines(failure.error)}", err=True)


def _content(document: Document, format_: str) -> bytes:
    if format_ in BINARY_FORMATS:
        return BINARY_FORMATS[format_](document)
    return f"{FORMATS[format_](document)}\n".encode()


def _encodable(text: str) -> str:
    """The same text, as far as standard output can take it; on a C locale `±` is `+/-`."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.replace("±", "+/-").replace(TO, "-")
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text
