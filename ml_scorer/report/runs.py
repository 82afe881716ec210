"""Averages over the seeds of runs, as a document."""

from __future__ import annotations

from ml_scorer.comparison.seeds import SPREAD, Runs
from ml_scorer.report.document import Document, Kind, Table
from ml_scorer.scores import Scores


def runs_document(runs: Runs, scores: Scores) -> Document:
    """One table, `runs`: a row a run, the mean of each measure with its interval, and the spread between its seeds.

    Parameters
    ----------
    runs : Runs
    scores : Scores
        Of the checkpoints that the runs are made of.
    """
    measures = list(scores.signatures)
    kinds: dict[str, Kind] = {}
    for measure in measures:
        kinds |= dict.fromkeys((measure, f"{measure}_low", f"{measure}_high"), "share")
        kinds[f"{measure}{SPREAD}"] = "spread"
    table = Table(
        "runs",
        runs.frame,
        kinds,
        intervals={measure: (f"{measure}_low", f"{measure}_high") for measure in measures},
        best=tuple(measures),
    )
    level = f"{runs.confidence * 100:g}%"
    of_images = (
        f"Means over the checkpoints of a run. {level} intervals: what other images would change in that mean "
        f"({', '.join(dict.fromkeys(runs.methods.values()))})."
    )
    of_seeds = (
        f"{SPREAD.lstrip('_')}: what other seeds would change, as the standard deviation between the checkpoints of a "
        "run; it is not in the intervals."
    )
    extra = {"confidence": runs.confidence, "intervals": dict(runs.methods), "near_chance": list(scores.near_chance)}
    return Document((table,), scores.annotations, scores.signatures, (of_images, of_seeds), scores.failed, extra)
