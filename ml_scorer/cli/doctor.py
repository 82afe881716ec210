"""`ml-scorer doctor`: what is installed, which tables are found, and what more there could be."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import polars as pl

import ml_scorer
from ml_scorer.annotations import Annotations, Identity, load_annotations
from ml_scorer.annotations.find import places
from ml_scorer.annotations.kinds import ANNOTATIONS, REAL, TableKind
from ml_scorer.annotations.reassessed import RealLabels, load_real_labels
from ml_scorer.errors import AnnotationsError, AnnotationsNotFoundError
from ml_scorer.extras import Extra, extras
from ml_scorer.imagenet import checkout
from ml_scorer.report.printable import printable_lines
from ml_scorer.scoring.threads import usable_processors
from ml_scorer.version import tool_version

_LOADERS: Final[dict[TableKind, Callable[[], Annotations | RealLabels]]] = {
    ANNOTATIONS: load_annotations,
    REAL: load_real_labels,
}
_WIDTH: Final = 14


@click.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people, or for programs.",
)
def doctor(format_: str) -> None:
    """Say what is installed, which annotations are found and whether they are genuine, and what each extra adds.

    Exit status 1 where nothing can be scored: no annotations are found, or they are damaged.

    \b
    ml-scorer doctor
    ml-scorer doctor --format json
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    found = findings()
    click.echo(json.dumps(found, indent=2) if format_ == "json" else "\n".join(map(_line, _lines(found))))
    if found["annotations"]["error"]:
        sys.exit(1)


def findings() -> dict[str, Any]:
    """All that is found, as it goes out as JSON."""
    root = checkout()
    return {
        "ml_scorer": {
            "version": tool_version(),
            "installed_from": "checkout" if root else "wheel",
            "folder": str(root or Path(ml_scorer.__file__).parent),
        },
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "polars": pl.__version__,
        "numpy": np.__version__,
        "processors": usable_processors(),
        "annotations": _table(ANNOTATIONS),
        "real": _table(REAL),
        "extras": None if (offered := _offered_extras()) is None else {extra.name: _extra(extra) for extra in offered},
    }


def _table(kind: TableKind) -> dict[str, Any]:
    """What a run would use, and every place where it is looked for."""
    looked_at = list(places(kind))
    used = next((place for place in looked_at if place.table or place.broken), None)
    identity: Identity | None = None
    error = None
    try:
        identity = _LOADERS[kind]().identity
    except AnnotationsNotFoundError as fault:
        error = str(fault) if used else f"none found: `{kind.get}` gets it once; `{kind.advice}` tells more"
    except (AnnotationsError, OSError) as fault:
        error = str(fault)
    return {
        "status": identity and identity.status,
        "release": identity and identity.release,
        "fingerprint": identity and identity.fingerprint,
        "path": str(used.table) if used and used.table else None,
        "error": error,
        "places": [
            {
                "place": place.called,
                "path": place.table and str(place.table),
                "note": place.otherwise or None,
                "used": place is used,
            }
            for place in looked_at
        ],
    }


def _offered_extras() -> list[Extra] | None:
    """The extras of the installed distribution; None where there is none, as in a checkout that is not installed."""
    try:
        return extras(requires("ml-scorer") or ())
    except PackageNotFoundError:
        return None


def _extra(extra: Extra) -> dict[str, Any]:
    return {
        "installed": not extra.faults,
        "adds": extra.adds,
        "packages": [
            {"name": package.name, "needed": package.needed, "version": package.version, "too_old": package.too_old}
            for package in extra.packages
        ],
        "faults": extra.faults,
        "install": extra.install,
    }


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Heading and text of each line for people."""
    own = found["ml_scorer"]
    where = "the checkout" if own["installed_from"] == "checkout" else "installed in"
    yield "ml-scorer", f"{own['version']}, {where} {own['folder']}"
    yield "Python", f"{found['python']['version']}, {found['python']['executable']}"
    yield "packages", f"polars {found['polars']}, numpy {found['numpy']}"
    yield "processors", str(found["processors"])
    yield from _table_lines("annotations", found["annotations"])
    yield from _table_lines("ReaL", found["real"])
    yield "", ""
    if found["extras"] is None:
        yield "extras", "not known: this checkout is not installed (`pip install -e .`)"
        return
    for name, extra in found["extras"].items():
        if extra["installed"]:
            versions = ", ".join(f"{package['name']} {package['version']}" for package in extra["packages"])
            yield name, f"installed ({versions}): {extra['adds']}"
        else:
            yield name, f"not installed ({', '.join(extra['faults'])}): {extra['adds']}"
            yield "", f"  {extra['install']}"


def _table_lines(heading: str, table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "", ""
    if table["error"]:
        yield heading, table["error"]
    else:
        status = f"genuine {table['release']}" if table["status"] == "genuine" else table["release"]
        yield heading, f"{status}, fingerprint {table['fingerprint']}"
    for place in table["places"]:
        note = place["path"] or ("see above" if place["note"] == table["error"] else place["note"])
        yield "", f"{'>' if place['used'] else '-'} {place['place']}: {note}"
    offering = [place["place"] for place in table["places"] if place["place"].startswith("the package")]
    if len(offering) > 1:
        yield (
            "",
            f"{len(offering)} packages offer one, and the first counts: {', '.join(offering)}. Uninstall the others.",
        )


def _line(line: tuple[str, str]) -> str:
    heading, text = line
    indented = printable_lines(text).replace("\n", f"\n{'':<{_WIDTH}}")
    return f"{heading:<{_WIDTH}}{indented}".rstrip()
