"""Which images are right under one rule: what statistics and breakdowns start from.

Scores come from `top1` and `top_k`, which never make this array; with the weights of the rule it sums up to the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_scorer.kernel.sums import BATCH
from ml_scorer.measures.rule import LABELS, Rule
from ml_scorer.schema import MISSING, NO_LABEL, Images, Labels

Values: TypeAlias = NDArray[Any]
"""(checkpoints, images) bool, or float64 shares: how right each image is."""

_BYTES: Final = 8_000_000
"""Of the labels of a batch of checkpoints, so that what is between stays small."""


@dataclass(frozen=True, eq=False)
class ValuesPlan:
    """A rule, ready for labels of certain images. Its images stand here by their number of labels, the most first.

    Attributes
    ----------
    rule : Rule
    positions : (rule's images,) int64
        Where each of these stands among the images of the labels.
    layers : tuple of (width,) int16
        A label of each of the first `width` of these: accepted, or rejected where the rule rejects labels.
    looked_at : (rule's images,) int64
        How many predictions of each are looked at.
    places : (rule's images,) int64
        Where each image of the rule stands among these.
    """

    rule: Rule
    positions: NDArray[np.int64]
    layers: tuple[Labels, ...]
    looked_at: NDArray[np.int64]
    places: NDArray[np.int64]


def compile_values(rule: Rule, images: Images) -> ValuesPlan:
    """Prepare a rule for labels of some images.

    Parameters
    ----------
    rule : Rule
    images : (images,) int32
        Numbers of the images that the labels are for, ascending; every image of the rule is among them.
    """
    depths = np.bincount(rule.pair_rows, minlength=rule.images.size)
    order = np.argsort(-depths, kind="stable")
    places = np.empty(order.size, np.int64)
    places[order] = np.arange(order.size)
    by_row = np.argsort(rule.pair_rows, kind="stable")
    labels = rule.pair_labels[by_row]
    starts = (np.cumsum(depths) - depths)[order]
    widths = [int(np.count_nonzero(depths > depth)) for depth in range(int(depths.max(initial=0)))]
    return ValuesPlan(
        rule=rule,
        positions=np.searchsorted(images, rule.images)[order],
        layers=tuple(labels[starts[:width] + depth] for depth, width in enumerate(widths)),
        looked_at=rule.looked_at[order],
        places=places,
    )


def image_values(plan: ValuesPlan, labels: Labels) -> Values:
    """How right each image of a rule is, for each checkpoint.

    Parameters
    ----------
    plan : ValuesPlan
    labels : (checkpoints, images) or (checkpoints, images, k) int16
        Predictions, the most likely first, no two of an image equal; `MISSING` where there is none.

    Returns
    -------
    (checkpoints, rule's images) bool, or float64
        In the order of `rule.images`: whether the image is right; with k=labels, the share of its accepted labels that
        are among as many predictions. An image without a prediction is right under no rule.

    Raises
    ------
    ValueError
        If there are fewer labels of an image than the rule looks at.
    """
    rule = plan.rule
    labels = labels if labels.ndim == 3 else labels[:, :, None]  # noqa: PLR2004
    if labels.shape[2] < rule.labels_needed:
        raise ValueError(f"expected {rule.labels_needed} predictions for each image, found {labels.shape[2]}")
    values: Values = np.empty((len(labels), rule.images.size), np.float64 if rule.k == LABELS else np.bool_)
    step = max(1, min(BATCH, _BYTES // max(1, labels[:1].nbytes)))
    for start in range(0, len(labels), step):
        batch = labels[start : start + step]
        if rule.k == LABELS:
            right: Values = _matches(plan, batch) / np.maximum(plan.looked_at, 1)
        elif rule.rejects:
            # Predictions are distinct: an image is wrong when all that are looked at are rejected.
            there = np.take(batch[:, :, 0], plan.positions, axis=1) != MISSING
            right = there & (_matches(plan, batch) < rule.k)
        else:
            right = _matches(plan, batch) > 0
        np.take(right, plan.places, axis=1, out=values[start : start + step], mode="clip")
    return values


def _matches(plan: ValuesPlan, labels: Labels) -> NDArray[np.int16]:
    """How many labels of each image its predictions match: (checkpoints, rule's images), in the order of the plan."""
    matches = np.zeros((len(labels), plan.positions.size), np.int16)
    for place in range(plan.rule.labels_needed):
        predicted = np.take(labels[:, :, place], plan.positions, axis=1)
        if plan.rule.k == LABELS:
            predicted[:, plan.looked_at <= place] = NO_LABEL
        for layer in plan.layers:
            matches[:, : layer.size] += predicted[:, : layer.size] == layer
    return matches
