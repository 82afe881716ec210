"""Which image each row of a table is about; worked out once for tables that share their column of names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import some
from ml_scorer.schema import VALIDATION_IMAGES, Images, Labels, image_name, image_numbers

_REMEMBERED: Final = 4
"""Name columns that are remembered: more than the threads that read are likely to meet at a time."""

_LONGEST_REMEMBERED: Final = 200_000


@dataclass(frozen=True, eq=False)
class ImageRows:
    """The images of the rows of a table.

    Attributes
    ----------
    numbers : (rows,) int32
        Image number of each row; 0 where its name is no validation image.
    images : (images,) int32
        Each number once: `numbers` itself where no image is repeated, else ascending.
    first : (images,) int, optional
        The first row of each image; None where no image is repeated.
    """

    numbers: Images
    images: Images
    first: NDArray[np.intp] | None

    def strange_names(self, names: pl.Series) -> list[str]:
        """What is wrong with the names: a sentence, or nothing."""
        if self.numbers.all():
            return []
        unknown = names.filter(pl.Series(self.numbers == 0))
        found = f"{unknown.len():,} names are no ImageNet validation images: {some(unknown, unknown.len())}"
        return [f"{found} (expected names such as ILSVRC2012_val_00000001.JPEG)"]

    def once(self, labels: Labels) -> tuple[Labels, list[str]]:
        """Labels (checkpoints, rows) or (checkpoints, rows, k) with each image once, and what contradicts that.

        An image may stand in several rows if its label is the same in all.
        """
        if self.first is None:
            return labels, []
        distinct = labels[:, self.first]
        position = np.zeros(VALIDATION_IMAGES + 1, np.intp)
        position[self.images] = np.arange(self.images.size)
        differs = labels != distinct[:, position[self.numbers]]
        contradicted = np.unique(self.numbers[differs.any(axis=(0, *range(2, labels.ndim)))])
        if not contradicted.size:
            return distinct, []
        examples = some((self._contradiction(number, labels) for number in contradicted.tolist()), contradicted.size)
        return distinct, [f"{contradicted.size:,} images are repeated with another label: {examples}"]

    def _contradiction(self, number: int, labels: Labels) -> str:
        of_image = labels[:, self.numbers == number]
        given = next(of_one for of_one in of_image if (of_one != of_one[:1]).any())
        texts = dict.fromkeys(map(str, given.tolist()))
        return f"{image_name(number)} ({' and '.join(list(texts)[:3])})"


def rows_of(numbers: Images) -> ImageRows:
    """The rows that have these image numbers."""
    if np.bincount(numbers, minlength=1)[1:].max(initial=0) <= 1:
        return ImageRows(numbers, numbers, None)
    images, first = np.unique(numbers, return_index=True)
    return ImageRows(numbers, images, first)


_last: tuple[tuple[pl.Series, ImageRows], ...] = ()
"""The newest name columns and their rows. It is replaced as a whole, so that threads may share it."""


def image_rows(names: pl.Series) -> ImageRows:
    """The images of a column of names (str); the same object for the same names as a moment ago."""
    global _last  # noqa: PLW0603 (a cache)
    for known, rows in _last:
        if same_names(names, known):
            return rows
    rows = rows_of(image_numbers(names))
    if names.len() <= _LONGEST_REMEMBERED:
        _last = ((names, rows), *_last[: _REMEMBERED - 1])
    return rows


def same_names(names: pl.Series, others: pl.Series) -> bool:
    """Whether two columns hold the same names in the same order."""
    if names.len() != others.len():
        return False
    return not names.len() or (names[0] == others[0] and names.equals(others))


class NameBook:
    """Image numbers of many rows of few distinct names: each name is looked at once.

    Polars numbers the distinct names (a categorical column of categories of its own); the image numbers of those
    stand in an array.
    """

    def __init__(self) -> None:
        self._categories = pl.Categories.random()
        # Polars forgets the categories when the last column of them goes.
        self._kept = pl.Series([""], dtype=pl.Categorical(self._categories))
        self._numbers = np.zeros(1, np.int32)
        self._last: tuple[pl.Series, ImageRows] | None = None

    def numbers(self, names: pl.Series) -> Images:
        """Image number of each name (str); 0 where it is none."""
        runs = names.rle().struct
        lengths, distinct = runs.field("len"), runs.field("value")
        if 2 * distinct.len() < names.len():  # sorted by image, say
            return np.repeat(self._numbers_of(distinct), lengths.to_numpy())
        return self._numbers_of(names)

    def _numbers_of(self, names: pl.Series) -> Images:
        codes = names.cast(pl.Categorical(self._categories)).to_physical()
        indices: NDArray[Any] = codes.fill_null(0).to_numpy()  # a null is numbered as no name, the first there was
        if indices.max(initial=0) >= self._numbers.size:
            new, rows = np.unique(indices, return_index=True)
            new, rows = new[new >= self._numbers.size], rows[new >= self._numbers.size]
            self._numbers = np.pad(self._numbers, (0, int(new[-1]) + 1 - self._numbers.size))
            self._numbers[new] = image_numbers(names.gather(rows))
        numbers: Images = self._numbers[indices]
        return numbers

    def rows(self, names: pl.Series) -> ImageRows:
        """The images of a column of names; the same object as for the names before, if they are the same."""
        if self._last is None or not same_names(names, self._last[0]):
            # The first names are likely to be all there are, and then need no categories.
            self._last = names, rows_of(image_numbers(names) if self._last is None else self.numbers(names))
        return self._last[1]
