"""`ml-scorer score`: score files of predictions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

import click

from ml_scorer.cli.binding import Bind, on_error_option, scorer_options
from ml_scorer.cli.confidence import CONFIDENCE, confidence_option
from ml_scorer.cli.doubts import say_doubts
from ml_scorer.cli.engine import engine_options
from ml_scorer.cli.log import Log, log_options
from ml_scorer.cli.ordering import in_order, ordering_options
from ml_scorer.cli.output import chosen_format, emit, output_options, refuse_overwriting
from ml_scorer.cli.progress import ProgressBar
from ml_scorer.cli.shard import check_shard, shard_document, shard_option
from ml_scorer.cli.threshold import Threshold, parse_thresholds, shortfalls
from ml_scorer.predictions import Sources, prediction_sources
from ml_scorer.predictions.shards import Shard
from ml_scorer.report.document import Document
from ml_scorer.report.earlier import EarlierResult, read_result
from ml_scorer.report.scores import scores_document
from ml_scorer.scores import Scores
from ml_scorer.scoring import OnError

if TYPE_CHECKING:
    from ml_scorer.cli.baseline import BaselineFile
    from ml_scorer.comparison.drop import Changes
    from ml_scorer.scoring import Scorer
    from ml_scorer.scoring.engine import Engine
    from ml_scorer.scoring.outcomes import Outcomes


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@scorer_options
@on_error_option
@click.option(
    "--store",
    metavar="DIR",
    help="Keep results in a folder, and score only what is new or has changed. See `ml-scorer scores`.",
)
@confidence_option("Give every score an interval of this confidence, such as 0.95.", default=None)
@click.option(
    "--bootstrap",
    type=click.IntRange(min=100),
    metavar="N",
    help="Make intervals from N resamples of the images within their classes, drawn with --seed.",
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Of the resamples.")
@click.option(
    "--rank", is_flag=True, help="Give the places that the data leave open, by the first measure; best first."
)
@click.option(
    "--group-by",
    metavar="PATTERN",
    help="Average over the seeds of a run: a regular expression whose group is the run's name, e.g. '(.+)-seed[0-9]+'.",
)
@click.option(
    "--fail-under",
    metavar="M=SHARE",
    multiple=True,
    callback=parse_thresholds,
    help="Exit with 1 if a checkpoint's score, or with --group-by the mean of a run, is lower, e.g. 'MLA=0.85'; give "
    "it again for more measures.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    help="Exit with 1 if a checkpoint is significantly worse by the first measure than this one: predictions, or an "
    "earlier result (-o, as .json, .csv or .parquet). Implies --confidence 0.95.",
)
@shard_option
@engine_options
@log_options
@ordering_options
@output_options
def score(  # noqa: PLR0913, PLR0917 (one parameter for each option)
    predictions: tuple[str, ...],
    bind: Bind,
    on_error: OnError,
    store: str | None,
    confidence: float | None,
    bootstrap: int | None,
    seed: int,
    rank: bool,
    group_by: str | None,
    fail_under: tuple[Threshold, ...],
    baseline: str | None,
    shard: Shard | None,
    engine: Engine | None,
    log: Log,
    sort: str | None,
    top: int | None,
    format_: str | None,
    output: str | None,
) -> None:  # fmt: skip
    """Score PREDICTIONS: files of tables or arrays, folders of them, patterns, @list.txt, remote addresses.

    Tables (.csv .tsv .json .jsonl .parquet .arrow) have image names and class indices, WordNet ids or names of classes,
    for one checkpoint or many; arrays (.npy .npz .safetensors .pt) labels, top-k labels, logits or probabilities.

    \b
    ml-scorer score resnet50.csv
    ml-scorer score sweep/ --order imagefolder --store results -o scores.csv
    ml-scorer score resnet50.csv --measure MLA --measure 'Top1(images=validation)'
    ml-scorer score new.csv --fail-under 'MLA=0.85' --baseline old.csv
    ml-scorer score sweep/ --order imagefolder --log mlflow
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)
    whole = {"--rank": rank, "--group-by": group_by, "--baseline": baseline, "--sort": sort, "--top": top}
    check_shard(shard, chosen, store, whole)
    inputs = prediction_sources(list(predictions))
    sources = inputs if shard is None else shard.part(inputs)
    read = [*(source.path for source in sources), baseline and baseline.removeprefix("@")]
    refuse_overwriting(output, read)
    earlier = None if baseline is None else read_result(baseline)
    images_of = baseline if earlier is None else None
    _check_together(store, bootstrap=bootstrap is not None, rank=rank, group_by=group_by, baseline=images_of)
    if baseline is not None and group_by is not None:
        raise click.UsageError("--baseline compares checkpoints, and --group-by shows runs in their place. Choose one.")
    file = None if images_of is None else _baseline_file(images_of, sources)
    if confidence is None and (baseline is not None or bootstrap is not None):
        confidence = CONFIDENCE
    scorer = bind(also=[threshold.measure for threshold in fail_under])
    log.check(read)
    outcomes, changes = None, None
    with ProgressBar() as progress:
        if rank or group_by is not None or images_of is not None or bootstrap is not None:
            outcomes = scorer.outcomes(
                sources, on_error=on_error, confidence=confidence, engine=engine, progress=progress
            )
            if bootstrap is not None:
                outcomes = outcomes.bootstrapped(confidence or CONFIDENCE, resamples=bootstrap, seed=seed)
            scores = outcomes.scores
        else:
            scores = scorer.score(
                sources, on_error=on_error, store=store, confidence=confidence, engine=engine, progress=progress
            )
    if not scores.frame.is_empty():
        changes = _changes(scorer, scores, outcomes, earlier or file)
    if outcomes is None or not (rank or group_by is not None):
        document = scores_document(in_order(scores, sort, top))
    else:
        document = _of_outcomes(outcomes, group_by, confidence or CONFIDENCE, sort, top)
    if shard is not None and chosen == "parquet":
        document = shard_document(document, scores, shard, inputs, scorer.reading)
    emit(document, chosen, output, silent=log.takes_standard_output)
    say_doubts(scores)
    log.add(scores)
    if _fallen(scores, fail_under, group_by, changes) or scores.failed:
        sys.exit(1)


