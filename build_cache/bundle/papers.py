"""What lies beside the wheels of a bundle: how to check it, how to install it, and what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from build_cache.bundle.target import Target
from build_cache.bundle.wheels import Wheel
from build_cache.sources.source import file_sha256

SUMS: Final = "SHA256SUMS"
PINS: Final = "requirements.txt"
GUIDE: Final = "INSTALL.txt"

_GUIDE: Final = """\
{title}, for a machine without a network: {target}.

It holds
{contents}

In this folder, check that it arrived whole, and install it in an environment of its own (python -m venv):

    sha256sum -c {sums}
    pip install --no-index --find-links . {names}

or, where there is no sha256sum, let pip check every wheel:

    pip install --no-index --find-links . --require-hashes -r {pins}

Then `ml-scorer doctor` says what is installed and which annotations it finds, and `ml-scorer score FILES` scores.
"""


def write_papers(
    folder: Path, target: Target, wheels: Iterable[Wheel], installed: list[str], tables: list[str]
) -> None:
    """Write the guide, the pinned requirements and, last, the sums of all files.

    Parameters
    ----------
    folder : Path
        Of the wheels.
    target : Target
    wheels : iterable of Wheel
        All of them.
    installed : list of str
        What pip is told to install.
    tables : list of str
        A line for each table.
    """
    wheels = list(wheels)
    own = next(wheel for wheel in wheels if wheel.name == "ml-scorer")
    title = f"ml-scorer {own.version}"
    others = len(wheels) - len(tables) - 1
    contents = [f"{installed[0]} {own.version}", *tables, f"{others} packages that it needs"]
    names = " ".join(f'"{name}"' if "[" in name else name for name in installed)
    guide = _GUIDE.format(
        title=title,
        target=target,
        contents="\n".join(f"  - {line}" for line in contents),
        names=names,
        sums=SUMS,
        pins=PINS,
    )
    (folder / GUIDE).write_text(guide, "utf-8", newline="\n")
    pins = [f"{wheel.name}=={wheel.version} --hash=sha256:{file_sha256(wheel.path)}" for wheel in wheels]
    (folder / PINS).write_text("".join(f"{pin}\n" for pin in pins), "utf-8", newline="\n")
    sums = [f"{file_sha256(path)}  {path.name}" for path in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(f"{line}\n" for line in sums), "utf-8", newline="\n")
