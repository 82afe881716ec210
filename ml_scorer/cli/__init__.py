"""The command `ml-scorer`."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from ml_scorer.cli.completing import CompletingGroup

COMMANDS: Final = {
    "score": "score.score",
    "merge": "merge.merge",
    "scores": "scores.scores",
    "compare": "compare.compare",
    "watch": "watch.watch",
    "classes": "classes.classes",
    "mistakes": "mistakes.mistakes",
    "review": "review.review",
    "groups": "groups.groups",
    "report": "report.report",
    "chart": "chart.chart",
    "measures": "measures.measures",
    "annotations": "annotations.describe",
    "doctor": "doctor.doctor",
    "demo": "demo.demo",
    "completion": "completion.completion",
}
"""Module and name of each command; it is imported when it is asked for, so that none starts slower for the others."""


class CommandGroup(CompletingGroup):
    """The commands by their names."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Names, in the order in which the help shows them."""
        return list(COMMANDS)

    def command_named(self, _: click.Context, name: str) -> click.Command | None:
        """The command of this name."""
        if name not in COMMANDS:
            return None
        module, function = COMMANDS[name].split(".")
        command: click.Command = getattr(import_module(f"ml_scorer.cli.{module}"), function)
        return command


@click.group(cls=CommandGroup)
@click.version_option(package_name="ml-scorer", message="%(prog)s %(version)s")
def main() -> None:
    """ImageNet multi-label accuracy (MLA) from expert annotations.

    \b
    ml-scorer score resnet50.csv                      names in the file
    ml-scorer score sweep/ --order imagefolder        arrays: say their order
    ml-scorer demo                                    from nothing, offline

    Exit status: 0 good, 1 a refused input, 2 wrong usage.
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
