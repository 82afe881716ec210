"""The kernel: compare predictions with accepted labels, count the matches, weigh the counts. Exact, and no branches.

Rules compile to *columns*. A column is an image with all of its labels that weigh the same in every rule; so each
comparison serves every rule at once. Its labels lie in layers: the first label of every column in layer 0, a second
one, where there is one, in layer 1, and so on. Columns with more labels stand first, so that each layer is a prefix of
the columns; among those, columns of equal weights stand together, padded to whole bytes of match bits. Then

    matches = OR over layers of (aligned[:, :width] == layer)      # (checkpoints, columns) bool
    bits    = bitwise_count(packbits(matches, axis=1))             # (checkpoints, columns / 8)
    counts  = add.reduceat(bits, groups, axis=1)                   # (checkpoints, groups of columns of equal weights)
    sums    = counts @ weights                                     # exact: integers below 2**53

An image's prediction equals at most one of its labels, so that no sum counts it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_scorer.measures.rule import EXACT, Rule
from ml_scorer.schema import MISSING, NO_LABEL, Images, Labels

BATCH: Final = 32
"""Checkpoints in a batch: enough to spread the cost of a call, few enough to stay in the cache."""

_WORD: Final = 8
"""Columns in a word of match bits; the columns of a word have equal weights."""

_LAYERS: Final = 8
"""Labels in a column at most: more would make layers too narrow to be worth a call."""

_LABEL_BITS: Final = 16
"""A pair of an image and a label has one integer as its key: image << 16 | label + 1."""

Sums: TypeAlias = NDArray[Any]
"""Whole numbers: float64 while all of them are below 2**53, else Python integers in an object array."""

_Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], list[int]]
"""Pairs of one rule: the key of each, the index of its weight, and the distinct weights."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Rules compiled for counting.

    Attributes
    ----------
    images : (columns,) int32
        The image whose prediction each column takes.
    layers : tuple of (width,) int16
        Labels that the first `width` columns are compared with.
    groups : (groups,) int64
        First word of each group of columns that have equal weights.
    weights : (groups, rules) float64, or object (Python integers)
        What a match in each group adds to each rule's sum; negative where the rule rejects the label.
    offsets : (rules,) float64, or object
        What the sums start from: 0, or the whole weight where a rule rejects labels.
    denominators : tuple of int
        What each rule's sum is divided by.
    """

    images: Images
    layers: tuple[Labels, ...]
    groups: NDArray[np.int64]
    weights: Sums
    offsets: Sums
    denominators: tuple[int, ...]


def compile_plan(rules: Sequence[Rule], *, missing_allowed: bool = False) -> Plan:
    """Compile rules into one plan.

    Parameters
    ----------
    rules : sequence of Rule
    missing_allowed : bool
        Whether a prediction may be `MISSING`. Then no rule counts such an image as right, not even one that accepts
        every label but some.
    """
    pairs = [_pairs(rule, missing_allowed=missing_allowed) for rule in rules]
    keys = np.unique(np.concatenate([pair_keys for pair_keys, _, _ in pairs]))
    codes, weights_of_code = _weight_codes(keys, pairs)

    # One column for each image and code, or several where it has more labels than there are layers.
    order = np.lexsort((codes, keys >> _LABEL_BITS))
    images, labels = (keys[order] >> _LABEL_BITS).astype(np.int32), (keys[order] & ((1 << _LABEL_BITS) - 1)) + MISSING
    codes = codes[order]
    layer_of_pair = _position_in_run(images, codes) % _LAYERS
    starts = np.flatnonzero((layer_of_pair == 0) | np.diff(images, prepend=-1) | np.diff(codes, prepend=-1))
    depths = np.diff(starts, append=images.size)
    column_of_pair = np.repeat(np.arange(starts.size), depths)

    # Columns stand by level (depth, rounded up to a power of two or half way between), then by code, in whole words.
    levels = _rounded_up(depths)
    group_keys = (levels.max(initial=1) - levels) * len(weights_of_code) + codes[starts]
    groups, group_of = np.unique(group_keys, return_inverse=True)
    sizes = np.bincount(group_of, minlength=groups.size)
    words = -(-sizes // _WORD)
    first = (np.cumsum(words) - words) * _WORD
    sorted_columns = np.argsort(group_of, kind="stable")
    rank = np.arange(starts.size) - (np.cumsum(sizes) - sizes)[group_of[sorted_columns]]
    slot = np.empty(starts.size, np.int64)
    slot[sorted_columns] = first[group_of[sorted_columns]] + rank

    # The padding takes the prediction of some needed image and compares it with no label.
    width = int(words.sum()) * _WORD
    column_images = np.full(width, images[0] if images.size else 0, np.int32)
    column_images[slot] = images[starts]
    depth_of_slot = np.repeat(levels.max(initial=1) - groups // len(weights_of_code), words * _WORD)
    layers = []
    for layer in range(int(depths.max(initial=1))):
        accepted = np.full(int(np.count_nonzero(depth_of_slot > layer)), NO_LABEL, np.int16)
        here = layer_of_pair == layer
        accepted[slot[column_of_pair[here]]] = labels[here]
        layers.append(accepted)

    exact = max(rule.denominator for rule in rules) < EXACT
    number = np.dtype(np.float64 if exact else object)
    per_code = np.array(weights_of_code, dtype=number).reshape(-1, len(rules))
    return Plan(
        images=column_images,
        layers=tuple(layers),
        groups=np.cumsum(words) - words,
        weights=per_code[groups % len(weights_of_code)],
        offsets=np.array([rule.denominator if rule.rejects else 0 for rule in rules], dtype=number),
        denominators=tuple(rule.denominator for rule in rules),
    )


def count(plan: Plan, aligned: Labels) -> Sums:
    """Weighted number of images that are right, for each checkpoint and rule.

    Parameters
    ----------
    plan : Plan
    aligned : (checkpoints, columns) int16
        The prediction for `plan.images[column]` in each column; fastest with `BATCH` checkpoints at a time.

    Returns
    -------
    (checkpoints, rules) float64, or object
        Whole numbers; divided by `plan.denominators` they are the scores.
    """
    matches = aligned == plan.layers[0]
    for layer in plan.layers[1:]:
        matches[:, : layer.size] |= aligned[:, : layer.size] == layer
    bits = np.bitwise_count(np.packbits(matches, axis=1))
    # No group has more columns than there are images, so 16 bits hold its count.
    counts = np.add.reduceat(bits, plan.groups, axis=1, dtype=np.uint16)
    sums: Sums = plan.offsets + np.matmul(counts.astype(plan.weights.dtype), plan.weights)
    return sums


def _pairs(rule: Rule, *, missing_allowed: bool) -> _Pairs:
    """Every pair of a rule; weights of rejected labels are negative."""
    rows, labels = rule.pair_rows, rule.pair_labels
    if rule.rejects and missing_allowed:
        rows = np.concatenate([rows, np.arange(rule.images.size)])
        labels = np.concatenate([labels, np.full(rule.images.size, MISSING, np.int16)])
    keys = rule.images[rows].astype(np.int64) << _LABEL_BITS | (labels.astype(np.int64) - MISSING)
    distinct, index = np.unique(-rule.weights if rule.rejects else rule.weights, return_inverse=True)
    return keys, index[rows], distinct.tolist()


def _weight_codes(keys: NDArray[np.int64], pairs: Sequence[_Pairs]) -> tuple[NDArray[np.int64], list[list[int]]]:
    """A code for each pair, equal where its weights are equal in all rules, and the weights that each code means."""
    codes = np.zeros(keys.size, np.int64)
    weights_of_code: list[list[int]] = [[]]
    for pair_keys, index, distinct in pairs:
        choices = [0, *distinct]
        codes *= len(choices)
        codes[np.searchsorted(keys, pair_keys)] += index + 1
        used = np.flatnonzero(np.bincount(codes))
        weights_of_code = [[*weights_of_code[c // len(choices)], choices[c % len(choices)]] for c in used.tolist()]
        renumbered = np.zeros(used.max(initial=0) + 1, np.int64)
        renumbered[used] = np.arange(used.size)
        codes = renumbered[codes]
    return codes, weights_of_code


def _position_in_run(images: Images, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each pair among those of its image and code, which stand together."""
    starts = np.flatnonzero(np.diff(images, prepend=-1) | np.diff(codes, prepend=-1))
    return np.arange(images.size) - np.repeat(starts, np.diff(starts, append=images.size))


def _rounded_up(depths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Depths rounded up to 1, 2, 3, 4, 6, 8, 12, 16, 24, …, so that few levels make little padding.

    >>> _rounded_up(np.array([1, 3, 5, 9, 17])).tolist()
    [1, 3, 6, 12, 24]
    """
    levels = np.array([1, *(step << power for power in range(16) for step in (2, 3))])
    return levels[np.searchsorted(levels, depths)]
