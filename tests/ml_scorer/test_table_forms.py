"""Tables in the single, wide and long form: what each column is taken for, what comes out, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions import Predictions
from ml_scorer.predictions.class_ids import CLASS_IDS
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables import image_rows, runs, scattered, wide
from ml_scorer.predictions.tables.form import frame_predictions
from ml_scorer.predictions.tables.image_rows import NameBook, rows_of
from ml_scorer.predictions.tables.roles import CHECKPOINT_COLUMNS, Form, column_kinds, table_form
from ml_scorer.schema import image_name, image_names, image_numbers

A, B, C = (image_name(number) for number in (1, 2, 3))
NAMES = [A, B, C]


def form(columns, key=None):
    """The form of a table of these columns: numbers, unless their kind is given."""
    kinds = columns if isinstance(columns, dict) else dict.fromkeys(columns.split(), "numbers")
    return table_form(kinds, "here", key)


def read(frame, **options):
    """Every checkpoint of a frame, by its name, as {image: label or labels}."""
    frame = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame, strict=False)
    found = {}
    for batch in frame_predictions(frame, ReadOptions(**options), "here"):
        for name, labels in zip(batch.names or [None], batch.labels, strict=True):
            assert name not in found
            found[name] = dict(zip(batch.images.tolist(), labels.tolist(), strict=True))
    return found


# Which columns


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("image pred", Form("image", ("pred",))),
        ("image index_1 index_0 index_2", Form("image", ("index_0", "index_1", "index_2"))),
        ("image top1 top2 top3 top4 top5", Form("image", ("top1", "top2", "top3", "top4", "top5"))),
        ("image pred_1 pred_2", Form("image", ("pred_1", "pred_2"))),
        ("image Pred-1 Pred-2 prob_1 prob_2", Form("image", ("Pred-1", "Pred-2"))),
        ("filename index_0 index_1 prob_0 prob_1", Form("filename", ("index_0", "index_1"))),
        ("image resnet50 vgg16", Form("image", ("resnet50", "vgg16"), wide=True)),
        ("image step-1 step-2 step-10", Form("image", ("step-1", "step-2", "step-10"), wide=True)),
        ("image original_label a b a_prob b_score confidence", Form("image", ("a", "b"), wide=True)),
        ("checkpoint image label", Form("image", ("label",), checkpoint=("checkpoint",))),
        ("model epoch image pred", Form("image", ("pred",), checkpoint=("model", "epoch"))),
        ("step image index_0 index_1", Form("image", ("index_0", "index_1"), checkpoint=("step",))),
        ("image pred resnet50 vgg16", Form("image", ("pred",))),
        ("image label resnet50", Form("image", ("label",))),
        ("image index_0 index_2", Form("image", ("index_0", "index_2"), wide=True)),
    ],
)
def test_a_form_is_told_by_the_columns(columns, expected):
    assert form(columns) == expected


@pytest.mark.parametrize("column", CHECKPOINT_COLUMNS)
def test_every_usual_checkpoint_column_is_known(column):
    assert form(f"{column} image label").checkpoint == (column,)


@pytest.mark.parametrize("column", ["", "Unnamed: 0", "__index_level_0__", "_duplicated_0"])
def test_row_numbers_of_pandas_are_passed_over(column):
    assert form({column: "numbers", "image": "text", "a": "numbers", "b": "numbers"}).labels == ("a", "b")


@pytest.mark.parametrize(
    "truth", ["original_label", "target", "gt", "ground_truth", "true_label", "y_true", "prob", "a_prob", "max logit"]
)
def test_columns_that_hold_no_predictions_are_no_checkpoints(truth):
    assert form({"image": "text", truth: "numbers", "a": "numbers", "b": "numbers"}).labels == ("a", "b")
    with pytest.raises(PredictionsError, match="there is none"):
        form({"image": "text", truth: "numbers", "a": "numbers"})


def test_lists_of_timm_are_read_by_the_index():
    timm = {"filename": "text", "index": "text", "label": "text", "prob": "text"}
    assert form(timm) == Form("filename", ("index",))


def test_lists_of_scores_alone_are_read():
    assert form({"filename": "text", "prob": "other"}) == Form("filename", ("prob",))


@pytest.mark.parametrize(
    ("columns", "key", "labels"),
    [
        ("image resnet50 vgg16", "vgg16", ("vgg16",)),
        ("image pred label", "label", ("label",)),
        ("image id model", "id", ("id",)),
        ("image only", "only", ("only",)),
        ("image rank_1 rank_2", "rank", ("rank_1", "rank_2")),
        ("image original_label a b", "original_label", ("original_label",)),
    ],
)
def test_a_key_names_the_column_of_labels(columns, key, labels):
    assert form(columns, key).labels == labels
    assert not form(columns, key).wide


def test_a_key_that_is_no_column_is_refused():
    with pytest.raises(PredictionsError, match=r"^here: there is no column 'x'\nThe columns are 'image', 'a', 'b'"):
        form("image a b", "x")


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ("image one", r"there is none\nThe columns are 'image', 'one'.* name the column of labels with key= \(--key\)"),
        ("image path a b", r"2 columns could be it \(image, path\)"),
        ("image label a b", r"one column a checkpoint: it could be label, or these: a, b"),
        ("image pred top1 top2", r"2 columns could be it \(pred, top1 to top2\)"),
        ("epoch image a b", r"told by the rows \(epoch\) or be one of several columns \(a, b\)"),
        ("checkpoint image rank label", "told apart by column 'rank', are not read: write .* index_0"),
        ("a b", "column of image names.*there is none"),
    ],
)
def test_a_form_that_cannot_be_told_is_refused_with_the_columns(columns, fault):
    with pytest.raises(PredictionsError, match=fault):
        form(columns)


@pytest.mark.parametrize("count", [100_000])
def test_many_columns_are_told_apart_quickly(count):
    assert len(form({"image": "text", **{f"c{index}x{index}": "numbers" for index in range(count)}}).labels) == count


# Single


@pytest.mark.parametrize("dtype", [pl.Int16, pl.Int64, pl.UInt8, pl.Float32, pl.String])
def test_the_most_likely_classes_in_columns_of_their_own(dtype):
    table = {"image": [A, B], "index_0": [3, 4], "index_1": [5, 6], "prob_0": [0.5, 0.5]}
    frame = pl.DataFrame(table).with_columns(pl.col("^index.*$").cast(dtype))
    assert read(frame) == {None: {1: [3, 5], 2: [4, 6]}}


def test_a_class_twice_among_the_most_likely_is_refused():
    with pytest.raises(PredictionsError, match=f"^here: 1 images have a label twice among their 2: 4 at {B}"):
        read({"image": [A, B], "index_0": [3, 4], "index_1": [5, 4]})


def test_repeated_rows_of_the_most_likely_classes_agree_or_are_refused():
    assert read({"image": [A, A], "top1": [3, 3], "top2": [5, 5]}) == {None: {1: [3, 5]}}
    with pytest.raises(PredictionsError, match=r"repeated with another label: .* \(\[3, 5\] and \[3, 6\]\)"):
        read({"image": [A, A], "top1": [3, 3], "top2": [5, 6]})


# Wide


@pytest.mark.parametrize("dtype", [pl.Int16, pl.Int32, pl.Int64, pl.UInt16, pl.Float64, pl.String, pl.Int128])
def test_a_wide_table(dtype):
    frame = pl.DataFrame({"image": NAMES, "b": [3, 4, 5], "a": [6, 7, 8], "prob": [0.1, 0.2, 0.3]})
    expected = {"b": {1: 3, 2: 4, 3: 5}, "a": {1: 6, 2: 7, 3: 8}}
    kinds = frame.with_columns(pl.col("b").cast(dtype) if dtype == pl.String else pl.col("a", "b").cast(dtype))
    if dtype == pl.String:
        kinds = kinds.with_columns(c=pl.col("a"))  # at least two columns of numbers
        expected["c"] = expected["a"]
    assert read(kinds) == expected


@pytest.mark.parametrize("rows", [[2, 0, 1], [0], [0, 1, 2, 0, 1]])
@pytest.mark.parametrize("dtype", [pl.Int16, pl.Int64])
def test_rows_of_a_wide_table_may_be_shuffled_single_or_repeated(rows, dtype):
    frame = pl.DataFrame({"image": NAMES, "b": [3, 4, 5], "a": [6, 7, 8]}).cast({"a": dtype, "b": dtype})
    expected = {"b": {1: 3, 2: 4, 3: 5}, "a": {1: 6, 2: 7, 3: 8}}
    found = read(frame[rows])
    assert found == {
        name: {image: labels[image] for image in {row + 1 for row in rows}} for name, labels in expected.items()
    }


def test_columns_are_read_some_at_a_time(monkeypatch):
    monkeypatch.setattr(wide, "_CELLS", 9)
    monkeypatch.setattr(wide, "_BATCH", 2)
    columns = {f"c{index}": [index, index + 1, index + 2] for index in range(10)}
    found = read({"image": NAMES, **columns})
    assert list(found) == list(columns)
    assert all(list(found[name].values()) == labels for name, labels in columns.items())


def test_chunks_of_columns_are_joined():
    frame = pl.concat(
        [pl.DataFrame({"image": [n], "a": [i], "b": [i + 1]}) for i, n in enumerate(NAMES)], rechunk=False
    )
    assert read(frame) == {"a": {1: 0, 2: 1, 3: 2}, "b": {1: 1, 2: 2, 3: 3}}


@pytest.mark.parametrize("dtype", [pl.Int16, pl.Int64])
@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        ([3, 1000, 5], f"column 'bad': a label is outside 0-999: 1000 at {B}"),
        ([3, -1, 5], f"column 'bad': a label is outside 0-999: -1 at {B}"),
        ([3, None, 5], f"column 'bad': column 'bad' is empty in 1 rows: {B}"),
    ],
)
def test_a_bad_label_of_a_wide_table_is_told_with_its_column(labels, fault, dtype):
    frame = pl.DataFrame({"image": NAMES, "good": [3, 4, 5], "bad": labels}).cast({"good": dtype, "bad": dtype})
    with pytest.raises(PredictionsError, match=f"^here: {fault}"):
        read(frame)


def test_fractions_of_a_wide_table_are_refused_with_their_column():
    with pytest.raises(PredictionsError, match=f"column 'certain': a label is not a whole number: 0.5 at {A}"):
        read({"image": NAMES, "a": [3, 4, 5], "certain": [0.5, 0.25, 1.0]})


def test_marks_of_what_is_right_are_refused():
    images = image_names(pl.Series(range(1, 201)))
    frame = pl.DataFrame({"image": images, "a": range(200), "ok": [0, 1] * 100})
    with pytest.raises(PredictionsError, match=r"columns that hold only 0 and 1 look like marks .*: ok\. Leave"):
        read(frame)
    assert set(read(frame.with_columns(ok=pl.lit(1)))) == {"a", "ok"}


def test_a_wide_table_with_other_names_is_refused():
    with pytest.raises(PredictionsError, match=r"^here: 1 names are no ImageNet validation images: cat"):
        read({"image": ["cat", B], "a": [1, 2], "b": [3, 4]})


def test_an_image_with_two_labels_in_a_wide_table_is_refused_with_its_column():
    with pytest.raises(PredictionsError, match=r"^here: column 'b': 1 images are repeated with .*\(3 and 4\)"):
        read({"image": [A, A], "a": [1, 1], "b": [3, 4]})


def test_an_empty_wide_table_is_refused():
    with pytest.raises(PredictionsError, match=r"^here: there are no predictions in it"):
        read(pl.DataFrame({"image": [], "a": [], "b": []}, schema={"image": pl.String, "a": pl.Int16, "b": pl.Int16}))


@pytest.mark.parametrize("dtype", [pl.Int16, pl.Int64])
def test_numbers_of_a_wide_table_are_translated_once(dtype):
    frame = pl.DataFrame({"image": [A, B], "a": [1, 1000], "b": [2, 3]}).cast({"a": dtype, "b": dtype})
    assert read(frame, class_ids=CLASS_IDS["one-based"]) == {"a": {1: 0, 2: 999}, "b": {1: 1, 2: 2}}


# Long

LONG = pl.DataFrame({
    "checkpoint": ["s2", "s2", "s1", "s1", "s3"],
    "image": [A, B, A, B, C],
    "label": [3, 4, 5, 6, 7],
})  # fmt: skip
EXPECTED = {"s2": {1: 3, 2: 4}, "s1": {1: 5, 2: 6}, "s3": {3: 7}}


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 3, 100])
@pytest.mark.parametrize(
    "order", [[0, 1, 2, 3, 4], [0, 2, 1, 3, 4], [0, 1, 4, 3, 2], [0, 1, 2, 3, 4, 3], [1, 2, 4, 0, 3]]
)
def test_a_long_table_in_any_order(order, rows_at_a_time, monkeypatch):
    monkeypatch.setattr("ml_scorer.predictions.tables.long.ROWS", rows_at_a_time)
    monkeypatch.setattr(runs, "ROWS", rows_at_a_time)
    monkeypatch.setattr(scattered, "ROWS", rows_at_a_time)
    found = read(LONG[order])
    assert found == EXPECTED
    assert list(found) == LONG[order]["checkpoint"].unique(maintain_order=True).to_list()


def test_checkpoints_of_a_scattered_table_are_gathered_some_at_a_time(monkeypatch):
    monkeypatch.setattr(scattered, "_LABELS", 2 * 50_001)
    rows = [(f"s{step}", image_name(image), step + image) for image in (1, 2, 3) for step in range(7)]
    found = read(pl.DataFrame(rows, schema=["run", "image", "pred"], orient="row"))
    assert found == {f"s{step}": {image: step + image for image in (1, 2, 3)} for step in range(7)}
    assert list(found) == [f"s{step}" for step in range(7)]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [0, 2, 1, 3]])
def test_the_most_likely_classes_of_a_long_table(order):
    frame = pl.DataFrame(
        {"run": ["a", "a", "b", "b"], "image": [A, B, A, B], "top1": [1, 2, 3, 4], "top2": [5, 6, 7, 8]}
    )
    assert read(frame[order]) == {"a": {1: [1, 5], 2: [2, 6]}, "b": {1: [3, 7], 2: [4, 8]}}


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [0, 2, 1, 3]])
def test_a_class_twice_in_a_long_table_is_refused(order):
    columns = {"run": ["a", "a", "b", "b"], "image": [A, B, A, B], "top1": [1, 2, 3, 4], "top2": [5, 6, 7, 4]}
    with pytest.raises(PredictionsError, match=f"have a label twice among their 2: 4 at {B}"):
        read(pl.DataFrame(columns)[order])


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"step": [100, 200]}, ["100", "200"]),
        ({"model": ["a", "a"], "epoch": [1, 2]}, ["model=a, epoch=1", "model=a, epoch=2"]),
        ({"model": pl.Series(["x{}", "y"], dtype=pl.Categorical)}, ["x{}", "y"]),
    ],
)
def test_a_checkpoint_is_called_by_its_columns(columns, names):
    assert list(read({**columns, "image": [A, A], "pred": [1, 2]})) == names


@pytest.mark.parametrize("first", ["s2", "s3"], ids=["grouped", "scattered"])
@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (("s3", C, 8), r"images .*are repeated with another label: .*00000003\.JPEG"),
        (("s3", B, 1000), "a label is outside 0-999: 1000 at .*00000002"),
        (("s3", "cat", 8), "names are no ImageNet validation images: cat"),
        (("s3", B, None), "column 'label' is empty in 1 rows: .*00000002"),
        ((None, B, 8), "column 'checkpoint' is empty in 1 rows, expected what a checkpoint is called"),
    ],
)
def test_a_bad_row_of_a_long_table_is_refused(row, fault, first):
    start = pl.DataFrame([(first, A, 3)], schema=LONG.schema, orient="row") if first == "s3" else LONG.head(0)
    bad = pl.DataFrame([row], schema=LONG.schema, orient="row")
    with pytest.raises(PredictionsError, match=f"^here: (.|\n)*{fault}"):
        read(pl.concat([start, LONG, bad]))


def test_a_repeated_row_of_a_long_table_is_taken_once():
    assert read(pl.concat([LONG, LONG])) == EXPECTED
    assert read(LONG[[0, 0, 1, 2, 3, 3, 4]]) == EXPECTED


def test_a_bad_label_of_a_grouped_table_is_told_with_its_checkpoint():
    with pytest.raises(PredictionsError, match=f"^here: checkpoint 's1': a label is outside 0-999: 1000 at {B}"):
        read(LONG.with_columns(label=pl.Series([3, 4, 5, 1000, 7])))


def test_a_bad_label_of_a_scattered_table_is_told_with_its_checkpoint():
    with pytest.raises(PredictionsError, match=f"^here: a label is outside 0-999: 1000 at {B} of s1"):
        read(LONG.with_columns(label=pl.Series([3, 4, 5, 1000, 7]))[[0, 2, 1, 3, 4]])


def test_an_empty_long_table_is_refused():
    with pytest.raises(PredictionsError, match=r"^here: there are no predictions in it"):
        read(LONG.head(0))


def test_more_checkpoints_than_can_be_are_refused(monkeypatch):
    monkeypatch.setattr(runs, "_MOST_CHECKPOINTS", 2)
    with pytest.raises(PredictionsError, match="of more than 2 checkpoints by 'checkpoint', such as s2, s1, s3"):
        read(LONG)


def test_a_checkpoint_column_of_lists_is_refused():
    with pytest.raises(PredictionsError, match=r"column 'run' is List\(Int64\), expected what a checkpoint is called"):
        read({"run": [[1]], "image": [A], "pred": [1]})


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [0, 2, 1, 3, 4]])
def test_numbers_of_a_long_table_are_translated_once(order):
    frame = LONG.with_columns(pl.col("label") + 1)
    assert read(frame[order], class_ids=CLASS_IDS["one-based"]) == EXPECTED


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=12))
def test_a_long_table_is_read_exactly_or_refused(rows):
    expected = {}
    contradicted = False
    for checkpoint, image, label in rows:
        contradicted |= expected.setdefault(checkpoint, {}).setdefault(image, label) != label
    table = [(checkpoint, image_name(image), label) for checkpoint, image, label in rows]
    frame = pl.DataFrame(table, schema=["model", "image", "pred"], orient="row")
    if contradicted:
        with pytest.raises(PredictionsError, match="repeated with another label"):
            read(frame)
    else:
        assert read(frame) == expected


# Any table

COLUMN_NAMES = st.sampled_from([
    *("image", "path", "pred", "label", "index", "index_0", "index_1", "top1", "model", "epoch", "rank", "prob"),
    *("a", "b", "^a$", "*", "", "Unnamed: 0", "target"),
])  # fmt: skip
VALUES = st.one_of(
    st.lists(st.sampled_from([A, B, f"x/{A}", "cat", "n01440764", "[1 2]", "3", "", None]), min_size=3, max_size=3),
    st.lists(st.integers(-1, 1001) | st.none(), min_size=3, max_size=3),
    st.lists(st.integers(0, 2), min_size=3, max_size=3),
    st.lists(st.floats() | st.none(), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=3, max_size=3),
    st.just([NAMES[0]] * 3) | st.just(NAMES),
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(COLUMN_NAMES, VALUES, max_size=5), st.sampled_from([None, "a", "pred"]), st.integers(0, 3))
def test_any_table_is_read_or_refused(columns, key, height):
    try:
        found = list(frame_predictions(pl.DataFrame(columns, strict=False).head(height), ReadOptions(key=key), "here"))
    except PredictionsError as error:
        assert str(error).startswith("here: ")  # noqa: PT017
    else:
        for batch in found:
            assert isinstance(batch, Predictions)
            assert batch.labels.dtype == np.int16
            assert 0 <= batch.labels.min() <= batch.labels.max() <= 999
            assert batch.labels.shape[1] == batch.images.size == np.unique(batch.images).size


# Names


def test_the_same_names_give_the_same_rows_again():
    names = image_names(pl.Series([7, 5, 6]))
    first = image_rows.image_rows(names)
    assert image_rows.image_rows(names.clone()) is first
    assert image_rows.image_rows(names[:2]) is not first
    other = image_rows.image_rows(names.gather([0, 2, 1]))
    assert other.images.tolist() == [7, 6, 5]
    assert image_rows.image_rows(pl.Series(names.to_list())) is first


def test_few_names_are_remembered():
    first = image_rows.image_rows(image_names(pl.Series([1])))
    for number in range(2, 10):
        image_rows.image_rows(image_names(pl.Series([number])))
    assert image_rows.image_rows(image_names(pl.Series([1]))) is not first


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from([*NAMES, f"val/{A}", "cat", "", None]), max_size=5), max_size=4))
def test_a_book_of_names_gives_the_numbers_of_the_images(columns):
    book = NameBook()
    for column in columns:
        names = pl.Series(column, dtype=pl.String)
        assert book.numbers(names).tolist() == image_numbers(names).tolist()


def test_rows_of_distinct_images_are_those_rows():
    numbers = np.array([3, 1, 2], np.int32)
    assert rows_of(numbers).images is numbers
    assert rows_of(np.array([3, 1, 3], np.int32)).images.tolist() == [1, 3]


def test_kinds_of_columns():
    frame = pl.DataFrame({"a": [1.5], "b": ["x"], "c": [True], "d": [[1]]})
    assert column_kinds(frame.schema) == {"a": "numbers", "b": "text", "c": "marks", "d": "other"}
