"""Sets of classes as text: a named group, or index ranges such as `0-9+15`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ml_scorer.errors import MeasureError
from ml_scorer.imagenet import GROUPS, group_members
from ml_scorer.schema import NUM_CLASSES

ALL = "all"
_RANGES = re.compile(r"\d+(-\d+)?(\+\d+(-\d+)?)*")


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

    Examples
    --------
    >>> class_set_text([3, 1, 2, 7]), class_set_text("7+1-3"), class_set_text(range(151, 269))
    ('1-3+7', '1-3+7', 'dog')
    """
    if isinstance(classes, str):
        if classes == ALL or classes in GROUPS:
            return classes
        if not _RANGES.fullmatch(classes):
            raise MeasureError(
                f"classes={classes!r} is neither one of {ALL}, {', '.join(GROUPS)} nor class indices such as 0-9+15"
            )
    members = _members(classes) if isinstance(classes, str) else frozenset(int(label) for label in classes)
    if not members or min(members) < 0 or max(members) >= NUM_CLASSES:
        raise MeasureError(f"classes={_ranges(members) or '(none)'}: expected class indices in 0-{NUM_CLASSES - 1}")
    if len(members) == NUM_CLASSES:
        return ALL
    named = (group for group in GROUPS if group_members(group) == members)
    return next(named, _ranges(members))


def class_set_members(text: str) -> frozenset[int]:
    """Class indices of a set written by `class_set_text`, other than `all`."""
    return group_members(text) if text in GROUPS else _members(text)


def _members(text: str) -> frozenset[int]:
    members: set[int] = set()
    for part in text.split("+"):
        first, _, last = part.partition("-")
        members.update(range(int(first), min(int(last or first), NUM_CLASSES) + 1))
    return frozenset(members)


def _ranges(members: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for label in sorted(members):
        if runs and label == runs[-1][1] + 1:
            runs[-1][1] = label
        else:
            runs.append([label, label])
    return "+".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
