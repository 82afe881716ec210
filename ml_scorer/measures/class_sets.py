"""Sets of classes as text: a named group, or index ranges such as `0-9+15`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from operator import index
from typing import Final

from ml_scorer.errors import MeasureError, some
from ml_scorer.imagenet import GROUPS, group_members
from ml_scorer.measures.measure import Notation
from ml_scorer.schema import NUM_CLASSES

ALL = "all"
_RANGES = re.compile(r"[0-9]{1,4}(-[0-9]{1,4})?(\+[0-9]{1,4}(-[0-9]{1,4})?)*")


def class_set_text(classes: str | Iterable[int]) -> str:
    """The one way to write a set of classes.

    Parameters
    ----------
    classes : str or iterable of int
        A group's name, ranges of class indices joined by `+`, or the class indices themselves.

    Raises
    ------
    MeasureError
        If it is no group and no set of indices 0-999.
    TypeError
        If a class index is not an integer.

    Examples
    --------
    >>> class_set_text([3, 1, 2, 7]), class_set_text("7+1-3"), class_set_text(range(151, 269))
    ('1-3+7', '1-3+7', 'dog')
    """
    if isinstance(classes, str) and (classes == ALL or classes in GROUPS):
        return classes
    members = _parsed(classes) if isinstance(classes, str) else frozenset(map(index, classes))
    outside = sorted(label for label in members if not 0 <= label < NUM_CLASSES)
    if outside or not members:
        found = some(outside, len(outside)) if outside else "none"
        raise MeasureError(f"classes: expected class indices in 0-{NUM_CLASSES - 1}, found {found}")
    if len(members) == NUM_CLASSES:
        return ALL
    named = (group for group in GROUPS if group_members(group) == members)
    return next(named, _ranges(members))


def class_set_members(text: str) -> frozenset[int]:
    """Class indices of a set written by `class_set_text`, other than `all`."""
    return group_members(text) if text in GROUPS else _parsed(text)


def _parsed(text: str) -> frozenset[int]:
    if not _RANGES.fullmatch(text):
        raise MeasureError(
            f"classes={text!r} is neither one of {ALL}, {', '.join(GROUPS)} nor class indices such as 0-9+15"
        )
    members: set[int] = set()
    for part in text.split("+"):
        first, _, last = part.partition("-")
        if last and int(last) < int(first):
            raise MeasureError(f"classes={text!r}: the range {part} ends before it begins")
        members.update(range(int(first), int(last or first) + 1))
    return frozenset(members)


def _ranges(members: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for label in sorted(members):
        if runs and label == runs[-1][1] + 1:
            runs[-1][1] = label
        else:
            runs.append([label, label])
    return "+".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


CLASS_SET: Final = Notation(class_set_text, (ALL, *GROUPS, "class indices such as 0-9+15"))
