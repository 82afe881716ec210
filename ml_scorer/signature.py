"""The line that says what a score is a score of, so that two numbers can be told to be the same measurement."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from ml_scorer.measures import Measure
from ml_scorer.measures.rule import Rule
from ml_scorer.version import tool_version

_ORDER: Final = "order:"
_NO_ORDER: Final = "none"
"""Stands where nothing was scored."""


_MATTER_OF_READING: Final = ("order", "ml_scorer")
"""Parts that say how images were known and which version scored them: other ones measure the same."""


def signature(measure: Measure, rule: Rule, *, missing: str, orders: Collection[str]) -> str:
    """Signature of one measure.

    Parameters
    ----------
    measure : Measure
    rule : Rule
        What it came down to under the annotations.
    missing : str
        "error" or "wrong".
    orders : collection of str
        How the images of the scored predictions were known.

    Returns
    -------
    str
        Such as `MLA|data:imagenet2012_multilabel/3.0.0@f2b50695|images:18692|classes:1000|missing:error|order:names|…`.
    """
    parts = [
        str(measure),
        f"data:{rule.data}",
        f"images:{rule.images.size}",
        f"classes:{rule.classes}",
        f"missing:{missing}",
        _order(orders),
        f"ml_scorer:{tool_version()}",
    ]
    return "|".join(parts)


def joined_signatures(signatures: Iterable[str]) -> list[str]:
    """The signatures of one measure in several runs, with the orders of all of them in each.

    Returns
    -------
    list of str
        One, where they are the same measurement; else each of those that they are, in their order.

    Examples
    --------
    >>> joined_signatures(["MLA|data:x|order:tfds", "MLA|data:x|order:names", "MLA|data:x|order:none"])
    ['MLA|data:x|order:names+tfds']
    """
    parts = [signature.split("|") for signature in signatures]
    orders = {order for each in parts for part in each if _is_order(part) for order in part[len(_ORDER) :].split("+")}
    order = _order(orders - {_NO_ORDER})
    return list(dict.fromkeys("|".join(order if _is_order(part) else part for part in each) for each in parts))


def _order(orders: Collection[str]) -> str:
    return f"{_ORDER}{'+'.join(sorted(orders)) or _NO_ORDER}"


def _is_order(part: str) -> bool:
    return part.startswith(_ORDER)


def measurement(signature: str) -> tuple[str, ...]:
    """The parts of a signature that say what was measured, without how images were known and which version scored them.

    >>> measurement("MLA|data:SYNTHETIC@5f0c1d2e|images:18692|order:names|ml_scorer:0.1.0")
    ('MLA', 'data:SYNTHETIC@5f0c1d2e', 'images:18692')
    """
    return tuple(part for part in signature.split("|") if part.partition(":")[0] not in _MATTER_OF_READING)
