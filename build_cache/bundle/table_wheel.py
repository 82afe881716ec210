"""A table as a wheel of its own, so that it is installed, listed and removed like any package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from build_cache.bundle.wheels import Wheel
from ml_scorer.annotations import Identity, load_annotations
from ml_scorer.annotations.kinds import ANNOTATIONS, REAL, TableKind
from ml_scorer.annotations.reassessed import load_real_labels
from ml_scorer.errors import BundleError

_LOADERS: Final[Mapping[TableKind, Callable[[Path], Table]]] = {ANNOTATIONS: load_annotations, REAL: load_real_labels}

_CLOCK: Final = "1580601600"
"""Every file in the wheel is of this moment (2020-02-02), so that the same table gives the same bytes at any time."""

_LICENCES: Final = {
    ANNOTATIONS: "The labels are their authors', and are not under the licence of ml-scorer; cite them. This wheel is "
    "for your own machines, and not for a public registry.",
    REAL: "The authors published these labels under the Apache License 2.0.",
}

_PROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
description = "{title} for ml-scorer: {identity}"
readme = "README.md"
requires-python = ">=3"
classifiers = ["Private :: Do Not Upload"]

[project.entry-points."{group}"]
table = "{module}:table"

[tool.hatch.build]
ignore-vcs = true

[tool.hatch.build.targets.wheel]
packages = ["{module}"]
"""

_MODULE: Final = '''\
"""{title} for ml-scorer: {identity}."""

from pathlib import Path

table = Path(__file__).with_name("{file_name}")
'''

_README: Final = """\
{title} for ml-scorer, which finds it by itself once this is installed.

Status: {status}
Fingerprint: {fingerprint}
Citation: {citation}

{licence}
"""


class Table(Protocol):
    """A table in memory."""

    @property
    def identity(self) -> Identity:
        """What it is."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """What its file says of itself."""
        ...


def distribution(kind: TableKind) -> str:
    """The name under which a table of this kind is installed, such as ml-scorer-annotations."""
    return kind.entry_points.replace("_", "-").replace(".", "-")


def table_wheel(kind: TableKind, table: Path, folder: Path) -> tuple[Wheel, Identity]:
    """Verify a table, and pack it into a wheel: the same bytes for the same table with the same version of hatchling.

    Parameters
    ----------
    kind : TableKind
    table : Path
        Its file.
    folder : Path
        Where the wheel is put.

    Returns
    -------
    Wheel
    Identity
        What the table turned out to be.

    Raises
    ------
    AnnotationsError
        If the table is damaged or not of this kind.
    AnnotationsNotFoundError
        If there is no such file.
    """
    loaded = _LOADERS[kind](table)
    identity = loaded.identity
    name = distribution(kind)
    module = name.replace("-", "_")
    said = {
        "name": name,
        "module": module,
        "group": kind.entry_points,
        "file_name": kind.file_name,
        "title": kind.title[0].upper() + kind.title[1:],
        "version": table_version(identity),
        "identity": identity,
        "status": f"genuine {identity.release}" if identity.genuine else identity.name,
        "fingerprint": identity.fingerprint,
        "citation": " ".join(loaded.metadata.get("citation", "not said").split()),
        "licence": _LICENCES[kind],
    }
    with TemporaryDirectory(prefix="build-cache-") as project:
        package = Path(project, module)
        package.mkdir()
        Path(project, "pyproject.toml").write_text(_PROJECT.format(**said), "utf-8")
        Path(project, "README.md").write_text(_README.format(**said), "utf-8")
        (package / "__init__.py").write_text(_MODULE.format(**said), "utf-8")
        shutil.copyfile(table, package / kind.file_name)
        _LOADERS[kind](package / kind.file_name)  # what is packed is what was verified, whatever the disk did
        return _built(Path(project), folder), identity


def table_version(identity: Identity) -> str:
    """Version of the dataset; of a table that is no release with a version, one below all others that says what it is.

    >>> table_version(Identity("genuine", "imagenet2012_multilabel", "3.0.0", "f2b50695b149"))
    '3.0.0'
    >>> table_version(Identity("unverified", "UNVERIFIED", None, "0123456789ab"))
    '0+unverified.01234567'
    """
    return identity.version or f"0+{identity.status}.{identity.fingerprint[:8]}"


def _built(project: Path, folder: Path) -> Wheel:
    """The wheel of a project."""
    with TemporaryDirectory(prefix="build-cache-") as built:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": _CLOCK}
        ran = subprocess.run(  # noqa: S603 (our own)
            command, cwd=project, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
        wheels = list(Path(built).glob("*.whl"))
        if ran.returncode or len(wheels) != 1:
            last = ran.stderr.strip().rpartition("\n")[2] or "no word"
            raise BundleError(f"hatchling, which packs the table, ended with {ran.returncode}: {last}")
        target = folder / wheels[0].name
        shutil.copyfile(wheels[0], target)
    return Wheel.read(target)
