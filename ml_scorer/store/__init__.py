"""A store of results: a folder that remembers what was scored, so that a run can be resumed."""

from ml_scorer.store.files import FRESH, FileState, content_hash, file_state, unchanged
from ml_scorer.store.parts import is_part
from ml_scorer.store.results import Results
from ml_scorer.store.settings import Measured, Settings, images_fingerprint
from ml_scorer.store.store import Store
from ml_scorer.store.table import orders_of, score_table
from ml_scorer.store.writer import Writer

__all__ = [
    "FRESH",
    "FileState",
    "Measured",
    "Results",
    "Settings",
    "Store",
    "Writer",
    "content_hash",
    "file_state",
    "images_fingerprint",
    "is_part",
    "orders_of",
    "score_table",
    "unchanged",
]
