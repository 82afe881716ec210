"""What a wheel says of itself: name, version, where it runs and what it needs."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from build_cache.bundle.target import Target
from ml_scorer.errors import BundleError


@dataclass(frozen=True, eq=False)
class Wheel:
    """A wheel.

    Attributes
    ----------
    path : Path
    name : str
        Of the distribution, in canonical form.
    version : Version
    tags : frozenset of Tag
        Any of them has to be the target's.
    requires_python : SpecifierSet
    requires : tuple of Requirement
    extras : frozenset of str
        That it offers, in canonical form.
    """

    path: Path
    name: str
    version: Version
    tags: frozenset[Tag]
    requires_python: SpecifierSet
    requires: tuple[Requirement, ...]
    extras: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> Wheel:
        """Read the name and the metadata of a wheel.

        Raises
        ------
        BundleError
            If it is no wheel, or a damaged one.
        """
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
            said, _ = parse_email(_metadata(path))
            return cls(
                path=path,
                name=name,
                version=version,
                tags=tags,
                requires_python=SpecifierSet(said.get("requires_python", "")),
                requires=tuple(Requirement(text) for text in said.get("requires_dist", ())),
                extras=frozenset(map(canonicalize_name, said.get("provides_extra", ()))),
            )
        except (InvalidWheelFilename, BadZipFile, zlib.error, InvalidSpecifier, InvalidRequirement) as error:
            reason = str(error).partition("\n")[0]
            raise BundleError(
                f"{path}: not a wheel that can be read ({reason}). Name another, or get it again."
            ) from error

    def fault_on(self, target: Target) -> str:
        """Why the target could not install it; empty if it can."""
        if self.tags.isdisjoint(target.tags):
            return f"{self.path.name} is not for {target}"
        if not target.runs(self.requires_python):
            return f"{self.name} {self.version} needs Python {self.requires_python}, and the target has {target.python}"
        return ""


def is_whole(path: Path) -> bool:
    """Whether every file in a wheel is as it was packed."""
    try:
        with ZipFile(path) as wheel:
            return wheel.testzip() is None
    except (BadZipFile, zlib.error):
        return False


def _metadata(path: Path) -> bytes:
    """The file of metadata in a wheel; deeper ones are those of distributions that it brings along."""
    with ZipFile(path) as wheel:
        for entry in wheel.namelist():
            if entry.endswith(".dist-info/METADATA") and entry.count("/") == 1:
                return wheel.read(entry)
    raise BadZipFile("it has no metadata")
