"""Scores on a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ml_scorer.report.cells import cells
from ml_scorer.scores import Scores


def print_scores(scores: Scores, console: Console) -> None:
    """Print scores as a table with the signatures below; names from files are never read as markup."""
    shown = cells(scores)
    for warning in shown.warnings:
        console.print(Text(warning, style="bold yellow"))
    table = Table(header_style="bold", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for index, heading in enumerate(shown.headings):
        # Long headings stand on several lines; nothing is ever folded within a word or a number.
        stacked = heading.replace("(", "\n(").replace("=", "\n=").replace(", ", ",\n")
        table.add_column(Text(stacked), justify="right" if index else "left", no_wrap=True, vertical="bottom")
    for row in shown.rows:
        table.add_row(*map(Text, row))
    needed = Measurement.get(console, console.options.update(width=10_000), table).maximum
    console.width = max(console.width, needed)  # on a narrow terminal whole lines wrap, and no number is cut
    console.print(table)
    for signature in shown.signatures:
        console.print(Text(signature, style="dim"), soft_wrap=True)
    for _, error in shown.failures:
        console.print(Text(f"failed: {error}", style="red"), soft_wrap=True)
