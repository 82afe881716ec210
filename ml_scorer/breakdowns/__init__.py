"""What scores are made of: classes, mistakes, groups; functions from the outcomes of checkpoints to frames."""

from __future__ import annotations

from ml_scorer.breakdowns.choosing import Chosen
from ml_scorer.breakdowns.class_lookup import class_called
from ml_scorer.breakdowns.classes import class_table
from ml_scorer.breakdowns.confusions import confusion_pairs
from ml_scorer.breakdowns.factor_files import Factors, read_factors
from ml_scorer.breakdowns.factors import factor_signature, factor_table
from ml_scorer.breakdowns.group_files import read_groups
from ml_scorer.breakdowns.groups import group_signatures, group_table, named_groups
from ml_scorer.breakdowns.mistakes import mistake_table
from ml_scorer.breakdowns.review import review_queue

__all__ = [
    "Chosen",
    "Factors",
    "class_called",
    "class_table",
    "confusion_pairs",
    "factor_signature",
    "factor_table",
    "group_signatures",
    "group_table",
    "mistake_table",
    "named_groups",
    "read_factors",
    "read_groups",
    "review_queue",
]
