"""Where annotations come from; each source is a module of its own."""

from __future__ import annotations

from typing import Final

from build_cache.sources.annotation_file import JsonSource
from build_cache.sources.download import DownloadSource
from build_cache.sources.source import Export, Source
from build_cache.sources.synthetic import SyntheticSource
from build_cache.sources.table import TableSource
from build_cache.sources.tfds_directory import TfdsSource

SOURCES: Final[dict[str, type[Source]]] = {
    source.kind: source for source in (TableSource, JsonSource, TfdsSource, DownloadSource, SyntheticSource)
}
"""Every source by its kind, which is also its command and stands in the table's metadata."""

__all__ = [
    "SOURCES",
    "DownloadSource",
    "Export",
    "JsonSource",
    "Source",
    "SyntheticSource",
    "TableSource",
    "TfdsSource",
]
