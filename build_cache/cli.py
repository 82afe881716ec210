"""The command `build-cache`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from build_cache.building import Report, build
from build_cache.bundle_command import bundle
from build_cache.comparing import compare
from build_cache.reassessed import build_real
from build_cache.sources import DownloadSource, JsonSource, SyntheticSource, TableSource, TfdsSource
from ml_scorer.annotations import load_annotations
from ml_scorer.annotations.find import user_table
from ml_scorer.annotations.identity import Identity
from ml_scorer.annotations.kinds import ANNOTATIONS, REAL, TableKind
from ml_scorer.cli.completing import CompletingGroup

_OUTPUT = click.option(
    "-o", "--output", metavar="OUT", help="Parquet file to write. Default: your data directory, where ml-scorer looks."
)


@click.group(cls=CompletingGroup)
@click.version_option(package_name="ml-scorer", message="%(prog)s %(version)s")
def main() -> None:
    """Export the expert annotations of ImageNet into one small Parquet table, once.

    \b
    build-cache download                     fetch the published annotations
    build-cache table multilabel.csv         a table that somebody exported
    build-cache json human_accuracy_v3.0.0.json
    build-cache tfds ~/tensorflow_datasets/imagenet2012_multilabel/3.0.0
    build-cache diff A.parquet B.parquet     which images differ, and how
    build-cache real timm-*.whl              the reassessed labels, for the measure ReaL
    build-cache bundle -o DIR …              all that a machine without a network needs

    Exit status: 0 good, 1 a refused input, 2 wrong usage.
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)


main.add_command(bundle)


@main.command()
@click.argument("file")
@_OUTPUT
def table(file: str, output: str | None) -> None:
    """Export FILE, a table that somebody exported: .csv, .parquet or .jsonl.

    Columns are named as in the dataset (file_name, original_label, correct_multi_labels, wrong_multi_labels,
    unclear_multi_labels, is_problematic) or as in the public CSV (id, proposed_labels); is_imagenet_m is optional.

    \b
    build-cache table multilabel.csv
    build-cache table multilabel.csv -o data/annotations.parquet
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    _say(build(TableSource(Path(file)), output))


@main.command()
@click.argument("source")
@_OUTPUT
def json(source: str, output: str | None) -> None:
    """Export SOURCE, the published annotation file (human_accuracy_v3.0.0.json): a path, or an http(s) address.

    \b
    build-cache json human_accuracy_v3.0.0.json
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    with _download_bar() as progress:
        report = build(JsonSource(source, progress=progress), output)
    _say(report)


@main.command()
@click.argument("directory")
@_OUTPUT
def tfds(directory: str, output: str | None) -> None:
    """Export DIRECTORY, a dataset that TensorFlow Datasets prepared. No image is decoded.

    array_record shards need no TensorFlow; tfrecord shards do.

    \b
    build-cache tfds ~/tensorflow_datasets/imagenet2012_multilabel/3.0.0
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    _say(build(TfdsSource(Path(directory)), output))


@main.command()
@click.option("--mirror", metavar="URL", help="Try this address first: of a known file, or of a folder that has it.")
@_OUTPUT
def download(mirror: str | None, output: str | None) -> None:
    """Fetch the published annotations from the known public addresses and export them.

    Only files with a known sha256 are taken, wherever they come from. A download that breaks off goes on where it was
    the next time. Behind a proxy, set https_proxy.

    \b
    build-cache download
    build-cache download --mirror https://example.org/imagenet/
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    with _download_bar() as progress:
        report = build(DownloadSource(mirror, progress=progress), output)
    _say(report)


@main.command()
@click.argument("source", required=False)
@_OUTPUT
def real(source: str | None, output: str | None) -> None:
    """Export the reassessed labels (ReaL; Beyer et al., arXiv:2006.07159), a table of their own.

    SOURCE is a wheel of timm (pip download --no-deps timm), in which they lie, or the JSON file itself: the list of the
    50,000 lists of labels in the order of the image numbers. Without SOURCE they are taken from the files of an
    installed timm or imagenet-x; neither is imported.

    \b
    pip download --no-deps timm && build-cache real timm-*.whl
    build-cache real real.json -o real.parquet
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    report = build_real(source, output)
    labels = report.labels
    click.echo(f"wrote {report.output} ({report.size:,} bytes)")
    click.echo(f"  {len(labels.frame):,} images, {labels.images.size:,} of them with a reassessed label")
    _say_identity(labels.identity)
    _say_place(report.output, REAL)


@main.command()
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Other seeds give other annotations.",
)
@click.option("-o", "--output", metavar="OUT", required=True, help="Parquet file to write.")
def synthetic(seed: int, output: str) -> None:
    """Make up annotations of the real shape, for demonstration and tests. They stay marked SYNTHETIC.

    \b
    build-cache synthetic --seed 1 -o annotations.parquet
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    _say(build(SyntheticSource(seed), output))


@main.command()
@click.argument("first")
@click.argument("second")
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=0), default=20, show_default=True, help="Show so many; 0 shows all."
)
def diff(first: str, second: str, limit: int) -> None:
    """Print which images differ between two tables, and how. Exit status 1 if any does.

    \b
    build-cache diff old.parquet new.parquet --limit 0
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    found = compare(load_annotations(first), load_annotations(second))
    for difference in found[: limit or None]:
        click.echo(str(difference))
    images = len({difference.file_name for difference in found})
    more = f" ({len(found):,} differences; --limit 0 shows all)" if limit and len(found) > limit else ""
    click.echo(f"{images:,} images differ{more}" if images else "no image differs")
    sys.exit(1 if images else 0)


def _say(report: Report) -> None:
    """Say what was written, and what it turned out to be."""
    annotations, identity = report.annotations, report.identity
    click.echo(f"wrote {report.output} ({report.size:,} bytes)")
    imagenet_m = "not said" if annotations.is_imagenet_m is None else f"{annotations.is_imagenet_m.sum()} images"
    problematic = annotations.is_problematic.sum()
    click.echo(f"  {len(annotations):,} images, {problematic:,} of them problematic; ImageNet-M: {imagenet_m}")
    _say_identity(identity)
    for sentence in report.differences:
        click.echo(f"  {sentence}")
    _say_place(report.output, ANNOTATIONS)


def _say_identity(identity: Identity) -> None:
    status = f"genuine {identity.release}" if identity.genuine else identity.name
    click.echo(f"  {status}, fingerprint {identity.fingerprint}")


def _say_place(output: Path, kind: TableKind) -> None:
    if output == user_table(kind):
        click.echo("  ml-scorer finds it there")


@contextmanager
def _download_bar() -> Iterator[Callable[[int, int | None], object] | None]:
    """A progress bar on standard error, where that is a terminal; it appears with the first bytes."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("fetching", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
