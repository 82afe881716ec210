"""Documents as Markdown."""

from __future__ import annotations

from ml_scorer.report.cells import Column, count_rows, shown
from ml_scorer.report.document import Document
from ml_scorer.report.plain import side_by_side, widths

_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|&~$"})


def markdown(document: Document) -> str:
    """Tables in Markdown, to be read as they are too; the best is bold, and the signatures follow as code."""
    texts = shown(document)
    lines = [line for warning in texts.warnings for line in (f"**{_escape(warning)}**", "")]
    for place, (name, columns) in enumerate(texts.tables):
        lines += ["", f"{_escape(name)}:", ""] if place else []
        lines += _table(columns) if count_rows(columns) else [_escape(texts.without_rows)]
    lines += ["", "```text", *texts.signatures, "```"] if texts.signatures else []
    lines += [line for note in texts.notes for line in ("", _escape(note))]
    if texts.failures:
        lines += ["", *(f"- failed: {_escape(failure)}" for failure in texts.failures)]
    return "\n".join(lines)


def _table(columns: tuple[Column, ...]) -> list[str]:
    body = [tuple(_escape(column.heading) for column in columns), *zip(*map(_cells, columns), strict=True)]
    wide = widths(body)
    left = [column.left or not place for place, column in enumerate(columns)]
    body.insert(1, tuple("-" * w if flush else "-" * (w - 1) + ":" for w, flush in zip(wide, left, strict=True)))
    return [f"| {line} |" for line in side_by_side(body, wide, left, " | ")]


def _cells(column: Column) -> list[str]:
    values = map(_escape, column.texts)
    return [
        (f"**{value}**" if row in column.best else value) + behind.translate(_MARKS)
        for row, (value, behind) in enumerate(zip(values, column.behind, strict=True))
    ]


def _escape(text: str) -> str:
    return " ".join(text.translate(_MARKS).split())
