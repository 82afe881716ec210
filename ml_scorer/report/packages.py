"""What figures and the report need, checked before anything is scored for nothing."""

from __future__ import annotations

from importlib.util import find_spec

from ml_scorer.errors import MissingExtraError


def check_packages(what: str) -> None:
    """Make sure that the packages of the extra `report` are installed.

    Parameters
    ----------
    what : str
        What needs them, as the error calls it.

    Raises
    ------
    MissingExtraError
        If one is not.
    """
    if any(find_spec(package) is None for package in ("altair", "jinja2", "scipy", "vl_convert")):
        raise MissingExtraError(what, "report")
