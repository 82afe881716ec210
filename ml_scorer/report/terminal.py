"""Scores on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ml_scorer.report.cells import cells
from ml_scorer.scores import Scores


def print_scores(scores: Scores, console: Console) -> None:
    """Print scores as a table with the signatures below; names from files are never read as markup."""
    shown = cells(scores)
    for warning in shown.warnings:
        console.print(Text(warning, style="bold yellow"))
    table = Table(header_style="bold", show_edge=False)
    for index, heading in enumerate(shown.headings):
        text = Text(heading.replace("(", "\n("))
        table.add_column(text, justify="right" if index else "left", overflow="fold", vertical="bottom")
    for row in shown.rows:
        table.add_row(*map(Text, row))
    console.print(table)
    for signature in shown.signatures:
        console.print(Text(signature, style="dim"), soft_wrap=True)
    for name, error in shown.failures:
        console.print(Text(f"failed: {name}: {error}", style="red"), soft_wrap=True)
