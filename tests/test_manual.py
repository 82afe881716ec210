"""The manual in the README, and the help that it is made from."""

from __future__ import annotations

import click
import manual
import pytest

COMMANDS = [
    (program, name)
    for program, group in manual.GROUPS.items()
    for name in group.list_commands(click.Context(group, info_name=program))
]


def command(program, name):
    group = manual.GROUPS[program]
    return group.get_command(click.Context(group, info_name=program), name)


def test_the_manual_in_the_readme_is_that_of_the_commands():
    readme = manual.README.read_text(encoding="utf-8")
    assert readme == manual.with_manual(readme), "write it anew: python tests/manual.py"


@pytest.mark.parametrize(("program", "name"), COMMANDS)
def test_every_help_has_an_example_and_says_what_every_option_does(program, name):
    found = command(program, name)
    assert f"{program} {name}" in found.help.partition("\b\n")[2]
    options = [parameter for parameter in found.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []
