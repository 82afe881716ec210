"""Documents as text: for people, and for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ml_scorer.report.document import Document
from ml_scorer.report.exact import csv_text, json_text, parquet_bytes
from ml_scorer.report.latex import latex
from ml_scorer.report.markdown import markdown
from ml_scorer.report.plain import plain_text

FORMATS: Final[dict[str, Callable[[Document], str]]] = {
    "table": plain_text,
    "json": json_text,
    "csv": csv_text,
    "markdown": markdown,
    "latex": latex,
}
"""Every output format that is text, by its name; none of the texts ends in a line feed."""

BINARY_FORMATS: Final[dict[str, Callable[[Document], bytes]]] = {"parquet": parquet_bytes}
"""Every output format that is no text, and so goes only into a file."""

ENDINGS: Final = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".tex": "latex",
    ".parquet": "parquet",
}
"""The format of an output file that is told by its ending."""

__all__ = ["BINARY_FORMATS", "ENDINGS", "FORMATS"]
