"""Which class somebody means: by index, WordNet id, or any of its names."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import Final

from ml_scorer.errors import some
from ml_scorer.imagenet import class_names, classes
from ml_scorer.predictions.tables.words import classes_called
from ml_scorer.schema import NUM_CLASSES

CLASS_FORMS: Final = f"an index in 0-{NUM_CLASSES - 1}, a WordNet id or a name"
"""What a class is called by, for a sentence."""


def class_called(text: str) -> int:
    """The class that a text means: an index, a WordNet id, its name, or a word of its synset in any case.

    Raises
    ------
    ValueError
        If it means no class, with names that are close; or several, with their indices.

    Examples
    --------
    >>> class_called("207"), class_called("n02099601"), class_called("Golden Retriever"), class_called("tinca tinca")
    (207, 207, 207, 0)
    """
    text = text.strip()
    if text.isascii() and text.isdecimal():
        if int(text) >= NUM_CLASSES:
            raise ValueError(f"class {text}: expected {CLASS_FORMS}.")
        return int(text)
    found = classes_meant(text)
    if len(found) == 1:
        return found[0]
    if found:
        meant = some((f"{index} ({class_names()[index]})" for index in found), len(found))
        raise ValueError(f"class {text!r:.80} may be {meant}: give the index.")
    close = get_close_matches(text.lower(), _labels_of_words(), n=3)
    advice = f"Close to it: {', '.join(close)}." if close else "`ml-scorer classes … -o classes.csv` lists all of them."
    raise ValueError(f"class {text!r:.80}: expected {CLASS_FORMS}. {advice}")


def classes_meant(text: str) -> tuple[int, ...]:
    """Class indices that a WordNet id or a name may mean: none, one, or all that it may mean.

    >>> classes_meant("Great Dane"), classes_meant("crane"), classes_meant("cat")
    ((246,), (134, 517), ())
    """
    return classes_called(text) or _label_of_name().get(text) or _labels_of_words().get(text.lower(), ())


@cache
def _label_of_name() -> dict[str, tuple[int]]:
    """Class of each of `class_names`."""
    return {name: (index,) for index, name in enumerate(class_names())}


@cache
def _labels_of_words() -> dict[str, tuple[int, ...]]:
    """Classes that each word of their synsets may mean, in small letters."""
    labels: dict[str, tuple[int, ...]] = {}
    for index, name in enumerate(classes()["name"].to_list()):
        for word in dict.fromkeys([*name.lower().split(", "), class_names()[index].lower()]):
            labels[word] = (*labels.get(word, ()), index)
    return labels
