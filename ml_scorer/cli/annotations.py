"""`ml-scorer annotations`: what the tables are, and whether they are genuine."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import polars as pl

from ml_scorer.annotations import Annotations, load_annotations
from ml_scorer.annotations.find import find_annotations, find_table
from ml_scorer.annotations.identity import Identity, differences
from ml_scorer.annotations.kinds import REAL
from ml_scorer.annotations.reassessed import load_real_labels
from ml_scorer.errors import AnnotationsError, AnnotationsNotFoundError
from ml_scorer.report.cells import printable, warnings
from ml_scorer.schema import CORRECT, LABEL_LISTS, UNCLEAR, WRONG


@click.command("annotations")
@click.argument("file", required=False)
def describe(file: str | None) -> None:
    """Say what the annotation table FILE is: genuine or not, counts, overlaps.

    Without FILE, the table that `ml-scorer score` would find. The last line says which reassessed labels it would find,
    for the measure ReaL.

    \b
    ml-scorer annotations
    ml-scorer annotations data/annotations.parquet
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    path = Path(file) if file else find_annotations()
    for heading, text in [*description(load_annotations(path), path), ("ReaL", printable(real_line()))]:
        click.echo(f"{heading:<14}{text}")


def description(table: Annotations, path: Path) -> list[tuple[str, str]]:
    """Heading and text of each line that describes a table."""
    identity, metadata = table.identity, table.metadata
    lines = [("table", str(path)), ("status", _status(identity)), ("fingerprint", identity.fingerprint)]
    if identity.status == "unverified":
        lines += [("", sentence) for sentence in differences(table.frame)]
    source = f"{metadata.get('source', '?')}, sha256 {metadata.get('source_sha256', '?')}"
    lines += [("source", printable(source)), ("written by", printable(metadata.get("tool", "?")))]
    problematic = int(table.is_problematic.sum())
    sizes = np.bincount(table.original_labels[~table.is_problematic], minlength=table.num_classes)
    lines += [
        ("images", f"{len(table):,}: {len(table) - problematic:,} scored, {problematic:,} problematic and left out"),
        (
            "classes",
            f"{np.count_nonzero(sizes):,} of {table.num_classes:,}, with {sizes.min()} to {sizes.max()} scored images",
        ),
        *_label_lines(table.frame),
        (
            "ImageNet-M",
            "this source does not say" if table.is_imagenet_m is None else f"{table.is_imagenet_m.sum()} images",
        ),
    ]
    return lines


def real_line() -> str:
    """What is to be said of the reassessed labels that a run would find, or why it would find none."""
    try:
        path = find_table(REAL)
        labels = load_real_labels(path)
    except AnnotationsNotFoundError as error:
        return f"{str(error).partition('. ')[0]}. `{REAL.advice}` tells how to get one."
    except AnnotationsError as error:
        return str(error)
    identity, images = labels.identity, labels.images.size
    return f"{path}: {_status(identity)}, fingerprint {identity.fingerprint}, labels for {images:,} images"


def _status(identity: Identity) -> str:
    return f"genuine {identity.release}" if identity.genuine else warnings(identity)[0]


def _label_lines(frame: pl.DataFrame) -> list[tuple[str, str]]:
    names = {column: column.removesuffix("_multi_labels") for column in LABEL_LISTS}
    totals = frame.select(pl.col(column).list.len().sum() for column in LABEL_LISTS).row(0)
    listed = ", ".join(f"{total:,} {name}" for name, total in zip(names.values(), totals, strict=True))
    pairs = ((CORRECT, WRONG), (CORRECT, UNCLEAR), (UNCLEAR, WRONG))
    both = frame.select(
        pl.col(first).list.set_intersection(second).list.len().gt(0).sum().alias(f"{names[first]} and {names[second]}")
        for first, second in pairs
    ).row(0, named=True)
    overlaps = ", ".join(f"{count} {name}" for name, count in both.items())
    return [
        ("labels", listed),
        ("overlaps", f"images with a label in two lists: {overlaps}; the first of the two counts"),
    ]
