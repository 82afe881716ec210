"""A folder with all that a machine without a network needs to score."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from build_cache.bundle.closure import close
from build_cache.bundle.downloading import Say, download, require_pip
from build_cache.bundle.papers import write_papers
from build_cache.bundle.table_wheel import table_wheel
from build_cache.bundle.target import Target, target_of
from build_cache.bundle.wheels import Wheel, is_whole
from ml_scorer.annotations import Identity
from ml_scorer.annotations.kinds import ANNOTATIONS, REAL
from ml_scorer.errors import BundleError
from ml_scorer.version import tool_version

NAME: Final = "ml-scorer"


@dataclass(frozen=True, eq=False)
class Bundle:
    """What was written.

    Attributes
    ----------
    folder : Path
    target : Target
    wheels : dict of str to Wheel
        By name, in the folder.
    tables : dict of str to Identity
        What each table is, by the name of its distribution.
    installed : list of str
        What pip is told to install.
    """

    folder: Path
    target: Target
    wheels: dict[str, Wheel]
    tables: dict[str, Identity]
    installed: list[str]

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(path.stat().st_size for path in self.folder.iterdir())

    @property
    def install_line(self) -> str:
        """The command that installs it, where the folder has the same name."""
        return shlex.join(["pip", "install", "--no-index", "--find-links", str(self.folder), *self.installed])


def bundle(
    output: str | PathLike[str],
    annotations: str | PathLike[str],
    *,
    real: str | PathLike[str] | None = None,
    wheel: str | PathLike[str] | None = None,
    extras: Iterable[str] = (),
    target: Target | None = None,
    say: Say = lambda _: None,
) -> Bundle:
    """Write a folder from which ml-scorer and its annotations are installed without a network.

    Parameters
    ----------
    output : path
        The folder: a new or an empty one. It is there when it is whole, and not before.
    annotations : path
        The annotation table; it becomes a wheel of its own.
    real : path, optional
        The table of reassessed labels, likewise; None leaves it out.
    wheel : path, optional
        The wheel of ml-scorer, of the version that runs this. None fetches the released one of that version.
    extras : iterable of str
        Extras of ml-scorer that are packed, too.
    target : Target, optional
        Where it is to be installed; None is on a machine and a Python like these.
    say : callable
        Is told what is being fetched.

    Returns
    -------
    Bundle

    Raises
    ------
    AnnotationsError, AnnotationsNotFoundError
        If a table is damaged, of another kind, or not there.
    BundleError
        If the folder cannot be made, or a wheel is wrong, cannot be had, or does not fit the target. Nothing is
        written.
    """
    require_pip()
    target = target or target_of()
    folder = Path(output)
    with _put_in_place_when_whole(folder) as (part, work):
        given = None if wheel is None else _given(Path(wheel), part)
        tables = {}
        packed = []
        for kind, table in ((ANNOTATIONS, annotations), (REAL, real)):
            if table is not None:
                made, identity = table_wheel(kind, Path(table), part)
                tables[made.name] = identity
                packed.append(made)
        own = given or _released(target, work, say)
        if fault := own.fault_on(target):
            raise BundleError(f"{fault}.")
        wanted = _known_extras(own, extras)
        installed = [f"{NAME}[{','.join(wanted)}]" if wanted else NAME, *tables]
        wheels = close(
            [Requirement(name) for name in installed],
            {at_hand.name: at_hand for at_hand in (own, *packed)},
            target,
            lambda requirements: download(requirements, target, work, say),
        )
        for needed in wheels.values():
            if needed.path.parent != part:
                shutil.move(needed.path, part)
        wheels = {name: Wheel.read(part / needed.path.name) for name, needed in wheels.items()}
        lines = [f"{name} {wheels[name].version}: {identity}" for name, identity in tables.items()]
        write_papers(part, target, wheels.values(), installed, lines)
    wheels = {name: Wheel.read(folder / placed.path.name) for name, placed in wheels.items()}
    return Bundle(folder, target, wheels, tables, installed)


@contextmanager
def _put_in_place_when_whole(folder: Path) -> Iterator[tuple[Path, Path]]:
    """A folder that takes the place of the named one once it is filled, and one for downloads; both lie beside it."""
    place = folder.resolve()
    if place.exists():
        if not place.is_dir() or any(place.iterdir()):
            raise BundleError(
                f"-o {folder}: is there, and is not an empty folder. Name a new one; bundles are never mixed."
            )
        if place.is_mount() or place == Path.cwd():
            raise BundleError(f"-o {folder}: is a drive or the current folder. Name a new folder in it.")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        raise BundleError(
            f"-o {folder}: no folder can be made in {place.parent}: {reason}. Name another one."
        ) from error
    with beside as work:
        part = Path(work, "bundle")
        part.mkdir()
        yield part, Path(work)
        if place.exists():
            place.rmdir()
        part.rename(place)


def _given(wheel: Path, folder: Path) -> Wheel:
    """The wheel of ml-scorer that was named, copied to the folder."""
    if not wheel.is_file():
        raise BundleError(f"--wheel {wheel}: no such file.")
    given = Wheel.read(wheel)
    if given.name != NAME:
        raise BundleError(f"--wheel {wheel}: is {given.name} {given.version}, expected the wheel of {NAME}.")
    if not is_whole(wheel):
        raise BundleError(f"--wheel {wheel}: is damaged. Copy it again from where you got it, or build it again.")
    running = tool_version()
    if running != "unknown" and given.version != Version(running):
        raise BundleError(
            f"--wheel {wheel}: is {NAME} {given.version}, and {running} runs this command. Bundle it with the "
            f"build-cache that it brings."
        )
    return Wheel.read(Path(shutil.copyfile(wheel, folder / wheel.name)))


def _released(target: Target, work: Path, say: Say) -> Wheel:
    """The wheel of the released version that runs this."""
    advice = "Build the wheel in a checkout (`pip wheel --no-deps .`), and name it with --wheel."
    if (running := tool_version()) == "unknown":
        raise BundleError(f"{NAME} runs from a checkout that is not installed, so its version is not known. {advice}")
    try:
        (wheel,) = download([Requirement(f"{NAME}=={running}")], target, work, say)
    except BundleError as error:
        raise BundleError(f"{error} {advice}") from error
    return wheel


def _known_extras(own: Wheel, extras: Iterable[str]) -> list[str]:
    """The extras in canonical form, each once."""
    asked = list(dict.fromkeys(map(canonicalize_name, extras)))
    if unknown := [extra for extra in asked if extra not in own.extras]:
        raise BundleError(
            f"--extra {unknown[0]}: {NAME} {own.version} has no such extra. It has {', '.join(sorted(own.extras))}."
        )
    return [str(extra) for extra in asked]
