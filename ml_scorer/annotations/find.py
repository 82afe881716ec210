"""Where a table is looked for when nobody says where it is."""

from __future__ import annotations

import os
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


def find_table(kind: TableKind) -> Path:
    """The first table there is: environment variable, checkout, installed package, user's data directory.

    A package offers its table through a group of entry points, `ml_scorer.annotations` or `ml_scorer.real`: the entry
    point is a path, or a function without arguments that returns one.

    Raises
    ------
    AnnotationsNotFoundError
        If there is none, or what the variable names or a package offers is no file.
    """
    named = os.environ.get(kind.variable)
    if named:
        if not Path(named).is_file():
            raise AnnotationsNotFoundError(
                f"{kind.variable} names {named!r}, which is not a file. Correct it, or unset it."
            )
        return Path(named)
    root = checkout()
    if root and (table := root / "data" / kind.file_name).is_file():
        return table
    for entry_point in entry_points(group=kind.entry_points):
        return _offered(entry_point, kind)
    if (table := user_table(kind)).is_file():
        return table
    raise AnnotationsNotFoundError(
        f"No {kind.title} found. Get it once, on a machine with a network, with\n"
        f"    pip install 'ml-scorer[build]' && {kind.get}\n"
        f"(it is written to {user_table(kind)}), or make it from a file that you have: `{kind.advice}`.\n"
        f"Elsewhere, copy that one file and name it with {kind.option} FILE or {kind.variable}=FILE."
    )


def _offered(entry_point: EntryPoint, kind: TableKind) -> Path:
    """The table that an installed package offers."""
    try:
        offered = entry_point.load()
        table = Path(offered() if callable(offered) else offered)
        fault = "" if table.is_file() else f"{table} is not a file"
    except (ImportError, AttributeError, TypeError, OSError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        package = entry_point.dist.name if entry_point.dist else "an installed package"
        raise AnnotationsNotFoundError(
            f"{package} offers {kind.called} ({kind.entry_points}: {entry_point.value}), but {fault}. Repair or "
            f"uninstall it, or name a table with {kind.variable}=FILE."
        )
    return table
