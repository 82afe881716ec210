"""Whether predictions are in the order, and their numbers in the numbering, that was said.

A wrong order or numbering brings any model to chance, 0.1 % top-1. So where top-1 is implausibly low, the numbers as
they were before any translation are tried in the others, and the one that fits is named. Labels above 255 that were
kept in 8 bits leave a quarter of the images right, which no model has to be ashamed of: they are looked for as well.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.candidates import (
    FEWEST,
    IMPLAUSIBLE,
    TIMES,
    Candidate,
    CandidateCache,
    Fit,
    best_fit,
    candidates_of_size,
    is_one_off,
)
from ml_scorer.predictions.class_ids import ClassIds
from ml_scorer.predictions.lost_bits import MOST_RIGHT, have_lost_bits
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.shifts import off_by_one
from ml_scorer.schema import NUM_CLASSES, Images, Labels

_RUNS: Final = 32
_RUN: Final = 64
"""The sample of images that is looked at first: so many runs, all along the images, and images in each."""

_CACHE: Final = CandidateCache()


def examine(predictions: Predictions, options: ReadOptions, where: str, *, trust: bool) -> NDArray[np.bool_]:
    """Check that labels belong to the images and the classes that they are said to belong to.

    Parameters
    ----------
    predictions : Predictions
    options : ReadOptions
        What they were read by: the order that was said, and the numbering.
    where : str
        What to call the input in an error.
    trust : bool
        Whether the order and the numbering are as said, even if others fit better.

    Returns
    -------
    (checkpoints,) bool
        Where top-1 is near chance, and no other order or numbering fits.

    Raises
    ------
    PredictionsError
        If another order or numbering fits, unless that is to be trusted; it is named. If labels have lost bits.
    """
    top1, images = predictions.top1, predictions.images
    near_chance = np.zeros(len(top1), bool)
    if not images.size:
        return near_chance
    right_in_sample = _right_in_sample(top1, images)
    columns = predictions.ties is not None
    if not columns:
        _check_bits(predictions, np.flatnonzero(right_in_sample < MOST_RIGHT), options.class_ids, where)
    suspicious = np.flatnonzero(right_in_sample < IMPLAUSIBLE)
    if not suspicious.size:
        return near_chance
    by_order = options.order is not None and predictions.order == options.order.name
    said, *others = _CACHE.of(options, images, by_order=by_order, columns=columns)
    number = options.class_ids.numbers - options.class_ids.first * columns
    misread: list[tuple[int, str]] = []
    for row in suspicious.tolist():
        numbers = number[top1[row]]
        right = said.right(numbers)
        if right >= IMPLAUSIBLE * images.size:
            continue
        best = best_fit(numbers, others, right)
        if best is not None and not _takes_for_neighbours(numbers, said.numbers, best):
            misread.append((row, _misread(said, right, best, images.size)))
            continue
        if off := off_by_one(numbers, said.numbers, right, columns=columns):
            misread.append((row, off))
            continue
        near_chance[row] = images.size >= FEWEST and right * NUM_CLASSES < TIMES * images.size
    if misread and not trust:
        row, found = misread[0]
        more = f" (and {len(misread) - 1:,} more checkpoints likewise)" if len(misread) > 1 else ""
        raise PredictionsError(
            f"{where}: {predictions.called(row)}{found}{more}, or --trust-order (trust_order=True) if the model "
            "really is that bad."
        )
    return near_chance


def fitting(numbers: NDArray[Any], options: ReadOptions, images: Images | None = None, *, columns: bool = False) -> str:
    """Advice for numbers that cannot be taken as they are: the order and the numbering that they fit.

    Parameters
    ----------
    numbers : (images,) integers, or floats that are whole
        As they stand in the input, before any translation.
    options : ReadOptions
    images : (images,) int32, optional
        The images that they are for, by name or by `options.order`. None tries every order of so many images.
    columns : bool
        Whether the numbers are columns of logits, from 0 (not counting that of a background class).

    Returns
    -------
    str
        A sentence with a space before it; empty where nothing fits.
    """
    if images is None:
        candidates = candidates_of_size(options, numbers.size, columns=columns)
    else:
        by_order = options.order is not None and np.array_equal(images, options.order.images)
        candidates = _CACHE.of(options, images, by_order=by_order, columns=columns)
    best = best_fit(numbers, candidates, 0)
    # What was said is what the numbers cannot be taken as.
    if best is None or not best.candidates[0].changes:
        return ""
    names, advice = _told(best)
    return f" It fits {names} ({best.right / numbers.size:.2%} top-1): pass {advice}."


def _takes_for_neighbours(numbers: NDArray[Any], known: Labels, best: Fit) -> bool:
    """Whether classes are taken for the next ones by number as well as for those before: that is no numbering."""
    steps = best.candidates[0].numbers - known
    step = int(steps[0])
    return abs(step) == 1 and bool((steps == step).all()) and not is_one_off(numbers, known, step)


def _check_bits(predictions: Predictions, rows: NDArray[np.intp], class_ids: ClassIds, where: str) -> None:
    for row in rows.tolist():
        if have_lost_bits(class_ids.numbers[predictions.top1[row]], predictions.images, class_ids):
            raise PredictionsError(
                f"{where}: {predictions.called(row)}no label is above 255, and they fit the images up to "
                "multiples of 256: larger ones were cut off where labels were kept in 8 bits. Keep them as int16."
            )


def _right_in_sample(top1: Labels, images: Images) -> NDArray[np.float64]:
    """Of each checkpoint, the share of a sample of the images that it has right: (checkpoints,).

    The sample is of short runs, all along the images: of each checkpoint only a few kilobytes are touched.
    """
    runs = images.size // _RUN
    if runs > _RUNS:
        step, whole = runs // _RUNS, runs * _RUN
        images = images[:whole].reshape(runs, _RUN)[step // 2 :: step]
        top1 = top1[:, :whole].reshape(len(top1), runs, _RUN)[:, step // 2 :: step]
    known = validation_labels()[images]
    right = (top1 == known).reshape(len(top1), known.size).sum(axis=1, dtype=np.int16)  # fewer than 64 x 64
    shares: NDArray[np.float64] = right / known.size
    return shares


def _misread(said: Candidate, right: int, best: Fit, images: int) -> str:
    names, advice = _told(best)
    as_said = _name(said, like=best.candidates[0])
    return f"{right / images:.2%} top-1 as {as_said}; {best.right / images:.2%} as {names}: pass {advice}"


def _told(fit: Fit) -> tuple[str, str]:
    """What fits, and what to pass for it."""
    names = ", and just as well as ".join(_name(candidate) for candidate in fit.candidates)
    return names, " or ".join(_advice(candidate) for candidate in fit.candidates)


def _name(candidate: Candidate, like: Candidate | None = None) -> str:
    """Order, numbering or both: what is new in it, or in another candidate."""
    new = like or candidate
    ids = f"{candidate.class_ids.name} class ids"
    if new.new_order and new.new_ids:
        return f"{candidate.order} with {ids}"
    return ids if new.new_ids else candidate.order


def _advice(candidate: Candidate) -> str:
    """The options by which the predictions are read so."""
    options = {"order": candidate.order} if candidate.new_order else {}
    if candidate.new_ids:
        options["class_ids"] = candidate.class_ids.name
    command = " ".join(f"--{option.replace('_', '-')} {value}" for option, value in options.items())
    call = ", ".join(f'{option}="{value}"' for option, value in options.items())
    return f"{command} ({call})"
