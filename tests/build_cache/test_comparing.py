"""Which images differ between two tables, and how."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import frame_of, random_rows, set_cell, small_frame

from build_cache.comparing import Difference, compare
from ml_scorer import Annotations
from ml_scorer.schema import CORRECT, LABEL_LISTS, SHARED_COLUMNS, UNCLEAR, WRONG, image_name


def differences(first, second):
    return compare(Annotations.from_frame(first), Annotations.from_frame(second))


def test_a_table_does_not_differ_from_itself():
    assert differences(small_frame(), small_frame()) == []


@pytest.mark.parametrize(
    ("column", "before", "after", "text"),
    [
        ("original_label", 1, 7, "1 -> 7"),
        (CORRECT, [1, 2], [9], "[1, 2] -> [9]"),
        (WRONG, [], [9, 3], "[] -> [3, 9]"),
        (UNCLEAR, [500], [], "[500] -> []"),
        ("is_problematic", False, True, "False -> True"),
    ],
)
def test_one_difference_is_named_with_both_sides(column, before, after, text):
    (found,) = differences(small_frame(), set_cell(small_frame(), 1, column, after))
    assert found == Difference(image_name(2), column, before, sorted(after) if isinstance(after, list) else after)
    assert str(found) == f"{image_name(2)}  {column}: {text}"


def test_lists_are_compared_as_sets():
    first = small_frame(1, **{CORRECT: [[3, 1, 2, 1]]})
    second = small_frame(1, **{CORRECT: [[2, 3, 1]]})
    assert differences(first, second) == []


def test_the_order_of_rows_makes_no_difference():
    assert differences(small_frame(5), small_frame(5).reverse()) == []


def test_an_image_that_one_table_lacks_is_one_difference():
    found = differences(small_frame(2), small_frame(3)[1:])
    assert [str(difference) for difference in found] == [
        f"{image_name(1)}  image: there -> not there",
        f"{image_name(3)}  image: not there -> there",
    ]


def test_tables_without_a_common_image_differ_in_all():
    found = differences(small_frame(2), small_frame(4)[2:])
    assert [(difference.file_name, difference.first) for difference in found] == [
        (image_name(1), "there"), (image_name(2), "there"), (image_name(3), None), (image_name(4), None),
    ]  # fmt: skip


def test_differences_come_by_image_and_then_by_column():
    second = set_cell(set_cell(set_cell(small_frame(3), 2, WRONG, [1]), 0, WRONG, [1]), 0, CORRECT, [1])
    found = differences(small_frame(3), second)
    assert [(difference.file_name, difference.column) for difference in found] == [
        (image_name(1), CORRECT),
        (image_name(1), WRONG),
        (image_name(3), WRONG),
    ]


def test_imagenet_m_is_compared_where_both_say_it():
    marked = small_frame(2, is_imagenet_m=[True, False])
    assert [str(difference) for difference in differences(marked, small_frame(2, is_imagenet_m=[True, True]))] == [
        f"{image_name(2)}  is_imagenet_m: False -> True"
    ]
    assert differences(marked, small_frame(2)) == []
    assert differences(small_frame(2), marked) == []


def canonical(row):
    """The shared cells of a row, lists as sets."""
    return {name: set(row[name]) if name in LABEL_LISTS else row[name] for name in SHARED_COLUMNS}


@settings(max_examples=50)
@given(st.data())
def test_differences_are_those_of_the_plain_comparison(data):
    first, second = (
        {row["file_name"]: row for row in rows}
        for rows in (data.draw(random_rows(classes=3)), data.draw(random_rows(classes=3)))
    )
    for name, row in first.items():  # so that some images are in both
        if data.draw(st.booleans()):
            second[name] = {**row, CORRECT: data.draw(st.lists(st.integers(0, 2), max_size=2))}
    expected = {(name, "image") for name in first.keys() ^ second.keys()}
    for name in first.keys() & second.keys():
        one, other = canonical(first[name]), canonical(second[name])
        expected |= {(name, column) for column in one if one[column] != other[column]}
    found = differences(frame_of(list(first.values())), frame_of(list(second.values())))
    assert [(difference.file_name, difference.column) for difference in found] == sorted(expected)


@settings(max_examples=50)
@given(random_rows(classes=4), random_rows(classes=4))
def test_there_is_no_difference_just_where_fingerprints_are_equal(first, second):
    one, other = Annotations.from_frame(frame_of(first)), Annotations.from_frame(frame_of(second))
    assert (compare(one, other) == []) is (one.identity.fingerprint == other.identity.fingerprint)
