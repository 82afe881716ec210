"""Tables of names and labels: which columns are taken, which names mean an image, and what is refused."""

from __future__ import annotations

import decimal
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.tables.columns import column_predictions
from ml_scorer.predictions.tables.named import name_text, named_predictions
from ml_scorer.predictions.tables.roles import LABEL_COLUMNS, NAME_COLUMNS, table_form
from ml_scorer.schema import IMAGE_NAME, image_name, image_names, image_numbers


def number(name):
    return image_numbers(pl.Series([name], dtype=pl.String)).tolist()[0]


def named(rows):
    """Predictions of rows of (name, label)."""
    names = pl.Series([name for name, _ in rows], dtype=pl.String)
    return named_predictions(names, np.array([label for _, label in rows]), "here")


def by_image(predictions):
    return dict(zip(predictions.images.tolist(), predictions.labels[0].tolist(), strict=True))


def choose_columns(found, where):
    """The column of names and that of labels, where columns hold numbers or else text."""
    form = table_form({name: "numbers" if holds else "text" for name, holds in found.items()}, where)
    return form.image, *form.labels


def columns(labels, names=None):
    """Predictions of two columns; without names, of images 1, 2, …."""
    labels = labels if isinstance(labels, pl.Series) else pl.Series(labels, strict=False)
    names = names if names is not None else image_names(pl.Series(range(1, len(labels) + 1)))
    return column_predictions(names.alias("file_name"), labels.alias("predicted_class"), "here")


# Which columns


@pytest.mark.parametrize("name", NAME_COLUMNS)
def test_every_usual_name_column_is_known(name):
    assert choose_columns({"prob": True, name: False, "prediction": True}, "here") == (name, "prediction")


@pytest.mark.parametrize("label", [*LABEL_COLUMNS[0], *LABEL_COLUMNS[1]])
def test_every_usual_label_column_is_known(label):
    assert choose_columns({"prob": True, label: True, "file_name": False}, "here") == ("file_name", label)


def test_columns_are_found_whatever_their_case_and_blanks():
    assert choose_columns({" File_Name": False, "Predicted_Class ": True}, "here") == (" File_Name", "Predicted_Class ")


@pytest.mark.parametrize("truth", ["label", "index", "class"])
def test_a_column_of_predictions_goes_before_one_that_may_be_the_truth(truth):
    assert choose_columns({"file_name": False, truth: True, "pred": True}, "here") == ("file_name", "pred")


def test_a_column_of_predictions_goes_before_another_even_as_text():
    assert choose_columns({"file_name": False, "label": True, "pred": False}, "here") == ("file_name", "pred")


def test_numbers_go_before_text_as_in_what_timm_writes():
    assert choose_columns({"filename": False, "index": True, "label": False, "prob": True}, "here") == (
        "filename",
        "index",
    )


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (
            {"a": False, "pred": True},
            r"^here: expected one column of image names.*there is none\n.*'a', 'pred'; rename",
        ),
        ({"path": False, "image": False, "pred": True}, r"image names.*2 columns could be it \(path, image\)"),
        ({"file_name": False, "b": True}, r"^here: expected one column of predicted class indices.*there is none\n"),
        ({"file_name": False, "pred": True, "top1": True}, r"class indices.*2 columns could be it \(pred, top1\)"),
        ({"file_name": False, "pred": False, "top1": False}, r"class indices.*2 columns could be it \(pred, top1\)"),
        ({"file_name": False, "index": True, "label": True}, r"class indices.*2 columns could be it \(index, label\)"),
        ({"File_Name": False, "file_name": False, "pred": True}, r"2 columns could be it \(File_Name, file_name\)"),
    ],
)
def test_columns_that_cannot_be_told_are_refused(found, fault):
    with pytest.raises(PredictionsError, match=fault):
        choose_columns(found, "here")


def test_a_missing_name_and_a_missing_label_are_reported_together():
    with pytest.raises(PredictionsError, match=r"^here: 2 problems\n.*image names.*\n.*class indices"):
        choose_columns({"a": True}, "here")


def test_a_few_of_many_columns_are_shown():
    with pytest.raises(PredictionsError, match=r"'x0', .* 'x7', …; rename"):
        choose_columns({f"x{column}": True for column in range(1001)}, "here")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*NAME_COLUMNS, *sum(LABEL_COLUMNS, ())]) | st.text(), st.booleans()))
def test_chosen_columns_are_some_of_those_there_are(found):
    try:
        chosen = choose_columns(found, "here")
    except PredictionsError:
        return
    assert set(chosen) <= set(found)
    assert len(set(chosen)) == len(chosen) > 1


# Which images


