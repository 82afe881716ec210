"""What the README shows: its blocks of code, by section."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def section(heading: str) -> str:
    """The text under a heading of the second level.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    [text] = re.findall(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return text


def code_blocks(heading: str, language: str) -> list[str]:
    """The blocks of code in one language under a heading, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", section(heading), re.MULTILINE | re.DOTALL)
