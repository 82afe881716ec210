"""Scores as the texts that people read: percentages with two decimals, counts with separators."""

from __future__ import annotations

from dataclasses import dataclass

from ml_scorer.annotations import Identity
from ml_scorer.scores import Scores


@dataclass(frozen=True)
class Cells:
    """A table of texts, and the lines that go with it."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]
    signatures: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]


def cells(scores: Scores) -> Cells:
    """Turn scores into texts. The shares in a column of a measure become percentages; all else are counts."""
    frame = scores.frame
    counted = {f"{name}_right": name for name in scores.signatures if f"{name}_right" in frame.columns}
    headings = tuple(column for column in frame.columns if column not in counted)
    rows = []
    for row in frame.iter_rows(named=True):
        texts = [printable(row["checkpoint"])]
        for column in headings[1:]:
            value = row[column]
            text = "-" if value is None else f"{value:.2%}" if column in scores.signatures else f"{value:,}"
            if f"{column}_right" in counted and value is not None:
                text += f" ({row[f'{column}_right']}/{scores.denominators[column]})"
            texts.append(text)
        rows.append(tuple(texts))
    return Cells(
        headings=headings,
        rows=tuple(rows),
        warnings=warnings(scores.annotations),
        signatures=tuple(scores.signatures.values()),
        failures=tuple((printable(failure.checkpoint), printable_lines(failure.error)) for failure in scores.failed),
    )


def warnings(identity: Identity) -> tuple[str, ...]:
    """What must be said first about annotations that are not the published ones."""
    if identity.status == "synthetic":
        return ("SYNTHETIC annotations: made up for demonstration. These numbers say nothing about real models.",)
    if not identity.genuine:
        claim = f" They say of themselves: {printable(identity.claim)}." if identity.claim else ""
        return (
            f"UNVERIFIED annotations: not a release that is known here.{claim} `ml-scorer annotations` tells more.",
        )
    return ()


def printable(text: str) -> str:
    """A text from a file, safe to print: control characters, which can steer a terminal, are replaced."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def printable_lines(text: str) -> str:
    """A text of several lines, such as an error that quotes a file, safe to print; see `printable`."""
    return "\n".join(map(printable, text.split("\n")))
