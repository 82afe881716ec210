"""Labels from the cells of a table, in whatever form they were written.

A cell holds one label or a list of labels, the most likely first. A label is a number, a WordNet id or a name. Lists
are lists of Polars, or text that NumPy or Python wrote for them. A list of 1,000 floats holds the probability (or
logit) of each class, and its labels are the positions of the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions.arrays.logits import best_columns
from ml_scorer.predictions.arrays.stored import in_memory
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.list_text import ListText, is_list_text, list_text
from ml_scorer.predictions.tables.words import WORDS, word_labels
from ml_scorer.schema import NUM_CLASSES

_NUMPY_NUMBERS: Final = {
    *(pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64()),
    *(pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64()),
    *(pl.Float32(), pl.Float64()),
}
_ITEMS_AT_A_TIME: Final = 1 << 20  # of lists that are text: 16 MB of Polars' strings, 8 MB of numbers

_Place = Callable[[int], str]
"""What to call the place of a label in an error: the name of its image."""


def label_cells(column: pl.Series, names: pl.Series, where: str, options: ReadOptions) -> NDArray[Any]:
    """Numbers of classes from a column of labels.

    Parameters
    ----------
    column : polars.Series
        Numbers, text or categories; or lists of them, or lists as text, all of one length.
    names : polars.Series of str, of the same length
        Names of the images, for the errors.
    where : str
        What to call the input in an error.
    options : ReadOptions
        Its `class_ids` must be the default for words; from lists of probabilities come the `k` best.

    Returns
    -------
    (rows,) or (rows, k) integers or floats
        Numbers in the numbering of `options.class_ids`, for `exact_labels` to check and to translate.

    Raises
    ------
    PredictionsError
        If the column holds something else, cells are empty, lists differ in length, a list holds a label twice, or a
        word is no class or two.
    """
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype.is_numeric():
        _refuse_empty(column, names, where)
        return _numbers(column)
    if column.dtype == pl.String:
        return _text(column, names, where, options)
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    inner = column.dtype.inner if isinstance(column.dtype, pl.List) else pl.Null()
    if not (inner.is_numeric() or isinstance(inner, pl.String | pl.Categorical | pl.Enum)):
        raise PredictionsError(f"{where}: column {column.name!r} is {column.dtype!s:.80}, expected {WORDS}.")
    return _lists(column, names, where, options)


def score_columns(columns: Sequence[pl.Series], names: pl.Series, where: str, options: ReadOptions) -> NDArray[Any]:
    """Numbers of classes from one column of probabilities or logits for each class, in the order of the classes.

    Returns
    -------
    (rows,) or (rows, k) integers
        As `label_cells`.

    Raises
    ------
    PredictionsError
        If a cell is empty, or a score is NaN or +inf.
    """
    for column in columns:
        _refuse_empty(column, names, where)
    scores = pl.DataFrame(columns).cast(pl.Float64).to_numpy()
    lists = _Lists(names, len(columns), f"{columns[0].name} to {columns[-1].name}", where)
    return lists.of_numbers(scores, options, scores=True)


def _numbers(column: pl.Series) -> NDArray[Any]:
    """Numbers without nulls as NumPy has them: decimals and integers of 128 bits become floats."""
    return (column if column.dtype in _NUMPY_NUMBERS else column.cast(pl.Float64)).to_numpy()


def _text(column: pl.Series, names: pl.Series, where: str, options: ReadOptions) -> NDArray[Any]:
    texts = column.str.strip_chars().replace("", None)
    _refuse_empty(texts, names, where)
    lists = is_list_text(texts)
    if lists.any():
        if not lists.all():
            pairs = zip(texts.filter(lists)[:3], names.filter(lists)[:3], strict=True)
            found = some((f"{text!r:.60} at {name}" for text, name in pairs), int(lists.sum()))
            raise PredictionsError(
                f"{where}: column {column.name!r} holds text that is a list in some rows only, expected as many class "
                f"indices 0-999 in every row: {found}."
            )
        return _written_lists(list_text(texts, names, where), names, where, options)
    return _scalars(texts, names.__getitem__, where, options)


def _scalars(texts: pl.Series, place: _Place, where: str, options: ReadOptions) -> NDArray[Any]:
    """Labels that are text, each a number or a word; all of one kind."""
    numbers = texts.cast(pl.Float64, strict=False)
    words = numbers.is_null()
    if not words.any():
        return numbers.to_numpy()
    if words.all():
        return word_labels(texts, place, where, options)
    found = (words.arg_true()[:3]).to_list()
    examples = some((f"{texts[index]!r:.80} at {place(index)}" for index in found), int(words.sum()))
    raise PredictionsError(
        f"{where}: column {texts.name!r} holds text among numbers, expected one of {WORDS} throughout: {examples}. "
        "Write class indices everywhere (timm: --include-index)."
    )


def _lists(column: pl.Series, names: pl.Series, where: str, options: ReadOptions) -> NDArray[Any]:
    lengths = column.list.len()
    _refuse_empty(lengths.replace(0, None).alias(column.name), names, where)
    lists = _Lists(names, _one_length(lengths, column.name, names, where), column.name, where)
    items = column.explode()
    if items.dtype.is_numeric():
        lists.refuse_empty(items)
        return lists.of_numbers(_numbers(items), options, scores=items.dtype.is_float() and lists.k == NUM_CLASSES)
    return lists.of_texts(items.cast(pl.String), options)


def _written_lists(written: ListText, names: pl.Series, where: str, options: ReadOptions) -> NDArray[Any]:
    column = written.texts.name
    _refuse_empty(written.lengths.replace(0, None).alias(column), names, where)
    k = _one_length(written.lengths, column, names, where)
    scores = k == NUM_CLASSES and written.holds_fractions()
    step = max(1, _ITEMS_AT_A_TIME // max(k, 1))
    parts = []
    for start in range(0, len(names), step):
        rows = slice(start, start + step)
        lists, items = _Lists(names[rows], k, column, where), written.items(rows)
        if written.quoted:
            parts.append(lists.of_texts(items, options))
            continue
        if items.null_count():
            bad = items.is_null().arg_true()
            found = some((f"{written.texts[rows][i // k]!r:.80} at {lists.place(i)}" for i in bad[:3]), len(bad))
            raise PredictionsError(f"{where}: column {column!r} holds lists of what is not a number: {found}.")
        parts.append(lists.of_numbers(items.to_numpy(), options, scores=scores))
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class _Lists:
    """Lists of `k` items, one for each image, whose items are given one after the other."""

    names: pl.Series
    k: int
    column: str
    where: str

    def place(self, item: int) -> str:
        return str(self.names[item // self.k])

    def of_numbers(self, numbers: NDArray[Any], options: ReadOptions, *, scores: bool) -> NDArray[Any]:
        """Labels that are numbers, or the best positions in lists of scores: (rows,) or (rows, k)."""
        values = numbers.reshape(-1, self.k)
        if scores:
            where = f"{self.where}: column {self.column!r}, counted from {self.names[0]}"
            best, _ = best_columns(in_memory(values), where, k=options.k)
            return _without_lists_of_one(best + options.class_ids.first)
        if values.dtype.kind == "f" and (broken := np.isfinite(values) & (values != np.floor(values))).any():
            row = int(np.flatnonzero(broken.any(axis=1))[0])
            raise PredictionsError(
                f"{self.where}: column {self.column!r} holds lists of {self.k:,} numbers that are not whole, such as "
                f"{some(values[row].tolist(), self.k)} at {self.names[row]}: they do not say of which classes. "
                "Expected class indices 0-999, or the probabilities of all 1,000 classes (timm: --include-index, or "
                "--topk 0)."
            )
        return self._ranked(values)

    def of_texts(self, texts: pl.Series, options: ReadOptions) -> NDArray[Any]:
        """Labels that are text: (rows,) or (rows, k)."""
        texts = texts.str.strip_chars().replace("", None).alias(self.column)
        self.refuse_empty(texts)
        return self._ranked(_scalars(texts, self.place, self.where, options).reshape(-1, self.k))

    def refuse_empty(self, items: pl.Series) -> None:
        if nulls := items.null_count():
            found = some(map(self.place, items.is_null().arg_true()[:3]), nulls)
            raise PredictionsError(
                f"{self.where}: column {self.column!r} holds lists with {nulls:,} empty labels: {found}. "
                "Expected as many labels for every image."
            )

    def _ranked(self, labels: NDArray[Any]) -> NDArray[Any]:
        if fault := repeated_fault(labels, self.names.__getitem__):
            raise PredictionsError(f"{self.where}: column {self.column!r}: {fault}.")
        return _without_lists_of_one(labels)


def _without_lists_of_one(labels: NDArray[Any]) -> NDArray[Any]:
    return labels[:, 0] if labels.shape[1] == 1 else labels


def repeated_fault(labels: NDArray[Any], place: _Place) -> str:
    """What to say where a label stands twice among those of one image; nothing where none does.

    Parameters
    ----------
    labels : (images, k) numbers
    place : callable
        What to call the image of a row.

    >>> repeated_fault(np.array([[3, 1, 3], [1, 2, 3]]), "row {}".format)
    '1 images have a label twice among their 3: 3 at row 0'
    """
    ordered = np.sort(labels, axis=1)
    twice = ordered[:, 1:] == ordered[:, :-1]
    rows = np.flatnonzero(twice.any(axis=1))
    if not rows.size:
        return ""
    found = [f"{ordered[row, 1:][twice[row]][0]:.15g} at {place(int(row))}" for row in rows[:3]]
    return f"{rows.size:,} images have a label twice among their {labels.shape[1]:,}: {some(found, rows.size)}"


def _one_length(lengths: pl.Series, column: str, names: pl.Series, where: str) -> int:
    counts = lengths.value_counts(sort=True)
    if counts.height <= 1:
        return int(lengths[0]) if len(lengths) else 1
    found = []
    for length, rows in counts.head(4).iter_rows():
        first = names[int((lengths == length).arg_true()[0])]
        found.append(f"{length:,} labels in {rows:,} rows ({first})")
    raise PredictionsError(
        f"{where}: column {column!r} holds lists of {counts.height:,} different lengths: {some(found, counts.height)}. "
        "Expected as many labels for every image."
    )


def _refuse_empty(column: pl.Series, names: pl.Series, where: str) -> None:
    if nulls := column.null_count():
        found = some(names.filter(column.is_null()), nulls)
        raise PredictionsError(
            f"{where}: column {column.name!r} is empty in {nulls:,} rows: {found}. "
            "Leave out the rows of images without a prediction, and pass missing='wrong' (--missing wrong)."
        )
