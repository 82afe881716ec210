"""How many predictions fall under each verdict, on the images of MLA."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml_scorer.annotations import VERDICTS, Annotations
from ml_scorer.measures.rule import Rule, scored_rows, verdict_rule
from ml_scorer.schema import NUM_CLASSES, Images

UNREVIEWED: Final = "unreviewed"

VERDICT_COUNTS: Final = (*VERDICTS, UNREVIEWED)
"""What every prediction is one of: judged correct, unclear or wrong, or judged by no expert."""


def verdict_rules(annotations: Annotations) -> dict[str, Rule]:
    """A rule for each of `VERDICT_COUNTS`; its integer sum is the count."""
    rows = scored_rows(annotations)
    reviewed = tuple(range(len(VERDICTS)))
    rules = {name: verdict_rule(annotations, rows, (verdict,)) for verdict, name in enumerate(VERDICTS)}
    return {**rules, UNREVIEWED: verdict_rule(annotations, rows, reviewed, rejects=True)}


def verdict_table(annotations: Annotations, images: Images) -> NDArray[np.int8]:
    """What experts say of each class for each image.

    Parameters
    ----------
    annotations : Annotations
    images : (images,) int32
        Ascending; problematic images have verdicts too, those that are not annotated have none.

    Returns
    -------
    (images, classes) int8
        Index into `VERDICT_COUNTS`.
    """
    table = np.full((images.size, NUM_CLASSES), VERDICT_COUNTS.index(UNREVIEWED), np.int8)
    reviewed = annotations.images[annotations.reviewed_rows]
    here = np.isin(reviewed, images)
    table[np.searchsorted(images, reviewed[here]), annotations.reviewed_labels[here]] = annotations.verdicts[here]
    return table
