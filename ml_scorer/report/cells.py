"""Documents as the texts that people read: percentages with two decimals, counts with separators, intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from ml_scorer.annotations import Identity
from ml_scorer.report.document import Document, Kind, Table
from ml_scorer.report.intervals import margins, places
from ml_scorer.report.kinds import kind_of, texts
from ml_scorer.report.printable import printable, printable_lines


@dataclass(frozen=True)
class Column:
    """A column of texts.

    Attributes
    ----------
    heading : str
    kind : Kind
    texts : tuple of str
        The value in each row.
    behind : tuple of str
        What follows each: its interval, or how many images that is.
    best : frozenset of int
        Rows that are the best.
    """

    heading: str
    kind: Kind
    texts: tuple[str, ...]
    behind: tuple[str, ...]
    best: frozenset[int] = field(default_factory=frozenset)

    @property
    def left(self) -> bool:
        """Whether it is set flush left."""
        return self.kind == "text"


@dataclass(frozen=True)
class Shown:
    """The texts of a document: tables of columns by name, and the lines that go with them.

    In place of a table without rows stands `without_rows`.
    """

    tables: tuple[tuple[str, tuple[Column, ...]], ...]
    warnings: tuple[str, ...]
    signatures: tuple[str, ...]
    notes: tuple[str, ...]
    failures: tuple[str, ...]
    without_rows: str = "no rows"


def shown(document: Document) -> Shown:
    """Turn a document into texts; names from files are safe to print, and escaped for no format yet."""
    warned = (*warnings(document.annotations), *_of_other_labels(document))
    failures = tuple(printable_lines(failure.error) for failure in document.failed)
    if _nothing_read(document):
        first = document.tables[0].name
        return Shown(((first, ()),), warned, (), (), failures, without_rows="no checkpoint was scored")
    return Shown(
        tables=tuple((table.name, columns(table)) for table in document.tables),
        warnings=warned,
        signatures=tuple(document.signatures.values()),
        notes=tuple(map(printable, document.notes)),
        failures=failures,
    )


def columns(table: Table) -> tuple[Column, ...]:
    """Turn a table into columns of texts; ends of intervals and counts stand in the cells that they belong to."""
    frame = table.frame
    kinds = {name: table.kinds.get(name, kind_of(dtype)) for name, dtype in frame.schema.items()}
    # Ranges of places stand where their column does, or else their lower end.
    ranges = {
        name if name in frame.columns else ends[0]: (name, *ends)
        for name, ends in table.intervals.items()
        if name not in frame.columns or kinds[name] == "count"
    }
    inside = {end for ends in table.intervals.values() for end in ends} | {name for name, _ in table.counted.values()}
    found = []
    for name in frame.columns:
        if name in ranges:
            heading, low, high = ranges[name]
            texts_of, behind = places(frame[low], frame[high]), [""] * frame.height
            found.append(Column(printable(heading), "count", tuple(texts_of), tuple(behind)))
        elif name not in inside:
            texts_of, behind = texts(frame[name], kinds[name]), _behind(table, name, kinds[name])
            best = _best(frame[name]) if name in table.best else frozenset[int]()
            found.append(Column(printable(name), kinds[name], tuple(texts_of), tuple(behind), best))
    return tuple(found)


def count_rows(found: tuple[Column, ...]) -> int:
    """How many rows these columns have."""
    return len(found[0].texts) if found else 0


def rows(found: tuple[Column, ...]) -> Iterator[tuple[str, ...]]:
    """The texts of each row."""
    whole = [[text + after for text, after in zip(column.texts, column.behind, strict=True)] for column in found]
    return zip(*whole, strict=True)


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


def _nothing_read(document: Document) -> bool:
    """Whether no predictions were read, as signatures say; then signatures and notes are of nothing."""
    signed = document.signatures.values()
    return (
        all(table.frame.is_empty() for table in document.tables)
        and bool(signed)
        and all("order:none" in text.split("|") for text in signed)
    )


def _of_other_labels(document: Document) -> tuple[str, ...]:
    """What must be said first of measures whose labels are neither the annotations nor a release that is known."""
    own = str(document.annotations)
    data = {name: text.split("|")[1].removeprefix("data:") for name, text in document.signatures.items()}
    odd = [name for name, labels in data.items() if labels != own and "UNVERIFIED@" in labels.removesuffix(f"+{own}")]
    return (f"UNVERIFIED labels of {', '.join(odd)}: not a release that is known here.",) if odd else ()


def _behind(table: Table, name: str, kind: Kind) -> list[str]:
    frame = table.frame
    behind = [""] * frame.height
    if name in table.intervals:
        low, high = table.intervals[name]
        behind = margins(frame[name], frame[low], frame[high], kind)
    if name in table.counted:
        column, images = table.counted[name]
        counts = [f" ({count}/{images})" if count is not None else "" for count in frame[column]]
        behind = [count + margin for count, margin in zip(counts, behind, strict=True)]
    return behind


def _best(values: pl.Series) -> frozenset[int]:
    """Rows of the largest value; none where all are the same, or just one is there."""
    known = values.fill_nan(None) if values.dtype.is_float() else values
    if known.drop_nulls().n_unique() < 2:  # noqa: PLR2004 (nothing is the best of one)
        return frozenset()
    return frozenset((known == known.max()).fill_null(value=False).arg_true().to_list())


__all__ = ["Column", "Shown", "columns", "count_rows", "printable", "printable_lines", "rows", "shown", "warnings"]
