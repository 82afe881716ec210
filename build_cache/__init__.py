"""Export the expert annotations of ImageNet into a small Parquet table, once."""

from build_cache.building import Report, build
from build_cache.sources import TableSource

__all__ = ["Report", "TableSource", "build"]
