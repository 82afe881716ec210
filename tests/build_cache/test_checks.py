"""What the whole dataset must be like, and that all that is wrong with it is said at once."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tables import set_cell

from build_cache.checks import check_dataset
from ml_scorer.errors import AnnotationsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.schema import LABEL_LISTS, image_name


@pytest.fixture
def frame(synthetic):
    """A table of the dataset's shape, in order."""
    return synthetic.frame


def faults(frame):
    """Everything that is wrong, one text a fault."""
    with pytest.raises(AnnotationsError) as caught:
        check_dataset(frame, "here")
    first, *others = str(caught.value).split("\n  - ")
    return others or [first.removeprefix("here: ")]


def test_a_table_in_order_passes(frame):
    check_dataset(frame, "here")


def test_the_real_annotations_pass_in_any_order(genuine):
    check_dataset(genuine.frame.reverse(), "here")


def test_a_source_need_not_say_imagenet_m(frame):
    check_dataset(frame.with_columns(is_imagenet_m=pl.lit(None, pl.Boolean)), "here")


def test_an_incomplete_export_is_refused(frame):
    with pytest.raises(AnnotationsError, match=r"^here: 19,999 images, expected 20,000: the export is not complete"):
        check_dataset(frame[1:].with_columns(is_imagenet_m=pl.lit(None, pl.Boolean)), "here")


def test_an_empty_export_is_refused(frame):
    with pytest.raises(AnnotationsError, match=r"^here: no rows$"):
        check_dataset(frame.clear(), "here")


def test_a_doubled_export_is_refused_with_the_images(frame):
    message = f"^here: file_name is repeated in 40,000 rows: {frame['file_name'][0]}, .* and 39,997 more$"
    with pytest.raises(AnnotationsError, match=message):
        check_dataset(pl.concat([frame, frame]), "here")


def test_all_50000_images_are_refused(frame):
    labels = validation_labels()[1:].astype(np.uint16)
    whole = pl.DataFrame(
        {
            "file_name": [image_name(number) for number in range(1, 50_001)],
            "original_label": labels,
            **{name: pl.Series([[0]] * 50_000, dtype=pl.List(pl.UInt16)) for name in LABEL_LISTS},
            "is_problematic": [False] * 50_000,
            "is_imagenet_m": pl.Series([None] * 50_000, dtype=pl.Boolean),
        }
    )
    assert faults(whole) == ["50,000 images, expected 20,000: the export is not complete, or of another dataset"]


def test_original_labels_of_a_repacked_archive_are_refused(frame):
    wrong = (pl.col("original_label") + 1) % 1000
    keep = pl.int_range(pl.len()) < 22
    shifted = frame.with_columns(original_label=pl.when(keep).then("original_label").otherwise(wrong))
    names, known = frame["file_name"], frame["original_label"]
    assert faults(shifted) == [
        "19,978 original labels are not those of ImageNet: "
        + ", ".join(f"{names[i]} (label {(known[i] + 1) % 1000}, known to be {known[i]})" for i in (22, 23, 24))
        + " and 19,975 more. A dataset prepared from a repacked archive of 20,000 images has this fault: "
        "prepare it from the original ILSVRC2012_img_val.tar"
    ]


def test_one_wrong_original_label_is_refused(frame):
    known = frame["original_label"][7]
    with pytest.raises(AnnotationsError, match=rf"^here: 1 original labels .*\(label 999, known to be {known}\)"):
        check_dataset(set_cell(frame, 7, "original_label", 999), "here")


def test_classes_with_too_many_and_too_few_images_are_named(frame, synthetic):
    row = 11
    old = int(synthetic.original_labels[row])
    known = validation_labels()
    other = next(n for n in range(1, 50_001) if n not in set(synthetic.images.tolist()) and known[n] != old)
    moved = set_cell(set_cell(frame, row, "file_name", image_name(other)), row, "original_label", int(known[other]))
    low, high = sorted([(old, 19), (int(known[other]), 21)])
    assert faults(moved) == [
        f"every class has 20 annotated images, but class {low[0]} has {low[1]}, class {high[0]} has {high[1]}"
    ]


def test_another_choice_of_20000_images_with_uneven_classes_is_counted_and_not_dumped(frame):
    first = frame.with_columns(
        file_name=pl.Series([image_name(number) for number in range(1, 20_001)]),
        original_label=pl.Series(validation_labels()[1:20_001].astype(np.uint16)),
    )
    (fault,) = faults(first)
    assert fault.startswith("every class has 20 annotated images, but class 0 has ")
    assert fault.count("class ") == 4
    assert fault.endswith(" more")


def test_images_without_a_label_are_named_unless_problematic(frame):
    rows = [row for row in range(len(frame)) if not frame["is_problematic"][row]][:2]
    problematic = frame["is_problematic"].arg_true()[0]
    for row in (*rows, problematic):
        for name in LABEL_LISTS:
            frame = set_cell(frame, row, name, [])
    names = ", ".join(frame["file_name"][row] for row in rows)
    assert faults(frame) == [f"2 images have no label in any list: {names}"]


@pytest.mark.parametrize(("more", "count"), [(1, 69), (-1, 67)])
def test_another_number_of_imagenet_m_images_is_refused(frame, more, count):
    row = (frame["is_imagenet_m"] == (more < 0)).arg_true()[0]
    (fault,) = faults(set_cell(frame, row, "is_imagenet_m", more > 0))
    assert fault.startswith(f"{count} images are in ImageNet-M, expected 68: ILSVRC2012_val_")
    assert fault.endswith(f" and {count - 3} more")


def test_no_imagenet_m_image_at_all_is_refused(frame):
    with pytest.raises(AnnotationsError, match=r"^here: 0 images are in ImageNet-M, expected 68$"):
        check_dataset(frame.with_columns(is_imagenet_m=False), "here")


def test_faults_of_the_dataset_are_reported_together(frame):
    broken = set_cell(frame[:-1], 0, "original_label", 999).with_columns(is_imagenet_m=False)
    for name in LABEL_LISTS:
        broken = set_cell(broken, 1, name, [])
    broken = set_cell(broken, 1, "is_problematic", False)
    assert [fault[:30] for fault in faults(broken)] == [
        "19,999 images, expected 20,000"[:30],
        "1 original labels are not thos",
        "1 images have no label in any ",
        "0 images are in ImageNet-M, ex",
    ]


def test_faults_of_rows_come_first_and_alone(frame):
    broken = set_cell(set_cell(frame[:-1], 0, "original_label", 1000), 3, "file_name", "cat.jpg")
    assert faults(broken) == [
        "file_name is no ImageNet validation image in 1 rows: cat.jpg",
        f"original_label is outside 0-999 in 1 rows: {frame['file_name'][0]}",
    ]
