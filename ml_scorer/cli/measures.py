"""`ml-scorer measures`: what can be measured."""

from __future__ import annotations

import inspect
from dataclasses import fields

import click

from ml_scorer.measures import DEFAULT_MEASURES, MEASURES


@click.command()
def measures() -> None:
    """List the measures, their arguments and what they mean.

    \b
    ml-scorer measures
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    for name, measure in MEASURES.items():
        click.echo(name)
        summary = (inspect.getdoc(measure) or "").partition("\n\n")[0].partition(": ")[2]
        click.echo(f"    {' '.join(summary.split())}")
        for field in fields(measure):
            known = measure.may_be(field.name)
            click.echo(f"    {field.name}={field.default}  one of: {', '.join(known)}")
        click.echo()
    click.echo("Write a measure as it prints, defaults left out: --measure 'MLA(unclear=wrong, average=image)'")
    click.echo(f"By default: {', '.join(map(str, DEFAULT_MEASURES))}")
