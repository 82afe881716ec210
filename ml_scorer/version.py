"""The version of this package."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def tool_version() -> str:
    """Version of the installed package; `unknown` in a checkout that is not installed."""
    try:
        return version("ml-scorer")
    except PackageNotFoundError:
        return "unknown"
