"""Single wheels from a package registry, fetched by pip, which knows the user's mirrors, proxies and certificates."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from packaging.requirements import Requirement

from build_cache.bundle.target import Target
from build_cache.bundle.wheels import Wheel
from ml_scorer.errors import BundleError

Say = Callable[[str], object]


def require_pip() -> None:
    """Raise BundleError unless this environment has pip, which fetches the wheels."""
    if find_spec("pip") is None:
        raise BundleError(
            f"`build-cache bundle` fetches wheels with pip, which the environment of {sys.executable} does not have: "
            f"`python -m ensurepip`, or in one that uv made `uv pip install pip`."
        )


def download(requirements: list[Requirement], target: Target, folder: Path, say: Say) -> list[Wheel]:
    """Fetch the newest wheel for each of some requirements that a target can install, without what these need in turn.

    Parameters
    ----------
    requirements : list of Requirement
        Of distributions that differ.
    target : Target
    folder : Path
        The wheels lie below it.
    say : callable
        Is told what is being fetched.

    Raises
    ------
    BundleError
        If there is no such wheel, or no registry that answers; with pip's own reason.
    """
    asked = [str(requirement) for requirement in requirements]
    say(f"fetching {', '.join(asked)}")
    wheels = Path(mkdtemp(dir=folder))
    options = ["--no-deps", "--only-binary=:all:", "--no-input", *target.pip_options(), "--dest", str(wheels)]
    command = [sys.executable, "-m", "pip", "download", *options, "--", *asked]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 (our own)
    if ran.returncode:
        raise BundleError(f"pip found no wheels for {target}: {_reason(ran.stderr)}")
    return [Wheel.read(path) for path in sorted(wheels.glob("*.whl"))]


def _reason(said: str) -> str:
    """The last error of pip, and whether that is for want of an answer."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines or ["it gave no reason"])[-1].rstrip(".")
    if any("Retrying (" in line for line in lines):
        return f"{reason}. The registry did not answer: check the network, https_proxy and `pip config list`."
    return f"{reason}."
