"""Scores as a notebook shows them: one table with its signatures, without a script, in the colours of the notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import islice
from typing import Final

from ml_scorer.report.cells import Column, count_rows, shown
from ml_scorer.report.printable import printable
from ml_scorer.report.scores import scores_document
from ml_scorer.scores import Scores

MOST_ROWS: Final = 20
MOST_FAILURES: Final = 5

_LONGEST: Final = 200
"""Characters of a name or a reason that are shown."""

_QUIET: Final = "opacity:.65"
"""In place of a grey, which would be lost on a light or on a dark background."""


def scores_html(scores: Scores) -> str:
    """The first rows of scores, in the same texts as on a terminal, and all that has to be said with them.

    Nothing of it is a script, an address or a colour; names from files are text, whatever is in them.
    """
    texts = shown(scores_document(scores))
    columns = texts.tables[0][1]
    rows = count_rows(columns)
    parts = [_paragraph(warning, "font-weight:bold") for warning in texts.warnings]
    parts += [_table(columns)] if rows else [_paragraph(texts.without_rows)]
    if rows > MOST_ROWS:
        more = f"… and {rows - MOST_ROWS:,} more checkpoints, of {rows:,} in all"
        parts.append(_paragraph(f"{more}. The `frame` has them; `best(10)` gives the best."))
    if texts.signatures:
        lines = escape("\n".join(texts.signatures))
        style = f"font-size:.8em;white-space:pre-wrap;overflow-wrap:anywhere;{_QUIET}"
        parts.append(f'<pre style="{style}">{lines}</pre>')
    parts += [_paragraph(note, _QUIET) for note in texts.notes]
    parts += [_paragraph(f"Warning: {printable(doubt)}") for doubt in scores.doubts]
    parts += _failures(texts.failures)
    return f"<div>{''.join(parts)}</div>"


def _table(columns: Sequence[Column]) -> str:
    left = [column.left or not place for place, column in enumerate(columns)]
    sides = [f"text-align:{'left' if flush else 'right'};vertical-align:bottom" for flush in left]
    head = "".join(
        f'<th style="{side}">{escape(column.heading)}</th>' for side, column in zip(sides, columns, strict=True)
    )
    cells = zip(*(_cells(column, side) for column, side in zip(columns, sides, strict=True)), strict=True)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div style="overflow-x:auto">{table}</div>'


def _cells(column: Column, side: str) -> Iterator[str]:
    pairs = zip(column.texts, column.behind, strict=True)
    wrap = "overflow-wrap:anywhere;max-width:40em" if column.kind == "text" else "white-space:nowrap"
    for row, (text, behind) in enumerate(islice(pairs, MOST_ROWS)):
        value = escape(_short(text))
        value = f"<b>{value}</b>" if row in column.best else value
        after = f'<span style="{_QUIET}">{escape(behind)}</span>' if behind else ""
        yield f'<td style="{side};{wrap}">{value}{after}</td>'


def _failures(failures: Sequence[str]) -> Iterable[str]:
    yield from (_paragraph(f"failed: {_short(failure)}") for failure in failures[:MOST_FAILURES])
    if len(failures) > MOST_FAILURES:
        yield _paragraph(f"… and {len(failures) - MOST_FAILURES:,} more that failed")


def _paragraph(text: str, style: str = "") -> str:
    return f'<p style="{style}">{escape(text)}</p>' if style else f"<p>{escape(text)}</p>"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
