"""Classes that are called by words: WordNet ids, and the names that timm and others write."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.imagenet import classes, label_of_wordnet_id, labels_of_names
from ml_scorer.predictions.reading import ReadOptions

_WORDNET_ID: Final = re.compile(r"n[0-9]{8}")

_CRANES: Final = {"large long-necked wading bird": 134, "lifts and moves heavy objects": 517}
"""How WordNet's definitions of the two classes begin that share a name; timm's "lemma: definition" holds them."""

_UNKNOWN, _OTHER_ID, _AMBIGUOUS = -1, -2, -3

WORDS: Final = (
    "class indices 0-999, WordNet ids such as n01440764, "
    "or names with all synonyms, as timm writes them, such as 'tench, Tinca tinca'"
)
"""What a label may be, for a sentence."""


def classes_called(word: str) -> tuple[int, ...]:
    """Class indices that a word means: none, one, or both that it may mean.

    >>> classes_called("n01440764"), classes_called("French loaf"), classes_called("crane"), classes_called("cat")
    ((0,), (930,), (134, 517), ())
    >>> classes_called("French loaf: a loaf of French bread")
    (930,)
    """
    names = labels_of_names()
    if _WORDNET_ID.fullmatch(word):
        index = label_of_wordnet_id().get(word)
        return () if index is None else (index,)
    if word in names:
        return names[word]
    name, _, definition = word.partition(": ")
    if name == "crane":
        told = tuple(index for begin, index in _CRANES.items() if definition.startswith(begin))
        return told or names[name]
    return names.get(name, ()) if definition else ()


def word_labels(words: pl.Series, place: Callable[[int], str], where: str, options: ReadOptions) -> NDArray[np.int16]:
    """Class indices of classes that are called by WordNet ids or names.

    Parameters
    ----------
    words : polars.Series of str
        Without nulls and without blanks around them; its name is what an error calls the column.
    place : callable
        What to call the place of a position in an error: the name of its image.
    where : str
        What to call the input in an error.
    options : ReadOptions
        Words mean classes whatever the numbering, so a numbering that was said is refused.

    Raises
    ------
    PredictionsError
        If a word is no class or two, with examples of each kind.
    """
    different = words.unique()
    codes = {word: _code(word) for word in different.to_list()}
    labels = words.replace_strict(different, list(codes.values()), return_dtype=pl.Int16).to_numpy()
    if labels.min(initial=0) < 0:
        raise PredictionsError(faults_text(where, _faults(words, labels, place)))
    if options.class_ids.name != "imagenet":
        raise PredictionsError(
            f"{where}: column {words.name!r} calls classes by words, such as {words[0]!r:.60}, and the class ids "
            f"{options.class_ids.name} say what numbers mean. Leave out class_ids= (--class-ids) for this input."
        )
    return labels


def _code(word: str) -> int:
    found = classes_called(word)
    if len(found) == 1:
        return found[0]
    if found:
        return _AMBIGUOUS
    return _OTHER_ID if _WORDNET_ID.fullmatch(word) else _UNKNOWN


def _faults(words: pl.Series, labels: NDArray[Any], place: Callable[[int], str]) -> list[str]:
    faults = []
    for code, text in (
        (_UNKNOWN, f"holds text that is no class (expected {WORDS})"),
        (_OTHER_ID, "holds WordNet ids of none of ImageNet's 1,000 classes (of a model for more classes?)"),
    ):
        if (bad := np.flatnonzero(labels == code)).size:
            found = [f"{words[int(i)]!r:.80} at {place(int(i))}" for i in bad[:3]]
            faults.append(
                f"column {words.name!r} {text}: {some(found, bad.size)}. "
                "Write class indices instead (timm: --include-index)"
            )
    bad = np.flatnonzero(labels == _AMBIGUOUS)
    for word in words.gather(bad).unique().sort().to_list():
        found = [place(int(i)) for i in bad if words[int(i)] == word]
        meant = " or ".join(f"{index} ({classes()['name'][index]})" for index in classes_called(word))
        faults.append(
            f"column {words.name!r} holds {word!r:.80}, which is the name of two classes, {meant}: "
            f"{some(found, len(found))}. Write class indices instead (timm: --include-index)"
        )
    return faults
