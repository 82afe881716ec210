"""Where annotations come from; each source is a module of its own."""

from __future__ import annotations

from typing import Final

from build_cache.sources.source import Export, Source
from build_cache.sources.synthetic import SyntheticSource
from build_cache.sources.table import TableSource

SOURCES: Final[dict[str, type[Source]]] = {source.kind: source for source in (TableSource, SyntheticSource)}
"""Every source by its kind, which is also its command and stands in the table's metadata."""

__all__ = ["SOURCES", "Export", "Source", "SyntheticSource", "TableSource"]
