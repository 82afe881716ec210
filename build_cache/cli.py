"""The command `build-cache`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from build_cache.building import build
from build_cache.comparing import compare
from build_cache.sources import Source, SyntheticSource, TableSource
from ml_scorer.annotations import load_annotations
from ml_scorer.annotations.find import user_table
from ml_scorer.cli.exits import RefusingGroup

_OUTPUT = click.option(
    "-o", "--output", metavar="OUT", help="Parquet file to write. Default: your data directory, where ml-scorer looks."
)


@click.group(cls=RefusingGroup)
@click.version_option(package_name="ml-scorer", message="%(prog)s %(version)s")
def main() -> None:
    """Export the expert annotations of ImageNet into one small Parquet table, once.

    \b
    build-cache download                     fetch the published annotations
    build-cache table multilabel.csv         a table that somebody exported
    build-cache json human_accuracy_v3.0.0.json
    build-cache tfds ~/tensorflow_datasets/imagenet2012_multilabel/3.0.0
    build-cache diff A.parquet B.parquet     which images differ, and how

    Exit status: 0 good, 1 a refused input, 2 wrong usage.
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)


@main.command()
@click.argument("file")
@_OUTPUT
def table(file: str, output: str | None) -> None:
    """Export FILE, a table that somebody exported: .csv, .parquet or .jsonl.

    Columns are named as in the dataset (file_name, original_label, correct_multi_labels, wrong_multi_labels,
    unclear_multi_labels, is_problematic) or as in the public CSV (id, proposed_labels); is_imagenet_m is optional.
    """
    _build(TableSource(Path(file)), output)


@main.command()
@click.option("--seed", type=int, default=0, show_default=True, help="Other seeds give other annotations.")
@click.option("-o", "--output", metavar="OUT", required=True, help="Parquet file to write.")
def synthetic(seed: int, output: str) -> None:
    """Make up annotations of the real shape, for demonstration and tests. They stay marked SYNTHETIC."""
    _build(SyntheticSource(seed), output)


@main.command()
@click.argument("first")
@click.argument("second")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Show so many; 0 shows all.")
def diff(first: str, second: str, limit: int) -> None:
    """Print which images differ between two tables, and how. Exit status 1 if any does."""
    found = compare(load_annotations(first), load_annotations(second))
    for difference in found[: limit or None]:
        click.echo(str(difference))
    images = len({difference.file_name for difference in found})
    more = f" ({len(found):,} differences; --limit 0 shows all)" if limit and len(found) > limit else ""
    click.echo(f"{images:,} images differ{more}" if images else "no image differs")
    sys.exit(1 if images else 0)


def _build(source: Source, output: str | None) -> None:
    """Build and say what came out of it."""
    report = build(source, output)
    annotations, identity = report.annotations, report.identity
    click.echo(f"wrote {report.output} ({report.size:,} bytes)")
    imagenet_m = "not said" if annotations.is_imagenet_m is None else f"{annotations.is_imagenet_m.sum()} images"
    problematic = annotations.is_problematic.sum()
    click.echo(f"  {len(annotations):,} images, {problematic:,} of them problematic; ImageNet-M: {imagenet_m}")
    status = f"genuine {identity.name}/{identity.version}" if identity.genuine else identity.name
    click.echo(f"  {status}, fingerprint {identity.fingerprint}")
    for sentence in report.differences:
        click.echo(f"  {sentence}")
    if output is None and report.output == user_table():
        click.echo("  ml-scorer finds it there")
