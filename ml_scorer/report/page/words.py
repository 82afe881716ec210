"""The sentences of the report: what leads it, what its columns mean, how its intervals were made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import polars as pl

from ml_scorer.measures import Measure
from ml_scorer.report.page.meanings import meaning
from ml_scorer.report.printable import printable
from ml_scorer.report.scores import interval_notes
from ml_scorer.scores import Scores
from ml_scorer.scoring.counter import MISSING_COUNT

_COUNTS: Final = {
    "correct": "first predictions that experts judged correct",
    "unclear": "on which the experts did not agree",
    "wrong": "judged wrong",
    "unreviewed": "that no expert judged: they count as wrong, so that MLA is a lower bound",
}

_MISSING: Final = "needed images without a prediction: right in no measure"


def headline(frame: pl.DataFrame, measure: str) -> str:
    """What the leaderboard comes to, in a sentence or two.

    Parameters
    ----------
    frame : polars.DataFrame
        As of `leaderboard_frame`, best first.
    measure : str
        The one that it is sorted by.
    """
    best = frame.row(0, named=True)
    name, score = printable(best["checkpoint"]), f"{best[measure]:.2%}"
    interval = f"{best[f'{measure}_low']:.2%} to {best[f'{measure}_high']:.2%}"
    if frame.height == 1:
        return f"{name} has an {measure} of {score} ({interval})."
    leads = f"{name} has the highest {measure}: {score} ({interval})."
    others = frame.filter(pl.col("place_low") == 1).height - (best["place_low"] == 1)
    if others == 0:
        return f"{leads} The images tell it from {'the other one' if frame.height == 2 else 'all others'}."  # noqa: PLR2004
    if frame.height == 2:  # noqa: PLR2004
        return f"{leads} Either of the two may be in first place."
    who = "any" if others == frame.height - 1 else f"{others + (best['place_low'] == 1):,}"
    return f"{leads} Of the {frame.height:,} checkpoints {who} may be in first place, as far as the images tell."


def leaderboard_words(scores: Scores, measure: str) -> str:
    """How to read the leaderboard."""
    confidence = f"{100 * (scores.confidence or 0.95):g}%"
    return (
        f"Scores in percent with their {confidence} intervals, best first by {measure}. A place such as 3–11 means "  # noqa: RUF001
        "that the images cannot tell which of these places is the true one."
    )


def terms(measures: Sequence[Measure], columns: Collection[str], scored: int) -> list[tuple[str, str]]:
    """What each measure and each count means: heading and sentence; `scored` is the number of images of MLA."""
    meanings = [(str(measure), meaning(measure)) for measure in measures]
    counts = [(name, words) for name, words in _COUNTS.items() if name in columns]
    if counts:
        of_what = f"counts of the {scored:,} images of MLA, whatever is measured"
        meanings.append((", ".join(name for name, _ in counts), of_what))
    return meanings + counts + ([(MISSING_COUNT, _MISSING)] if MISSING_COUNT in columns else [])


def method_words(scores: Scores, *, compared: bool) -> list[str]:
    """How intervals, places and comparisons were made."""
    confidence = f"{100 * (scores.confidence or 0.95):g}%"
    words = interval_notes(scores)
    words.append(
        "Places: each checkpoint is compared with all others on the same images (Mogstad et al. 2024); its range has "
        f"its true place with {confidence} confidence."
    )
    if compared:
        words.append(
            "Comparison of two checkpoints: a Student's t interval from the sampling variance of the difference on the "
            "same images, as if the square of t more images differed. McNemar's test, exact and two-sided, takes all "
            "images alike. Neither is adjusted for several comparisons: who looks at many pairs will find some whose "
            "interval excludes zero by chance (`ml-scorer compare` adjusts)."
        )
    return words