@pytest.mark.parametrize(
    "name",
    [
        "ILSVRC2012_val_00000293.JPEG",
        "ILSVRC2012_val_00000293",
        "ILSVRC2012_val_00000293.jpg",
        "ILSVRC2012_val_00000293.PNG",
        "val/n01440764/ILSVRC2012_val_00000293.JPEG",
        "/data/val/ILSVRC2012_val_00000293",
        r"C:\ImageNet\val\ILSVRC2012_val_00000293.JPEG",
        r"C:\ImageNet/val\ILSVRC2012_val_00000293.JPEG",
        "ILSVRC2012_val_00000293_n01440764.JPEG",
        "ILSVRC2012_val_00000001/ILSVRC2012_val_00000293.JPEG",
        "äöü 猫/ILSVRC2012_val_00000293.JPEG",
    ],
)
def test_a_validation_image_is_known_by_its_base_name(name):
    assert number(name) == 293


@pytest.mark.parametrize(
    "name",
    [
        "",
        "cat.jpg",
        "293",
        "ILSVRC2012_val_00000000.JPEG",
        "ILSVRC2012_val_00050001.JPEG",
        "ILSVRC2012_val_99999999.JPEG",
        "ILSVRC2012_val_0000293.JPEG",
        "ILSVRC2012_val_000000293.JPEG",
        "ILSVRC2012_test_00000293.JPEG",
        "ILSVRC2012_val_00000293.JPEG/",
        "ILSVRC2012_val_00000293.JPEG/n01440764.JPEG",
        "ILSVRC2012_val_00000293.JPEG.bak",
        "ILSVRC2012_val_00000293.JPEG\n",
        "ILSVRC2012_val_00000293.JPEG ",
        "copy of ILSVRC2012_val_00000293.JPEG",
        "ILSVRC2012_val_00000293_1.JPEG",
        "ILSVRC2012_val_-0000293.JPEG",
        None,
    ],
)
def test_other_names_are_no_validation_image(name):
    assert number(name) == 0


@pytest.mark.parametrize("first_and_last", [1, 50_000])
def test_the_first_and_the_last_image_are_known(first_and_last):
    assert number(image_name(first_and_last)) == first_and_last


def test_digits_of_other_scripts_are_no_number():
    assert number("ILSVRC2012_val_٠٠٠٠٠٢٩٣.JPEG") == 0


@settings(deadline=None)
@given(st.integers(1, 50_000), st.sampled_from(["", "/", "a/b/", "C:\\x\\"]), st.sampled_from(["", ".JPEG", ".webp"]))
def test_a_name_gives_back_its_number(image, folder, extension):
    assert number(f"{folder}ILSVRC2012_val_{image:08d}{extension}") == image


@settings(deadline=None)
@given(
    st.from_regex(IMAGE_NAME, alphabet=st.characters(codec="ascii"))
    | st.text(alphabet="ILSVRC2012_val/\\.JPEGn", max_size=40)
    | st.text()
)
def test_a_name_is_matched_as_python_would_match_it(name):
    match = re.search(IMAGE_NAME.replace("$", r"\Z"), name, re.ASCII)
    image = int(match[1]) if match else 0
    assert number(name) == (image if image <= 50_000 else 0)


@settings(deadline=None)
@given(st.binary() | st.text(alphabet=st.characters()))
def test_any_name_becomes_text_that_polars_takes(name):
    assert pl.Series([name_text(name)]).to_list() == [name_text(name)]


# Rows


def test_shuffled_rows_give_the_same_labels():
    rows = [(image_name(image), image % 1000) for image in range(1, 100)]
    assert by_image(named(rows[::-1])) == by_image(named(rows)) == {image: image % 1000 for image in range(1, 100)}


def test_a_single_row_is_enough():
    assert by_image(named([(image_name(50_000), 999)])) == {50_000: 999}


def test_no_rows_are_refused():
    with pytest.raises(PredictionsError, match=r"^here: there are no predictions in it"):
        named_predictions(pl.Series([], dtype=pl.String), np.array([], np.int64), "here")


def test_an_image_may_be_repeated_with_the_same_label():
    assert by_image(named([(image_name(1), 5), (image_name(2), 6), (f"val/{image_name(1)}", 5)])) == {1: 5, 2: 6}


def test_an_image_repeated_with_another_label_is_refused():
    rows = [(image_name(1), 5), (image_name(2), 6), (f"val/{image_name(1)}", 7), (image_name(2), 6)]
    fault = r"^here: 1 images are repeated with another label: ILSVRC2012_val_00000001\.JPEG \(5 and 7\)$"
    with pytest.raises(PredictionsError, match=fault):
        named(rows)


def test_repeats_that_disagree_are_counted_and_a_few_are_shown():
    rows = [(image_name(image), label) for image in range(1, 8) for label in (0, 0, 1)]
    with pytest.raises(PredictionsError, match=r"7 images .*00000001\.JPEG \(0 and 1\), .* and 4 more$"):
        named(rows)


def test_names_that_are_no_images_are_counted_and_a_few_are_shown():
    rows = [(image_name(1), 5), *((f"cat{cat}.jpg", 5) for cat in range(4))]
    with pytest.raises(
        PredictionsError, match=r"^here: 4 names are no ImageNet .*cat0\.jpg, cat1\.jpg, cat2\.jpg and 1 more"
    ):
        named(rows)


