"""Count one prediction an image, for many rules at once.

Rules compile to *columns*. A column is an image with all of its labels that weigh the same in every rule; so each
comparison serves every rule at once. Columns and their layers of labels lie as `columns` says. Then

    matches = OR over layers of (aligned[:, :width] == layer)      # (checkpoints, columns) bool
    bits    = bitwise_count(packbits(matches, axis=1))             # (checkpoints, columns / 8)
    counts  = add.reduceat(bits, groups, axis=1)                   # (checkpoints, groups of columns of equal weights)
    sums    = counts @ weights                                     # exact: integers below 2**53

An image's prediction equals at most one of its labels, so that no sum counts it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_scorer.kernel.columns import arrange, position_in_run
from ml_scorer.kernel.sums import Sums, number_type
from ml_scorer.measures.rule import Rule
from ml_scorer.schema import MISSING, Images, Labels

_NARROWEST: Final = 1500
"""Columns that a layer has at least, from the second on: fewer labels cost less in columns of their own."""

_LABEL_BITS: Final = 16
"""A pair of an image and a label has one integer as its key: image << 16 | label + 1."""

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
        Rules that look at one prediction of an image; `compile_top_k` takes the others.
    missing_allowed : bool
        Whether a prediction may be `MISSING`. Then no rule counts such an image as right, not even one that accepts
        every label but some.

    Raises
    ------
    ValueError
        If a rule looks at another number of predictions.
    """
    if any(rule.k != 1 for rule in rules):
        raise ValueError("compile_plan takes rules that look at one prediction of an image; compile_top_k the others")
    pairs = [_pairs(rule, missing_allowed=missing_allowed) for rule in rules]
    # With the index np.unique sorts stably: much faster, because the keys of each rule rise.
    keys, _, places = np.unique(
        np.concatenate([pair_keys for pair_keys, _, _ in pairs]), return_index=True, return_inverse=True
    )
    codes, weights_of_code = _weight_codes(keys.size, places, pairs)

    # One column for each image and code, or several where it has more labels than there are layers worth a call.
    order = np.argsort((keys >> _LABEL_BITS) * len(weights_of_code) + codes, kind="stable")
    images, labels = (keys[order] >> _LABEL_BITS).astype(np.int32), (keys[order] & ((1 << _LABEL_BITS) - 1)) + MISSING
    codes = codes[order]
    runs = np.flatnonzero(np.diff(images, prepend=-1) | np.diff(codes, prepend=-1))
    layer_of_pair = position_in_run(runs, images.size) % _worthwhile_layers(np.diff(runs, append=images.size))
    starts = np.flatnonzero((layer_of_pair == 0) | np.diff(images, prepend=-1) | np.diff(codes, prepend=-1))
    depths = np.diff(starts, append=images.size)

    columns = arrange(depths, codes[starts])
    exact = number_type(max(rule.denominator for rule in rules))
    return Plan(
        # The padding takes the prediction of some needed image and compares it with no label.
        images=columns.spread(images[starts], images[0] if images.size else 0),
        layers=columns.layers(np.repeat(np.arange(starts.size), depths), layer_of_pair, labels.astype(np.int16)),
        groups=columns.groups,
        weights=np.array(weights_of_code, dtype=exact).reshape(-1, len(rules))[columns.codes],
        offsets=np.array([rule.denominator if rule.rejects else 0 for rule in rules], dtype=exact),
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


def _worthwhile_layers(labels_of_run: NDArray[np.int64]) -> int:
    """How many layers have `_NARROWEST` columns: as many as the run of that rank has labels, and one in any case."""
    if labels_of_run.size < _NARROWEST:
        return 1
    return int(np.partition(labels_of_run, -_NARROWEST)[-_NARROWEST])


def _pairs(rule: Rule, *, missing_allowed: bool) -> _Pairs:
    """Every pair of a rule; weights of rejected labels are negative."""
    rows, labels = rule.pair_rows, rule.pair_labels
    if rule.rejects and missing_allowed:
        rows = np.concatenate([rows, np.arange(rule.images.size)])
        labels = np.concatenate([labels, np.full(rule.images.size, MISSING, np.int16)])
    keys = rule.images[rows].astype(np.int64) << _LABEL_BITS | (labels.astype(np.int64) - MISSING)
    distinct, index = np.unique(-rule.weights if rule.rejects else rule.weights, return_inverse=True)
    return keys, index[rows], distinct.tolist()


def _weight_codes(
    size: int, places: NDArray[np.int64], pairs: Sequence[_Pairs]
) -> tuple[NDArray[np.int64], list[list[int]]]:
    """A code for each pair, equal where its weights are equal in all rules, and the weights that each code means.

    Parameters
    ----------
    size : int
        Number of different pairs.
    places : (pairs of all rules,) int64
        Which of these each pair of each rule is.
    pairs : sequence of _Pairs
    """
    codes = np.zeros(size, np.int64)
    weights_of_code: list[list[int]] = [[]]
    ends = np.cumsum([pair_keys.size for pair_keys, _, _ in pairs])
    for (_, index, distinct), here in zip(pairs, np.split(places, ends[:-1]), strict=True):
        choices = [0, *distinct]
        codes *= len(choices)
        codes[here] += index + 1
        used = np.flatnonzero(np.bincount(codes))
        weights_of_code = [[*weights_of_code[c // len(choices)], choices[c % len(choices)]] for c in used.tolist()]
        renumbered = np.zeros(used.max(initial=0) + 1, np.int64)
        renumbered[used] = np.arange(used.size)
        codes = renumbered[codes]
    return codes, weights_of_code
