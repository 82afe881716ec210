"""Documents as plain text: columns side by side, signatures below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ml_scorer.report.cells import count_rows, rows, shown
from ml_scorer.report.document import Document


def plain_text(document: Document) -> str:
    """Tables for a pipe or a log file, as wide as they need to be."""
    texts = shown(document)
    lines = [*texts.warnings, ""] if texts.warnings else []
    for place, (name, columns) in enumerate(texts.tables):
        lines += ["", f"{name}:"] if place else []
        if not count_rows(columns):
            lines.append(texts.without_rows)
            continue
        left = [column.left or not index for index, column in enumerate(columns)]
        body = [tuple(column.heading for column in columns), *rows(columns)]
        lines += [line.rstrip() for line in side_by_side(body, widths(body), left)]
    lines += ["", *texts.signatures] if texts.signatures else []
    lines += ["", *texts.notes] if texts.notes else []
    lines += [f"failed: {failure}" for failure in texts.failures]
    return "\n".join(lines)


def widths(body: Iterable[Sequence[str]]) -> list[int]:
    """The width of each column, in characters."""
    return [max(map(len, column)) for column in zip(*body, strict=True)]


def side_by_side(
    body: Iterable[Sequence[str]], wide: Sequence[int], left: Sequence[bool], between: str = "  "
) -> list[str]:
    """Rows as lines, each column flush left or flush right."""
    sides = [str.ljust if flush else str.rjust for flush in left]
    return [
        between.join([side(text, width) for side, text, width in zip(sides, row, wide, strict=True)]) for row in body
    ]
