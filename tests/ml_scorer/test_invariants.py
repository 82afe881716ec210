"""Every fault of a table is named, with its images, all at once."""

from __future__ import annotations

import re

import polars as pl
import pytest
from tables import set_cell, small_frame

from ml_scorer import Annotations
from ml_scorer.annotations.invariants import check_columns, check_rows, row_faults
from ml_scorer.errors import AnnotationsError
from ml_scorer.schema import COLUMNS, CORRECT, LABEL_LISTS, UNCLEAR, WRONG, image_name

FIRST, SECOND = image_name(1), image_name(2)


def test_a_table_in_order_has_no_faults():
    assert row_faults(small_frame()) == []
    check_columns(small_frame(), "here")
    check_rows(small_frame(), "here")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named_with_its_type(column):
    message = re.escape(f"here: no column '{column}' ({COLUMNS[column]})\nThis is not a table that build-cache wrote")
    with pytest.raises(AnnotationsError, match=message):
        check_columns(small_frame().drop(column), "here")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_of_another_type_is_named_with_both_types(column):
    frame = small_frame().with_columns(pl.lit(1.5).alias(column))
    message = re.escape(f"here: column '{column}' is Float64, expected {COLUMNS[column]}")
    with pytest.raises(AnnotationsError, match=message):
        check_columns(frame, "here")


def test_wider_labels_are_another_type():
    frame = small_frame().with_columns(pl.col(WRONG).cast(pl.List(pl.Int64)))
    with pytest.raises(AnnotationsError, match=rf"'{WRONG}' is List\(Int64\), expected List\(UInt16\)"):
        check_columns(frame, "here")


def test_faults_of_columns_are_reported_together():
    frame = small_frame().drop("file_name", CORRECT).with_columns(pl.lit("x").alias("is_problematic"))
    with pytest.raises(AnnotationsError) as caught:
        check_columns(frame, "here")
    text = str(caught.value)
    assert text.startswith("here: 3 problems\n  - ")
    assert all(name in text for name in ("'file_name'", CORRECT, "'is_problematic' is String, expected Boolean"))
    assert text.endswith("make one with `build-cache table FILE -o OUT`.")


def test_further_columns_and_another_order_are_no_fault():
    check_columns(small_frame().with_columns(note=pl.lit("x")).select(pl.all().reverse()), "here")


FAULTS = [
    ("file_name", None, r"^file_name is null in 1 rows: \(no name\)$"),
    ("original_label", None, f"^original_label is null in 1 rows: {SECOND}$"),
    *((name, None, f"^{name} is null in 1 rows: {SECOND}$") for name in LABEL_LISTS),
    ("is_problematic", None, f"^is_problematic is null in 1 rows: {SECOND}$"),
    ("is_imagenet_m", True, f"^is_imagenet_m is null in 1 rows: {FIRST}$"),
    ("file_name", "cat.jpg", r"^file_name is no ImageNet validation image in 1 rows: cat\.jpg$"),
    ("file_name", "", "^file_name is no ImageNet validation image in 1 rows: $"),
    ("file_name", "val/" + SECOND, f"^file_name is no ImageNet validation image in 1 rows: val/{SECOND}$"),
    ("file_name", SECOND.lower(), "^file_name is no ImageNet validation image"),
    ("file_name", SECOND.removesuffix(".JPEG"), "^file_name is no ImageNet validation image"),
    ("file_name", SECOND + "\n", "^file_name is no ImageNet validation image"),
    ("file_name", image_name(0), "^file_name is no ImageNet validation image"),
    ("file_name", image_name(50_001), "^file_name is no ImageNet validation image"),
    ("file_name", "ILSVRC2012_test_00000002.JPEG", "^file_name is no ImageNet validation image"),
    ("file_name", FIRST, f"^file_name is repeated in 2 rows: {FIRST}, {FIRST}$"),
    ("original_label", 1000, f"^original_label is outside 0-999 in 1 rows: {SECOND}$"),
    *((name, [5, 1000], f"^{name} has a label outside 0-999 in 1 rows: {SECOND}$") for name in LABEL_LISTS),
    *((name, [5, None], f"^{name} has a null in 1 rows: {SECOND}$") for name in LABEL_LISTS),
    (CORRECT, [None], f"^{CORRECT} has a null in 1 rows: {SECOND}$"),
]


