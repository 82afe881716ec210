"""Scores as a document."""

from __future__ import annotations

from typing import Any

from ml_scorer.report.document import Document, Kind, Table
from ml_scorer.scores import Scores


def scores_document(scores: Scores) -> Document:
    """One table, `scores`: a row a checkpoint, the share of each measure with its interval, counts."""
    columns = scores.frame.columns
    kinds: dict[str, Kind] = {}
    intervals = {}
    for measure in scores.signatures:
        ends = (f"{measure}_low", f"{measure}_high")
        kinds |= dict.fromkeys((measure, *ends), "share")
        if set(ends) <= set(columns):
            intervals[measure] = ends
    if {"place_low", "place_high"} <= set(columns):
        intervals["place"] = ("place_low", "place_high")
    extra: dict[str, Any] = {"near_chance": list(scores.near_chance)}
    if scores.confidence is not None:
        extra |= {"confidence": scores.confidence, "intervals": dict(scores.intervals)}
    table = Table(
        "scores",
        scores.frame,
        kinds,
        intervals,
        best=tuple(scores.signatures),
        counted={
            measure: (f"{measure}_right", scores.denominators[measure])
            for measure in scores.signatures
            if f"{measure}_right" in columns
        },
    )
    notes = tuple(interval_notes(scores))
    return Document((table,), scores.annotations, scores.signatures, notes, scores.failed, extra)


def interval_notes(scores: Scores) -> list[str]:
    """A sentence for each method of intervals, with the measures that it is for."""
    if scores.confidence is None:
        return []
    methods: dict[str, list[str]] = {}
    for measure, method in scores.intervals.items():
        methods.setdefault(method, []).append(measure)
    return [
        f"{scores.confidence * 100:g}% intervals: {method} ({', '.join(measures)})."
        for method, measures in methods.items()
    ]
