"""Small wheels of made-up distributions, and a folder that pip takes for its only registry."""

from __future__ import annotations

import os
from zipfile import ZipFile, ZipInfo


def write_wheel(folder, name, version="1.0", *lines, tag="py3-none-any"):
    """Write a wheel that holds nothing but its metadata; `lines` are more of these, such as "Requires-Dist: click"."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-{tag}.whl"
    about = f"{stem}.dist-info"
    metadata = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines, ""])
    with ZipFile(path, "w") as wheel:
        wheel.writestr(ZipInfo(f"{about}/METADATA"), metadata)
        about_format = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
        wheel.writestr(ZipInfo(f"{about}/WHEEL"), about_format)
        wheel.writestr(ZipInfo(f"{about}/RECORD"), "")
    return path


def only_registry(monkeypatch, folder):
    """Let pip find wheels in this folder and nowhere else, whatever this machine's settings."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
