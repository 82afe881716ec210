"""Which images each of the best checkpoints has right, packed so that the page itself can compare any two."""

from __future__ import annotations

import base64
import gzip
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.imagenet import classes
from ml_scorer.measures import MLA
from ml_scorer.measures.rule import LABELS
from ml_scorer.measures.verdict_counts import UNREVIEWED, VERDICT_COUNTS, verdict_table
from ml_scorer.report.printable import printable
from ml_scorer.schema import MISSING
from ml_scorer.scoring.judged import original_labels
from ml_scorer.scoring.outcomes import Outcomes
from ml_scorer.statistics.paired import added_variance

MOST: Final = 200
"""Checkpoints that can be compared, unless somebody says otherwise: about 5 kB each in the page."""


def comparable_measure(outcomes: Outcomes) -> str | None:
    """The first measure under which an image is right or wrong, and nothing between; None where there is none."""
    return next((name for name in map(str, outcomes.measures) if outcomes.rules[name].k != LABELS), None)


def comparison_data(outcomes: Outcomes, measure: str) -> dict[str, Any]:
    """What the page needs to compare two checkpoints.

    Parameters
    ----------
    outcomes : Outcomes
        Of the checkpoints that can be compared, in the order in which they are offered.
    measure : str
        Printed name of the measure to compare by; its images are right or wrong.

    Returns
    -------
    dict
        - `measure`; `names`, the checkpoints, and their `scores`; `confidence`, of the interval;
        - `classes`, a list of [index, name, images] in the order of the bits; for each class `weights`, of an image,
          `scales`, what its deviation is multiplied by in the variance, and `groups`, its stratum there (`Groups` of
          `ml_scorer.statistics.design`);
        - `critical` and `added`: Student's t, and what is added to the variance, as in `paired_test`; `critical` is
          None where no interval but [-1, 1] is known;
        - `bytes`, how many a checkpoint has, and `bits`, gzip and base64: which images it has right, as by
          `numpy.packbits`; of every checkpoint but the first, how that differs (exclusive or) from the one before;
        - `open`, gzip and base64, with `open_bytes` for each number: what `open_labels` gives, little endian. None
          where unreviewed labels do not count as wrong, or several labels of an image are looked at.
    """
    from scipy.special import stdtrit

    confidence = outcomes.scores.confidence or 0.95
    rule, design = outcomes.rules[measure], outcomes.design(measure)
    freedom, groups = design.degrees_of_freedom, design.groups
    critical = float(stdtrit(freedom, (1 + confidence) / 2)) if freedom else None
    group_of = np.empty(design.images, np.int64)
    group_of[groups.order] = np.repeat(np.arange(groups.sizes.size), groups.sizes)
    scale_of = np.empty(design.images)
    scale_of[groups.order] = groups.scales

    labels = original_labels(outcomes.annotations, rule.images)
    order = np.argsort(labels, kind="stable")
    indices, first, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    representative = order[first]  # all images of a class weigh the same, and are of one stratum
    packed = np.packbits(outcomes.values(measure)[:, order], axis=1)
    packed[1:] ^= packed[:-1].copy()
    opened = open_labels(outcomes, measure)
    names = classes()["name"].to_list()
    return {
        "measure": measure,
        "names": list(map(printable, outcomes.names)),
        "scores": outcomes.scores.frame[measure].to_list(),
        "classes": [[int(c), names[c], int(size)] for c, size in zip(indices, sizes, strict=True)],
        "weights": design.weights[representative].tolist(),
        "scales": scale_of[representative].tolist(),
        "groups": group_of[representative].tolist(),
        "confidence": confidence,
        "critical": critical,
        "added": 0.0 if critical is None else added_variance(design, critical),
        "bytes": int(packed.shape[1]),
        "bits": _zipped(packed),
        "open_bytes": 0 if opened is None else opened.dtype.itemsize,
        "open": None if opened is None else _zipped(opened[order]),
    }


def open_labels(outcomes: Outcomes, measure: str) -> NDArray[np.unsignedinteger[Any]] | None:
    """Which predictions no expert judged, and which of those to one image are the same label.

    Parameters
    ----------
    outcomes : Outcomes
    measure : str
        Printed name.

    Returns
    -------
    (images, checkpoints) uint8 or uint16
        0 where the predicted label is judged or missing; the checkpoints that predict the same unreviewed label for an
        image have the same number there, from 1. None for a measure under which unreviewed labels do not count as
        wrong, or which looks at several labels of an image.
    """
    kind = next(kind for kind in outcomes.measures if str(kind) == measure)
    if not isinstance(kind, MLA) or kind.unreviewed != "wrong" or kind.k != "1":
        return None
    images = outcomes.rules[measure].images
    labels = outcomes.top1[:, np.searchsorted(outcomes.images, images)].T
    verdicts = verdict_table(outcomes.annotations, images)[np.arange(images.size)[:, None], labels]
    is_open = (verdicts == VERDICT_COUNTS.index(UNREVIEWED)) & (labels != MISSING)
    known = np.where(is_open, labels, MISSING)
    by_label = np.argsort(known, axis=1, kind="stable")
    ascending = np.take_along_axis(known, by_label, axis=1)
    is_new = ascending != MISSING
    is_new[:, 1:] &= ascending[:, 1:] != ascending[:, :-1]
    numbers = np.cumsum(is_new, axis=1)
    dtype = np.dtype(np.uint8) if numbers.max(initial=0) < 256 else np.dtype("<u2")  # noqa: PLR2004 (of a byte)
    opened = np.zeros(known.shape, dtype)
    np.put_along_axis(opened, by_label, numbers.astype(dtype), axis=1)
    return opened


def _zipped(numbers: NDArray[Any]) -> str:
    return base64.b64encode(gzip.compress(numbers.tobytes(), 9, mtime=0)).decode("ascii")
