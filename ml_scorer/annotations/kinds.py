"""The kinds of table that build-cache writes: what each holds, what it is called, where one is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from ml_scorer.annotations.identity import GENUINE, GENUINE_REAL, Release
from ml_scorer.schema import COLUMNS, REAL_COLUMNS, SHARED_COLUMNS


@dataclass(frozen=True, eq=False)
class TableKind:
    """One kind of table.

    Attributes
    ----------
    called : str
        With its article, for sentences.
    format : str
        Value of the metadata key `format`.
    columns : mapping of str to polars.DataType
        Its columns in their order.
    hashed : tuple of str
        Those that the fingerprint covers.
    releases : mapping of str to Release
        The published ones, by fingerprint.
    file_name : str
        In the user's data directory, and in `data/` of a checkout.
    variable : str
        The environment variable that names one.
    entry_points : str
        The group of entry points through which a package offers one.
    option : str
        The option of the command line that names one.
    get, make : str
        The commands that get one from the network, and that make one from a file.
    advice : str
        The command that tells more about making one.
    """

    called: str
    format: str
    columns: Mapping[str, pl.DataType]
    hashed: tuple[str, ...]
    releases: Mapping[str, Release]
    file_name: str
    variable: str
    entry_points: str
    option: str
    get: str
    make: str
    advice: str

    @property
    def title(self) -> str:
        """What it is called, without the article."""
        return self.called.partition(" ")[2]


ANNOTATIONS: Final = TableKind(
    called="an annotation table",
    format="ml_scorer.annotations/1",
    columns=COLUMNS,
    hashed=SHARED_COLUMNS,
    releases=GENUINE,
    file_name="annotations.parquet",
    variable="ML_SCORER_ANNOTATIONS",
    entry_points="ml_scorer.annotations",
    option="--annotations",
    get="build-cache download",
    make="build-cache table FILE -o OUT",
    advice="build-cache --help",
)

REAL: Final = TableKind(
    called="a table of reassessed labels (ReaL)",
    format="ml_scorer.real/1",
    columns=REAL_COLUMNS,
    hashed=tuple(REAL_COLUMNS),
    releases=GENUINE_REAL,
    file_name="real.parquet",
    variable="ML_SCORER_REAL",
    entry_points="ml_scorer.real",
    option="--real",
    get="pip download --no-deps timm && build-cache real timm-*.whl",
    make="build-cache real FILE -o OUT",
    advice="build-cache real --help",
)

KINDS: Final = (ANNOTATIONS, REAL)
