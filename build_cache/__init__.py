"""Export the expert annotations of ImageNet into a small Parquet table, once."""

from build_cache.building import Report, build
from build_cache.reassessed import RealReport, build_real
from build_cache.sources import DownloadSource, JsonSource, SyntheticSource, TableSource, TfdsSource

__all__ = [
    "DownloadSource",
    "JsonSource",
    "RealReport",
    "Report",
    "SyntheticSource",
    "TableSource",
    "TfdsSource",
    "build",
    "build_real",
]
