"""What must be true of every table, checked before one is written and after one is read."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ml_scorer.annotations.kinds import ANNOTATIONS, TableKind
from ml_scorer.errors import AnnotationsError, faults_text, some
from ml_scorer.schema import COLUMNS, NUM_CLASSES, image_names, image_numbers


def check_columns(frame: pl.DataFrame, where: str, kind: TableKind = ANNOTATIONS) -> None:
    """Raise AnnotationsError unless the frame has the columns of its kind of table with their types."""
    found = dict(frame.schema)
    faults = [f"no column {name!r} ({dtype})" for name, dtype in kind.columns.items() if name not in found]
    faults += [
        f"column {name!r} is {found[name]}, expected {dtype}"
        for name, dtype in kind.columns.items()
        if name in found and found[name] != dtype
    ]
    if faults:
        advice = f"This is not a table that build-cache wrote: make one with `{kind.make}`."
        raise AnnotationsError(f"{faults_text(where, faults)}\n{advice}")


def row_faults(
    frame: pl.DataFrame, num_classes: int = NUM_CLASSES, columns: Mapping[str, pl.DataType] = COLUMNS
) -> list[str]:
    """Everything that is wrong with the rows of a table whose columns are right, one sentence a kind, with image names.

    Checked: no nulls (but for an `is_imagenet_m` that is null throughout), names that are ImageNet validation images as
    the dataset writes them, no name twice, labels below `num_classes`.
    """
    if not frame.height:
        return ["no rows"]
    faults = []
    names = frame["file_name"]

    def fault(rows: pl.Series, what: str) -> None:
        found = names.filter(rows)  # nulls, which have a fault of their own, are left out
        if found.len():
            faults.append(f"{what} in {found.len():,} rows: {some(found.fill_null('(no name)'), found.len())}")

    for name in columns:
        nulls = frame[name].is_null()
        if name != "is_imagenet_m" or not nulls.all():
            fault(nulls, f"{name} is null")
    named = names.is_not_null()
    numbers = pl.Series(image_numbers(names))
    fault(named & ((numbers == 0) | (image_names(numbers) != names)), "file_name is no ImageNet validation image")
    fault(named & names.is_duplicated(), "file_name is repeated")
    for name in (name for name, dtype in columns.items() if dtype.is_integer()):
        fault(frame[name] >= num_classes, f"{name} is outside 0-{num_classes - 1}")
    for name in (name for name, dtype in columns.items() if isinstance(dtype, pl.List)):
        lists = frame[name]
        fault(lists.list.max() >= num_classes, f"{name} has a label outside 0-{num_classes - 1}")
        if lists.filter(lists.list.len() > 0).explode().null_count():
            fault(lists.list.eval(pl.element().is_null()).list.any(), f"{name} has a null")
    return faults


def check_rows(frame: pl.DataFrame, where: str, num_classes: int = NUM_CLASSES) -> None:
    """Raise AnnotationsError, naming every fault, unless the rows are right (see `row_faults`)."""
    faults = row_faults(frame, num_classes)
    if faults:
        raise AnnotationsError(faults_text(where, faults))
