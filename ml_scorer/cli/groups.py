"""`ml-scorer groups`: scores of groups of classes, and by factor of variation."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import click
import polars as pl

from ml_scorer.breakdowns.factor_files import WHICH, Factors, read_factors
from ml_scorer.breakdowns.factors import ALL, factor_signature, factor_table
from ml_scorer.breakdowns.group_files import read_groups
from ml_scorer.breakdowns.groups import Membership, group_measures, group_signatures, group_table, named_groups
from ml_scorer.cli.binding import Bind, on_error_option, scorer_options
from ml_scorer.cli.breakdown import checked_level, missing_notes, read_outcomes
from ml_scorer.cli.confidence import confidence_option
from ml_scorer.cli.doubts import say_doubts
from ml_scorer.cli.output import FOR_PEOPLE, chosen_format, emit, output_options, refuse_overwriting
from ml_scorer.measures import DEFAULT_MEASURES
from ml_scorer.measures.bounds import with_upper_bounds
from ml_scorer.report.document import Document, Table
from ml_scorer.scoring import OnError, Scorer
from ml_scorer.scoring.counter import MISSING_COUNT
from ml_scorer.scoring.outcomes import Outcomes

_SHARES: Final = ("score", "low", "high", "upper")

_METHODS: Final = (
    "Clopper-Pearson for averages over images or within one class, stratified Korn-Graubard for averages over classes"
)

_ANY: Final = (
    "By any accepted label: an image is in a group if one of its labels judged correct or unclear is. Such images have "
    "original labels outside the group, too, so that the scores are averages over images, not over classes."
)


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@scorer_options
@click.option(
    "--groups",
    "groups_file",
    metavar="FILE",
    help="Your own groups: a table (.csv .tsv .parquet .json .jsonl) with a column of classes (index, WordNet id or "
    "name) and one of groups.",
)
@click.option(
    "--membership",
    type=click.Choice(["original", "any"]),
    default="original",
    show_default=True,
    help="Images of a group: by original label, or by any label judged correct or unclear (then averaged over images).",
)
@click.option(
    "--factors",
    is_flag=False,
    flag_value="top",
    metavar="[top|multi|FILE]",
    help="By factor of variation instead (pose, background, texture, …; package imagenet-x): of each image the top "
    "factor (alone, this word may be left out behind the predictions) or all; or from a copy of its data file.",
)
@confidence_option("Of the intervals (extra `stats`).")
@click.option("--no-intervals", is_flag=True, help="Scores alone; needs no extra.")
@on_error_option
@output_options
def groups(  # noqa: PLR0913 (one parameter for each option)
    *,
    predictions: tuple[str, ...],
    bind: Bind,
    groups_file: str | None,
    membership: Membership,
    factors: str | None,
    confidence: float,
    no_intervals: bool,
    on_error: OnError,
    format_: str | None,
    output: str | None,
) -> None:
    """Score PREDICTIONS by group of classes: organism, object, dog and organism-not-dog, or your own.

    Every group has its own per-class average, as MLA(classes=…), and an upper bound: had every label been correct that
    no expert judged.

    \b
    ml-scorer groups resnet50.csv dino.csv
    ml-scorer groups sweep/ --order imagefolder --groups superclasses.csv -o groups.csv
    ml-scorer groups resnet50.csv --membership any
    ml-scorer groups resnet50.csv --factors
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)
    refuse_overwriting(output, [groups_file, factors])
    if factors is not None and (groups_file is not None or membership != "original"):
        raise click.UsageError("--factors makes parts of its own: leave out --groups and --membership.")
    level = None if no_intervals else checked_level(confidence)
    marks = None if factors is None else _factors(factors)
    classes = named_groups() if groups_file is None else read_groups(groups_file)

    def bind_one() -> Scorer:
        scorer = bind()
        if scorer.measures not in {DEFAULT_MEASURES, with_upper_bounds(scorer.measures[:1])}:
            raise click.UsageError("groups are scored by one measure: give --measure once.")
        if marks is None:
            group_measures(classes, membership, scorer.measures[0])  # refused before predictions are read
        return scorer

    outcomes = read_outcomes(predictions, bind_one, on_error, output)
    measure = outcomes.measures[0]  # by default MLA
    if marks is not None:
        frame = factor_table(outcomes, marks, level, measure)
        document = _document("factors", frame, outcomes, factor_signature(outcomes, marks, measure), level, chosen)
        document = replace(document, notes=(*document.notes, *_factor_notes(marks)))
    else:
        frame = group_table(outcomes, classes, membership, level, measure)
        signatures = group_signatures(outcomes, classes, membership, measure)
        document = _document("groups", frame, outcomes, signatures, level, chosen)
        if membership == "any":
            document = replace(document, notes=(*document.notes, _ANY))
    emit(document, chosen, output)
    say_doubts(outcomes.scores)
    if outcomes.scores.failed:
        sys.exit(1)


