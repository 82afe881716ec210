"""Scores as plain text and as Markdown: columns side by side, signatures below."""

from __future__ import annotations

from collections.abc import Sequence

from ml_scorer.report.cells import Cells, cells
from ml_scorer.scores import Scores


def plain_text(scores: Scores) -> str:
    """A table for a pipe or a log file, as wide as it needs to be."""
    shown = cells(scores)
    widths = _widths(shown)
    lines = [*shown.warnings, ""] if shown.warnings else []
    lines += [_line(row, widths).rstrip() for row in (shown.headings, *shown.rows)]
    lines += ["", *shown.signatures]
    lines += [f"failed: {error}" for _, error in shown.failures]
    return "\n".join(lines)


def markdown(scores: Scores) -> str:
    """A Markdown table, to be read as it is too; the signatures follow as code."""
    shown = cells(scores)
    escaped = Cells(
        shown.headings,
        tuple(tuple(_escape(text) for text in row) for row in shown.rows),
        shown.warnings,
        shown.signatures,
        shown.failures,
    )
    widths = _widths(escaped)
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [line for warning in shown.warnings for line in (f"**{_escape(warning)}**", "")]
    lines += [f"| {_line(row, widths, ' | ')} |" for row in (escaped.headings, rule, *escaped.rows)]
    lines += ["", "```text", *shown.signatures, "```"]
    if shown.failures:
        lines += ["", *(f"- failed: {_escape(error)}" for _, error in shown.failures)]
    return "\n".join(lines)


def _widths(shown: Cells) -> list[int]:
    return [max(map(len, column)) for column in zip(shown.headings, *shown.rows, strict=True)]


def _line(row: Sequence[str], widths: Sequence[int], between: str = "  ") -> str:
    first = row[0].ljust(widths[0])
    return between.join([first, *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))])


def _escape(text: str) -> str:
    for mark in "\\`*_[]<>|&~":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
