"""What a measure measures, in a sentence that leaves none of its arguments out."""

from __future__ import annotations

from typing import Final

from ml_scorer.measures import MLA, ImageNetM, Measure, ReaL, Top1, Top5
from ml_scorer.measures.class_sets import ALL
from ml_scorer.measures.rule import LABELS

_ACCEPTED: Final = {
    # unclear, unreviewed
    ("correct", "wrong"): "a label that experts judged correct or unclear; one that no expert judged is wrong",
    ("wrong", "wrong"): "a label that experts judged correct; an unclear one, or one that no expert judged, is wrong",
    ("correct", "correct"): "any label that experts did not judge wrong, one that nobody judged included: the most "
    "that MLA can be once all labels are judged",
    ("wrong", "correct"): "a label that experts judged correct, or that nobody judged; an unclear one is wrong",
}

_AVERAGE: Final = {
    "class": "averaged within each original class, then over the classes",
    "image": "averaged over all images alike",
}

_SETS: Final = {
    "organism": "an organism",
    "object": "an object",
    "dog": "a dog",
    "organism-not-dog": "an organism, but not a dog",
}

_IMAGES: Final = {"annotated": "on the images of MLA", "validation": "on all 50,000 validation images"}

_REASSESSED: Final = {
    "annotated": "on those images of MLA that have such a label",
    "validation": "on the validation images that have such a label",
}


def meaning(measure: Measure) -> str:
    """What a measure measures.

    >>> meaning(ImageNetM()).partition("; ")[2]
    'on the 68 images that the best models of 2022 got badly wrong'
    """
    if isinstance(measure, MLA):
        parts = [_right(measure), *_subset(measure), _AVERAGE[measure.average], "problematic images left out"]
    elif isinstance(measure, Top1 | Top5):
        right = "a prediction is right when it is the original label"
        if isinstance(measure, Top5):
            right = "an image is right when its original label is among the first five predictions"
        parts = [right, _IMAGES[measure.images], _AVERAGE[measure.average]]
    elif isinstance(measure, ReaL):
        right = "a prediction is right when it is one of the reassessed labels"
        parts = [right, _REASSESSED[measure.images], _AVERAGE["image"]]
    elif isinstance(measure, ImageNetM):
        right = "a prediction is right when experts judged its label correct or unclear"
        parts = [right, "on the 68 images that the best models of 2022 got badly wrong"]
    else:
        parts = ["see `ml-scorer measures`"]
    return "; ".join(parts)


def _right(measure: MLA) -> str:
    """When an image is right."""
    accepted = _ACCEPTED[measure.unclear, measure.unreviewed]
    if measure.k == LABELS:
        share = "an image with n accepted labels gives the share of them that are among its first n predictions"
        return f"{share}; accepted is {accepted}"
    if measure.k == "1":
        return f"a prediction is right when it is {accepted}"
    return f"an image is right when any of its first {measure.k} predictions is {accepted}"


def _subset(measure: MLA) -> list[str]:
    """Which images, where they are not all of them."""
    if measure.classes == ALL:
        return []
    kind = _SETS.get(str(measure.classes), f"of the classes {measure.classes}")
    if measure.membership == "any":
        return [f"only images with a label, judged correct or unclear, that is {kind}"]
    return [f"only images whose original label is {kind}"]
