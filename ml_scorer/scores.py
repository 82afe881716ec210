"""What scoring gives: a frame, what each of its numbers measures, and what could not be scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final

import polars as pl
from numpy.typing import NDArray

from ml_scorer.annotations import Identity
from ml_scorer.errors import some
from ml_scorer.measures import Measure, Top1, parse_measure

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN: Final = -1
"""Stands for a count that is not known, before it becomes a null."""


@dataclass(frozen=True)
class Failure:
    """An input that could not be scored, and why."""

    checkpoint: str
    error: str


@dataclass(frozen=True, eq=False)
class Origins:
    """Where the rows of a table of scores are from.

    Attributes
    ----------
    sources : (rows,) polars.Series of str
        What the source of each is called: a file by what tells it from the others.
    names : (rows,) polars.Series of str
        What each checkpoint was called before those of the same name were told apart.
    """

    sources: pl.Series
    names: pl.Series

    def told_apart(self) -> pl.Series:
        """A name for each row: its own; where several have the same, after that of its source."""
        repeated = self.names.is_duplicated()
        if not repeated.any():
            return self.names
        rows = pl.DataFrame(
            {"source": self.sources, "name": self.names, "apart": repeated & (self.sources != self.names)}
        )
        whole = pl.format("{}/{}", "source", "name")
        return rows.select(pl.when("apart").then(whole).otherwise("name").alias(self.names.name)).to_series()

    def rows(self, rows: list[int]) -> Origins:
        """Those of some rows."""
        return Origins(self.sources[rows], self.names[rows])


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of checkpoints.

    Attributes
    ----------
    frame : polars.DataFrame
        One row a checkpoint: `checkpoint`; a column for each measure under its printed name, float64 shares in [0, 1]
        (and `ImageNetM_right`, the number of right images, beside `ImageNetM`); the number of predictions judged
        `correct`, `unclear`, `wrong` and `unreviewed` on the images of MLA (null where predictions do not cover these
        and no measure needs them); `missing`, where that is allowed, the required images without a prediction; and
        `ties`, where logits were read, the required images whose arg-max was a tie.
    signatures : mapping of str to str
        What each measure's column is a measurement of.
    annotations : Identity
        Which annotations these are.
    failed : tuple of Failure
        Inputs that could not be scored.
    denominators : mapping of str to int
        What each measure's integer sum was divided by: for averages over images, their number.
    near_chance : tuple of str
        Checkpoints whose top-1 accuracy is near chance, whatever order or numbering of the classes one tries: models
        that are not trained, or predictions that do not belong to these images.
    confidence : float or None
        Confidence level of the intervals; None where there are none. With it, the frame has the ends of the interval of
        each measure in columns `<measure>_low` and `<measure>_high`, shares in [0, 1].
    intervals : mapping of str to str
        The method that gave the interval of each measure.
    origins : Origins or None
        Where each row is from; None where only scores were read back.
    """

    frame: pl.DataFrame
    signatures: Mapping[str, str]
    annotations: Identity
    failed: tuple[Failure, ...]
    denominators: Mapping[str, int]
    _sums: Mapping[str, NDArray[Any]]
    near_chance: tuple[str, ...] = ()
    confidence: float | None = None
    intervals: Mapping[str, str] = field(default_factory=dict)
    origins: Origins | None = None

    notebook_html: ClassVar[Callable[[Scores], str] | None] = None
    """How a notebook shows scores. What people read is made by the reports, which stand on this; so the root of the
    package, which puts all parts together, says it."""

    def exact(self, measure: str | Measure) -> list[Fraction]:
        """The scores of one measure as the rational numbers that they are, in the order of the rows.

        Raises
        ------
        MeasureError
            If there is no such measure.
        KeyError
            If that measure was not asked for, or these scores were read back from files.
        """
        name = str(parse_measure(measure) if isinstance(measure, str) else measure)
        if not self._sums:
            raise KeyError("scores that were read back from files have no exact sums. Score the predictions again")
        if name not in self._sums:
            raise KeyError(f"{name} was not computed; there are {', '.join(self._sums)}")
        return [Fraction(int(total), self.denominators[name]) for total in self._sums[name].tolist()]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Which checkpoints may not be what they are taken for: a sentence on each kind."""
        found = []
        if self.near_chance:
            names = some(self.near_chance, len(self.near_chance))
            found.append(f"near chance, whatever order or class ids one tries: {names}. Is the model trained?")
        if str(Top1()) in self.signatures:
            perfect = self.frame.filter(pl.col(str(Top1())) == 1)["checkpoint"]
            if perfect.len():
                names = some(perfect, perfect.len())
                found.append(f"100% top-1: {names}. Are these the original labels, rather than predictions?")
        return tuple(found)

    def best(self, number: int) -> Scores:
        """The best checkpoints by the first measure, best first; equal ones stay in their order."""
        first = next(iter(self.signatures))
        order = self.frame.select(pl.arg_sort_by(first, descending=True, nulls_last=True, maintain_order=True))
        return self.rows(order.to_series().head(number).to_list())

    def rows(self, rows: Sequence[int]) -> Scores:
        """The scores of some checkpoints, in the order of these indices."""
        chosen = list(rows)
        sums = {name: totals[chosen] for name, totals in self._sums.items()}
        frame = self.frame[chosen]
        kept = set(frame["checkpoint"])
        near_chance = tuple(name for name in self.near_chance if name in kept)
        origins = self.origins and self.origins.rows(chosen)
        return replace(self, frame=frame, near_chance=near_chance, origins=origins, _sums=sums)

    def to_pandas(self) -> pd.DataFrame:
        """The frame as one of pandas, without pyarrow.

        Returns
        -------
        pandas.DataFrame
            Names as str, shares as float64, counts as Int64, null where they are not known. Its `attrs` are the
            `signatures`, the `annotations` as signatures name them, and the `confidence` of intervals.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_pandas needs pandas, which is not installed: pip install pandas") from error
        frame = pd.DataFrame({column.name: _pandas_column(column) for column in self.frame})
        frame.attrs = {
            "signatures": dict(self.signatures),
            "annotations": str(self.annotations),
            "confidence": self.confidence,
        }
        return frame

    def _repr_html_(self) -> str | None:
        return None if Scores.notebook_html is None else Scores.notebook_html(self)

    def __repr__(self) -> str:
        number = self.frame.height
        title = f"<Scores of {number:,} checkpoint{'' if number == 1 else 's'}, {self.annotations}>"
        return "\n".join([title, str(self.frame), *(f"Warning: {doubt}" for doubt in self.doubts)])


def _pandas_column(column: pl.Series) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype.is_float():
        return pd.Series(column.to_numpy(), dtype="float64")
    return pd.Series(column.to_list(), dtype="Int64" if column.dtype.is_integer() else "str")
