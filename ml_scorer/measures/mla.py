"""Multi-label accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml_scorer.annotations import VERDICTS, Annotations
from ml_scorer.measures.class_sets import ALL, class_set_members, class_set_text
from ml_scorer.measures.measure import Measure
from ml_scorer.measures.rule import Rule, scored_rows, verdict_rule

CORRECT, UNCLEAR, WRONG = range(len(VERDICTS))


@dataclass(frozen=True)
class MLA(Measure):
    """Multi-label accuracy: the share of images whose prediction experts accept, problematic images left out.

    Follows the recipe in the dataset's documentation (Shankar et al., ICML 2020): a label judged correct or unclear is
    right, shares are averaged within each original class, then over the classes.

    Parameters
    ----------
    unclear : {"correct", "wrong"}
        What a label counts as on which the experts did not agree. "wrong" is the strict form.
    unreviewed : {"wrong", "correct"}
        What a label counts as that no expert judged. "correct" gives the upper bound of MLA.
    average : {"class", "image"}
        Average within each original class, then over the classes; or over all images alike.
    classes : str or iterable of int
        Only images whose original label is in this set: "organism", "object", "dog", "organism-not-dog", or class
        indices, as text ("0-9+15") or as integers. "all" is every class.

    Raises
    ------
    MeasureError
        If an argument is none of these.

    Examples
    --------
    >>> str(MLA()), str(MLA(unclear="wrong", classes="dog"))
    ('MLA', 'MLA(unclear=wrong, classes=dog)')
    >>> MLA(classes=[0, 1, 2]) == MLA(classes="0-2")
    True
    """

    unclear: str = "correct"
    unreviewed: str = "wrong"
    average: str = "class"
    classes: str | Iterable[int] = ALL

    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "unclear": ("correct", "wrong"),
        "unreviewed": ("wrong", "correct"),
        "average": ("class", "image"),
    }

    def __post_init__(self) -> None:
        """Check the arguments; a set of classes is kept in its one written form."""
        super().__post_init__()
        object.__setattr__(self, "classes", class_set_text(self.classes))

    def rule(self, annotations: Annotations) -> Rule:
        """Accepted labels and weights under these annotations."""
        rows = scored_rows(annotations)
        classes = np.arange(annotations.num_classes)
        if self.classes != ALL:
            classes = np.array(sorted(class_set_members(str(self.classes))))
            rows = rows[np.isin(annotations.original_labels[rows], classes)]
        rejects = self.unreviewed == "correct"
        counts_with_unclear = self.unclear == ("wrong" if rejects else "correct")
        verdicts = (WRONG if rejects else CORRECT, *((UNCLEAR,) if counts_with_unclear else ()))
        by_class = classes if self.average == "class" else None
        return verdict_rule(annotations, rows, verdicts, rejects=rejects, classes=by_class)
