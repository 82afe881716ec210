"""Documents on a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ml_scorer.report.cells import Column, count_rows, shown
from ml_scorer.report.document import Document


def print_document(document: Document, console: Console) -> None:
    """Print tables with the signatures below; names from files are never read as markup."""
    texts = shown(document)
    for warning in texts.warnings:
        console.print(Text(warning, style="bold yellow"))
    for place, (name, columns) in enumerate(texts.tables):
        if place:
            console.print(Text(f"\n{name}", style="bold"))
        if not count_rows(columns):
            console.print(Text(texts.without_rows))
            continue
        table = _table(columns)
        needed = Measurement.get(console, console.options.update(width=10_000), table).maximum
        console.width = max(console.width, needed)  # on a narrow terminal whole lines wrap, and no number is cut
        console.print(table)
    for signature in texts.signatures:
        console.print(Text(signature, style="dim"), soft_wrap=True)
    for note in texts.notes:
        console.print(Text(note), soft_wrap=True)
    for failure in texts.failures:
        console.print(Text(f"failed: {failure}", style="red"), soft_wrap=True)


def _table(columns: tuple[Column, ...]) -> Table:
    table = Table(header_style="bold", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for place, column in enumerate(columns):
        # Long headings stand on several lines; nothing is ever folded within a word or a number.
        stacked = column.heading.replace("(", "\n(").replace("=", "\n=").replace(", ", ",\n")
        left = column.left or not place
        table.add_column(Text(stacked), justify="left" if left else "right", no_wrap=True, vertical="bottom")
    for row in zip(*map(_cells, columns), strict=True):
        table.add_row(*row)
    return table


def _cells(column: Column) -> list[Text]:
    """Values with what follows them dimmed, the best in bold."""
    return [
        Text.assemble((text, "bold" if row in column.best else ""), (behind, "dim"))
        for row, (text, behind) in enumerate(zip(column.texts, column.behind, strict=True))
    ]
