"""The line that says what a score is a score of, so that two numbers can be told to be the same measurement."""

from __future__ import annotations

from collections.abc import Collection

from ml_scorer.measures import Measure
from ml_scorer.measures.rule import Rule
from ml_scorer.version import tool_version


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
        f"order:{'+'.join(sorted(orders)) or 'none'}",
        f"ml_scorer:{tool_version()}",
    ]
    return "|".join(parts)
