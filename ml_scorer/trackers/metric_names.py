"""Names of measures in the letters that MLflow allows in the name of a metric."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

LONGEST: Final = 250
"""Characters of a name in MLflow (`MAX_ENTITY_KEY_LENGTH`)."""

_LETTERS: Final = str.maketrans({"(": " ", "=": ":", "+": "_", ",": None, ")": None})
"""MLflow takes letters, digits and `_-.: /`. No word of a measure has a space, a colon or an underscore in it."""

_ENDS: Final = ("_low", "_high", "_right")


def metric_name(name: str) -> str:
    """The name of a column in the letters that MLflow allows; no two columns have the same.

    A long list of classes is cut short, and the first digits of its sha256 stand for it.

    Parameters
    ----------
    name : str
        The printed name of a measure, also with `_low`, `_high` or `_right` behind it; or that of a count.

    Examples
    --------
    >>> metric_name("MLA(unclear=wrong, average=image)"), metric_name("MLA(classes=0-9+15)_low")
    ('MLA unclear:wrong average:image', 'MLA classes:0-9_15 low')
    """
    end = next((end for end in _ENDS if name.endswith(f"){end}")), "")
    measure = name.removesuffix(end)
    text = measure.translate(_LETTERS)
    behind = end.replace("_", " ")
    if len(text) + len(behind) > LONGEST:
        behind = f".. {sha256(measure.encode()).hexdigest()[:16]}{behind}"
        text = text[: LONGEST - len(behind)]
    return text + behind
