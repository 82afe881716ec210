"""Scores of groups of classes, each with its own average."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.annotations import Annotations
from ml_scorer.breakdowns.missing import counts_missing, missing_images
from ml_scorer.breakdowns.subsets import by_part, exact_scores, scores_with_interval, subset_signature
from ml_scorer.errors import MeasureError, faults_text
from ml_scorer.imagenet import GROUPS, group_members
from ml_scorer.kernel import Values
from ml_scorer.measures import MLA, Measure
from ml_scorer.measures.bounds import upper_bound
from ml_scorer.measures.class_sets import ALL
from ml_scorer.measures.rule import Rule
from ml_scorer.scoring.outcomes import Outcomes

Groups: TypeAlias = Mapping[str, Collection[int]]
"""Class indices of each group, by its name; a class may be in several or in none."""

Membership: TypeAlias = Literal["original", "any"]
"""How an image belongs to a group; see `MLA`."""


def named_groups() -> Groups:
    """The groups that have a name: organism, object, dog, organism-not-dog."""
    return {group: group_members(group) for group in GROUPS}


def group_measures(
    groups: Groups, membership: Membership = "original", measure: Measure | None = None
) -> dict[str, MLA]:
    """The measure that scores each group, by the group's name.

    Parameters
    ----------
    groups : mapping of str to collection of int
    membership : {"original", "any"}
        "any" averages over images: such a group's images span other classes, too.
    measure : measure, optional
        What to measure over each group: MLA with any arguments but classes and membership. None is MLA().

    Raises
    ------
    MeasureError
        If the measure is another one or has classes of its own, or a group cannot be a set of classes; all are named.

    Examples
    --------
    >>> [str(measure) for measure in group_measures({"first": [0, 1]}, "any").values()]
    ['MLA(average=image, classes=0-1, membership=any)']
    """
    measure = MLA() if measure is None else measure
    if not isinstance(measure, MLA) or measure.classes != ALL:
        raise MeasureError(
            f"{measure} cannot be measured over groups: they are made by the argument classes= of MLA. "
            "Give MLA without it, such as MLA(unclear=wrong)."
        )
    average = "image" if membership == "any" else measure.average
    measures, faults = {}, []
    for group, classes in groups.items():
        try:
            measures[group] = replace(measure, classes=classes, membership=membership, average=average)
        except MeasureError as error:
            faults.append(f"group {group!r}: {error}")
    if faults:
        raise MeasureError(faults_text("groups", faults))
    return measures


def group_table(
    outcomes: Outcomes,
    groups: Groups | None = None,
    membership: Membership = "original",
    confidence: float | None = 0.95,
    measure: Measure | None = None,
) -> pl.DataFrame:
    """Score of each checkpoint over each group of classes.

    Parameters
    ----------
    outcomes : Outcomes
        Of measures that need the images of the groups, such as MLA.
    groups : mapping of str to collection of int, optional
        None is `named_groups()`.
    membership, measure
        As in `group_measures`.
    confidence : float, optional
        Of the intervals. None makes none, and needs no extra.

    Returns
    -------
    polars.DataFrame
        One row a checkpoint and group, the groups of a checkpoint together: `checkpoint`, `group`, `membership`,
        `average` ("class" or "image"), `classes` and `images` (their numbers in the group), `missing` (how many of the
        images have no prediction; only where that is allowed), `score` (exact, as the
        measure's), `low` and `high` (Clopper-Pearson over images or in one class, else analytic), `upper` (had every
        unreviewed label been correct; null where the measure has no `upper_bound`), `measure` (its printed name).

    Raises
    ------
    MeasureError
        If a group cannot be measured, or predictions for its images were not kept; all groups are named.
    MissingExtraError
        If scipy is not installed.
    """
    groups = named_groups() if groups is None else groups
    measures = group_measures(groups, membership, measure)
    rules = _rules(measures, outcomes.annotations)
    found = [scores_with_interval(outcomes, rules[group], confidence) for group in measures]
    parts = pl.DataFrame(
        {
            "group": list(measures),
            "membership": membership,
            "average": [one.average for one in measures.values()],
            "classes": [len(set(groups[group])) for group in measures],
            "images": [rules[group].images.size for group in measures],
            "measure": [str(one) for one in measures.values()],
        },
        schema_overrides={"group": pl.String, "average": pl.String, "measure": pl.String},
    )
    columns: dict[str, list[Values]] = {}
    if counts_missing(outcomes):
        columns["missing"] = [missing_images(outcomes, rules[group].images) for group in measures]
    columns |= {
        "score": [one.scores for one in found],
        "low": [one.low for one in found],
        "high": [one.high for one in found],
        "upper": [_upper(outcomes, one) for one in measures.values()],
    }
    return by_part(outcomes, parts, columns).select(pl.exclude("measure"), "measure")


def group_signatures(
    outcomes: Outcomes,
    groups: Groups | None = None,
    membership: Membership = "original",
    measure: Measure | None = None,
) -> dict[str, str]:
    """Signature of the measure of each group, by the measure's printed name; parameters as of `group_table`."""
    measures = group_measures(named_groups() if groups is None else groups, membership, measure)
    rules = _rules(measures, outcomes.annotations)
    return {str(one): subset_signature(outcomes, one, rules[group]) for group, one in measures.items()}


def _rules(measures: Mapping[str, MLA], annotations: Annotations) -> dict[str, Rule]:
    rules, faults = {}, []
    for group, measure in measures.items():
        try:
            rules[group] = measure.rule(annotations)
        except MeasureError as error:
            faults.append(f"group {group!r}: {error}")
    if faults:
        raise MeasureError(faults_text("groups", faults))
    return rules


def _upper(outcomes: Outcomes, measure: MLA) -> NDArray[np.float64]:
    bound = upper_bound(measure)
    if bound is None:
        return np.full(len(outcomes.labels), np.nan)
    return exact_scores(outcomes, bound.rule(outcomes.annotations))