def _factors(said: str) -> Factors:
    try:
        return read_factors(said)
    except ValueError as error:
        if said in WHICH:
            raise
        raise click.UsageError(
            f"{error}\nWhat follows --factors is read as a file of factors. "
            "Put --factors behind the predictions, or say --factors top."
        ) from error


def _document(
    name: str,
    frame: pl.DataFrame,
    outcomes: Outcomes,
    signatures: Mapping[str, str],
    confidence: float | None,
    format_: str,
) -> Document:
    bounded = frame["upper"].null_count() < frame.height
    if format_ in FOR_PEOPLE:
        hidden = ["measure"] if bounded else ["measure", "upper"]
        frame = frame.drop(hidden, strict=False)
    elif format_ == "csv" and "measure" in frame.columns:  # each row has a measure of its own
        frame = frame.with_columns(pl.col("measure").replace(dict(signatures)).alias("signature"))
        signatures = {}
    notes = _missing_notes(frame, outcomes)
    if confidence is None:
        frame = frame.drop("low", "high")
    else:
        notes.append(f"{confidence * 100:g}% intervals: {_METHODS}.")
    if bounded:
        notes.append("upper: the score, had every label been correct that no expert judged.")
        if "membership" in frame.columns and (frame["membership"] == "any").any():
            notes.append(
                "upper is over the same images: those that such labels would bring into a group are not counted."
            )
    return Document(
        tables=(
            Table(
                name,
                frame,
                kinds={column: "share" for column in _SHARES if column in frame.columns},
                intervals={} if confidence is None else {"score": ("low", "high")},
            ),
        ),
        annotations=outcomes.scores.annotations,
        signatures=signatures,
        notes=tuple(notes),
        failed=outcomes.scores.failed,
        extra={} if confidence is None else {"confidence": confidence},
    )


def _missing_notes(frame: pl.DataFrame, outcomes: Outcomes) -> list[str]:
    """How many images have no prediction: of all that have factors, or of the measure, since groups may overlap."""
    if MISSING_COUNT not in frame.columns or not frame[MISSING_COUNT].sum():
        return []
    if "factor" in frame.columns:
        return missing_notes(int(frame.filter(factor=ALL)[MISSING_COUNT].sum()))
    return missing_notes(int(outcomes.scores.frame[MISSING_COUNT].sum()), f" of {outcomes.measures[0]}")


def _factor_notes(factors: Factors) -> tuple[str, ...]:
    left_out = (
        "Prototypical images are not left out: there is no prototypical_paths.csv beside that file."
        if factors.prototypes is None
        else f"{factors.prototypes:,} prototypical images are left out."
    )
    return (
        f"Factors: {factors} (Idrissi et al., arXiv:2211.01866). {left_out}",
        f"error_ratio: how many times as often as over {ALL} images a prediction is wrong.",
    )
