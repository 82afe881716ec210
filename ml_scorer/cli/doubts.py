"""Checkpoints that may not be what they are taken for, said on standard error."""

from __future__ import annotations

import click

from ml_scorer.report.printable import printable
from ml_scorer.scores import Scores


def say_doubts(scores: Scores) -> None:
    """Say which checkpoints are near chance, and which have every original label."""
    for doubt in scores.doubts:
        click.echo(f"Warning: {printable(doubt)}", err=True)
