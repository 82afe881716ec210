"""The stand-in has the shape of the dataset, and cannot pass for it."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import polars as pl
import pytest

from build_cache import SyntheticSource
from build_cache.checks import check_dataset
from build_cache.sources.synthetic import synthetic_images
from ml_scorer import Annotations
from ml_scorer.annotations.identity import GENUINE, SYNTHETIC_IMAGES
from ml_scorer.imagenet import validation_labels
from ml_scorer.schema import CORRECT, LABEL_LISTS, UNCLEAR, WRONG


def overlaps(frame, first, second):
    """How many images have a label in both lists."""
    return frame.filter(pl.col(first).list.set_intersection(second).list.len() > 0).height


@pytest.fixture(scope="module")
def frame(synthetic):
    return synthetic.frame


def test_it_passes_for_the_dataset_in_shape(frame):
    check_dataset(frame, "here")


def test_every_class_has_20_images_with_their_real_labels(synthetic):
    assert np.array_equal(np.bincount(synthetic.original_labels), np.full(1000, 20))
    assert np.array_equal(synthetic.original_labels, validation_labels()[synthetic.images])


def test_it_has_the_real_number_of_problematic_and_imagenet_m_images(synthetic):
    assert synthetic.is_problematic.sum() == 1308
    assert synthetic.is_imagenet_m.sum() == 68
    assert not (synthetic.is_problematic & synthetic.is_imagenet_m).any()


def test_every_class_keeps_images_that_are_scored(synthetic):
    scored = synthetic.original_labels[~synthetic.is_problematic]
    assert np.bincount(scored, minlength=1000).min() > 0


@pytest.mark.parametrize("column", LABEL_LISTS)
@pytest.mark.parametrize("problematic", [False, True])
def test_label_counts_are_those_of_the_real_annotations(frame, genuine, column, problematic):
    def counts(table):
        return sorted(table.filter(is_problematic=problematic)[column].list.len())

    assert counts(frame) == counts(genuine.frame)


@pytest.mark.parametrize(("first", "second"), [(CORRECT, WRONG), (CORRECT, UNCLEAR), (UNCLEAR, WRONG)])
@pytest.mark.parametrize("problematic", [False, True])
def test_overlaps_are_those_of_the_real_annotations(frame, genuine, first, second, problematic):
    counts = [overlaps(table.filter(is_problematic=problematic), first, second) for table in (frame, genuine.frame)]
    assert counts[0] == counts[1]


def test_overlaps_have_the_documented_numbers(frame):
    assert overlaps(frame, CORRECT, WRONG) == 358
    original = pl.col("original_label")
    twice = pl.col(CORRECT).list.contains(original) & pl.col(WRONG).list.contains(original)
    assert frame.filter(twice, is_problematic=False).height == 30


def test_labels_within_a_list_are_distinct(frame):
    assert all(frame[name].list.len().equals(frame[name].list.n_unique()) for name in LABEL_LISTS)


def test_every_image_has_a_label_in_some_list(frame):
    assert frame.select(pl.sum_horizontal(pl.col(LABEL_LISTS).list.len()).min()).item() > 0


def test_the_same_seed_gives_the_same_annotations(frame):
    assert SyntheticSource(0).export().frame.equals(frame)


@pytest.fixture(scope="module")
def other_export():
    return SyntheticSource(1).export()


def test_another_seed_gives_other_annotations_of_the_same_images(frame, other_export):
    other = other_export.frame
    assert other["file_name"].equals(frame["file_name"])
    assert not other[CORRECT].equals(frame[CORRECT])
    assert not other["is_problematic"].equals(frame["is_problematic"])
    check_dataset(other, "here")


@pytest.mark.parametrize("seed", [7, 2**40])
def test_any_seed_gives_a_table_that_passes_and_is_synthetic(seed):
    made = SyntheticSource(seed).export()
    check_dataset(made.frame, "here")
    assert made.synthetic
    assert Annotations.from_frame(made.frame).identity.status == "synthetic"
    assert overlaps(made.frame, CORRECT, WRONG) == 358


def test_the_source_of_another_seed_is_another_source(synthetic, other_export):
    assert other_export.sha256 != synthetic.metadata["source_sha256"]


def test_its_images_are_the_pinned_ones():
    assert sha256(synthetic_images().astype("<i4").tobytes()).hexdigest() == SYNTHETIC_IMAGES


def test_it_is_synthetic_in_its_metadata_and_not_genuine(synthetic):
    assert synthetic.metadata["source"] == "synthetic"
    assert synthetic.metadata["version"] == ""
    assert synthetic.identity.fingerprint not in GENUINE


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        SyntheticSource(-1).export()
