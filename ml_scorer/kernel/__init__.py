"""The kernel: compare predictions with accepted labels, count the matches, weigh the counts. Exact, and no branches."""

from ml_scorer.kernel.sums import BATCH, Sums
from ml_scorer.kernel.top1 import Plan, compile_plan, count
from ml_scorer.kernel.top_k import TopKPlan, compile_top_k, count_top_k, too_few

__all__ = ["BATCH", "Plan", "Sums", "TopKPlan", "compile_plan", "compile_top_k", "count", "count_top_k", "too_few"]
