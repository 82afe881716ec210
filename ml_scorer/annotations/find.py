"""Where a table is looked for when nobody says where it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import platformdirs

from ml_scorer.annotations.kinds import ANNOTATIONS, TableKind
from ml_scorer.errors import AnnotationsNotFoundError
from ml_scorer.imagenet import checkout


def user_table(kind: TableKind = ANNOTATIONS) -> Path:
    """The table in the user's data directory, where `build-cache` writes when it is not told where."""
    return platformdirs.user_data_path("ml_scorer", appauthor=False) / kind.file_name


def find_annotations() -> Path:
    """The annotation table that is found first; see `find_table`."""
    return find_table(ANNOTATIONS)


@dataclass(frozen=True)
class Place:
    """A place where a table is looked for.

    Attributes
    ----------
    called : str
    table : Path, optional
        The one that is there.
    otherwise : str
        Why there is none; empty where there is one.
    broken : bool
        Whether it offers a table that cannot be had: an error, since what was offered was meant to be used.
    """

    called: str
    table: Path | None = None
    otherwise: str = ""
    broken: bool = False


def places(kind: TableKind) -> Iterator[Place]:
    """Every place where a table of some kind is looked for, in their order; each is looked at when its turn comes."""
    yield _named(kind)
    root = checkout()
    in_checkout = root and root / "data" / kind.file_name
    yield _file("the checkout", in_checkout) if in_checkout else Place("a checkout", otherwise="not run from one")
    offers = entry_points(group=kind.entry_points)
    for entry_point in offers:
        yield _offered(entry_point, kind)
    if not offers:
        yield Place("a package", otherwise="none that is installed offers one")
    yield _file("your data directory", user_table(kind))


def find_table(kind: TableKind) -> Path:
    """The first table there is: environment variable, checkout, installed package, user's data directory.

    A package offers its table through a group of entry points, `ml_scorer.annotations` or `ml_scorer.real`: the entry
    point is a path, or a function without arguments that returns one.

    Raises
    ------
    AnnotationsNotFoundError
        If there is none, or what the variable names or a package offers is no file.
    """
    for place in places(kind):
        if place.broken:
            raise AnnotationsNotFoundError(place.otherwise)
        if place.table:
            return place.table
    raise AnnotationsNotFoundError(
        f"No {kind.title} found. Get it once, on a machine with a network, with\n"
        f"    pip install 'ml-scorer[build]' && {kind.get}\n"
        f"(it is written to {user_table(kind)}), or make it from a file that you have: `{kind.advice}`.\n"
        f"Elsewhere, copy that one file and name it with {kind.option} FILE or {kind.variable}=FILE."
    )


def _named(kind: TableKind) -> Place:
    """The table that the environment variable names."""
    called, named = f"the variable {kind.variable}", os.environ.get(kind.variable)
    if not named:
        return Place(called, otherwise="not set")
    if not Path(named).is_file():
        sentence = f"{kind.variable} names {named!r}, which is not a file. Correct it, or unset it."
        return Place(called, otherwise=sentence, broken=True)
    return Place(called, Path(named))


def _file(called: str, table: Path) -> Place:
    return Place(called, table) if table.is_file() else Place(called, otherwise=f"{table} is not there")


def _offered(entry_point: EntryPoint, kind: TableKind) -> Place:
    """The table that an installed package offers."""
    package = entry_point.dist.name if entry_point.dist else "an installed package"
    called = f"the package {package} {entry_point.dist.version}" if entry_point.dist else package
    try:
        offered = entry_point.load()
        table = Path(offered() if callable(offered) else offered)
        fault = "" if table.is_file() else f"{table} is not a file"
    except (Exception, SystemExit) as error:  # noqa: BLE001 (somebody else's code; whatever it raises, it is told)
        fault = f"{type(error).__name__}: {error}"
    if fault:
        sentence = (
            f"{package} offers {kind.called} ({kind.entry_points}: {entry_point.value}), but {fault}. Repair or "
            f"uninstall it, or name a table with {kind.variable}=FILE."
        )
        return Place(called, otherwise=sentence, broken=True)
    return Place(called, table)
