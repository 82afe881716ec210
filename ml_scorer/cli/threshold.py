"""`--fail-under 'MLA=0.85'`: scores that a checkpoint must reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import click

from ml_scorer.errors import MeasureError
from ml_scorer.measures import Measure, parse_measure
from ml_scorer.report.printable import printable
from ml_scorer.scores import Scores

_MOST_DIGITS: Final = 12
"""Decimals of a percentage, at most, that tell a score from what it falls short of."""


@dataclass(frozen=True)
class Threshold:
    """The least that a measure may be; exact, so that a score that equals it passes."""

    measure: Measure
    least: Fraction


def parse_threshold(text: str) -> Threshold:
    """What `MLA=0.85` or `MLA=85%` asks for.

    Raises
    ------
    click.BadParameter
        If it is not a measure, an equals sign and a share.

    Examples
    --------
    >>> parse_threshold("Top1=79.5%").least
    Fraction(159, 200)
    """
    name, equals, number = (part.strip() for part in text.rpartition("="))
    percent = number.endswith("%")
    try:
        least = Fraction(number.removesuffix("%")) / (100 if percent else 1)
    except (ValueError, ZeroDivisionError):
        least = None
    if not equals or not name or least is None:
        raise click.BadParameter(f"{text!r}: expected a measure and a share in [0, 1], such as 'MLA=0.85'.")
    if not 0 <= least <= 1:
        hint = f" Did you mean {float(least / 100):g} or {number}%?" if not percent and 1 < least <= 100 else ""  # noqa: PLR2004 (percent)
        raise click.BadParameter(f"{text!r}: a share lies in [0, 1].{hint}")
    try:
        return Threshold(parse_measure(name), least)
    except MeasureError as error:
        raise click.BadParameter(str(error)) from error


def parse_thresholds(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Threshold, ...]:
    """Every threshold that was given, as a callback of an option."""
    return tuple(map(parse_threshold, texts))


def shortfalls(scores: Scores, thresholds: Sequence[Threshold], runs: Sequence[str] | None = None) -> list[str]:
    """A sentence for each checkpoint and each threshold that it falls under.

    Parameters
    ----------
    scores : Scores
    thresholds : sequence of Threshold
    runs : sequence of str, optional
        The run of each checkpoint: then it is the mean over the checkpoints of a run that must not fall under.
    """
    members: dict[str | int, list[int]] = {}
    for row in range(scores.frame.height):
        members.setdefault(row if runs is None else runs[row], []).append(row)
    names = scores.frame["checkpoint"].to_list() if runs is None else list(members)
    sentences = []
    for threshold in thresholds:
        exact = scores.exact(threshold.measure)
        for name, rows in zip(names, members.values(), strict=True):
            mean = sum((exact[row] for row in rows), Fraction()) / len(rows)
            if mean < threshold.least:
                of = f" (mean of {len(rows):,})" if len(rows) > 1 else ""
                sentences.append(f"{printable(name)}: {threshold.measure}{of} is {_told_apart(mean, threshold.least)}.")
    return sentences


def _told_apart(score: Fraction, least: Fraction) -> str:
    """Both as percentages, with two decimals or as many as show that they differ."""
    for digits in range(2, _MOST_DIGITS + 1):
        found, wanted = f"{float(score):.{digits}%}", f"{float(least):.{digits}%}"
        if found != wanted:
            break
    return f"{found}, under {wanted}"
