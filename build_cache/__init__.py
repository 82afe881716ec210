"""Export the expert annotations of ImageNet into a small Parquet table, once."""

from build_cache.building import Report, build
from build_cache.sources import SyntheticSource, TableSource

__all__ = ["Report", "SyntheticSource", "TableSource", "build"]
