"""The kernel: compare predictions with accepted labels, count the matches, weigh the counts. Exact, and no branches."""

from ml_scorer.kernel.sums import BATCH, Sums
from ml_scorer.kernel.top1 import Plan, compile_plan, count
from ml_scorer.kernel.top_k import TopKPlan, compile_top_k, count_top_k, too_few
from ml_scorer.kernel.values import Values, ValuesPlan, compile_values, image_values

__all__ = [
    "BATCH",
    "Plan",
    "Sums",
    "TopKPlan",
    "Values",
    "ValuesPlan",
    "compile_plan",
    "compile_top_k",
    "compile_values",
    "count",
    "count_top_k",
    "image_values",
    "too_few",
]
