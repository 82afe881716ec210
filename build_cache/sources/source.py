"""What a source of annotations gives, and how the images and labels in it become the table's columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Protocol

import polars as pl

from ml_scorer.errors import AnnotationsError
from ml_scorer.schema import COLUMNS


@dataclass(frozen=True, eq=False)
class Export:
    """Annotations as a source has them.

    Attributes
    ----------
    frame : polars.DataFrame
        In the table's schema, rows in any order; not checked yet.
    where : str
        What to call the source in an error.
    sha256 : str
        Of the source's bytes, in hexadecimal.
    version : str, optional
        The version that the source claims to be; None where it claims none.
    synthetic : bool
        Whether these are made-up annotations.
    """

    frame: pl.DataFrame
    where: str
    sha256: str
    version: str | None = None
    synthetic: bool = False


class Source(Protocol):
    """Somewhere that annotations can be had from."""

    kind: ClassVar[str]

    def export(self) -> Export:
        """Read the annotations.

        Raises
        ------
        AnnotationsError
            If the source does not have the form that it should.
        """
        ...


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def columns_frame(columns: dict[str, Any], where: str) -> pl.DataFrame:
    """A frame in the table's schema from columns of Python values; `is_imagenet_m` may be left out.

    Raises
    ------
    AnnotationsError
        If a label is no whole number that fits.
    """
    columns = {"is_imagenet_m": [None] * len(columns["file_name"]), **columns}
    with schema_errors(where):
        return pl.DataFrame({name: pl.Series(name, columns[name], dtype=dtype) for name, dtype in COLUMNS.items()})


@contextmanager
def schema_errors(where: str) -> Iterator[None]:
    """Say of which source it was that values do not fit the schema."""
    try:
        yield
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise AnnotationsError(f"{where}: values that do not fit the table: {error}") from error
