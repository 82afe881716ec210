"""Checkpoints that may not be what they are taken for, said on standard error."""

from __future__ import annotations

import click

from ml_scorer.report.doubts import doubts
from ml_scorer.scores import Scores


def say_doubts(scores: Scores) -> None:
    """Say which checkpoints are near chance, and which have every original label."""
    for doubt in doubts(scores):
        click.echo(f"Warning: {doubt}", err=True)
