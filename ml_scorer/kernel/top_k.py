"""Count several predictions an image, for one rule.

A column is an image with all of its labels; columns and their layers of labels lie as `columns` says. Each takes `k`
predictions, which are distinct, so that at most one of them matches a column with a single label. Such columns come
down to one comparison, with the label once for each prediction that is looked at:

    matches = aligned[:, single] == singles                        # (checkpoints, single columns * places) bool
    bits    = bitwise_count(packbits(matches, axis=1))             # (checkpoints, words * places)

A column with several labels may match several predictions. There the predictions are laid out by place, and joined: by
OR where a rule accepts labels, and by AND where it rejects them, since then an image is wrong when all its predictions
are. With k=labels nothing is joined: the matches of all places count, each for a share of the weight.

    matches = OR over layers of (by_place[:, :, :width] == layer)  # (checkpoints, k, columns) bool
    bits    = bitwise_count(packbits(joined, axis=1))              # (checkpoints, words)

Last, with both side by side,

    counts  = add.reduceat(bits, groups, axis=1)                   # (checkpoints, groups of columns of equal weights)
    sums    = counts @ weights                                     # exact: integers below 2**53
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_scorer.kernel.columns import WORD, arrange, position_in_run
from ml_scorer.kernel.sums import Sums, number_type
from ml_scorer.measures.rule import LABELS, Rule, Weights
from ml_scorer.schema import MISSING, NO_LABEL, Images, Labels


@dataclass(frozen=True, eq=False)
class TopKPlan:
    """A rule compiled for counting.

    Attributes
    ----------
    rule : Rule
    k : int
        Predictions that each column takes: as many as an image needs at most.
    images : (columns,) int32
        The image whose predictions each column takes; columns with several labels stand before those with a single one.
    layers : tuple of (k, width) int16
        Labels that the first `width` columns, of those with several, are compared with at each place.
    singles : (single columns, places) int16
        The label of each other column, once for each prediction that is looked at.
    groups : (groups,) int64
        First of the bytes of match bits of each group of columns that have equal weights.
    weights : (groups,) float64, or object (Python integers)
        What a match in each group adds to the sum; negative where the rule rejects labels.
    offset : int
        What the sum starts from: 0, or the whole weight where the rule rejects labels.
    """

    rule: Rule
    k: int
    images: Images
    layers: tuple[Labels, ...]
    singles: Labels
    groups: NDArray[np.int64]
    weights: Sums
    offset: int

    @property
    def denominator(self) -> int:
        """What the sum is divided by."""
        return self.rule.denominator


def compile_top_k(rule: Rule, *, missing_allowed: bool = False) -> TopKPlan:
    """Compile a rule.

    Parameters
    ----------
    rule : Rule
    missing_allowed : bool
        Whether the predictions of an image may be `MISSING`, all of them. Then the image is not right, not even under a
        rule that accepts every label but some.
    """
    k = rule.labels_needed
    rows, labels, weights = _pairs(rule, k, missing_allowed=missing_allowed)
    image_of_column, starts, depths = np.unique(rows, return_index=True, return_counts=True)
    distinct, codes = np.unique(weights[image_of_column], return_inverse=True)
    columns = arrange(depths, codes)
    layers = columns.layers(np.repeat(np.arange(starts.size), depths), position_in_run(starts, rows.size), labels)
    several = int(np.count_nonzero(columns.depths > 1))

    images = rule.images[image_of_column]
    # With k=labels as many places are looked at as there are labels.
    looked_at = columns.spread(depths if rule.k == LABELS else np.full(depths.size, k), 0)[:several]
    compared = np.arange(k)[:, None] < looked_at
    # A single label that is rejected is `MISSING` (or k is 1): the first place tells.
    places = 1 if rule.k == LABELS or rule.rejects else k
    words = several // WORD
    return TopKPlan(
        rule=rule,
        k=k,
        # The padding takes the predictions of some needed image and compares them with no label.
        images=columns.spread(images, images[0] if images.size else 0),
        layers=tuple(np.where(compared[:, : layer.size], layer[:several], np.int16(NO_LABEL)) for layer in layers),
        singles=np.repeat(layers[0][several:, None], places, axis=1),
        groups=np.where(columns.groups < words, columns.groups, words + (columns.groups - words) * places),
        weights=distinct.astype(number_type(rule.denominator))[columns.codes],
        offset=rule.denominator if rule.rejects else 0,
    )


def count_top_k(plan: TopKPlan, aligned: Labels) -> Sums:
    """Weighted number of images that are right, for each checkpoint.

    Parameters
    ----------
    plan : TopKPlan
    aligned : (checkpoints, columns, k) int16
        Predictions for `plan.images[column]` in each column, the most likely first, all different or all `MISSING`.
        Only the first `plan.k` of them are looked at. Of one, the last axis may be left out.

    Returns
    -------
    (checkpoints,) float64, or object
        Whole numbers; divided by `plan.denominator` they are the scores.

    Raises
    ------
    ValueError
        If there are fewer than `plan.k` predictions.
    """
    predictions = aligned if aligned.ndim == 3 else aligned[:, :, None]  # noqa: PLR2004
    if predictions.shape[2] < plan.k:
        raise ValueError(f"expected {plan.k} predictions for each image, found {predictions.shape[2]}")
    several = plan.layers[0].shape[1]
    bits = np.concatenate(
        [_several_bits(plan, predictions[:, :several, : plan.k]), _single_bits(plan, predictions[:, several:])], axis=1
    )
    counts = np.add.reduceat(bits, plan.groups, axis=1, dtype=np.uint32)
    sums: Sums = plan.offset + np.matmul(counts.astype(plan.weights.dtype), plan.weights)
    return sums


def too_few(plan: TopKPlan, k: int) -> int:
    """Number of images of which the rule looks at more than `k` predictions."""
    return plan.rule.too_few(k)


def _several_bits(plan: TopKPlan, predictions: Labels) -> NDArray[np.unsignedinteger]:
    """Number of matches in each word of the columns with several labels."""
    by_place = np.ascontiguousarray(predictions.swapaxes(1, 2))
    matches = by_place == plan.layers[0]
    for layer in plan.layers[1:]:
        width = layer.shape[1]
        matches[:, :, :width] |= by_place[:, :, :width] == layer
    if plan.rule.k == LABELS:
        of_all_places: NDArray[np.uint16] = np.bitwise_count(np.packbits(matches, axis=2)).sum(axis=1, dtype=np.uint16)
        return of_all_places
    joined = matches.all(axis=1) if plan.rule.rejects else matches.any(axis=1)
    return np.bitwise_count(np.packbits(joined, axis=1))


def _single_bits(plan: TopKPlan, predictions: Labels) -> NDArray[np.unsignedinteger]:
    """Number of matches in each byte of the columns with a single label."""
    matches = predictions[:, :, : plan.singles.shape[1]] == plan.singles
    return np.bitwise_count(np.packbits(matches.reshape(len(matches), plan.singles.size), axis=1))


def _pairs(rule: Rule, k: int, *, missing_allowed: bool) -> tuple[NDArray[np.int64], Labels, Weights]:
    """Pairs that matter, by the row of their image: rows and labels, and what a match of each image adds."""
    rows, labels = rule.pair_rows, rule.pair_labels
    pairs_of_image = np.bincount(rows, minlength=rule.images.size)
    weights = rule.weights
    if rule.k == LABELS:
        weights = weights // np.maximum(pairs_of_image, 1)
    if rule.rejects:
        weights = -weights
        # An image with fewer rejected labels than predictions is right: these are distinct.
        may_be_wrong = pairs_of_image[rows] >= k
        rows, labels = rows[may_be_wrong], labels[may_be_wrong]
        if missing_allowed:
            rows = np.concatenate([rows, np.arange(rule.images.size)])
            labels = np.concatenate([labels, np.full(rule.images.size, MISSING, np.int16)])
    order = np.argsort(rows, kind="stable")
    return rows[order], labels[order], weights
