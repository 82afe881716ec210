"""What the shell completes behind the commands: names of files, and what stands behind `=`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

from ml_scorer.cli.exits import RefusingGroup

_PATHS: Final = {"FILE", "DIR", "FOLDER", "OUT", "TABLE"}
"""What stands in the help for the value of an option that is a path."""


class CompletingGroup(RefusingGroup):
    """A group of commands whose paths the shell completes: free arguments, and options with FILE, DIR and the like."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of this name."""
        command = self.command_named(context, name)
        for parameter in command.params if command else ():
            if isinstance(parameter.type, click.types.StringParamType) and _is_path(parameter):
                parameter.type = _PathText()
        return command

    def command_named(self, context: click.Context, name: str) -> click.Command | None:
        """The command of this name, as it was made."""
        return super().get_command(context, name)


@add_completion_class
class _Bash(BashComplete):
    """What bash asks for, which makes three words of `--order=im`."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is completed, without those that are `=`, and this one."""
        words, incomplete = super().get_completion_args()
        return [word for word in words if word != "="], incomplete


def names_that_begin(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Those names that what is there begins, in capitals or not."""
    return [CompletionItem(name) for name in names if name.lower().startswith(incomplete.lower())]


class _PathText(click.types.StringParamType):
    """A text that the shell completes as a path; what it means is found out later."""

    def shell_complete(self, _: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave it to the shell."""
        return paths(incomplete)


def _is_path(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument) or parameter.metavar in _PATHS


def paths(incomplete: str) -> list[CompletionItem]:
    """Names of files and folders, which the shell itself knows best."""
    return [CompletionItem(incomplete, type="file")]
