"""Names of classes, short: the first of the words by which WordNet calls them."""

from __future__ import annotations

from typing import Final

from ml_scorer.report.charts.names import cut

LONGEST: Final = 26


def short_name(name: str, longest: int = LONGEST) -> str:
    """The first word for a class.

    >>> short_name("tench, Tinca tinca")
    'tench'
    """
    return cut(name.partition(", ")[0], longest)


def short_names(name: str, other: str, longest: int = LONGEST) -> tuple[str, str]:
    """The first words for two classes; both in full where these are the same.

    >>> short_names("maillot", "maillot, tank suit")
    ('maillot', 'maillot, tank suit')
    """
    short = short_name(name, longest), short_name(other, longest)
    return short if short[0] != short[1] else (cut(name, longest), cut(other, longest))
