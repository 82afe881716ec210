"""The orders of arrays without names: each is the sequence of images that it says."""

from __future__ import annotations

import csv
from hashlib import md5
from itertools import chain

import numpy as np
import polars as pl
import pytest

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import classes, validation_labels
from ml_scorer.predictions import ORDERS, resolve_order
from ml_scorer.predictions.orders import orders_of_size
from ml_scorer.schema import image_name

OF_ALL = ["ilsvrc", "imagefolder", "imagefolder-as-text"]


def images(order, annotations):
    return resolve_order(order, annotations).images.tolist()


def names_file(tmp_path, text):
    file = tmp_path / "names.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def tfds_shards(annotations):
    """The dataset's 32 shards, after its documentation: names by the md5 of split and name, cut evenly."""
    names = [image_name(number) for number in annotations.images.tolist()]
    names.sort(key=lambda name: md5(f"validation{name}".encode()).hexdigest())  # noqa: S324 (what TFDS does)
    ends = [len(names) * shard // 32 for shard in range(33)]
    return [names[ends[shard] : ends[shard + 1]] for shard in range(32)]


def numbers(names):
    return [int(name[15:23]) for name in names]


def column(path, name):
    with path.open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_ilsvrc_is_the_order_of_the_numbers(synthetic):
    assert images("ilsvrc", synthetic) == list(range(1, 50_001))


def test_imagefolder_sorts_by_class_folder_then_by_name(synthetic):
    folder_of_class = classes()["wordnet_id"].to_list()
    labels = validation_labels().tolist()
    paths = sorted(f"{folder_of_class[labels[n]]}/{image_name(n)}" for n in range(1, 50_001))
    assert images("imagefolder", synthetic) == numbers(path.partition("/")[2] for path in paths)


def test_imagefolder_as_text_sorts_by_the_class_index_as_text(synthetic):
    labels = validation_labels().tolist()
    paths = sorted(f"{labels[n]}/{image_name(n)}" for n in range(1, 50_001))
    assert images("imagefolder-as-text", synthetic) == numbers(path.partition("/")[2] for path in paths)
    assert [labels[n] for n in images("imagefolder-as-text", synthetic)[:250:50]] == [0, 1, 10, 100, 101]


def test_annotations_are_the_images_of_the_table_by_name(synthetic):
    assert images("annotations", synthetic) == numbers(sorted(synthetic.frame["file_name"].to_list()))


def test_tfds_sequential_reads_shard_after_shard(synthetic):
    assert images("tfds-sequential", synthetic) == numbers(chain.from_iterable(tfds_shards(synthetic)))


def test_tfds_interleaves_sixteen_shards_at_a_time_by_blocks_of_sixteen(synthetic):
    order = []
    shards = tfds_shards(synthetic)
    for some in (shards[:16], shards[16:]):
        while any(some):
            for shard in some:
                order += shard[:16]
                del shard[:16]
    assert images("tfds", synthetic) == numbers(order)


@pytest.mark.parametrize("order", list(ORDERS))
def test_every_order_has_each_of_its_images_once(order, synthetic):
    found = images(order, synthetic)
    everything = range(1, 50_001) if order in OF_ALL else synthetic.images.tolist()
    assert sorted(found) == sorted(everything)


@pytest.mark.parametrize("order", list(ORDERS))
def test_an_order_goes_by_its_own_name_in_signatures(order, synthetic):
    assert resolve_order(order, synthetic).name == order


def test_orders_differ_from_each_other(synthetic):
    found = {tuple(images(order, synthetic)) for order in ORDERS}
    assert len(found) == len(ORDERS)


@pytest.mark.parametrize(
    ("size", "found"),
    [(50_000, OF_ALL), (20_000, ["tfds", "tfds-sequential", "annotations"]), (19_999, []), (0, [])],
)
def test_orders_are_found_by_their_size(size, found, synthetic):
    orders = orders_of_size(size, synthetic.images)
    assert list(orders) == found
    assert all(orders[name].tolist() == images(name, synthetic) for name in found)


@pytest.mark.parametrize(("size", "found"), [(50_000, OF_ALL), (20_000, []), (0, [])])
def test_orders_of_annotated_images_are_left_out_where_these_are_not_known(size, found):
    assert list(orders_of_size(size, None)) == found


def test_tfds_is_the_row_order_of_the_public_table(genuine, real_data):
    rows = numbers(column(real_data / "imagenet2012_multilabel_v3.csv", "id"))
    assert images("tfds", genuine) == rows


def test_imagefolder_is_the_row_order_of_published_predictions(genuine, real_data):
    assert images("imagefolder", genuine) == numbers(column(real_data / "predictions" / "DINO.csv", "file_name"))


@pytest.mark.parametrize(
    "text",
    [
        "ILSVRC2012_val_00000003.JPEG\nILSVRC2012_val_00000001.JPEG\n",
        "ILSVRC2012_val_00000003.JPEG\nILSVRC2012_val_00000001.JPEG",
        "ILSVRC2012_val_00000003.JPEG\r\nILSVRC2012_val_00000001.JPEG\r\n",
        "\ufeffILSVRC2012_val_00000003.JPEG\nILSVRC2012_val_00000001.JPEG\n",
        "\n  ILSVRC2012_val_00000003.JPEG  \n\n\tILSVRC2012_val_00000001.JPEG\n\n",
        "val/n01440764/ILSVRC2012_val_00000003.JPEG\nC:\\images\\ILSVRC2012_val_00000001.png\n",
        "ILSVRC2012_val_00000003\nILSVRC2012_val_00000001\n",
    ],
    ids=["plain", "no-last-line-feed", "crlf", "bom", "blanks", "folders", "no-extension"],
)
def test_a_file_lists_the_images_one_a_line(text, tmp_path, synthetic):
    assert images(names_file(tmp_path, text), synthetic) == [3, 1]


def test_a_list_is_named_by_its_images_and_not_by_its_file(tmp_path, synthetic):
    listed = "ILSVRC2012_val_00000003\nILSVRC2012_val_00000001"
    first = resolve_order(names_file(tmp_path, listed), synthetic).name
    (tmp_path / "elsewhere").mkdir()
    assert resolve_order(names_file(tmp_path / "elsewhere", listed + ".JPEG\n"), synthetic).name == first
    assert first.startswith("list@")


def test_the_name_of_a_list_tells_its_order(tmp_path, synthetic):
    forwards = resolve_order(names_file(tmp_path, "ILSVRC2012_val_00000003\nILSVRC2012_val_00000001"), synthetic).name
    backwards = resolve_order(names_file(tmp_path, "ILSVRC2012_val_00000001\nILSVRC2012_val_00000003"), synthetic).name
    assert forwards != backwards


def test_an_unknown_order_is_refused_with_those_that_there_are(synthetic):
    with pytest.raises(
        PredictionsError,
        match=r"^unknown order 'imagenet': .* ilsvrc, imagefolder, imagefolder-as-text, tfds, tfds-sequential",
    ):
        resolve_order("imagenet", synthetic)


def test_a_folder_is_no_list_of_names(tmp_path, synthetic):
    with pytest.raises(PredictionsError, match="unknown order"):
        resolve_order(str(tmp_path), synthetic)


def test_a_list_with_other_names_is_refused(tmp_path, synthetic):
    text = "ILSVRC2012_val_00000003.JPEG\n" + "".join(f"cat{number}.jpg\n" for number in range(5))
    with pytest.raises(PredictionsError, match=r"names\.txt: expected names .* 5 lines are none: cat0\.jpg, .* 2 more"):
        resolve_order(names_file(tmp_path, text), synthetic)


@pytest.mark.parametrize(
    "name", ["ILSVRC2012_val_00000000.JPEG", "ILSVRC2012_val_00050001.JPEG", "ILSVRC2012_test_00000001"]
)
def test_a_list_with_an_image_that_does_not_exist_is_refused(name, tmp_path, synthetic):
    with pytest.raises(PredictionsError, match=f"1 lines are none: {name}"):
        resolve_order(names_file(tmp_path, f"{name}\n"), synthetic)


def test_a_list_with_an_image_twice_is_refused(tmp_path, synthetic):
    text = "ILSVRC2012_val_00000003.JPEG\nILSVRC2012_val_00000001.JPEG\nval/ILSVRC2012_val_00000003.JPEG\n"
    with pytest.raises(
        PredictionsError, match=r"names\.txt: images are listed twice: ILSVRC2012_val_00000003\.JPEG\.$"
    ):
        resolve_order(names_file(tmp_path, text), synthetic)


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_list_is_refused(text, tmp_path, synthetic):
    with pytest.raises(PredictionsError, match=r"names\.txt: expected names of .*; it is empty"):
        resolve_order(names_file(tmp_path, text), synthetic)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00I", "ILSVRC2012_val_00000003\n".encode("utf-16"), b"\x93NUMPY\x01\x00"]
)
def test_a_list_that_is_no_text_is_refused(content, tmp_path, synthetic):
    with pytest.raises(PredictionsError, match=r"names\.txt: not a text file"):
        resolve_order(names_file(tmp_path, content), synthetic)


