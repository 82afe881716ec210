r"""Lists that were written as text: what a NumPy array or a Python list becomes in the cell of a CSV file.

NumPy writes blanks between the items and breaks long lines, Python writes commas:

    [930 522 389]    ['French loaf' 'barracouta, snoek'\n "devil's darning needle"]    [930, 522, 389]

From NumPy 2 on, a Python list of NumPy numbers reads `[np.int64(930), np.int64(522)]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from ml_scorer.errors import PredictionsError, some

_QUOTED: Final = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_NUMBER: Final = r"[^\s,\[\]()'\"]+"
_NUMPY_NUMBER: Final = r"np\.(?:u?int|float)[0-9]+\(([^()]*)\)"
_NUMPY_TEXT: Final = rf"np\.str_\(({_QUOTED})\)"
_SHORTENED: Final = r"\.\.\.|…"
_OPEN: Final = "["


@dataclass(frozen=True, eq=False)
class ListText:
    """A column of lists that were written as text.

    Attributes
    ----------
    texts : polars.Series of str
    quoted : bool
        Whether the items are words in quotes, rather than numbers.
    lengths : polars.Series of uint32
        Number of items of each list.
    """

    texts: pl.Series
    quoted: bool
    lengths: pl.Series

    def holds_fractions(self) -> bool:
        """Whether a number among the items has a decimal point or an exponent."""
        return not self.quoted and self.texts.str.contains(r"[.eE]").any()

    def items(self, rows: slice) -> pl.Series:
        """All items of some rows, one after the other: text, or float64 with null for what is no number."""
        texts = self.texts[rows]
        if not self.quoted:
            return texts.str.extract_all(_NUMBER).explode().cast(pl.Float64, strict=False)
        items = texts.str.extract_all(_QUOTED).explode()
        return items.str.slice(1, items.str.len_chars() - 2).str.replace_all(r"(?s)\\(.)", "$1")


def is_list_text(texts: pl.Series) -> pl.Series:
    """Whether each text is a list that was written as text, by its first character."""
    return texts.str.starts_with(_OPEN)


def list_text(texts: pl.Series, names: pl.Series, where: str) -> ListText:
    """Tell what the items of lists are that were written as text, and how many.

    Parameters
    ----------
    texts : polars.Series of str
        Each begins with a bracket; the series' name is what an error calls the column.
    names : polars.Series of str, of the same length
        Names of the images, for the errors.
    where : str
        What to call the input in an error.

    Raises
    ------
    PredictionsError
        If NumPy shortened a list when it was written, or what begins as a list is none.
    """
    if texts.str.contains("np.", literal=True).any():
        texts = texts.str.replace_all(_NUMPY_NUMBER, "$1").str.replace_all(rf"(?s){_NUMPY_TEXT}", "$1")
    shortened = texts.str.contains(_SHORTENED)
    if shortened.any():
        shortened &= texts.str.replace_all(rf"(?s){_QUOTED}", "").str.contains(_SHORTENED)  # in a word it is a word
    if shortened.any():
        raise PredictionsError(
            f"{where}: NumPy shortened {shortened.sum():,} lists in column {texts.name!r} when they were written, "
            f"and what stood in place of the dots is gone: {_examples(texts, shortened, names)}. Write the file again "
            "after numpy.set_printoptions(threshold=sys.maxsize), or as Parquet."
        )
    quoted = bool(texts.str.contains("['\"]").any())
    item = _QUOTED if quoted else _NUMBER
    unreadable = ~texts.str.contains(rf"(?s)^\[\s*{item}(?:[\s,]+{item})*[\s,]*\]$")
    empty = unreadable & texts.str.contains(r"^\[\s*\]$")
    if (unreadable & ~empty).any():
        bad = unreadable & ~empty
        raise PredictionsError(
            f"{where}: {bad.sum():,} cells of column {texts.name!r} begin as a list of "
            f"{'words in quotes' if quoted else 'numbers'} and cannot be read as one: {_examples(texts, bad, names)}. "
            "Expected lists as NumPy or Python write them, such as [930 522] or ['French loaf', 'croquet ball']."
        )
    return ListText(texts, quoted, texts.str.count_matches(rf"(?s){item}"))


def _examples(texts: pl.Series, chosen: pl.Series, names: pl.Series) -> str:
    pairs = zip(texts.filter(chosen)[:3], names.filter(chosen)[:3], strict=True)
    return some((f"{_middle(text)} at {name}" for text, name in pairs), int(chosen.sum()))


def _middle(text: str) -> str:
    """Text that fits a sentence: a long one without its end, on one line."""
    line = " ".join(text[:80].split())
    return line if len(text) <= 80 else f"{line[:60]}…"  # noqa: PLR2004
