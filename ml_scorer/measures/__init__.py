"""The measures: what counts as right, and how much each image weighs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from ml_scorer.errors import MeasureError, faults_text
from ml_scorer.measures.imagenet_m import ImageNetM
from ml_scorer.measures.measure import Measure
from ml_scorer.measures.mla import MLA
from ml_scorer.measures.real import ReaL
from ml_scorer.measures.top_k import Top1, Top5

MEASURES: Final[dict[str, type[Measure]]] = {
    measure.__name__: measure for measure in (MLA, Top1, Top5, ImageNetM, ReaL)
}
"""Every measure by its name. A new one is a file of its own, a line here, and a test."""

DEFAULT_MEASURES: Final[tuple[Measure, ...]] = (
    MLA(),
    MLA(unclear="wrong"),
    MLA(unreviewed="correct"),
    MLA(average="image"),
    Top1(),
)

_NOTATION = re.compile(r"\s*(?P<name>\w+)\s*(?:\(\s*(?P<arguments>[^()]*?)\s*\))?\s*")


def parse_measure(text: str) -> Measure:
    """The measure that a text means: what `str(measure)` gives, with any order of arguments and any spaces.

    Raises
    ------
    MeasureError
        If there is no such measure or argument; the message lists those that there are.

    Examples
    --------
    >>> parse_measure("MLA(average=image,unclear=wrong)")
    MLA(unclear='wrong', unreviewed='wrong', average='image', classes='all', membership='original', k='1')
    """
    match = _NOTATION.fullmatch(text)
    if not match or match["name"] not in MEASURES:
        raise MeasureError(
            f"unknown measure {text!r}. Known: {', '.join(MEASURES)}, with arguments as in "
            "'MLA(unclear=wrong, average=image)'; `ml-scorer measures` explains each."
        )
    kind = MEASURES[match["name"]]
    known = [field.name for field in fields(kind)]
    arguments: dict[str, str] = {}
    faults = []
    for argument in filter(None, (match["arguments"] or "").split(",")):
        name, equals, value = (part.strip() for part in argument.partition("="))
        if not equals or name not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no arguments"
            faults.append(f"unknown argument {argument.strip()!r} ({match['name']} {takes})")
        elif name in arguments:
            faults.append(f"argument {name!r} is given twice")
        else:
            arguments[name] = value
    if faults:
        raise MeasureError(faults_text(f"measure {text!r}", faults))
    return kind(**arguments)


def parse_measures(measures: str | Measure | Iterable[str | Measure]) -> tuple[Measure, ...]:
    """Measures from texts or measures, one or several, each once; all that is wrong is reported together.

    Raises
    ------
    MeasureError
        If one is unknown, or there is none.
    TypeError
        If one is neither a text nor a measure.
    """
    if isinstance(measures, str | Measure):
        measures = [measures]
    parsed: dict[Measure, None] = {}
    faults = []
    for measure in measures:
        if not isinstance(measure, str | Measure):
            raise TypeError(f"a measure is a text or a value such as MLA(), not {measure!r}")
        try:
            parsed[parse_measure(measure) if isinstance(measure, str) else measure] = None
        except MeasureError as error:
            faults.append(str(error))
    if not parsed and not faults:
        faults.append(f"no measure given. Known: {', '.join(MEASURES)}")
    if faults:
        raise MeasureError("\n".join(faults))
    return tuple(parsed)


__all__ = [
    "DEFAULT_MEASURES",
    "MEASURES",
    "MLA",
    "ImageNetM",
    "Measure",
    "ReaL",
    "Top1",
    "Top5",
    "parse_measure",
    "parse_measures",
]
