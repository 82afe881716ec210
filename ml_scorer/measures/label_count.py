"""How many of an image's predictions a measure looks at, as text: a whole number, or `labels`."""

from __future__ import annotations

import re
from operator import index
from typing import Final, SupportsIndex

from ml_scorer.errors import MeasureError
from ml_scorer.measures.measure import Notation
from ml_scorer.measures.rule import LABELS, LabelCount
from ml_scorer.schema import NUM_CLASSES

_WHOLE = re.compile(r"[1-9][0-9]{0,3}")


def label_count_text(k: str | SupportsIndex) -> str:
    """The one way to write how many predictions are looked at.

    Parameters
    ----------
    k : str or int
        A whole number 1-1000, or "labels": as many as the image has accepted labels.

    Raises
    ------
    MeasureError
        If it is neither.

    Examples
    --------
    >>> label_count_text(5), label_count_text("5"), label_count_text("labels")
    ('5', '5', 'labels')
    """
    if k == LABELS:
        return LABELS
    try:
        text = k if isinstance(k, str) else str(index(k))
    except TypeError:
        text = ""
    if not _WHOLE.fullmatch(text) or int(text) > NUM_CLASSES:
        raise MeasureError(f"k={k!r} is neither a whole number 1-{NUM_CLASSES} nor {LABELS}")
    return text


def label_count(text: str) -> LabelCount:
    """What a text written by `label_count_text` means to a rule."""
    return LABELS if text == LABELS else int(text)


LABEL_COUNT: Final = Notation(label_count_text, (f"a whole number 1-{NUM_CLASSES}", LABELS))