def test_a_bad_label_is_told_with_its_image():
    with pytest.raises(
        PredictionsError, match=r"^here: a label is outside 0-999: 1000 at ILSVRC2012_val_00000002\.JPEG"
    ):
        named([(image_name(1), 5), (image_name(2), 1000)])


def test_bad_names_and_bad_labels_are_reported_together():
    with pytest.raises(
        PredictionsError, match=r"^here: 2 problems\n.*no ImageNet validation images: cat .*\n.*outside 0-999: -1"
    ):
        named([("cat", 5), (image_name(2), -1)])


# Columns of any type


@pytest.mark.parametrize(
    "dtype",
    [
        pl.Int8,
        pl.Int16,
        pl.Int32,
        pl.Int64,
        pl.Int128,
        pl.UInt8,
        pl.UInt16,
        pl.UInt32,
        pl.UInt64,
        pl.Float32,
        pl.Float64,
    ],
)
def test_labels_of_any_numeric_type_are_taken(dtype):
    assert by_image(columns(pl.Series([3, 4], dtype=dtype))) == {1: 3, 2: 4}


def test_decimals_that_are_whole_are_taken():
    assert by_image(columns(pl.Series([decimal.Decimal("3.00")]))) == {1: 3}


def test_decimals_that_are_not_whole_are_refused():
    with pytest.raises(PredictionsError, match=r"not a whole number: 3\.5"):
        columns(pl.Series([decimal.Decimal("3.50")]))


def test_a_number_too_large_for_any_array_is_refused():
    with pytest.raises(PredictionsError, match=r"outside 0-999: 1e\+23"):
        columns(pl.Series([10**23], dtype=pl.Int128))


@pytest.mark.parametrize("texts", [["3", "4"], ["3.0", " 4 "], ["3e0", "+4"]])
def test_numbers_as_text_are_taken(texts):
    assert by_image(columns(texts)) == {1: 3, 2: 4}


@pytest.mark.parametrize("text", ["cat", "n01440764", "3 4", "[930 522]", "0x10", "1_0", "3,0", "true"])
def test_other_text_is_refused_with_its_image(text):
    found = f"^here: column 'predicted_class' holds text .*0-999.*: '{re.escape(text)}' at {image_name(2)}"
    with pytest.raises(PredictionsError, match=found):
        columns(["3", text])


def test_much_text_is_counted():
    with pytest.raises(PredictionsError, match=r"'a' at .*, 'a' at .*, 'a' at .* and 7 more"):
        columns(["a"] * 10)


@pytest.mark.parametrize("text", ["nan", "NaN"])
def test_nan_as_text_is_refused(text):
    with pytest.raises(PredictionsError, match=f"a label is NaN: nan at {image_name(1)}"):
        columns([text, "3"])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pl.Series([True, False]), "Boolean"),
        (pl.Series([{"index": 3}]), "Struct"),
        (pl.Series([b"3"]), "Binary"),
        (pl.Series([None]), "Null"),
        (pl.Series([0]).cast(pl.Date), "Date"),
    ],
)
def test_columns_that_hold_no_numbers_are_refused(values, kind):
    with pytest.raises(
        PredictionsError, match=f"^here: column 'predicted_class' is {kind}.*, expected class indices 0-999"
    ):
        columns(values)


@pytest.mark.parametrize(
    "values", [[3, None, 4, None], ["3", None, "4", None], [3.0, None, 4.0, None], ["3", "", "4", " "]]
)
def test_empty_labels_are_refused_with_their_images(values):
    found = rf"column 'predicted_class' is empty in 2 rows: {image_name(2)}, {image_name(4)}\. Leave out"
    with pytest.raises(PredictionsError, match=found):
        columns(values)


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Binary, pl.Enum([image_name(1), image_name(2)])])
def test_names_of_any_text_type_are_taken(dtype):
    assert by_image(columns([3, 4], pl.Series([image_name(1), image_name(2)]).cast(dtype))) == {1: 3, 2: 4}


@pytest.mark.parametrize(
    "names", [pl.Series([[image_name(1)]]), pl.Series([b"\xff"]), pl.Series([object()], dtype=pl.Object)]
)
def test_columns_that_hold_no_names_are_refused(names):
    with pytest.raises(PredictionsError, match=r"^here: column 'file_name' is .*, expected image names"):
        columns([3], names)


def test_numbers_are_no_names():
    with pytest.raises(PredictionsError, match="2 names are no ImageNet validation images: 1, 2"):
        columns([3, 4], pl.Series([1, 2]))


def test_rows_without_a_name_are_refused():
    with pytest.raises(PredictionsError, match=r"1 names are no ImageNet validation images: \(no name\)"):
        columns([3, 4], pl.Series([None, image_name(1)]))


def test_a_bad_label_without_a_name_is_told_as_such():
    with pytest.raises(PredictionsError, match=r"outside 0-999: 1000 at \(no name\)"):
        columns([1000], pl.Series([None], dtype=pl.String))