def test_images_are_numbers_that_index(synthetic):
    for order in ORDERS:
        assert resolve_order(order, synthetic).images.dtype == np.int32


def test_every_tfds_shard_has_625_of_the_20000_images(synthetic):
    assert pl.Series([len(shard) for shard in tfds_shards(synthetic)]).unique().to_list() == [625]


THREE_ONE = ["ILSVRC2012_val_00000003.JPEG", "val/n01440764/ILSVRC2012_val_00000001.JPEG"]


@pytest.mark.parametrize("kind", [list, tuple, np.array, pl.Series, iter])
def test_names_are_an_order_named_as_a_file_of_them(kind, tmp_path, synthetic):
    order = resolve_order(kind(THREE_ONE), synthetic)
    assert order.images.tolist() == [3, 1]
    assert order.name == resolve_order(names_file(tmp_path, "\n".join(THREE_ONE)), synthetic).name


@pytest.mark.parametrize("order", list(ORDERS))
def test_names_and_files_that_are_a_known_order_are_called_so(order, tmp_path, synthetic):
    names = [image_name(number) for number in images(order, synthetic)]
    assert resolve_order(names, synthetic).name == order
    assert resolve_order(names_file(tmp_path, "\n".join(names)), synthetic).name == order
    assert resolve_order(names[1:] + names[:1], synthetic).name.startswith("list@")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (
            [*THREE_ONE, "cat.jpg"],
            r"^order: expected names of ImageNet validation images; 1 names are none: cat\.jpg\.",
        ),
        ([*THREE_ONE, THREE_ONE[0]], r"^order: images are listed twice: ILSVRC2012_val_00000003\.JPEG\.$"),
        ([], "^order: expected names of ImageNet validation images; it is empty"),
        ([3, 1], r"^an order is one of ilsvrc, .* or a list of these names, not \[3, 1\]\.$"),
        ([THREE_ONE[0], None], "or a list of these names, not"),
        (b"ilsvrc", "or a list of these names, not b'ilsvrc'"),
        ({"ilsvrc": 1}, "or a list of these names, not"),
        (3, "or a list of these names, not 3"),
    ],
)
def test_what_is_no_list_of_names_is_refused(names, found, synthetic):
    with pytest.raises(PredictionsError, match=found):
        resolve_order(names, synthetic)
