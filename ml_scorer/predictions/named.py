"""Predictions that carry the names of their images: a name and a label a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.predictions.batch import Predictions
from ml_scorer.predictions.labels import exact_labels, label_faults
from ml_scorer.schema import image_name, image_numbers

NAME_COLUMNS = (
    "file_name", "filename", "file", "image", "image_name", "image_id", "img", "path", "file_path", "filepath",
    "image_path", "name", "id",
)  # fmt: skip

LABEL_COLUMNS = (
    ("predicted_class", "predicted_label", "predicted_index", "predicted", "prediction", "predictions", "pred", "preds",
     "pred_class", "pred_label", "pred_index", "top1", "top1_class", "argmax"),
    ("index", "class_index", "class_id", "class_idx", "class", "label"),
)  # fmt: skip
"""Names of label columns; those that say "prediction" go before those that might mean something else."""


def choose_columns(columns: dict[str, bool], where: str) -> tuple[str, str]:
    """The column of image names and the column of labels.

    Parameters
    ----------
    columns : dict of str to bool
        Whether each column holds numbers.
    where : str
        What to call the input in an error.

    Raises
    ------
    PredictionsError
        If either cannot be told.
    """
    plain = {column: column.strip().lower() for column in columns}
    faults = []
    names = [column for column in columns if plain[column] in NAME_COLUMNS]
    if len(names) != 1:
        found = f"{len(names)} columns could be it ({', '.join(names)})" if names else "there is none"
        faults.append(f"expected one column of image names, such as {', '.join(NAME_COLUMNS[:4])}: {found}")
    tiers = ([column for column in columns if plain[column] in tier] for tier in LABEL_COLUMNS)
    labels = next((tier for tier in tiers if tier), [])
    labels = [column for column in labels if columns[column]] or labels
    if len(labels) != 1:
        found = f"{len(labels)} columns could be it ({', '.join(labels)})" if labels else "there is none"
        faults.append(
            f"expected one column of predicted class indices, such as predicted_class, prediction, index: {found}"
        )
    if faults:
        has = f"The columns are {', '.join(map(repr, list(columns)[:8]))}{', …' if len(columns) > 8 else ''}"  # noqa: PLR2004
        raise PredictionsError(f"{faults_text(where, faults)}\n{has}; rename or drop some so that one of each is left.")
    return names[0], labels[0]


def named_predictions(names: pl.Series, labels: NDArray[Any], where: str) -> Predictions:
    """Predictions of one checkpoint from names and labels, row by row.

    An image may stand in several rows if its label is the same in all.

    Parameters
    ----------
    names : polars.Series of str
    labels : (rows,) integers, or floats that are whole
    where : str
        What to call the input in an error.

    Raises
    ------
    PredictionsError
        If there is no row, a name is no validation image, a label is not a class index, or an image has two labels.
    """
    if not names.len():
        raise PredictionsError(f"{where}: there are no predictions in it: expected a row for each image.")
    images = image_numbers(names)
    faults = []
    if not images.all():
        unknown = names.filter(pl.Series(images == 0))
        faults.append(
            f"{unknown.len():,} names are no ImageNet validation images: {some(unknown, unknown.len())} "
            "(expected names such as ILSVRC2012_val_00000001.JPEG)"
        )
    if labels.dtype.kind in "iuf":
        faults += label_faults(labels, names)
    if not faults:
        values = exact_labels(labels, where)
        order = np.argsort(images, kind="stable")
        first = np.diff(images[order], prepend=0) != 0
        if first.all():
            return Predictions(images, values[None], "names")
        distinct, of_distinct = images[order][first], values[order][first]
        contradicted = np.unique(images[order][values[order] != of_distinct[np.cumsum(first) - 1]])
        if not contradicted.size:
            return Predictions(distinct, of_distinct[None], "names")
        examples = some((_contradiction(number, images, values) for number in contradicted.tolist()), contradicted.size)
        faults.append(f"{contradicted.size:,} images are repeated with another label: {examples}")
    raise PredictionsError(faults_text(where, faults))


def name_text(name: object) -> str:
    r"""A file name (str, bytes, path) as Unicode text; what cannot be decoded, in a folder's name say, is replaced.

    >>> name_text(b"ILSVRC2012_val_00000001.JPEG"), name_text("\udcff.csv")
    ('ILSVRC2012_val_00000001.JPEG', '?.csv')
    """
    if isinstance(name, bytes):
        return name.decode(errors="replace")
    text = str(name)
    return text if text.isascii() else text.encode(errors="replace").decode()


def _contradiction(number: int, images: NDArray[np.int32], labels: NDArray[np.int16]) -> str:
    given = dict.fromkeys(labels[images == number].tolist())
    return f"{image_name(number)} ({' and '.join(map(str, list(given)[:3]))})"
