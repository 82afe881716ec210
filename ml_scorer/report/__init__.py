"""Scores as text: for people, and for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ml_scorer.report.exact import csv_text, json_text
from ml_scorer.report.plain import markdown, plain_text
from ml_scorer.scores import Scores

FORMATS: Final[dict[str, Callable[[Scores], str]]] = {
    "table": plain_text,
    "json": json_text,
    "csv": csv_text,
    "markdown": markdown,
}
"""Every output format by its name; none of the texts ends in a line feed."""

ENDINGS: Final = {".txt": "table", ".json": "json", ".csv": "csv", ".md": "markdown"}
"""The format of an output file that is told by its ending."""

__all__ = ["ENDINGS", "FORMATS"]
