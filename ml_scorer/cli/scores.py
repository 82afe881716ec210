"""`ml-scorer scores`: show or export what a store holds."""

from __future__ import annotations

from pathlib import Path

import click

from ml_scorer.cli.log import Log, log_options
from ml_scorer.cli.ordering import in_order, ordering_options
from ml_scorer.cli.output import chosen_format, emit, output_options
from ml_scorer.errors import MeasureError, PredictionsError, some
from ml_scorer.measures import parse_measures
from ml_scorer.report.scores import scores_document
from ml_scorer.store import Store, orders_of, score_table


def _measures(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> list[str] | None:
    try:
        return [str(measure) for measure in parse_measures(texts)] if texts else None
    except MeasureError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("store", metavar="DIR")
@click.option(
    "--measure",
    "measures",
    metavar="M",
    multiple=True,
    callback=_measures,
    help="Only this measure, e.g. 'MLA(classes=dog)'; give it again for more. Default: all that there are.",
)
@click.option(
    "--signature",
    metavar="PART",
    multiple=True,
    help="Only scores with this part in their signature, such as order:imagefolder; give it again for more parts.",
)
@log_options
@ordering_options
@output_options
def scores(  # noqa: PLR0913, PLR0917 (one parameter for each option)
    store: str,
    measures: list[str] | None,
    signature: tuple[str, ...],
    log: Log,
    sort: str | None,
    top: int | None,
    format_: str | None,
    output: str | None,
) -> None:
    """Show the scores that `ml-scorer score … --store DIR` keeps: of each checkpoint the latest.

    Other programs read DIR as one table: pl.scan_parquet("DIR/*.parquet"), FROM 'DIR/*.parquet' in DuckDB.

    \b
    ml-scorer scores DIR --top 10
    ml-scorer scores DIR --signature order:imagefolder -o scores.csv
    ml-scorer scores DIR --log tensorboard
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)
    for file in filter(None, (output, *log.files)):
        if Path(file).resolve().parent == Path(store).resolve():
            raise click.UsageError(f"{file} would lie in the store. Name a file elsewhere.")
    opened = Store(store, create=False)
    rows = opened.latest(signature=signature, measures=measures)
    if rows.is_empty():
        raise PredictionsError(_nothing(opened, measures, signature))
    table = score_table(rows, store, measures)
    log.check()
    emit(scores_document(in_order(table, sort, top)), chosen, output, silent=log.takes_standard_output)
    orders = orders_of(rows)
    if len(orders) > 1:
        listed = some((f"{order} ({number:,} checkpoints)" for order, number in orders.items()), len(orders))
        click.echo(
            f"Warning: these arrays were scored in different orders: {listed}. "
            f"`--signature order:{next(iter(orders))}` shows one of them.",
            err=True,
        )
    log.add(table)


def _nothing(store: Store, measures: list[str] | None, signature: tuple[str, ...]) -> str:
    """Why there is nothing to show."""
    rows = store.latest()
    if rows.is_empty():
        return f"{store.folder}: no scores in this store yet. `ml-scorer score … --store {store.folder}` puts some in."
    asked = [*(measures or ()), *signature]
    parts = rows["signature"].str.split("|").list.slice(1).explode().unique().sort()
    return (
        f"{store.folder}: no scores of {' with '.join(asked)}. Measures: {', '.join(rows['measure'].unique().sort())}. "
        f"Parts of signatures: {', '.join(parts)}."
    )
