"""The optional parts of the package: what each adds, and whether what it needs is installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Final

EXTRAS: Final = {
    "stats": "intervals, places, comparison with a baseline, checks in CI",
    "report": "`ml-scorer report`, one page with everything, and `ml-scorer chart`, figures as SVG, PNG and PDF",
    "store": "`--store DIR`, which scores only what is new or has changed",
    "watch": "`ml-scorer watch`, which scores files as they appear",
    "torch": "predictions in .pt and .pth files, and the metric for training loops",
    "remote": "predictions at s3://, gs:// and hf:// addresses",
    "ray": "scoring on a Ray cluster",
    "mlflow": "`--log mlflow`, scores as runs of MLflow",
    "tensorboard": "`--log tensorboard`, scores as curves of TensorBoard",
    "imagenet-x": "`ml-scorer groups --factors`, scores by factors of variation",
    "build": "`build-cache`, which exports the annotations, and `ml-scorer demo`",
    "tfds": "`build-cache tfds`, from a dataset that TensorFlow Datasets prepared",
    "bundle": "`build-cache bundle`, all that a machine without a network needs",
}
"""What each extra for users adds; those of developers (dev, test, …) are left out."""

_MODULES: Final = {".py", ".so", ".pyd", ".pth"}
"""Endings of files that a package is imported from; of an editable one it is the last."""

_REQUIREMENT: Final = re.compile(
    r"(?P<package>[\w.-]+)\s*(\[[^\]]*\])?\s*\(?(?P<versions>[^;()]*)\)?\s*;\s*extra == ['\"](?P<extra>[^'\"]+)['\"]\s*"
)


@dataclass(frozen=True)
class Package:
    """A package that an extra needs.

    Attributes
    ----------
    name : str
    needed : str
        Which versions, such as `>=1.11`; empty for any.
    version : str, optional
        The one that is installed.
    lost : bool
        Whether nothing but its metadata is left, so that pip takes it for installed.
    """

    name: str
    needed: str
    version: str | None
    lost: bool = False

    @property
    def too_old(self) -> bool:
        """Whether it is installed, and older than the oldest version that does (`>=`; other conditions are pip's)."""
        oldest = re.search(r">=\s*(\d[\d.]*)", self.needed)
        return self.version is not None and oldest is not None and _release(self.version) < _release(oldest[1])

    @property
    def fault(self) -> str:
        """What is wrong with it; empty if nothing is.

        >>> Package("scipy", ">=1.11", "1.9.3").fault, Package("scipy", ">=1.11", None).fault
        ('scipy 1.9.3 is older than needed (>=1.11)', 'scipy is missing')
        """
        if self.version is None:
            return f"{self.name} is missing"
        if self.lost:
            return f"{self.name} {self.version} has lost its files: pip install --force-reinstall {self.name}"
        return f"{self.name} {self.version} is older than needed ({self.needed})" if self.too_old else ""


@dataclass(frozen=True)
class Extra:
    """An optional part of the package, the sentence that says what it adds, and the packages that it needs."""

    name: str
    adds: str
    packages: tuple[Package, ...]

    @property
    def faults(self) -> list[str]:
        """What keeps it from working."""
        return [package.fault for package in self.packages if package.fault]

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"pip install 'ml-scorer[{self.name}]'"


def installed_version(package: str) -> str | None:
    """Version of an installed package; None where there is none, or its metadata is broken."""
    try:
        found: str | None = version(package)
    except PackageNotFoundError:
        return None
    return found


def has_lost_its_files(package: str) -> bool:
    """Whether an installed package lists its files, and no module is among those that are there."""
    files = distribution(package).files
    return files is not None and not any(path.suffix in _MODULES and Path(path.locate()).exists() for path in files)


def extras(
    requirements: Iterable[str],
    version_of: Callable[[str], str | None] = installed_version,
    lost: Callable[[str], bool] = has_lost_its_files,
) -> list[Extra]:
    """The extras for users that a distribution offers.

    Parameters
    ----------
    requirements : iterable of str
        Of the distribution (`importlib.metadata.requires`). One with a condition besides its extra is not looked at.
    version_of : callable
        The installed version of a package, None where it is not.
    lost : callable
        Whether nothing but the metadata of an installed package is left.

    Returns
    -------
    list of Extra
        In the order of `EXTRAS`.
    """
    packages: dict[str, list[Package]] = {}
    for requirement in requirements:
        if parts := _REQUIREMENT.fullmatch(requirement):
            name, needed = parts["package"], parts["versions"].strip()
            found = version_of(name)
            package = Package(name, needed, found, lost=found is not None and lost(name))
            packages.setdefault(parts["extra"], []).append(package)
    return [Extra(name, adds, tuple(packages[name])) for name, adds in EXTRAS.items() if name in packages]


def _release(text: str) -> tuple[int, ...]:
    """The numbers of a version that are compared, without zeros at their end.

    >>> _release("2.10.0rc1+cpu") == _release("2.10")
    True
    """
    numbers = re.match(r"(\d+!)?(\d+(?:\.\d+)*)", text)
    parts = [int(number) for number in numbers[2].split(".")] if numbers else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