def _baseline_file(named: str, sources: Sources) -> BaselineFile:
    from ml_scorer.cli.baseline import baseline_file

    return baseline_file(named, sources)


def _changes(
    scorer: Scorer, scores: Scores, outcomes: Outcomes | None, baseline: EarlierResult | BaselineFile | None
) -> Changes | None:
    """How checkpoints compare with a baseline: with a file of predictions on the images, else by their intervals."""
    if baseline is None:
        return None
    from ml_scorer.cli.baseline import against_predictions, against_result

    if isinstance(baseline, EarlierResult):
        return against_result(scores, baseline)
    # Against a file of predictions, the outcomes were asked for.
    return against_predictions(scorer, cast("Outcomes", outcomes), baseline, scores.confidence or CONFIDENCE)


def _of_outcomes(
    outcomes: Outcomes, group_by: str | None, confidence: float, sort: str | None, top: int | None
) -> Document:
    """The averages over runs, or else the ranking."""
    from ml_scorer.cli.score_documents import averaged, ranked

    if group_by is None:
        return ranked(outcomes, confidence, sort, top)
    return averaged(outcomes, group_by, confidence, sort, top)


def _fallen(scores: Scores, thresholds: tuple[Threshold, ...], group_by: str | None, changes: Changes | None) -> bool:
    """Whether a checkpoint, or the mean of a run, is worse than it may be; each is said on standard error."""
    runs = None
    if group_by is not None and thresholds:
        from ml_scorer.comparison.seeds import run_names

        runs = run_names(scores.frame["checkpoint"].to_list(), group_by)
    short = shortfalls(scores, thresholds, runs)
    for sentence in short:
        click.echo(f"Error: {sentence}", err=True)
    if changes is None:
        return bool(short)
    from ml_scorer.cli.baseline import lines

    for sentence in lines(changes, next(iter(scores.signatures))):
        click.echo(sentence, err=True)
    return bool(short) or bool(changes.significant.any())


def _check_together(
    store: str | None, *, bootstrap: bool, rank: bool, group_by: str | None, baseline: str | None
) -> None:
    """Refuse options that ask for what cannot be had together."""
    needing = {
        "--bootstrap": bootstrap,
        "--rank": rank,
        "--group-by": group_by is not None,
        f"--baseline {baseline}, a file of predictions,": baseline is not None,
    }
    asked = [option for option, given in needing.items() if given]
    if store is not None and asked:
        raise click.UsageError(
            f"{asked[0]} needs the predictions of every image, and a store keeps only scores. Leave --store out"
            + (", or name an earlier result (-o) as the baseline." if baseline is not None else ".")
        )
    if rank and group_by is not None:
        raise click.UsageError("--rank ranks checkpoints, and --group-by shows runs in their place. Choose one.")
    if bootstrap and group_by is not None:
        raise click.UsageError("--bootstrap makes intervals of checkpoints, and --group-by shows runs. Choose one.")
