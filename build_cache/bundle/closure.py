"""Which wheels a machine needs: the dependencies of dependencies, as that machine and not this one would have them.

pip evaluates environment markers (`colorama; sys_platform == "win32"`) for the Python that runs it, also where it is
told to choose wheels for another: it misses what only the target needs, and fails on what only the machine at hand
would. So it is asked for single wheels, and the way from one to the next is gone here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from packaging.markers import Marker, UndefinedComparison
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from build_cache.bundle.target import Target
from build_cache.bundle.wheels import Wheel
from ml_scorer.errors import BundleError, faults_text

_MOST_ROUNDS: Final = 60
"""Each round fetches at least one wheel; trees of dependencies are less than ten deep."""

Fetch = Callable[[list[Requirement]], Iterable[Wheel]]
"""Gets a wheel for each of some requirements, without what these need in turn."""


@dataclass
class Need:
    """All that is asked of one distribution.

    Attributes
    ----------
    specifier : SpecifierSet
        Versions that everything that needs it can use.
    extras : set of str
    needed_by : list of str
        Who asks, and for what.
    """

    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    extras: set[str] = field(default_factory=set)
    needed_by: list[str] = field(default_factory=list)

    def add(self, requirement: Requirement, who: str) -> None:
        """Ask for more."""
        if requirement.url:
            raise BundleError(f"{who} needs {requirement}, an address, which cannot be packed.")
        self.specifier &= requirement.specifier
        self.extras.update(map(canonicalize_name, requirement.extras))
        if (asked := f"{who} needs {requirement.name}{requirement.specifier}") not in self.needed_by:
            self.needed_by.append(asked)


def needs_of(roots: Iterable[Requirement], wheels: Mapping[str, Wheel], target: Target) -> dict[str, Need]:
    """All that is needed on the target, as far as the wheels at hand tell.

    Parameters
    ----------
    roots : iterable of Requirement
        What is to be installed.
    wheels : mapping of str to Wheel
        By name.
    target : Target

    Returns
    -------
    dict of str to Need
        By name, the needs of wheels that are not at hand left out.
    """
    needs: dict[str, Need] = {}
    waiting = [(requirement, "the bundle") for requirement in roots]
    seen: set[tuple[str, str]] = set()  # names with extras, whose requirements have been asked for
    while waiting:
        requirement, who = waiting.pop()
        name = canonicalize_name(requirement.name)
        need = needs.setdefault(name, Need())
        need.add(requirement, who)
        wheel = wheels.get(name)
        if wheel is None:
            continue
        for extra in ("", *sorted(need.extras)):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [(child, f"{name} {wheel.version}") for child in _required(wheel, extra, target)]
    return needs


def _required(wheel: Wheel, extra: str, target: Target) -> list[Requirement]:
    """What a wheel needs on the target: for an extra, or for none (the empty one)."""
    return [
        requirement
        for requirement in wheel.requires
        if requirement.marker is None or _holds(requirement.marker, extra, target)
    ]


def _holds(marker: Marker, extra: str, target: Target) -> bool:
    try:
        return any(marker.evaluate({**environment, "extra": extra}) for environment in target.environments)
    except (
        InvalidVersion,
        UndefinedComparison,
    ):  # of a kernel's version, which is not known: a wheel too many harms nobody
        return True


def unmet(needs: Mapping[str, Need], wheels: Mapping[str, Wheel]) -> list[str]:
    """Names of distributions of which no wheel is at hand, or one of a version that somebody cannot use."""
    return [
        name
        for name, need in needs.items()
        if name not in wheels or not need.specifier.contains(wheels[name].version, prereleases=True)
    ]


def close(roots: list[Requirement], given: Mapping[str, Wheel], target: Target, fetch: Fetch) -> dict[str, Wheel]:
    """Fetch wheels until nothing that the target needs is missing.

    Of each distribution the newest version is taken that all can use; where the newest versions of two do not go
    together, no older ones are tried, and it is an error.

    Parameters
    ----------
    roots : list of Requirement
        What is to be installed.
    given : mapping of str to Wheel
        Wheels that are there already, by name; they are not replaced.
    target : Target
    fetch : callable

    Returns
    -------
    dict of str to Wheel
        By name: all that is needed, and nothing else.

    Raises
    ------
    BundleError
        If something is missing or does not fit; the error names it.
    """
    wheels = dict(given)
    for _ in range(_MOST_ROUNDS):
        needs = needs_of(roots, wheels, target)
        missing = unmet(needs, wheels)
        if not missing:
            break
        if fixed := [name for name in missing if name in given]:
            raise BundleError(f"{given[fixed[0]].path.name} does not do: {', and '.join(needs[fixed[0]].needed_by)}.")
        try:
            fetched = fetch([Requirement(f"{name}{needs[name].specifier}") for name in missing])
        except BundleError as error:
            asked = [sentence for name in missing if name in str(error) for sentence in needs[name].needed_by]
            raise BundleError(" ".join([str(error), *(f"{sentence}." for sentence in asked)])) from error
        wheels |= {wheel.name: wheel for wheel in fetched}
        if absent := [name for name in missing if name not in wheels]:
            faults = [f"{name} is missing ({', and '.join(needs[name].needed_by)})" for name in absent]
            raise BundleError(faults_text("the bundle would not be whole", faults))
    else:
        asked = [sentence for name in missing for sentence in needs[name].needed_by]
        raise BundleError(faults_text("no versions go together", asked))
    needed = {name: wheels[name] for name in sorted(needs)}
    if faults := [fault for wheel in needed.values() if (fault := wheel.fault_on(target))]:
        raise BundleError(faults_text(f"the bundle would not install with {target}", faults))
    return needed
