"""How columns lie: those with more labels first, among these those of equal weights together, in whole words.

The labels of the columns lie in layers: the first label of every column in layer 0, a second one, where there is one,
in layer 1, and so on. Since columns with more labels stand first, each layer is a prefix of the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.schema import NO_LABEL, Labels

WORD: Final = 8
"""Columns in a word; all of them have equal weights, and there is padding where there are not enough of them."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The places of columns.

    Attributes
    ----------
    places : (columns,) int64
        Where each column stands.
    depths : (width,) int64
        Layers that reach each place; falling, and rounded up, so that few levels make little padding.
    groups : (groups,) int64
        First word of each group of columns that have the same depth and code.
    codes : (groups,) int64
        Code of each group.
    """

    places: NDArray[np.int64]
    depths: NDArray[np.int64]
    groups: NDArray[np.int64]
    codes: NDArray[np.int64]

    def spread(self, values: NDArray[Any], padding: int) -> NDArray[Any]:
        """The value of each column at its place, (width,), and in the padding another."""
        spread = np.full(self.depths.size, padding, values.dtype)
        spread[self.places] = values
        return spread

    def layers(
        self, column_of_label: NDArray[np.int64], layer_of_label: NDArray[np.int64], labels: Labels
    ) -> tuple[Labels, ...]:
        """Labels by layer, each (places that it reaches,) int16, `NO_LABEL` where there is none.

        Parameters
        ----------
        column_of_label, layer_of_label : (labels,) int64
        labels : (labels,) int16
        """
        layers = []
        for layer in range(int(layer_of_label.max(initial=0)) + 1):
            accepted = np.full(int(np.count_nonzero(self.depths > layer)), NO_LABEL, np.int16)
            here = layer_of_label == layer
            accepted[self.places[column_of_label[here]]] = labels[here]
            layers.append(accepted)
        return tuple(layers)


def arrange(depths: NDArray[np.int64], codes: NDArray[np.int64]) -> Columns:
    """Places for columns.

    Parameters
    ----------
    depths : (columns,) int64
        Labels of each column.
    codes : (columns,) int64
        Equal where the weights are.
    """
    levels = _rounded_up(depths)
    deepest, number_of_codes = int(levels.max(initial=1)), int(codes.max(initial=0)) + 1
    keys = (deepest - levels) * number_of_codes + codes
    order = np.argsort(keys, kind="stable")
    firsts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    sizes = np.diff(firsts, append=keys.size)
    words = -(-sizes // WORD)
    groups = np.cumsum(words) - words
    places = np.empty(keys.size, np.int64)
    places[order] = np.arange(keys.size) + np.repeat(groups * WORD - firsts, sizes)
    keys_of_groups = keys[order[firsts]]
    return Columns(
        places=places,
        depths=np.repeat(deepest - keys_of_groups // number_of_codes, words * WORD),
        groups=groups,
        codes=keys_of_groups % number_of_codes,
    )


def position_in_run(starts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Position of each of so many things in its run, given where runs start.

    >>> position_in_run(np.array([0, 3]), 5).tolist()
    [0, 1, 2, 0, 1]
    """
    return np.arange(size) - np.repeat(starts, np.diff(starts, append=size))


def _rounded_up(depths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Depths rounded up to a power of two or half way between two.

    >>> _rounded_up(np.array([1, 3, 5, 9, 17])).tolist()
    [1, 3, 6, 12, 24]
    """
    levels = np.array([1, *(step << power for power in range(16) for step in (2, 3))])
    return levels[np.searchsorted(levels, depths)]
