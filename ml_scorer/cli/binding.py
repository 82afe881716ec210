"""The options that bind a scorer: annotations, measures, and the way of reading predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeAlias

import click
from click.shell_completion import CompletionItem

from ml_scorer.annotations import load_annotations
from ml_scorer.annotations.find import find_table
from ml_scorer.annotations.kinds import ANNOTATIONS, REAL
from ml_scorer.cli.completing import names_that_begin, paths
from ml_scorer.cli.output import refuse_overwriting
from ml_scorer.errors import AnnotationsNotFoundError, MeasureError
from ml_scorer.measures import DEFAULT_MEASURES, MEASURES, Measure, parse_measures
from ml_scorer.measures.bounds import with_upper_bounds
from ml_scorer.predictions import CLASS_IDS, ORDERS
from ml_scorer.scoring import Scorer

Bind: TypeAlias = Callable[..., Scorer]
"""Loads the annotations and binds them; what is wrong with them shows then. Given measures, it adds these to those that
were asked for."""


def scorer_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that bind a scorer; the command gets one argument for all of them, `bind`.

    An `output` of the command is refused if it is one of their files, or a list among its `predictions`.
    """

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
        real: str | None,
        threads: int | None,
        **others: Any,  # noqa: ANN401 (the command's own)
    ) -> None:
        def bind(also: Iterable[Measure] = ()) -> Scorer:
            return Scorer(
                load_annotations(annotations),
                dict.fromkeys((*measures, *also)),
                order=order,
                missing=missing,
                class_ids=class_ids,
                key=key,
                trust_order=trust_order,
                real=real,
                threads=threads,
            )

        read = _files_read(others.get("predictions", ()), order, annotations, real)
        refuse_overwriting(others.get("output"), read)
        command(bind=bind, **others)

    for option in reversed(_OPTIONS):
        bound = option(bound)
    return bound


def _files_read(
    predictions: Iterable[str], order: str | None, annotations: str | None, real: str | None
) -> Iterator[str | Path]:
    """Files that are read for these options, and lists of predictions; tables as they are found where none is named."""
    yield from (text.removeprefix("@") for text in predictions if text.startswith("@"))
    if order is not None and order not in ORDERS:
        yield order
    for kind, named in ((ANNOTATIONS, annotations), (REAL, real)):
        with suppress(AnnotationsNotFoundError):  # said when it is needed
            yield named or find_table(kind)


def _measures(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Measure, ...]:
    try:
        return with_upper_bounds(parse_measures(texts)) if texts else DEFAULT_MEASURES
    except MeasureError as error:
        raise click.BadParameter(str(error)) from error


def _order(_: click.Context, __: click.Parameter, order: str | None) -> str | None:
    if order is not None and order not in ORDERS and not Path(order).is_file():
        raise click.BadParameter(f"{order!r} is neither a file of image names nor one of {', '.join(ORDERS)}.")
    return order


def _complete_measure(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Measures by their names; arguments are left out, for a shell would take their brackets for its own."""
    return names_that_begin(MEASURES, incomplete)


def _complete_order(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Orders by their names, or else a file of image names."""
    return [CompletionItem(name) for name in ORDERS if name.startswith(incomplete)] or paths(incomplete)


_OPTIONS = (
    click.option(
        "--annotations", metavar="FILE", help="Annotation table. Default: the one that `ml-scorer annotations` finds."
    ),
    click.option(
        "--real",
        metavar="FILE",
        help="Table of reassessed labels, which only the measure ReaL needs. Default: looked for in the same way.",
    ),
    click.option(
        "--measure",
        "measures",
        metavar="M",
        multiple=True,
        callback=_measures,
        shell_complete=_complete_measure,
        help="What to compute, e.g. 'MLA(classes=dog)'; give it again for more. See `ml-scorer measures`.",
    ),
    click.option(
        "--order",
        metavar="O",
        callback=_order,
        shell_complete=_complete_order,
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

on_error_option: Final = click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="At an input that cannot be scored: stop, or list it as failed and go on (exit status 1 either way).",
)
"""For commands that go on without the inputs that they cannot score."""
