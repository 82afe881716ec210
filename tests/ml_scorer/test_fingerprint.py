"""Fingerprint and seal against computations of their documented forms that share nothing with the package's."""

from __future__ import annotations

import csv
import json
import random
import struct
from hashlib import sha256

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import frame_of, random_rows, sealed_metadata, set_cell, small_frame

from ml_scorer.annotations.fingerprint import canonical_columns, column_fingerprints, fingerprint, seal
from ml_scorer.annotations.identity import GENUINE
from ml_scorer.schema import CORRECT, LABEL_LISTS, SHARED_COLUMNS, UNCLEAR, WRONG, image_name


def documented_fingerprint(rows):
    digest = sha256()
    for row in sorted(rows, key=lambda row: row["file_name"]):
        lists = [",".join(str(label) for label in sorted(set(row[name]))) for name in LABEL_LISTS]
        cells = [row["file_name"], str(row["original_label"]), *lists, "1" if row["is_problematic"] else "0"]
        digest.update(("\t".join(cells) + "\n").encode())
    return digest.hexdigest()


def documented_seal(rows, metadata):
    content = "\n".join(row["file_name"] for row in rows).encode()
    content += b"".join(struct.pack("<H", row["original_label"]) for row in rows)
    for name in LABEL_LISTS:
        content += b"".join(struct.pack("<I", len(row[name])) for row in rows)
        content += b"".join(struct.pack("<H", label) for row in rows for label in row[name])
    for name in ("is_problematic", "is_imagenet_m"):
        content += bytes({False: 0, True: 1, None: 2}[row[name]] for row in rows)
    others = {key: value for key, value in metadata.items() if key != "seal"}
    return sha256(content + json.dumps(others, sort_keys=True).encode()).hexdigest()


@given(random_rows())
def test_the_fingerprint_is_the_documented_one(rows):
    assert fingerprint(frame_of(rows)) == documented_fingerprint(rows)


def test_the_fingerprint_of_the_real_annotations_is_the_documented_one(real_data, genuine):
    def labels(cell):
        return [int(label) for label in cell.split(",")] if cell else []

    with (real_data / "imagenet2012_multilabel_v3.csv").open(newline="") as file:
        rows = [
            {
                "file_name": row["id"],
                "original_label": int(row["original_label"]),
                CORRECT: labels(row["proposed_labels"]),
                WRONG: labels(row["wrong_multi_labels"]),
                UNCLEAR: labels(row["unclear_multi_labels"]),
                "is_problematic": row["is_problematic"] == "True",
            }
            for row in csv.DictReader(file)
        ]
    assert documented_fingerprint(rows) == fingerprint(genuine.frame) == next(iter(GENUINE))


@given(random_rows(), st.randoms(use_true_random=False))
def test_the_fingerprint_does_not_see_the_order_of_rows_and_labels_or_repeats(rows, shuffling):
    other = [
        {**row, **{name: shuffling.sample(labels := row[name] * 2, len(labels)) for name in LABEL_LISTS}}
        for row in shuffling.sample(rows, len(rows))
    ]
    assert fingerprint(frame_of(other)) == fingerprint(frame_of(rows))


@given(random_rows(classes=3, max_size=2), random_rows(classes=3, max_size=2))
def test_fingerprints_are_equal_just_where_the_annotations_are(first, second):
    same = canonical_columns(frame_of(first)).equals(canonical_columns(frame_of(second)))
    assert (fingerprint(frame_of(first)) == fingerprint(frame_of(second))) is same


def test_the_fingerprint_does_not_cover_imagenet_m():
    frame = small_frame()
    assert fingerprint(frame) == fingerprint(set_cell(frame, 0, "is_imagenet_m", True))


def test_the_fingerprint_needs_only_the_six_shared_columns():
    frame = small_frame()
    assert fingerprint(frame.select(reversed(SHARED_COLUMNS))) == fingerprint(frame)


CELLS = {
    "file_name": image_name(777),
    "original_label": 999,
    CORRECT: [0, 1, 2],
    WRONG: [7],
    UNCLEAR: [],
    "is_problematic": True,
}


