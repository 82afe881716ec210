"""The options that bind a scorer: annotations, measures, and the way of reading predictions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeAlias

import click

from ml_scorer.annotations import load_annotations
from ml_scorer.errors import MeasureError
from ml_scorer.measures import DEFAULT_MEASURES, Measure, parse_measures
from ml_scorer.predictions import CLASS_IDS, ORDERS
from ml_scorer.scoring import Scorer

Bind: TypeAlias = Callable[[], Scorer]
"""Loads the annotations and binds them; what is wrong with them shows then."""


def scorer_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that bind a scorer; the command gets one argument for all of them, `bind`."""

    @wraps(command)
    def bound(  # noqa: PLR0913 (one parameter for each option)
        *,
        annotations: str | None,
        measures: tuple[Measure, ...],
        order: str | None,
        missing: Any,  # noqa: ANN401 (click has checked the choice)
        class_ids: str,
        key: str | None,
        trust_order: bool,
        threads: int | None,
        **others: Any,  # noqa: ANN401 (the command's own)
    ) -> None:
        def bind() -> Scorer:
            return Scorer(
                load_annotations(annotations),
                measures,
                order=order,
                missing=missing,
                class_ids=class_ids,
                key=key,
                trust_order=trust_order,
                threads=threads,
            )

        command(bind=bind, **others)

    for option in reversed(_OPTIONS):
        bound = option(bound)
    return bound


def _measures(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Measure, ...]:
    try:
        return parse_measures(texts) if texts else DEFAULT_MEASURES
    except MeasureError as error:
        raise click.BadParameter(str(error)) from error


def _order(_: click.Context, __: click.Parameter, order: str | None) -> str | None:
    if order is not None and order not in ORDERS and not Path(order).is_file():
        raise click.BadParameter(f"{order!r} is neither a file of image names nor one of {', '.join(ORDERS)}.")
    return order


_OPTIONS = (
    click.option(
        "--annotations", metavar="FILE", help="Annotation table. Default: the one that `ml-scorer annotations` finds."
    ),
    click.option(
        "--measure",
        "measures",
        metavar="M",
        multiple=True,
        callback=_measures,
        help="What to compute, e.g. 'MLA(classes=dog)'; give it again for more. See `ml-scorer measures`.",
    ),
    click.option(
        "--order",
        metavar="O",
        callback=_order,
        help=f"Which image each position of an array is: {', '.join(ORDERS)}, or a file that lists image names.",
    ),
    click.option(
        "--missing",
        type=click.Choice(["error", "wrong"]),
        default="error",
        show_default=True,
        help="What a needed image without a prediction is.",
    ),
    click.option(
        "--class-ids",
        type=click.Choice(list(CLASS_IDS)),
        default="imagenet",
        show_default=True,
        help="What the numbers of classes mean, where they are not 0-999 by WordNet id.",
    ),
    click.option(
        "--key", metavar="K", help="Which array of a file, or which column of a table, holds the predictions."
    ),
    click.option(
        "--trust-order", is_flag=True, help="Score predictions even if another order or numbering fits better."
    ),
    click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Default: one for each processor."),
)
