"""What a table is follows from its content; what it says of itself only ever lowers that."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tables import set_cell, small_frame

from build_cache import TableSource, build
from ml_scorer import Annotations
from ml_scorer.annotations.fingerprint import column_fingerprints
from ml_scorer.annotations.identity import GENUINE, Identity, differences, identify
from ml_scorer.schema import CORRECT, LABEL_LISTS, SHARED_COLUMNS, UNCLEAR, WRONG, image_name

RELEASE = "imagenet2012_multilabel/3.0.0"
PINNED = next(iter(GENUINE))


def written_as_csv(frame, path):
    """A table as the public CSV has it: no list type, no metadata."""
    lists = [pl.col(name).cast(pl.List(pl.String)).list.join(", ") for name in LABEL_LISTS]
    frame.with_columns(lists).write_csv(path)
    return path


def test_the_real_annotations_are_genuine(genuine):
    assert genuine.identity == Identity("genuine", "imagenet2012_multilabel", "3.0.0", PINNED)
    assert genuine.identity.genuine
    assert str(genuine.identity) == f"{RELEASE}@f2b50695"
    assert differences(genuine.frame) == ()


def test_the_columns_of_a_release_are_pinned_too(genuine):
    assert column_fingerprints(genuine.frame) == dict(GENUINE[PINNED].columns)


def test_genuine_annotations_are_known_without_metadata_and_in_any_order(genuine):
    frame = genuine.frame.sample(fraction=1, shuffle=True, seed=1)
    assert Annotations.from_frame(frame).identity == genuine.identity


def test_genuine_annotations_need_not_claim_their_version(genuine):
    claims = {"dataset": "other", "version": "9.9.9"}
    assert Annotations.from_frame(genuine.frame, metadata=claims).identity == genuine.identity


CHANGES = {
    CORRECT: [1, 2, 3],
    WRONG: [1, 2, 3],
    UNCLEAR: [1, 2, 3],
    "original_label": 999,
    "is_problematic": None,
}


def changed(frame, column, row=100):
    value = not frame["is_problematic"][row] if column == "is_problematic" else CHANGES[column]
    return set_cell(frame, row, column, value)


@pytest.mark.parametrize("column", CHANGES)
def test_one_changed_cell_makes_real_annotations_unverified_and_the_column_is_named(genuine, column):
    frame = changed(genuine.frame, column)
    assert Annotations.from_frame(frame).identity.status == "unverified"
    assert differences(frame) == (f"differs from {RELEASE} in {column}",)


def test_every_column_that_differs_is_named(genuine):
    frame = changed(changed(genuine.frame, UNCLEAR), CORRECT)
    assert differences(frame) == (f"differs from {RELEASE} in {CORRECT}, {UNCLEAR}",)


def test_another_image_is_named_as_such_alone(genuine):
    absent = next(image_name(number) for number in range(1, 50_001) if number not in set(genuine.images.tolist()))
    frame = set_cell(changed(genuine.frame, CORRECT), 5, "file_name", absent)
    assert differences(frame) == (f"differs from {RELEASE} in the set of images",)


def test_two_images_with_their_annotations_swapped_are_not_genuine(genuine):
    names = genuine.frame["file_name"].to_list()
    names[0], names[1] = names[1], names[0]
    frame = genuine.frame.with_columns(pl.Series("file_name", names))
    assert not Annotations.from_frame(frame).identity.genuine
    assert "the set of images" not in differences(frame)[0]


def test_the_order_of_labels_and_repeats_make_no_difference(genuine):
    frame = genuine.frame.with_columns([pl.col(name).list.concat(name).list.reverse() for name in LABEL_LISTS])
    assert differences(frame) == ()
    assert Annotations.from_frame(frame).identity.genuine


@pytest.mark.parametrize(
    ("metadata", "claim"),
    [
        ({}, None),
        ({"dataset": "imagenet2012_multilabel", "version": "3.0.0"}, "imagenet2012_multilabel/3.0.0"),
        ({"dataset": "mine", "version": ""}, "mine"),
    ],
)
def test_a_claim_without_proof_is_kept_as_a_claim(metadata, claim):
    identity = Annotations.from_frame(small_frame(), metadata=metadata).identity
    assert (identity.status, identity.name, identity.version, identity.claim) == (
        "unverified",
        "UNVERIFIED",
        None,
        claim,
    )
    assert str(identity) == f"UNVERIFIED@{identity.fingerprint[:8]}"
    assert not identity.genuine


def test_metadata_make_a_table_synthetic():
    identity = Annotations.from_frame(small_frame(), metadata={"source": "synthetic", "dataset": "x"}).identity
    assert (identity.status, identity.version, identity.claim) == ("synthetic", None, None)
    assert str(identity) == f"SYNTHETIC@{identity.fingerprint[:8]}"


def test_metadata_take_even_from_the_pinned_annotations():
    assert identify(PINNED, np.array([1], np.int32), {"source": "synthetic"}).status == "synthetic"
    assert identify(PINNED, np.array([1], np.int32), {"source": "table"}).status == "genuine"


def test_a_synthetic_table_is_synthetic(synthetic):
    assert synthetic.identity.status == "synthetic"
    assert not synthetic.identity.genuine


def test_a_synthetic_table_is_known_by_its_images_without_metadata(synthetic):
    assert Annotations.from_frame(synthetic.frame).identity == synthetic.identity


def test_a_synthetic_table_stays_synthetic_through_csv(synthetic, tmp_path):
    source = written_as_csv(synthetic.frame, tmp_path / "real_annotations.csv")
    report = build(TableSource(source), tmp_path / "again.parquet")
    assert report.annotations.metadata["source"] == "table"
    assert report.identity == synthetic.identity


def test_a_synthetic_table_with_other_labels_stays_synthetic(synthetic, tmp_path):
    frame = synthetic.frame.with_columns(pl.col(WRONG).list.head(1)).drop("is_imagenet_m")
    source = written_as_csv(frame, tmp_path / "mine.csv")
    assert build(TableSource(source), tmp_path / "again.parquet").identity.status == "synthetic"


def test_the_real_images_are_not_those_of_synthetic_tables(genuine, synthetic):
    assert not np.array_equal(genuine.images, synthetic.images)


def test_a_release_pins_every_shared_column():
    assert all(set(release.columns) == set(SHARED_COLUMNS) for release in GENUINE.values())
