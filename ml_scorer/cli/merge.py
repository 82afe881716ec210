"""`ml-scorer merge`: the parts that many processes scored, as one result."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from ml_scorer.cli.doubts import say_doubts
from ml_scorer.cli.ordering import in_order, ordering_options
from ml_scorer.cli.output import chosen_format, emit, output_options, refuse_overwriting
from ml_scorer.report.merging import merge as merged
from ml_scorer.report.parts import GAP
from ml_scorer.report.scores import scores_document


@click.command()
@click.argument("parts", nargs=-1, required=True, metavar="PARTS...")
@click.option("--partial", is_flag=True, help="Merge although shards are not there yet, and say which.")
@ordering_options
@output_options
def merge(
    parts: tuple[str, ...], partial: bool, sort: str | None, top: int | None, format_: str | None, output: str | None
) -> None:
    """Put PARTS together: results that `ml-scorer score --shard I/N … -o part-I.parquet` wrote.

    They must be the same measurement, of the same inputs, and all there. What comes out is what one run would have
    given. Results that are no shards are put together in the order in which they are named.

    \b
    ml-scorer score sweep/ --order imagefolder --shard 3/64 -o part-3.parquet
    ml-scorer merge part-*.parquet -o scores.parquet
    ml-scorer merge part-*.parquet --partial --top 10
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)
    refuse_overwriting(output, parts)
    result = merged(parts, partial=partial)
    document = scores_document(in_order(result.scores, sort, top))
    if result.gap:
        extra = {**document.extra, GAP: result.gap}
        document = replace(document, notes=(*document.notes, result.gap), extra=extra)
    emit(document, chosen, output)
    say_doubts(result.scores)
    if result.gap:
        click.echo(f"Warning: {result.gap}", err=True)
    if result.scores.failed:
        sys.exit(1)
