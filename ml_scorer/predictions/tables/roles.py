"""Which columns of a table hold what: one checkpoint, one a column, or one a group of rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import polars as pl

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.schema import NUM_CLASSES

Kind: TypeAlias = Literal["numbers", "text", "marks", "other"]
"""What a column holds; marks are true or false."""

NAME_COLUMNS: Final = (
    "file_name", "filename", "file", "image", "image_name", "image_id", "img", "path", "file_path", "filepath",
    "image_path", "name", "id",
)  # fmt: skip

LABEL_COLUMNS: Final = (
    ("predicted_class", "predicted_label", "predicted_index", "predicted", "prediction", "predictions", "pred", "preds",
     "pred_class", "pred_label", "pred_index", "y_pred", "top1", "top1_class", "argmax"),
    ("index", "class_index", "class_id", "class_idx", "class", "label"),
)  # fmt: skip
"""Names of label columns; those that say "prediction" go before those that might mean something else."""

_STEMS: Final = ((*LABEL_COLUMNS[0], "top"), LABEL_COLUMNS[1])
"""What stands before the number in the names of top-k columns: `index_0` to `index_4`, `top1` to `top5`."""

CHECKPOINT_COLUMNS: Final = (
    "checkpoint", "checkpoint_name", "checkpoint_id", "ckpt", "ckpt_name", "model", "model_name", "model_id", "arch",
    "architecture", "network", "run", "run_name", "run_id", "experiment", "snapshot", "step", "global_step", "epoch",
    "iteration", "iter", "seed",
)  # fmt: skip
"""Columns that say which checkpoint a row is of: several together name it."""

_TRUTH_COLUMNS: Final = frozenset({
    "original_label", "original_class", "target", "targets", "target_label", "target_class", "gt", "gt_label",
    "gt_class", "category", "labels", "ground_truth", "groundtruth", "ground_truth_label", "truth", "true",
    "true_label", "true_class", "true_index", "label_true", "class_true", "y", "y_true", "actual", "actual_label",
    "actual_class",
})  # fmt: skip
_OTHER_COLUMNS: Final = frozenset({
    "correct", "is_correct", "right", "is_right", "hit", "split", "subset", "set", "fold", "dataset", "batch",
    "batch_index", "width", "height", "size", "time", "timestamp", "date", "is_problematic", "is_imagenet_m",
    "correct_multi_labels", "wrong_multi_labels", "unclear_multi_labels", "note", "notes", "comment", "url", "wnid",
    "synset", "class_name", "label_name", "predicted_name", "caption",
})  # fmt: skip
_MEASUREMENT: Final = re.compile(
    r"(.*[ _.-])?(prob|probs|probability|probabilities|conf|confidence|score|scores|logit|logits|softmax|loss|nll|"
    r"entropy|margin|certainty|uncertainty)([ _.-]?[0-9]+)?"
)
_ROW_NUMBERS: Final = re.compile(
    r"|unnamed: ?[0-9]+(_level_[0-9]+)?|__index_level_[0-9]+__|level_[0-9]+|_duplicated_[0-9]+"
)
"""Names that pandas gives to the numbers of the rows, and what Polars makes of no name."""

_NUMBERED: Final = re.compile(r"(.*?)[ _.-]?([0-9]{1,4})")


@dataclass(frozen=True)
class Form:
    """What the columns of a table hold.

    Attributes
    ----------
    image : str
        Column of image names.
    labels : tuple of str
        One column; or one for each of the most likely classes, in that order; or, in the wide form, one a checkpoint.
    wide : bool
        Whether each of `labels` is a checkpoint.
    checkpoint : tuple of str
        In the long form, the columns that say which checkpoint a row is of; else none.
    """

    image: str
    labels: tuple[str, ...]
    wide: bool = False
    checkpoint: tuple[str, ...] = ()


def column_kinds(schema: Mapping[str, pl.DataType]) -> dict[str, Kind]:
    """The kind of each column of a Polars table."""

    def kind(dtype: pl.DataType) -> Kind:
        if dtype.is_numeric():
            return "numbers"
        if dtype == pl.Boolean:
            return "marks"
        return "other" if dtype.is_nested() else "text"

    return {name: kind(dtype) for name, dtype in schema.items()}


def table_form(kinds: Mapping[str, Kind], where: str, key: str | None = None) -> Form:
    """Tell what the columns of a table hold, by their names.

    Parameters
    ----------
    kinds : mapping of str to Kind
        What each column holds, in their order.
    where : str
        What to call the input in an error.
    key : str, optional
        The column of labels, or what stands before the numbers in the names of several (`index` for `index_0` …).

    Raises
    ------
    PredictionsError
        If a column of image names or of labels cannot be told; with the columns that there are.
    """
    plain = {column: column.strip().lower() for column in kinds}
    columns = [column for column in kinds if column == key or not _ROW_NUMBERS.fullmatch(plain[column])]
    images = [column for column in columns if column != key and plain[column] in NAME_COLUMNS]
    checkpoint = tuple(column for column in columns if column != key and plain[column] in CHECKPOINT_COLUMNS)
    others = {column: plain[column] for column in columns if column not in {*images, *checkpoint}}
    faults = []
    if len(images) != 1:
        found = f"{len(images)} columns could be it ({', '.join(images)})" if images else "there is none"
        faults.append(f"expected one column of image names, such as {', '.join(NAME_COLUMNS[:4])}: {found}")
    form: tuple[Sequence[str], bool] | str = _label_columns(others, kinds) if key is None else _named_key(others, key)
    if isinstance(form, str):
        faults.append(form)
    elif form[1] and checkpoint:
        faults.append(
            f"the checkpoint could be told by the rows ({', '.join(checkpoint)}) or be one of several columns "
            f"({some(form[0], len(form[0]))})"
        )
    ranks = [column for column in others if plain[column] == "rank" and column != key]
    if ranks:
        faults.append(
            f"several rows an image, told apart by column {ranks[0]!r}, are not read: write the most likely classes "
            "of an image into columns index_0, index_1, …, or keep the rows of the most likely one without that column"
        )
    if faults or isinstance(form, str):
        has = f"The columns are {', '.join(map(repr, list(kinds)[:8]))}{', …' if len(kinds) > 8 else ''}"  # noqa: PLR2004
        raise PredictionsError(
            f"{faults_text(where, faults)}\n{has}; rename or drop some so that one of each is left"
            f"{'' if key else ', or name the column of labels with key= (--key)'}."
        )
    return Form(images[0], tuple(form[0]), form[1], checkpoint)


def _label_columns(others: Mapping[str, str], kinds: Mapping[str, Kind]) -> tuple[Sequence[str], bool] | str:
    """The columns of labels and whether each is a checkpoint; or what is wrong."""
    spread = _spread(others)
    in_spread = {column for columns in spread.values() for column in columns}
    tier, found = next(
        (
            (tier, found)
            for tier, (names, stems) in enumerate(zip(LABEL_COLUMNS, _STEMS, strict=True))
            if (
                found := [
                    *((column,) for column in others if others[column] in names and column not in in_spread),
                    *(columns for stem, columns in spread.items() if stem in stems),
                ]
            )
        ),
        (0, []),
    )
    found = [columns for columns in found if all(kinds[column] == "numbers" for column in columns)] or found
    if {"index", "label"} == {others[columns[0]] for columns in found} and all(
        kinds[columns[0]] != "numbers" for columns in found
    ):
        found = found[:1] if others[found[0][0]] == "index" else found[1:]  # timm's top k, in lists
    unknown = [] if found and not tier else _unknown(others, in_spread)
    numbers = [column for column in unknown if kinds[column] == "numbers"]
    several = len(numbers) > 1
    expected = "expected one column of predicted class indices, such as predicted_class, prediction, index"
    if len(found) > 1:
        texts = [columns[0] if len(columns) == 1 else f"{columns[0]} to {columns[-1]}" for columns in found]
        return f"{expected}: {len(found)} columns could be it ({', '.join(texts)})"
    if found and several:
        return (
            f"{expected}, or one column a checkpoint: it could be {found[0][0]}, or these: "
            f"{some(numbers, len(numbers))}"
        )
    if found:
        return found[0], False
    if several:
        return unknown, True
    scores = _scores(others, kinds)
    return (scores[0], False) if len(scores) == 1 else f"{expected}: there is none"


def _scores(others: Mapping[str, str], kinds: Mapping[str, Kind]) -> list[tuple[str, ...]]:
    """Columns that may hold the scores of all classes, as timm writes them: in lists, or one column a class."""
    lists = ((column,) for column in others if kinds[column] in {"text", "other"})
    one_a_class = (columns for columns in _numbered(others).values() if len(columns) == NUM_CLASSES)
    return [columns for columns in (*lists, *one_a_class) if _MEASUREMENT.fullmatch(others[columns[0]])]


def _unknown(others: Mapping[str, str], in_spread: Iterable[str]) -> list[str]:
    """Columns whose names say nothing: in the wide form, checkpoints."""
    known = {*sum(LABEL_COLUMNS, ()), *_TRUTH_COLUMNS, *_OTHER_COLUMNS, *in_spread, "rank"}
    return [
        column for column, name in others.items()
        if name not in known and column not in known and not _MEASUREMENT.fullmatch(name)
    ]  # fmt: skip


def _named_key(others: Mapping[str, str], key: str) -> tuple[Sequence[str], bool] | str:
    if key in others:
        return (key,), False
    numbered = _numbered(others).get(key.strip().lower())
    return (numbered, False) if numbered else f"there is no column {key!r}"


def _spread(others: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Columns that hold the most likely classes of an image, most likely first, by what stands before the numbers."""
    known = {stem for stems in _STEMS for stem in stems}
    return {stem: columns for stem, columns in _numbered(others).items() if stem in known}


def _numbered(others: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Columns that are numbered 0, 1, … or 1, 2, …, in that order, by what stands before the numbers."""
    stems: dict[str, dict[int, str]] = {}
    for column, name in others.items():
        if match := _NUMBERED.fullmatch(name):
            stems.setdefault(match[1], {})[int(match[2])] = column
    return {
        stem: tuple(numbers[number] for number in sorted(numbers))
        for stem, numbers in stems.items()
        if len(numbers) > 1 and min(numbers) in {0, 1} and max(numbers) - min(numbers) == len(numbers) - 1
    }
