"""Lists of labels of which only the first are kept: what is wrong with those that are not, so that it is not lost."""

from __future__ import annotations

from typing import Any, Final

from ml_scorer.predictions.arrays.logits import SOUND
from ml_scorer.predictions.class_ids import ClassIds

OUTSIDE, REPEATED = 4, 5
"""What is wrong with the labels of an image: one is no class; one stands there twice. They go on from the faults of
logits, beside which they stand."""

LIST_FAULTS: Final = {
    OUTSIDE: "a label after those that count is no class",
    REPEATED: "a label stands more than once among the most likely ones (several checkpoints have a metric each)",
}
"""The same, in words."""


def list_faults(labels: Any, in_order: Any, k: int, class_ids: ClassIds, library: Any) -> Any:  # noqa: ANN401
    """What is wrong with lists that are longer than what is kept of them: (rows,) `OUTSIDE`, `REPEATED` or `SOUND`.

    Parameters
    ----------
    labels : (rows, labels) integers
        The most likely first.
    in_order : (rows, labels) integers
        The same, sorted.
    k : int
        How many are kept. What is wrong with these is said of them.
    class_ids : ClassIds
        What the numbers mean.
    library : module
        numpy or torch.
    """
    others = labels[:, k:]
    no_class = (others < class_ids.first * (not class_ids.zero_is_background)) | (others > class_ids.last)
    repeated = library.any(in_order[:, 1:] == in_order[:, :-1], axis=1)
    return library.where(library.any(no_class, axis=1), OUTSIDE, library.where(repeated, REPEATED, SOUND))
