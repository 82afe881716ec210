"""Where the annotation table is looked for when nobody says where it is."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

import platformdirs

from ml_scorer.errors import AnnotationsNotFoundError
from ml_scorer.imagenet import checkout

VARIABLE: Final = "ML_SCORER_ANNOTATIONS"
ENTRY_POINTS: Final = "ml_scorer.annotations"
FILE_NAME: Final = "annotations.parquet"


def user_table() -> Path:
    """The table in the user's data directory, where `build-cache` writes when it is not told where."""
    return platformdirs.user_data_path("ml_scorer", appauthor=False) / FILE_NAME


def find_annotations() -> Path:
    """The first table there is: environment variable, checkout, installed package, user's data directory.

    A package offers its table through the entry-point group `ml_scorer.annotations`: the entry point is a path, or a
    function without arguments that returns one.

    Raises
    ------
    AnnotationsNotFoundError
        If there is none, or what the variable names or a package offers is no file.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise AnnotationsNotFoundError(f"{VARIABLE} names {named!r}, which is not a file. Correct it, or unset it.")
        return Path(named)
    root = checkout()
    if root and (table := root / "data" / FILE_NAME).is_file():
        return table
    for entry_point in entry_points(group=ENTRY_POINTS):
        return _offered(entry_point)
    if (table := user_table()).is_file():
        return table
    raise AnnotationsNotFoundError(
        "No annotation table found. Get it once, on a machine with a network, with\n"
        "    pip install 'ml-scorer[build]' && build-cache download\n"
        f"(it is written to {user_table()}), or make it from a file that you have: `build-cache --help`.\n"
        f"Elsewhere, copy that one file and name it with --annotations FILE or {VARIABLE}=FILE."
    )


def _offered(entry_point: EntryPoint) -> Path:
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
            f"{package} offers an annotation table ({ENTRY_POINTS}: {entry_point.value}), but {fault}. Repair or "
            f"uninstall it, or name a table with {VARIABLE}=FILE."
        )
    return table
