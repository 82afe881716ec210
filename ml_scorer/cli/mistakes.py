"""`ml-scorer mistakes`: which images are wrong, and which classes are taken for which."""

from __future__ import annotations

import click
import polars as pl

from ml_scorer.breakdowns.choosing import MISTAKE_VERDICTS, Chosen, follows_verdicts
from ml_scorer.breakdowns.confusions import confusion_pairs
from ml_scorer.breakdowns.mistakes import described_mistakes, find_mistakes
from ml_scorer.cli.binding import Bind, scorer_options
from ml_scorer.cli.breakdown import (
    breakdown_options,
    emit_breakdown,
    first_label_notes,
    read_outcomes,
    shown_rows,
)
from ml_scorer.cli.class_options import class_indices, class_options
from ml_scorer.cli.output import chosen_format, output_options
from ml_scorer.errors import some
from ml_scorer.schema import VALIDATION_IMAGES, image_name, image_numbers
from ml_scorer.scoring import OnError


def _image_numbers(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[int, ...]:
    """Numbers of images that are said by name or number."""
    names = [image_name(int(text)) if text.isdecimal() else text for text in texts]
    numbers = image_numbers(pl.Series(names, dtype=pl.String)).tolist()
    if unknown := [text for text, number in zip(texts, numbers, strict=True) if not number]:
        raise click.BadParameter(
            f"{some(map(repr, unknown), len(unknown))}: expected a name such as {image_name(293)}, "
            f"or a number 1-{VALIDATION_IMAGES}."
        )
    return tuple(numbers)


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@click.option("--confusions", is_flag=True, help="Pairs of an original and a predicted class, over all checkpoints.")
@click.option(
    "--verdict",
    "verdicts",
    type=click.Choice(MISTAKE_VERDICTS),
    multiple=True,
    help="Only predictions of which experts say this; give it again for more.",
)
@class_options
@click.option(
    "--predicted",
    callback=class_indices,
    multiple=True,
    metavar="CLASS",
    help="Only predictions of this class; give it again for more.",
)
@click.option(
    "--image",
    "images",
    callback=_image_numbers,
    multiple=True,
    metavar="NAME",
    help="Only this image; give it again for more.",
)
@click.option(
    "--min-checkpoints",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Only images that at least N checkpoints get wrong.",
)
@click.option(
    "--shared",
    type=click.Choice(["all"]),
    help="Only images that every checkpoint gets wrong.",
)
@click.option("--same-label", is_flag=True, help="Count checkpoints for these two by label: who predict the same.")
@breakdown_options
@scorer_options
@output_options
def mistakes(  # noqa: PLR0913 (one parameter for each option)
    *,
    predictions: tuple[str, ...],
    bind: Bind,
    confusions: bool,
    verdicts: tuple[str, ...],
    class_: tuple[int, ...],
    classes: frozenset[int],
    predicted: tuple[int, ...],
    images: tuple[int, ...],
    min_checkpoints: int,
    shared: str | None,
    same_label: bool,
    limit: int | None,
    on_error: OnError,
    format_: str | None,
    output: str | None,
) -> None:
    """Show each image that is wrong under the first measure: what is predicted, what experts accept, who shares it.

    \b
    ml-scorer mistakes resnet50.csv --verdict unreviewed
    ml-scorer mistakes a.csv b.csv c.csv --shared all --same-label -o shared.csv
    ml-scorer mistakes sweep/ --order imagefolder --confusions --group dog --limit 50
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    chosen = chosen_format(format_, output)
    outcomes = read_outcomes(predictions, bind, on_error, output)
    measure = outcomes.measures[0]
    wanted = Chosen(
        verdicts=verdicts,
        classes=classes.union(class_),
        predicted=predicted,
        images=images,
        checkpoints=len(outcomes.names) if shared == "all" else min_checkpoints,
        same_label=same_label,
    )
    if confusions:
        frame = confusion_pairs(outcomes, measure, wanted)
        rows = frame.height
        hidden = ["original_label", "predicted_label"]
    else:
        found = find_mistakes(outcomes, measure, wanted)
        rows = len(found)
        frame = described_mistakes(found.first(shown_rows(chosen, limit)), outcomes, measure)
        hidden = ["original_label", "predicted_label", "accepted_labels"]
    if len(outcomes.names) == 1:
        hidden += ["checkpoints", "wrong_checkpoints", "same_mistake"]
    notes = first_label_notes(outcomes)
    if not follows_verdicts(measure):
        notes.append(
            f"Verdicts are those of the experts, who judged other labels than {measure} accepts: what is a mistake "
            "under it may be correct to them."
        )
    emit_breakdown(
        "confusions" if confusions else "mistakes",
        frame,
        outcomes,
        format_=chosen,
        output=output,
        limit=limit,
        rows=rows,
        hidden=hidden,
        notes=notes,
    )
