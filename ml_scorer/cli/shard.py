"""The option `--shard 3/64`: one of many parts of the inputs, to be merged when all are scored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Final

import click

from ml_scorer.predictions import Sources
from ml_scorer.predictions.shards import Cut, Shard
from ml_scorer.report.document import Document
from ml_scorer.report.parts import as_part
from ml_scorer.scores import Scores


def _shard(_: click.Context, __: click.Parameter, text: str | None) -> Shard | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text.strip(), re.ASCII)
    if found is None:
        raise click.BadParameter(f"{text!r}: expected a number and how many there are, such as 3/64.")
    try:
        return Shard(*map(int, found.groups()))
    except ValueError as error:
        of = found.group(2)
        raise click.BadParameter(
            f"{text!r}: shards are numbered from 1 to as many as there are (in a Slurm array: --array=1-{of})."
        ) from error


shard_option: Final = click.option(
    "--shard",
    metavar="I/N",
    callback=_shard,
    help="Score only part I of N of the inputs, and write it with -o part-I.parquet (or --store); `ml-scorer merge` "
    "puts the parts together.",
)


def check_shard(shard: Shard | None, format_: str, store: str | None, whole: Mapping[str, object]) -> None:
    """Refuse what a part cannot give.

    Parameters
    ----------
    shard : Shard, optional
    format_ : str
        Of the output.
    store : str, optional
    whole : mapping of str to object
        Options that say something of all checkpoints together, and what was given.

    Raises
    ------
    click.UsageError
        If one of these was given, or the result could not be merged.
    """
    if shard is None:
        return
    given = [option for option, said in whole.items() if said]
    if given:
        raise click.UsageError(
            f"{given[0]} is about all checkpoints, and --shard {shard} scores a part of them. Leave it out"
            f"{', and say it to `ml-scorer merge`' if given[0] in MERGE_CAN else ''}."
        )
    if format_ != "parquet" and store is None:
        raise click.UsageError(
            f"--shard {shard}: only Parquet holds all that merging needs. Write it with -o "
            f"part-{shard.number}.parquet, or keep it in a --store."
        )


MERGE_CAN: Final = ("--sort", "--top")
"""Options that `ml-scorer merge` has too."""


def shard_document(document: Document, scores: Scores, shard: Shard, inputs: Sources, reading: str) -> Document:
    """The scores of a shard, with what merging needs to know."""
    marks = {"number": shard.number, "cut": asdict(Cut.of(inputs, shard.of, reading))}
    return as_part(replace(document, extra={**document.extra, "shard": marks}), scores)
