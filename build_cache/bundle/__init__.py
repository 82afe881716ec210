"""All that a machine without a network needs, in one folder: wheels, tables, sums and the line that installs them."""

from __future__ import annotations

from importlib.util import find_spec

from ml_scorer.errors import MissingExtraError

if any(find_spec(package) is None for package in ("hatchling", "packaging")):
    raise MissingExtraError("`build-cache bundle`", "bundle")

from build_cache.bundle.bundle import Bundle, bundle
from build_cache.bundle.target import Target, target_of

__all__ = ["Bundle", "Target", "bundle", "target_of"]
