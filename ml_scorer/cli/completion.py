"""`ml-scorer completion`: what a shell runs to complete commands, options and their values."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Final

import click
from click.shell_completion import get_completion_class

SHELLS: Final = ("bash", "zsh", "fish")
PROGRAMS: Final = ("ml-scorer", "build-cache")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
def completion(shell: str | None) -> None:
    """Print the lines that let SHELL (default: the one of $SHELL) complete ml-scorer and build-cache.

    \b
    ml-scorer completion bash >> ~/.bashrc
    ml-scorer completion zsh >> ~/.zshrc
    ml-scorer completion fish > ~/.config/fish/completions/ml-scorer.fish
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    name = shell or PurePath(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise click.UsageError(f"which shell? $SHELL is {name or 'not set'}. Say one of {', '.join(SHELLS)}.")
    completes = get_completion_class(name)
    if completes is None:
        raise click.UsageError(f"the installed click knows no completion for {name}.")
    for program in PROGRAMS:
        variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
        click.echo(_template(completes, program, variable))


def _template(completes: type[click.shell_completion.ShellComplete], program: str, variable: str) -> str:
    made = completes(click.Group(program), {}, program, variable)
    return made.source_template % made.source_vars()
