"""The errors that a caller may want to tell apart, and the sentences that list several faults at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

EXAMPLES: Final = 3
LONGEST_EXAMPLE: Final = 100  # characters


class AnnotationsError(ValueError):
    """The annotation table is missing something, damaged, or not what it says it is."""


class PredictionsError(ValueError):
    """Predictions that cannot be scored: wrong, incomplete, or not known to belong to which image."""


class DoubtfulWarning(UserWarning):
    """Predictions were scored, but may not be what they are taken for."""


class MeasureError(ValueError):
    """A measure that does not exist, or that these annotations cannot give."""


class GroupsError(ValueError):
    """A file that should put classes or images into groups, and cannot be understood."""


class AnnotationsNotFoundError(FileNotFoundError):
    """No annotation table in any of the places where one is looked for."""


class StoreError(ValueError):
    """A folder that is no store of results, one that cannot be written, or one in which a part is damaged."""


class EngineError(RuntimeError):
    """Workers that cannot be reached, or that cannot do what they are asked."""


class TrackerError(ValueError):
    """A place to log results to that cannot be reached or written, or that holds something else."""


class BundleError(ValueError):
    """A bundle for a machine without a network that cannot be made, or would not be whole."""


class MissingExtraError(ImportError):
    """An optional part of the package is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)
        self.what = what
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.what} needs packages that are not installed: pip install 'ml-scorer[{self.extra}]'"


def some(examples: Iterable[object], count: int) -> str:
    """A few examples of `count` things, and how many more there are.

    >>> some(["a", "b", "c"], 3), some(["a", "b", "c", "d"], 9)
    ('a, b, c', 'a, b, c and 6 more')
    """
    shown = [_shortened(str(example)) for example in islice(examples, EXAMPLES)]
    more = f" and {count - len(shown):,} more" if count > len(shown) else ""
    return ", ".join(shown) + more


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[:LONGEST_EXAMPLE]}…"


def faults_text(where: str, faults: Sequence[str]) -> str:
    """One sentence for one fault, a list for several.

    >>> faults_text("a.csv", ["no rows"])
    'a.csv: no rows'
    """
    if len(faults) == 1:
        return f"{where}: {faults[0]}"
    return "\n  - ".join([f"{where}: {len(faults)} problems", *faults])
