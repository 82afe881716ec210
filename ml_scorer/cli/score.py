"""`ml-scorer score`: score files of predictions."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import polars as pl

from ml_scorer.cli.binding import Bind, scorer_options
from ml_scorer.cli.output import chosen_format, emit, output_options
from ml_scorer.cli.progress import ProgressBar
from ml_scorer.errors import some
from ml_scorer.measures import Top1
from ml_scorer.predictions import prediction_sources
from ml_scorer.report.cells import printable
from ml_scorer.scores import Scores
from ml_scorer.scoring import OnError


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@scorer_options
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="At an input that cannot be scored: stop, or list it as failed and go on (exit status 1 either way).",
)
@click.option(
    "--store",
    metavar="DIR",
    help="Keep results in a folder, and score only what is new or has changed. See `ml-scorer scores`.",
)
@output_options
def score(
    predictions: tuple[str, ...],
    bind: Bind,
    on_error: OnError,
    store: str | None,
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
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)
    sources = prediction_sources(list(predictions))
    if output is not None and any(_is_same_file(source.path, Path(output)) for source in sources):
        raise click.UsageError(f"-o {output} would overwrite predictions that are to be scored.")
    scorer = bind()
    with ProgressBar() as progress:
        scores = scorer.score(sources, on_error=on_error, store=store, progress=progress)
    emit(scores.best(top) if top else scores, chosen, output)
    if scores.near_chance:
        names = some(map(printable, scores.near_chance), len(scores.near_chance))
        click.echo(
            f"Warning: near chance, whatever order or class ids one tries: {names}. Is the model trained?", err=True
        )
    _warn_of_the_original_labels(scores)
    if scores.failed:
        sys.exit(1)


def _warn_of_the_original_labels(scores: Scores) -> None:
    """Say which checkpoints are right everywhere by the original labels: they may be these, and no predictions."""
    if str(Top1()) not in scores.signatures:
        return
    perfect = scores.frame.filter(pl.col(str(Top1())) == 1)["checkpoint"]
    if perfect.len():
        names = some(map(printable, perfect), perfect.len())
        click.echo(f"Warning: 100% top-1: {names}. Are these the original labels, rather than predictions?", err=True)


def _is_same_file(path: Path | None, output: Path) -> bool:
    return path is not None and path.name == output.name and path.resolve() == output.resolve()
