"""The machine that a bundle is for: which wheels it can install, and what dependencies that depend on it see."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms, platform_tags

from ml_scorer.errors import BundleError

_LAST_PATCH: Final = 99
"""No release of Python had more patches; a dependency that any patch release needs is packed."""

_LEGACY_MANYLINUX: Final = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
"""What each name before PEP 600 stands for: the oldest C library."""

_OLDEST_GLIBC: Final = {"x86_64": 5, "i686": 5}
"""Minor version of the oldest C library (2.x) of manylinux wheels, by machine; 17 for all others (PEP 599)."""

_WINDOWS_MACHINES: Final = {"win32": "x86", "win_amd64": "AMD64", "win_arm64": "ARM64"}
"""What Python calls the machine, by the tag of its wheels."""

EXAMPLES: Final = "manylinux_2_28_x86_64, manylinux_2_28_aarch64, musllinux_1_2_x86_64, macosx_14_0_arm64, win_amd64"


@dataclass(frozen=True)
class Target:
    """A version of CPython on a platform.

    Attributes
    ----------
    python : str
        Such as 3.12, which is any patch release of it, or 3.12.4.
    platform : str
        The newest tag of wheels that it can install, such as manylinux_2_28_x86_64.
    platforms : tuple of str
        All such tags, the newest first.
    system : tuple of str
        `os.name`, `sys.platform`, `platform.system()` and `platform.machine()` there.
    """

    python: str
    platform: str
    platforms: tuple[str, ...]
    system: tuple[str, str, str, str]

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}"

    @property
    def minor(self) -> tuple[int, int]:
        """Version of Python without the patch."""
        major, minor = self.python.split(".")[:2]
        return int(major), int(minor)

    @property
    def abi(self) -> str:
        """Such as cp312."""
        return f"cp{self.minor[0]}{self.minor[1]}"

    @cached_property
    def tags(self) -> frozenset[Tag]:
        """The tags of all wheels that it can install."""
        own = cpython_tags(self.minor, abis=[self.abi], platforms=self.platforms)
        return frozenset([*own, *compatible_tags(self.minor, self.abi, self.platforms)])

    @cached_property
    def environments(self) -> tuple[Mapping[str, str], ...]:
        """Values for environment markers (PEP 508): of the first and of the last patch release, or of the one named."""
        exact = self.python.count(".") > 1
        patches = [self.python] if exact else [f"{self.python}.{patch}" for patch in (0, _LAST_PATCH)]
        return tuple(self._environment(version) for version in patches)

    def _environment(self, version: str) -> dict[str, str]:
        os_name, sys_platform, system, machine = self.system
        return {
            "python_version": f"{self.minor[0]}.{self.minor[1]}",
            "python_full_version": version,
            "implementation_name": "cpython",
            "implementation_version": version,
            "platform_python_implementation": "CPython",
            "os_name": os_name,
            "sys_platform": sys_platform,
            "platform_system": system,
            "platform_machine": machine,
            "platform_release": "",  # not known
            "platform_version": "",
        }

    def runs(self, requires_python: SpecifierSet) -> bool:
        """Whether every release that this may be has a version that is asked for."""
        return requires_python.contains(self.environments[0]["python_full_version"], prereleases=True)

    def pip_options(self) -> list[str]:
        """What makes pip choose wheels for this machine and not for its own."""
        platforms = [option for platform in self.platforms for option in ("--platform", platform)]
        return [*platforms, "--python-version", self.python, "--implementation", "cp", "--abi", self.abi]


def target_of(python: str | None = None, platform: str | None = None) -> Target:
    """The target that is named.

    Parameters
    ----------
    python : str, optional
        X.Y or X.Y.Z; None is the version that runs this.
    platform : str, optional
        A platform tag of wheels; None is this machine's.

    Raises
    ------
    BundleError
        If one is none that is known.
    """
    if python is None:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
    elif not re.fullmatch(r"3\.\d{1,2}(\.\d{1,2})?", python, re.ASCII):
        raise BundleError(f"--python {python}: expected a version of Python 3 such as 3.12 or 3.12.4.")
    if platform is None:  # a plain linux_x86_64, which says nothing of the C library, may come first
        platform = next((tag for tag in platform_tags() if tuple(_installable(tag))), next(platform_tags()))
    platforms = tuple(_installable(platform))
    if not platforms:
        linux = platform.removeprefix("linux_")
        meant = f" Of Linux, name the C library as well: manylinux_2_28_{linux}." if linux != platform else ""
        raise BundleError(f"--platform {platform}: not a platform that is known here, such as {EXAMPLES}.{meant}")
    return Target(python, platform, platforms, _system(platforms))


def _installable(platform: str) -> Iterator[str]:
    """The platform tags of all wheels that a machine of this tag can install, the newest first; none if unknown."""
    if legacy := re.fullmatch(r"(manylinux1|manylinux2010|manylinux2014)_(\w+)", platform, re.ASCII):
        yield from _manylinux(*_LEGACY_MANYLINUX[legacy[1]], legacy[2])
    elif linux := re.fullmatch(r"manylinux_(2)_(\d{1,3})_(\w+)", platform, re.ASCII):
        yield from _manylinux(int(linux[1]), int(linux[2]), linux[3])
    elif musl := re.fullmatch(r"musllinux_(1)_(\d{1,3})_(\w+)", platform, re.ASCII):
        yield from (f"musllinux_1_{minor}_{musl[3]}" for minor in range(int(musl[2]), -1, -1))
        yield f"linux_{musl[3]}"
    elif mac := re.fullmatch(r"macosx_(\d{2})_(\d{1,2})_(arm64|x86_64)", platform, re.ASCII):
        yield from mac_platforms((int(mac[1]), int(mac[2])), mac[3])
    elif platform in _WINDOWS_MACHINES:
        yield platform


def _manylinux(major: int, newest: int, machine: str) -> Iterator[str]:
    """All older C libraries' tags beside the named one (PEP 600), each with its name from before PEP 600."""
    legacy = {version: name for name, version in _LEGACY_MANYLINUX.items()}
    oldest = _OLDEST_GLIBC.get(machine, 17)
    if newest < oldest:
        return
    for minor in range(newest, oldest - 1, -1):
        yield f"manylinux_{major}_{minor}_{machine}"
        if (major, minor) in legacy:
            yield f"{legacy[major, minor]}_{machine}"
    yield f"linux_{machine}"  # no public registry has such wheels; of one's own, pip installs them


def _system(platforms: tuple[str, ...]) -> tuple[str, str, str, str]:
    newest, oldest = platforms[0], platforms[-1]
    if newest in _WINDOWS_MACHINES:
        return "nt", "win32", "Windows", _WINDOWS_MACHINES[newest]
    if newest.startswith("macosx_"):
        return "posix", "darwin", "Darwin", "arm64" if newest.endswith("_arm64") else "x86_64"
    return "posix", "linux", "Linux", oldest.removeprefix("linux_")