@pytest.mark.parametrize("column", SHARED_COLUMNS)
def test_a_change_in_a_cell_changes_the_fingerprint(column):
    frame = small_frame()
    assert fingerprint(set_cell(frame, 0, column, CELLS[column])) != fingerprint(frame)


@pytest.mark.parametrize("column", SHARED_COLUMNS)
def test_a_change_in_a_cell_shows_in_its_own_column_fingerprint_only(column):
    frame = small_frame(3, file_name=[image_name(number) for number in (1, 2, 999)])
    found, before = column_fingerprints(set_cell(frame, 0, column, CELLS[column])), column_fingerprints(frame)
    if column == "file_name":  # another name is another place among the rows
        assert found[column] != before[column]
    else:
        assert [name for name in before if found[name] != before[name]] == [column]


@given(random_rows())
def test_the_seal_is_the_documented_one(rows):
    frame, metadata = frame_of(rows), {"tool": "some \N{GREEK SMALL LETTER MU}", "rows": "1"}
    assert seal(frame, metadata) == documented_seal(rows, metadata)


@pytest.mark.parametrize("marked", [True, False, None])
def test_the_seal_covers_imagenet_m(marked):
    frame = small_frame(2, is_imagenet_m=[marked, False])
    assert seal(frame, {}) == documented_seal(frame.rows(named=True), {})


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize(("column", "value"), [*CELLS.items(), ("is_imagenet_m", True), ("is_imagenet_m", False)])
def test_a_change_in_any_cell_breaks_the_seal(row, column, value):
    frame = small_frame()
    assert seal(set_cell(frame, row, column, value), {}) != seal(frame, {})


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param([[2, 1], [3]], id="other order"),
        pytest.param([[1, 2, 2], [3]], id="repeat"),
        pytest.param([[1], [2, 3]], id="label moved to the next image"),
        pytest.param([[1, 2, 3], []], id="all labels at one image"),
        pytest.param([[3], [1, 2]], id="images swapped"),
    ],
)
def test_the_seal_covers_lists_as_stored(labels):
    frame = small_frame(2, **{CORRECT: [[1, 2], [3]]})
    assert seal(small_frame(2, **{CORRECT: labels}), {}) != seal(frame, {})


def test_the_seal_covers_the_order_of_rows():
    frame = small_frame()
    assert seal(frame.reverse(), {}) != seal(frame, {})


def test_the_seal_tells_one_list_from_another():
    first = small_frame(1, **{CORRECT: [[1]], WRONG: [[]], UNCLEAR: [[]]})
    second = small_frame(1, **{CORRECT: [[]], WRONG: [[1]], UNCLEAR: [[]]})
    assert seal(first, {}) != seal(second, {})


@pytest.mark.parametrize("key", [key for key in sealed_metadata(small_frame()) if key != "seal"])
def test_the_seal_covers_every_metadata_value(key):
    frame = small_frame()
    metadata = sealed_metadata(frame)
    assert seal(frame, {**metadata, key: metadata[key] + " "}) != metadata["seal"]
    assert seal(frame, {other: value for other, value in metadata.items() if other != key}) != metadata["seal"]


def test_the_seal_does_not_cover_itself_nor_the_order_of_metadata():
    frame = small_frame()
    metadata = sealed_metadata(frame)
    keys = random.Random(0).sample(sorted(metadata), len(metadata))
    assert seal(frame, {**{key: metadata[key] for key in keys}, "seal": "other"}) == metadata["seal"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("file_name", None),
        ("original_label", None),
        (CORRECT, None),
        (CORRECT, [None]),
        (CORRECT, [1, None]),
        ("is_problematic", None),
    ],
)
def test_a_null_breaks_the_seal_and_nothing_else(column, value):
    frame = small_frame()
    assert seal(set_cell(frame, 0, column, value), {}) != seal(frame, {})


def test_an_empty_table_has_a_fingerprint():
    assert fingerprint(small_frame().clear()) == sha256(b"").hexdigest()
    assert isinstance(seal(small_frame().clear(), {}), str)
    assert column_fingerprints(pl.DataFrame(schema=small_frame().schema))["file_name"] == sha256(b"").hexdigest()[:16]
