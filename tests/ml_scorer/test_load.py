"""A table is read whole or refused; nothing that happened to the file passes unseen."""

from __future__ import annotations

import json
import random

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import sealed_metadata, set_cell, small_frame, write_sealed

from build_cache.writing import table_bytes
from ml_scorer import load_annotations
from ml_scorer.annotations.load import FORMAT, METADATA
from ml_scorer.errors import AnnotationsError, AnnotationsNotFoundError
from ml_scorer.schema import COLUMNS, CORRECT, image_name


@pytest.fixture(scope="module")
def content(synthetic_table):
    return synthetic_table.read_bytes()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "annotations.parquet"


@pytest.fixture
def small(file):
    """A table of two images."""
    return write_sealed(file, small_frame())


def test_a_table_is_read_as_it_was_written(small):
    annotations = load_annotations(small)
    assert annotations.frame.equals(small_frame())
    assert dict(annotations.frame.schema) == COLUMNS
    assert dict(annotations.metadata) == sealed_metadata(small_frame())
    assert len(annotations) == 2
    assert repr(annotations) == f"<Annotations {annotations.identity}: 2 images>"


def test_a_path_may_be_text(small):
    assert len(load_annotations(str(small))) == 2


@pytest.mark.parametrize("name", ["runs[1]", "a*b", "what?", "{x}", "split=val", "two words", "Größe", "100%20"])
def test_a_path_is_a_name_and_never_a_pattern(small, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    copy = folder / f"{name}.parquet"
    small.rename(copy)
    assert load_annotations(copy).frame.equals(small_frame())


def test_rows_come_by_name_however_they_lie_in_the_file(file):
    frame = small_frame(3)
    assert load_annotations(write_sealed(file, frame.reverse())).frame.equals(frame)


def test_no_such_file(file):
    with pytest.raises(AnnotationsNotFoundError, match=r"annotations.parquet: no such annotation table\. `build-cache"):
        load_annotations(file)


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(AnnotationsNotFoundError, match="no such annotation table"):
        load_annotations(tmp_path)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"file_name,original_label\nx,1\n", id="csv"),
        pytest.param(b"PK\3\4" + bytes(1000), id="zip"),
        pytest.param(b"\0" * 1000, id="zeros"),
        pytest.param(b"<html><h1>403 Forbidden</h1></html>", id="html"),
    ],
)
def test_what_is_no_parquet_file_is_refused(file, found):
    file.write_bytes(found)
    with pytest.raises(AnnotationsError, match=r"annotations.parquet: this is not a Parquet file\. Copy it again"):
        load_annotations(file)


def test_a_table_behind_something_else_is_refused(file, content):
    file.write_bytes(b"\0" * 100 + content)
    with pytest.raises(AnnotationsError, match="this is not a Parquet file"):
        load_annotations(file)


def test_a_table_with_something_behind_it_is_refused(file, content):
    file.write_bytes(content + b"\n")
    with pytest.raises(AnnotationsError, match="damaged or truncated"):
        load_annotations(file)


