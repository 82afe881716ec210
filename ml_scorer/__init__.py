"""ImageNet multi-label accuracy from expert annotations: without TensorFlow, and without images."""

from ml_scorer.annotations import Annotations, load_annotations
from ml_scorer.measures import MLA, ImageNetM, Top1, Top5, parse_measure
from ml_scorer.scores import Scores
from ml_scorer.scoring import Scorer, score


def _html(scores: Scores) -> str:
    from ml_scorer.report.notebook import scores_html  # only a notebook asks for it

    return scores_html(scores)


Scores.notebook_html = staticmethod(_html)

__all__ = [
    "MLA",
    "Annotations",
    "ImageNetM",
    "Scorer",
    "Scores",
    "Top1",
    "Top5",
    "load_annotations",
    "parse_measure",
    "score",
]
