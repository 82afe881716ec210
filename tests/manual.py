"""The manual at the end of the README, made from the commands themselves: `python tests/manual.py` writes it anew."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from build_cache.cli import main as build_cache
from ml_scorer.cli import main as ml_scorer

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- The manual: made by tests/manual.py -->\n", "<!-- The end of the manual -->\n"


def manual() -> str:
    """A page of every command, folded away: its usage, what it does, examples, options."""
    return "\n".join(page for name, group in GROUPS.items() for page in _pages(name, group))


GROUPS = {"ml-scorer": ml_scorer, "build-cache": build_cache}
_NO_CONTEXT = click.Context(ml_scorer)


def _pages(program: str, group: click.Group) -> Iterator[str]:
    context = click.Context(group, info_name=program)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        own = click.Context(command, info_name=name, parent=context)
        usage = " ".join([program, name, *command.collect_usage_pieces(own)])
        paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
        yield "\n\n".join(
            [
                f"<details>\n<summary><code>{_escaped(usage)}</code></summary>",
                *map(_paragraph, paragraphs),
                "\n".join(_options(command)),
                "</details>\n",
            ]
        )


def _paragraph(text: str) -> str:
    if text.startswith("\b\n"):
        return f"```sh\n{text[2:]}\n```"
    return " ".join(text.split())


def _options(command: click.Command) -> Iterator[str]:
    """A line for each option; those that mean what they mean to `score` are only named."""
    known = (
        set()
        if command.name == "score"
        else {_line(option) for option in _options_of(ml_scorer.get_command(_NO_CONTEXT, "score"))}
    )
    options = _options_of(command)
    yield from (line for option in options if (line := _line(option)) not in known)
    alike = [f"`{option.opts[-1]}`" for option in options if _line(option) in known]
    if alike:
        yield f"- As in `ml-scorer score`: {', '.join(alike)}"


def _options_of(command: click.Command) -> list[click.Option]:
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def _line(option: click.Option) -> str:
    values = option.metavar or ("|".join(option.type.choices) if isinstance(option.type, click.Choice) else "TEXT")
    default = f" Default: {option.default}." if option.show_default and option.default is not None else ""
    help_text = " ".join((option.help or "").split())
    return f"- `{', '.join(option.opts)}{'' if option.is_flag else f' {values}'}` {help_text}{default}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def with_manual(readme: str) -> str:
    """The same README with the manual as it is now."""
    before, _, rest = readme.partition(START)
    return f"{before}{START}\n{manual()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    README.write_text(with_manual(README.read_text(encoding="utf-8")), encoding="utf-8")
