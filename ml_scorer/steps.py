"""Which training run a checkpoint is of, and which step of it, as its name tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_STEP = r"(?:step|epoch|iter(?:ation)?|checkpoint|ckpt)"

STEP_PATTERN: Final = (
    rf"(?i)^(?P<run>.*?)(?:^|[-_./ ])(?:global[-_]?)?(?:{_STEP}[-_= ]?|(?=0\d|\d{{4}}))(?P<step>\d+)"
    rf"(?:[-_. ]{_STEP}[-_= ]?\d+)?$"
)
"""Finds run and step in `name-step-500`, `name-00500` and `name/epoch=3`. A bare number is a step only if it has a
leading zero or at least four digits: `resnet-50` is a model."""

UNNAMED_RUN: Final = "run"
"""What the run is called of which a name tells the step alone."""

_LARGEST: Final = 2**63 - 1


class Step(NamedTuple):
    """A step of a training run."""

    run: str
    step: int


def steps_of(names: Iterable[str], step_pattern: str = STEP_PATTERN) -> Iterator[Step | None]:
    """Run and step of each name; None for one that tells none, or a step beyond 64 bits.

    Parameters
    ----------
    names : iterable of str
    step_pattern : str
        A regular expression with the groups `run` and `step`, searched for in each name.

    Raises
    ------
    ValueError
        If the pattern is no regular expression, or lacks one of the groups.

    Examples
    --------
    >>> list(steps_of(["sweep/base-step-500", "epoch=3", "resnet-50"]))
    [Step(run='sweep/base', step=500), Step(run='run', step=3), None]
    """
    pattern = parsed_step_pattern(step_pattern)
    for name in names:
        match = pattern.search(name)
        step = _whole_number(match["step"]) if match else None
        yield None if match is None or step is None else Step(match["run"] or UNNAMED_RUN, step)


def parsed_step_pattern(text: str) -> re.Pattern[str]:
    """The regular expression of a text, with the groups `run` and `step`; ValueError where it is none."""
    example = r"'(?P<run>.+)-step-(?P<step>\d+)'"
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}. An example: {example}.") from error
    lacking = [name for name in ("run", "step") if name not in pattern.groupindex]
    if lacking:
        raise ValueError(f"{text!r} has no group {' and no group '.join(lacking)}. An example: {example}.")
    return pattern


def _whole_number(text: str | None) -> int | None:
    try:
        number = int(text or "")
    except ValueError:  # of a pattern whose step may be something else, or of thousands of digits
        return None
    return number if abs(number) <= _LARGEST else None
