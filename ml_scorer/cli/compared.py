"""What `ml-scorer compare` is asked to compare: files, checkpoints in them by name, and which is the baseline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_scorer.comparison import find_checkpoint
from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions import Sources, prediction_sources
from ml_scorer.predictions.paths import expand
from ml_scorer.predictions.patterns import PATTERN
from ml_scorer.predictions.storage import is_remote
from ml_scorer.scoring import OnError, Progress, Scorer
from ml_scorer.scoring.outcomes import Outcomes

_LIST = "@"


@dataclass(frozen=True, eq=False)
class Compared:
    """Checkpoints to compare.

    Attributes
    ----------
    outcomes : Outcomes
        Of every checkpoint in the files that were named.
    rows : tuple of int
        Those to compare, each once: the baseline, then the others, in the order in which they were named.
    """

    outcomes: Outcomes
    rows: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Named:
    """What was named on the command line.

    Attributes
    ----------
    sources : Sources
        The files; the baseline's first, if it was named by its file.
    names : tuple of str
        Checkpoints in them.
    baseline : str, optional
        What the baseline was called; None is the first that is compared.
    baseline_file : bool
        Whether that is a file, which holds nothing else.
    """

    sources: Sources
    names: tuple[str, ...]
    baseline: str | None
    baseline_file: bool


def named(arguments: Sequence[str], baseline: str | None) -> Named:
    """Tell the files from the names of checkpoints in them.

    Raises
    ------
    PredictionsError, OSError
        If a pattern, a folder or a list means nothing.
    """
    stands_for_files = {argument: is_input(argument) for argument in arguments}
    files = [argument for argument in arguments if stands_for_files[argument]]
    names = [argument for argument in arguments if not stands_for_files[argument]]
    if not files:
        files, names = list(arguments), []  # the first is refused as a file that does not exist
    baseline_file = baseline is not None and is_input(baseline)
    if baseline is not None and baseline_file:
        files = [baseline, *files]
    return Named(prediction_sources(files), tuple(names), baseline, baseline_file)


def compared(
    scorer: Scorer, named: Named, confidence: float, on_error: OnError = "stop", progress: Progress | None = None
) -> Compared:
    """Score files, and find the checkpoints that are meant: without names, all in the files.

    Parameters
    ----------
    scorer : Scorer
    named : Named
    confidence : float
        Of the intervals of the scores.
    on_error : str
        "stop", or "skip" to go on without files that cannot be scored, but for that of the baseline.
    progress : callable, optional
        As in `Scorer.score`.

    Raises
    ------
    PredictionsError
        If a name means no checkpoint or several, the baseline's file holds several, or there are fewer than two to
        compare; and as in `score`.
    """
    if named.baseline_file:
        _check_alone(scorer, str(named.baseline))
    outcomes = scorer.outcomes(named.sources, on_error=on_error, confidence=confidence, progress=progress)
    _check_first(outcomes, named)
    rows = [find_checkpoint(outcomes.names, name) for name in named.names] or list(range(len(outcomes.names)))
    first = rows[0]
    if named.baseline is not None:
        first = 0 if named.baseline_file else find_checkpoint(outcomes.names, named.baseline)
    rows = list(dict.fromkeys([first, *rows]))
    if len(rows) == 1:
        others = [name for row, name in enumerate(outcomes.names) if row != first]
        failed = [failure.error for failure in outcomes.scores.failed]
        there_is = (
            f"There are also {some(others, len(others))}."
            if others
            else "\n".join(["All else could not be scored:", *failed])
            if failed
            else "A file that is named twice counts once."
        )
        raise PredictionsError(
            f"{outcomes.names[first]} is the only checkpoint that was named, and it takes two to compare. {there_is}"
        )
    return Compared(outcomes, tuple(rows))


def is_input(text: str) -> bool:
    """Whether a text stands for files, rather than for a checkpoint in one."""
    if text.startswith(_LIST) and os.path.lexists(text[1:]):
        return True  # else a checkpoint may be called so
    if is_remote(text) or os.path.lexists(Path(text).expanduser()):
        return True
    if not PATTERN.search(text):
        return False
    try:
        return bool(expand([text]))
    except FileNotFoundError:
        return False  # a checkpoint of an array without names is called `sweep[3]`


def _check_first(outcomes: Outcomes, named: Named) -> None:
    """Make sure that there is a checkpoint, and that none takes the place of the baseline where that is the first."""
    if not outcomes.names:
        failed = (failure.error for failure in outcomes.scores.failed)
        raise PredictionsError("\n".join(["no checkpoint could be scored:", *failed]))
    if named.names or (named.baseline is not None and not named.baseline_file):
        return  # found by its name, or said not to be there
    first = named.sources[0]
    for failure in outcomes.scores.failed:
        if failure.checkpoint == first.name:
            raise PredictionsError(
                f"{failure.error}\nIt is what the others are compared with. Name another --baseline."
            )


def _check_alone(scorer: Scorer, baseline: str) -> None:
    """Make sure that the baseline's file holds one checkpoint; only reading it tells."""
    names = scorer.outcomes(prediction_sources([baseline])).names
    if len(names) != 1:
        raise PredictionsError(
            f"--baseline {baseline}: {len(names):,} checkpoints are in there, and a baseline is one: "
            f"{some(names, len(names))}. Name the file among the predictions, and one of these as the baseline."
        )
