"""Text from files, safe to print."""

from __future__ import annotations


def printable(text: str) -> str:
    """A text from a file, safe to print: control characters, which can steer a terminal, are replaced."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def printable_lines(text: str) -> str:
    """A text of several lines, such as an error that quotes a file, safe to print; see `printable`."""
    return "\n".join(map(printable, text.split("\n")))