def test_a_truncated_file_is_refused_at_any_length(file, content):
    lengths = [*range(4, 16), *range(16, len(content), len(content) // 20), *range(len(content) - 20, len(content))]
    for length in lengths:
        file.write_bytes(content[:length])
        with pytest.raises(AnnotationsError, match=r"the file is damaged or truncated\. Copy it again"):
            load_annotations(file)


def test_a_hole_in_the_file_is_refused(file, content):
    for start in range(0, len(content), len(content) // 10):
        file.write_bytes(content[:start] + bytes(len(content[start : start + 4096])) + content[start + 4096 :])
        with pytest.raises(AnnotationsError):
            load_annotations(file)


def footer_start(content):
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def damaged_offsets(content):
    """Offsets over the whole file, and many in its footer, where one byte says how the others are to be read."""
    chance = random.Random(0)
    footer = footer_start(content)
    return [chance.randrange(4, footer) for _ in range(60)] + [
        chance.randrange(footer, len(content)) for _ in range(90)
    ]


def test_a_damaged_byte_never_gives_another_table(file, content, synthetic):
    chance = random.Random(1)
    refused = 0
    for offset in damaged_offsets(content):
        damaged = bytearray(content)
        damaged[offset] ^= chance.randrange(1, 256)
        file.write_bytes(damaged)
        try:
            annotations = load_annotations(file)
        except AnnotationsError:
            refused += 1
            continue
        assert annotations.frame.equals(synthetic.frame)
        assert annotations.metadata == synthetic.metadata
        assert annotations.identity == synthetic.identity
    assert refused > 90


def test_a_damaged_byte_among_the_rows_is_refused(file, content):
    footer = footer_start(content)
    for offset in range(footer // 2, footer // 2 + 2000, 200):
        damaged = bytearray(content)
        damaged[offset] ^= 1
        file.write_bytes(damaged)
        with pytest.raises(AnnotationsError, match=r"damaged or truncated|the seal does not fit"):
            load_annotations(file)


@pytest.mark.parametrize("function", ["read_parquet", "read_parquet_metadata"])
def test_a_panic_inside_polars_is_a_damaged_file(small, monkeypatch, function):
    def panic(*_args, **_options):
        raise pl.exceptions.PanicException("called `Option::unwrap()` on a `None` value")

    monkeypatch.setattr(pl, function, panic)
    with pytest.raises(AnnotationsError, match=r"damaged or truncated\..* make it again with build-cache\.$"):
        load_annotations(small)


def test_a_foreign_table_is_told_how_to_become_one(file):
    pl.DataFrame({"a": [1]}).write_parquet(file)
    with pytest.raises(
        AnnotationsError, match=r"but not an annotation table .*\(format 'not given', .*`build-cache table"
    ):
        load_annotations(file)


def test_a_table_without_metadata_is_foreign_though_its_columns_are_right(file):
    small_frame().write_parquet(file)
    with pytest.raises(AnnotationsError, match="but not an annotation table that build-cache wrote"):
        load_annotations(file)


def test_a_table_of_another_format_is_foreign(file):
    with pytest.raises(AnnotationsError, match=rf"format 'ml_scorer.annotations/9', expected '{FORMAT}'"):
        load_annotations(write_sealed(file, small_frame(), format="ml_scorer.annotations/9"))


def test_a_table_of_our_format_without_our_columns(file):
    table = pa.table({"file_name": ["x"]}).replace_schema_metadata({"format": FORMAT})
    pq.write_table(table, file)
    with pytest.raises(AnnotationsError, match=r"6 problems\n  - no column 'original_label' \(UInt16\)"):
        load_annotations(file)


def rewritten(file, change=lambda table: table, **metadata):
    """The same file written again by pyarrow with its metadata kept, but for what is changed; None leaves a key out."""
    table = pq.read_table(file)
    kept = {key.decode(): value.decode() for key, value in table.schema.metadata.items()} | metadata
    kept = {key: value for key, value in kept.items() if value is not None}
    pq.write_table(change(table).replace_schema_metadata(kept), file)
    return file


def test_a_table_that_was_only_written_again_is_whole(small):
    assert load_annotations(rewritten(small)).frame.equals(small_frame())


def test_metadata_of_others_are_no_damage(small):
    assert load_annotations(rewritten(small, note="copied by me")).frame.equals(small_frame())


@pytest.mark.parametrize("key", [key for key in METADATA if key != "format"])
@pytest.mark.parametrize("value", ["other", None])
def test_changed_metadata_are_refused(small, key, value):
    with pytest.raises(AnnotationsError, match="the seal does not fit: rows or metadata were changed"):
        load_annotations(rewritten(small, **{key: value}))


def replaced(column, values):
    def change(table):
        index = table.schema.get_field_index(column)
        return table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(replaced("file_name", [image_name(1), image_name(3)]), id="name"),
        pytest.param(replaced("original_label", [0, 2]), id="label"),
        pytest.param(replaced(CORRECT, [[0, 1], [2, 1]]), id="order within a list"),
        pytest.param(replaced(CORRECT, [[0, 1], [1, 2, 2]]), id="repeat within a list"),
        pytest.param(replaced(CORRECT, [[0], [1, 1, 2]]), id="label moved"),
        pytest.param(replaced("is_problematic", [True, False]), id="problematic"),
        pytest.param(replaced("is_imagenet_m", [False, False]), id="ImageNet-M"),
        pytest.param(lambda table: table.slice(1), id="row left out"),
        pytest.param(lambda table: pa.concat_tables([table, table]), id="rows twice"),
        pytest.param(lambda table: table.take([1, 0]), id="rows swapped"),
        pytest.param(lambda table: table.slice(0, 0), id="no rows"),
    ],
)
def test_changed_rows_are_refused(small, change):
    with pytest.raises(AnnotationsError, match="the seal does not fit: rows or metadata were changed"):
        load_annotations(rewritten(small, change))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("file_name", [image_name(1), None]),
        ("original_label", [0, None]),
        (CORRECT, [[0, 1], None]),
        (CORRECT, [[0, 1], [1, None]]),
        ("is_problematic", [False, None]),
    ],
)
def test_a_null_that_came_into_the_rows_is_refused(small, column, values):
    def change(table):
        index = table.schema.get_field_index(column)
        kind = pa.list_(pa.uint16()) if column == CORRECT else table.schema.field(index).type
        return table.set_column(index, pa.field(column, kind), pa.array(values, kind))

    with pytest.raises(AnnotationsError, match="the seal does not fit"):
        load_annotations(rewritten(small, change))


def test_a_sealed_table_is_still_checked_row_by_row(file):
    frame = set_cell(small_frame(), 1, "original_label", 1000)
    with pytest.raises(AnnotationsError, match=r"annotations.parquet: original_label is outside 0-999 in 1 rows"):
        load_annotations(write_sealed(file, frame))


@pytest.mark.parametrize(("claimed", "shown"), [("0" * 64, "0" * 16), (None, "nothing")])
def test_a_fingerprint_that_is_not_that_of_the_rows_is_refused(file, claimed, shown):
    with pytest.raises(
        AnnotationsError, match=rf"the rows have the fingerprint [0-9a-f]{{16}}…, the file says {shown}…"
    ):
        load_annotations(write_sealed(file, small_frame(), fingerprint=claimed))


def test_a_synthetic_table_under_a_new_seal_is_still_synthetic(file, synthetic):
    metadata = sealed_metadata(synthetic.frame, source="table", dataset="imagenet2012_multilabel", version="3.0.0")
    file.write_bytes(table_bytes(synthetic.frame, metadata))
    assert load_annotations(file).identity.status == "synthetic"


def test_metadata_survive_in_any_alphabet(file):
    citation = "Ł\N{CJK UNIFIED IDEOGRAPH-4E2D}\n" + json.dumps({"a": 1})
    assert load_annotations(write_sealed(file, small_frame(), citation=citation)).metadata["citation"] == citation