@pytest.mark.parametrize(("column", "value", "message"), FAULTS)
def test_a_fault_is_named_alone(column, value, message):
    with pytest.raises(AnnotationsError, match=message.replace("^", "^here: ", 1)):
        check_rows(set_cell(small_frame(), 1, column, value), "here")


def test_a_null_within_a_list_is_seen_beside_many_empty_lists():
    frame = small_frame(100, **{WRONG: [[]] * 99 + [[None]]})
    assert row_faults(frame) == [f"{WRONG} has a null in 1 rows: {image_name(100)}"]


def test_a_null_list_beside_empty_lists_is_no_null_within_a_list():
    frame = small_frame(3, **{CORRECT: [None, [], [1]]})
    assert row_faults(frame) == [f"{CORRECT} is null in 1 rows: {FIRST}"]


def test_no_rows_is_a_fault():
    with pytest.raises(AnnotationsError, match=r"^here: no rows$"):
        check_rows(small_frame().clear(), "here")


def test_imagenet_m_may_be_null_throughout():
    assert row_faults(small_frame(is_imagenet_m=[None, None])) == []
    assert row_faults(small_frame(is_imagenet_m=[False, True])) == []


def test_faults_of_rows_are_reported_together_with_their_images():
    frame = small_frame(
        6,
        file_name=[FIRST, FIRST, "cat.jpg", None, image_name(5), image_name(6)],
        original_label=[1000, 1, 2, 3, None, 5],
        is_problematic=[None, False, True, False, False, False],
        **{CORRECT: [[1], [2], [3], [4], [5000], [6]], UNCLEAR: [None, [1], [1], [1], [1], [None, 1]]},
    )
    with pytest.raises(AnnotationsError) as caught:
        check_rows(frame, "here")
    assert str(caught.value).splitlines() == [
        "here: 9 problems",
        "  - file_name is null in 1 rows: (no name)",
        f"  - original_label is null in 1 rows: {image_name(5)}",
        f"  - {UNCLEAR} is null in 1 rows: {FIRST}",
        f"  - is_problematic is null in 1 rows: {FIRST}",
        "  - file_name is no ImageNet validation image in 1 rows: cat.jpg",
        f"  - file_name is repeated in 2 rows: {FIRST}, {FIRST}",
        f"  - original_label is outside 0-999 in 1 rows: {FIRST}",
        f"  - {CORRECT} has a label outside 0-999 in 1 rows: {image_name(5)}",
        f"  - {UNCLEAR} has a null in 1 rows: {image_name(6)}",
    ]


def test_many_faulty_rows_are_counted_and_not_dumped():
    faults = row_faults(small_frame(3000, original_label=[1000] * 3000, **{CORRECT: [[]] * 3000}))
    assert faults == [
        f"original_label is outside 0-999 in 3,000 rows: {FIRST}, {SECOND}, {image_name(3)} and 2,997 more"
    ]


def test_labels_are_checked_against_the_number_of_classes():
    frame = small_frame(2, original_label=[0, 3], **{CORRECT: [[0], [3]], UNCLEAR: [[], [4]]})
    assert row_faults(frame, num_classes=5) == []
    assert row_faults(frame, num_classes=4) == [f"{UNCLEAR} has a label outside 0-3 in 1 rows: {SECOND}"]
    assert len(row_faults(frame, num_classes=3)) == 3


def test_annotations_made_from_a_frame_are_checked():
    with pytest.raises(AnnotationsError, match=f"^mine: original_label is outside 0-999 in 1 rows: {SECOND}$"):
        Annotations.from_frame(set_cell(small_frame(), 1, "original_label", 1000), where="mine")
    with pytest.raises(AnnotationsError, match=r"^annotations: no column 'is_problematic'"):
        Annotations.from_frame(small_frame().drop("is_problematic"))
