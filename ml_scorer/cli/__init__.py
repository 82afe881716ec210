"""The command `ml-scorer`."""

from __future__ import annotations

import click

from ml_scorer.cli.annotations import describe
from ml_scorer.cli.demo import demo
from ml_scorer.cli.exits import RefusingGroup
from ml_scorer.cli.measures import measures
from ml_scorer.cli.score import score


@click.group(cls=RefusingGroup)
@click.version_option(package_name="ml-scorer", message="%(prog)s %(version)s")
def main() -> None:
    """ImageNet multi-label accuracy (MLA) from expert annotations.

    \b
    ml-scorer score resnet50.csv                      names in the file
    ml-scorer score sweep/*.npy --order imagefolder   arrays: say their order
    ml-scorer demo                                    from nothing, offline

    Exit status: 0 good, 1 a refused input, 2 wrong usage.
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)


for command in (score, measures, describe, demo):
    main.add_command(command)
