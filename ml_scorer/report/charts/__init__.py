"""Charts: one function from a frame to a picture for each; how pages embed them and how files hold them."""

from __future__ import annotations

from typing import Final

from ml_scorer.report.charts import against_top1, classes, confusions, groups, leaderboard, training, verdicts
from ml_scorer.report.charts.kind import ChartKind

CHARTS: Final[dict[str, ChartKind]] = {
    "leaderboard": ChartKind("Leaderboard", "leaderboard", leaderboard.summarise, leaderboard.draw),
    "mla-against-top1": ChartKind("MLA against top-1", "leaderboard", against_top1.summarise, against_top1.draw),
    "training": ChartKind("Course of training", "training", training.summarise, training.draw),
    "verdicts": ChartKind("Verdicts and bounds", "leaderboard", verdicts.summarise, verdicts.draw),
    "classes": ChartKind("Classes", "classes", classes.summarise, classes.draw),
    "confusions": ChartKind("Confusions", "confusions", confusions.summarise, confusions.draw),
    "groups": ChartKind("Groups", "groups", groups.summarise, groups.draw),
}
"""Every chart by its name. A new one is a file of its own, a line here, and a test."""

__all__ = ["CHARTS", "ChartKind"]
