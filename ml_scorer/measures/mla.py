"""Multi-label accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_scorer.annotations import VERDICTS, Annotations
from ml_scorer.errors import MeasureError, faults_text
from ml_scorer.measures.class_sets import ALL, CLASS_SET, class_set_members
from ml_scorer.measures.label_count import LABEL_COUNT, label_count
from ml_scorer.measures.measure import Measure, Notation
from ml_scorer.measures.rule import LABELS, Rule, scored_rows, verdict_rule

CORRECT, UNCLEAR, WRONG = range(len(VERDICTS))


@dataclass(frozen=True)
class MLA(Measure):
    """Multi-label accuracy: the share of images whose prediction experts accept, problematic images left out.

    Follows the recipe in the dataset's documentation (Shankar et al., ICML 2020): a label judged correct or unclear is
    right, shares are averaged within each original class, then over the classes.

    With k=labels an image that has n accepted labels gives the share of them that are among its first n predictions
    (the variable top-k of Anzaku et al., arXiv:2412.18409, averaged as above), and an image that has none gives 0. In
    the published annotations every image that is not problematic has from one to nine, and 18 have more than five.

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
    membership : {"original", "any"}
        How an image belongs to `classes`: by its original label (Shankar et al.), or by any of the labels that experts
        judged correct or unclear, whatever `unclear` and `unreviewed` count as (Peychev et al., NeurIPS 2023,
        arXiv:2401.02430). Such images have original labels outside the set, too, so that "any" needs average=image.
    k : str or int
        How many predictions of an image are looked at, the most likely first: 1-1000, any of which makes it right, or
        "labels".

    Raises
    ------
    MeasureError
        If an argument is none of these; for k=labels with unreviewed=correct: the labels that are accepted then
        are not known, so that nobody can say how many there are; or for membership=any without classes, or with a
        per-class average.

    Examples
    --------
    >>> str(MLA()), str(MLA(unclear="wrong", classes="dog"))
    ('MLA', 'MLA(unclear=wrong, classes=dog)')
    >>> MLA(classes=[0, 1, 2]) == MLA(classes="0-2")
    True
    >>> MLA(k=5)
    MLA(unclear='correct', unreviewed='wrong', average='class', classes='all', membership='original', k='5')
    """

    unclear: str = "correct"
    unreviewed: str = "wrong"
    average: str = "class"
    classes: str | Iterable[int] = ALL
    membership: str = "original"
    k: str | int = "1"

    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "unclear": ("correct", "wrong"),
        "unreviewed": ("wrong", "correct"),
        "average": ("class", "image"),
        "membership": ("original", "any"),
    }

    notations: ClassVar[dict[str, Notation]] = {"classes": CLASS_SET, "k": LABEL_COUNT}

    def __post_init__(self) -> None:
        """Check the arguments, each by itself and then together."""
        super().__post_init__()
        faults = []
        if self.k == LABELS and self.unreviewed == "correct":
            faults.append(
                "k=labels looks at as many predictions as the image has accepted labels, and with "
                "unreviewed=correct nobody knows how many those are. Leave one of the two out, or take a number: k=5."
            )
        if self.membership == "any" and self.classes == ALL:
            faults.append("membership=any says how an image belongs to some classes. Name them, as in classes=dog.")
        if self.membership == "any" and self.average != "image":
            faults.append(
                "membership=any takes in images of other original classes, a few of each, over which no per-class "
                "average can be made. Say average=image as well."
            )
        if faults:
            raise MeasureError(faults_text("MLA", faults))

    def rule(self, annotations: Annotations) -> Rule:
        """Accepted labels and weights under these annotations."""
        rows = scored_rows(annotations)
        classes = np.arange(annotations.num_classes)
        if self.classes != ALL:
            classes = np.array(sorted(class_set_members(str(self.classes))))
            rows = rows[self._members(annotations, classes)[rows]]
        if not rows.size and self.average == "image":
            by = "a label judged correct or unclear" if self.membership == "any" else "its original label"
            raise MeasureError(f"no image that is not problematic has {by} among classes={self.classes}.")
        rejects = self.unreviewed == "correct"
        counts_with_unclear = self.unclear == ("wrong" if rejects else "correct")
        verdicts = (WRONG if rejects else CORRECT, *((UNCLEAR,) if counts_with_unclear else ()))
        by_class = classes if self.average == "class" else None
        k = label_count(str(self.k))
        return verdict_rule(annotations, rows, verdicts, rejects=rejects, classes=by_class, k=k)

    def _members(self, annotations: Annotations, classes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which images belong to some classes: (annotations,) bool."""
        if self.membership == "original":
            return np.isin(annotations.original_labels, classes)
        accepted = np.isin(annotations.verdicts, (CORRECT, UNCLEAR)) & np.isin(annotations.reviewed_labels, classes)
        members = np.zeros(len(annotations), bool)
        members[annotations.reviewed_rows[accepted]] = True
        return members
