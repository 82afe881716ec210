"""Labels in the cells of a table: numbers, WordNet ids, names, lists of them, and lists that are text."""

from __future__ import annotations

import decimal
import re
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import classes, label_of_wordnet_id, labels_of_names
from ml_scorer.predictions.class_ids import CLASS_IDS
from ml_scorer.predictions.labels import exact_labels
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.cells import label_cells
from ml_scorer.predictions.tables.words import classes_called
from ml_scorer.schema import image_name, image_names

NAMES = classes()["name"].to_list()
IDS = classes()["wordnet_id"].to_list()


def cells(values, **options):
    """Labels from one column of images 1, 2, ….; class indices, in the end."""
    column = (values if isinstance(values, pl.Series) else pl.Series(values)).alias("label")
    options = ReadOptions(**options)
    names = image_names(pl.Series(range(1, len(column) + 1), dtype=pl.Int64))
    return exact_labels(label_cells(column, names, "here", options), "here", options)


def first_k(scores, k):
    """What the best labels are, the slow and obvious way."""
    return [sorted(range(len(row)), key=lambda position: (-row[position], position))[:k] for row in scores]


def as_numpy_writes(rows):
    with np.printoptions(threshold=sys.maxsize):
        return [str(np.asarray(row, object if isinstance(row[0], str) else None)) for row in rows]


# Numbers


@pytest.mark.parametrize("dtype", [pl.Int16, pl.Int64, pl.Int128, pl.UInt8, pl.UInt64, pl.Float32, pl.Float64])
def test_numbers_of_any_type_are_labels(dtype):
    assert cells(pl.Series([3, 4], dtype=dtype)).tolist() == [3, 4]


def test_numbers_are_not_copied():
    column = pl.Series("label", np.arange(1000))
    names = image_names(pl.Series(range(1, 1001)))
    assert np.shares_memory(label_cells(column, names, "here", ReadOptions()), column.to_numpy())


def test_decimals_and_numbers_as_text_are_labels():
    assert cells(pl.Series([decimal.Decimal("3.00")])).tolist() == [3]
    assert cells(["3", " 4 ", "5.0", "6e0"]).tolist() == [3, 4, 5, 6]


def test_numbers_are_translated_from_the_numbering_that_is_said():
    assert cells(["1", "1000"], class_ids=CLASS_IDS["one-based"]).tolist() == [0, 999]
    assert cells(["[1 1000]"], class_ids=CLASS_IDS["one-based"]).tolist() == [[0, 999]]


@pytest.mark.parametrize("values", [[3, None, 4, None], ["3", "", "4", " "], ["n01440764", None] * 2, [[1], []] * 2])
def test_empty_cells_are_counted_with_their_images(values):
    fault = rf"^here: column 'label' is empty in 2 rows: {image_name(2)}, {image_name(4)}\. Leave out"
    with pytest.raises(PredictionsError, match=fault):
        cells(values)


def test_a_written_list_may_be_empty_in_no_row():
    with pytest.raises(PredictionsError, match=rf"is empty in 1 rows: {image_name(2)}"):
        cells(["[1]", "[ ]"])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pl.Series([True, False]), "Boolean"),
        (pl.Series([[[3]], [[4]]]), r"List\(List"),
        (pl.Series([[[3]], [[4]]], dtype=pl.Array(pl.Int64, (1, 1))), r"List\("),
        (pl.Series([{"index": 3}]), "Struct"),
        (pl.Series([[{"index": 3}]]), r"List\(Struct"),
        (pl.Series([[True]]), r"List\(Boolean\)"),
        (pl.Series([b"3"]), "Binary"),
        (pl.Series([None]), "Null"),
        (pl.Series([0]).cast(pl.Date), "Date"),
    ],
)
def test_columns_that_hold_no_labels_are_refused(values, kind):
    with pytest.raises(PredictionsError, match=rf"^here: column 'label' is {kind}.*, expected class indices 0-999, Wo"):
        cells(values)


def test_a_table_without_rows_has_no_labels():
    for dtype in (pl.Int64, pl.String, pl.List(pl.Int64), pl.List(pl.String)):
        assert cells(pl.Series([], dtype=dtype)).size == 0


# WordNet ids and names


def test_every_wordnet_id_is_its_class():
    assert cells(IDS).tolist() == list(range(1000))


def test_every_full_name_but_that_of_two_classes_is_its_class():
    assert cells(NAMES).tolist() == list(range(1000))
    assert {name: found for name, found in labels_of_names().items() if len(found) > 1} == {"crane": (134, 517)}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("maillot", 638),
        ("maillot, tank suit", 639),
        ("missile", 657),
        ("projectile, missile", 744),
        ("sunglass", 836),
        ("sunglasses, dark glasses, shades", 837),
        ("Cardigan, Cardigan Welsh corgi", 264),
        ("cardigan", 474),
        ("crane (bird)", 134),
        ("crane (machine)", 517),
    ],
)
def test_names_that_resemble_others_are_their_own_class(name, label):
    assert cells([name]).tolist() == [label]


def test_a_name_before_its_definition_is_its_class():
    assert cells([f"{name}: what it is" for name in NAMES if "(" not in name]).size == 998


@pytest.mark.parametrize(
    ("definition", "label"),
    [
        ("large long-necked wading bird of marshes and plains in many parts of the world", 134),
        ("lifts and moves heavy objects; lifting tackle is suspended from a pivoted boom", 517),
    ],
)
def test_a_crane_is_known_by_its_definition(definition, label):
    assert cells([f"crane: {definition}"]).tolist() == [label]


@pytest.mark.parametrize("word", ["crane", "crane: a thing"])
def test_a_name_of_two_classes_is_refused_with_both(word):
    fault = (
        rf"^here: column 'label' holds '{word}', which is the name of two classes, 134 \(crane \(bird\)\) or "
        rf"517 \(crane \(machine\)\): {image_name(2)}, {image_name(3)}\. Write class indices .*--include-index"
    )
    with pytest.raises(PredictionsError, match=fault):
        cells(["maillot", word, word])


@pytest.mark.parametrize("word", ["cat", "tench", "Maillot", "tank suit", "<unmapped:7>", "tench, Tinca tinca:", ": x"])
def test_words_that_are_no_class_are_refused(word):
    with pytest.raises(PredictionsError, match=rf"holds text that is no class \(.*: {word!r} at {image_name(2)}\. Wr"):
        cells(["maillot", word])


def test_wordnet_ids_of_other_classes_are_refused():
    with pytest.raises(PredictionsError, match=r"WordNet ids of none of ImageNet's 1,000 classes .*: 'n00005787' at"):
        cells([IDS[0], "n00005787"])


def test_all_kinds_of_bad_words_are_reported_together():
    with pytest.raises(PredictionsError, match=r"^here: 3 problems\n.*no class.*\n.*WordNet ids.*\n.*two classes"):
        cells(["maillot", "cat", "n00005787", "crane"])


def test_words_among_numbers_are_refused():
    with pytest.raises(PredictionsError, match=rf"holds text among numbers, .*: 'n01440764' at {image_name(2)}\."):
        cells(["3", IDS[0]])


@pytest.mark.parametrize("word", [IDS[0], NAMES[0], f"['{NAMES[0]}' 'maillot']"])
def test_words_need_no_numbering_and_take_none(word):
    with pytest.raises(PredictionsError, match=r"calls classes by words, such as '.* the class ids one-based say what"):
        cells([word], class_ids=CLASS_IDS["one-based"])


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(IDS)])
def test_categories_are_words(dtype):
    assert cells(pl.Series(IDS).cast(dtype)).tolist() == list(range(1000))
    assert cells(pl.Series([IDS[:3]]).cast(pl.List(dtype))).tolist() == [[0, 1, 2]]


@settings(deadline=None)
@given(st.text() | st.sampled_from([*IDS, *NAMES]) | st.from_regex(r"\An[0-9]{7,9}\Z"))
def test_a_word_means_at_most_the_classes_that_have_it(word):
    for index in classes_called(word):
        assert word == IDS[index] or word.partition(": ")[0] in {NAMES[index], NAMES[index].partition(" (")[0]}
    assert (classes_called(word) == (label_of_wordnet_id()[word],)) if word in IDS else True


# Lists


@pytest.mark.parametrize("dtype", [pl.List(pl.Int64), pl.List(pl.UInt8), pl.Array(pl.Int32, 2), pl.List(pl.Float64)])
def test_lists_of_numbers_are_labels_of_an_image(dtype):
    assert cells(pl.Series([[3, 1], [4, 1]], dtype=dtype)).tolist() == [[3, 1], [4, 1]]


def test_lists_of_words_are_labels_of_an_image():
    assert cells([IDS[:2], IDS[2:4]]).tolist() == [[0, 1], [2, 3]]
    assert cells([NAMES[:2], NAMES[2:4]]).tolist() == [[0, 1], [2, 3]]
    assert cells([["3", "1"], ["4", "1"]]).tolist() == [[3, 1], [4, 1]]


@pytest.mark.parametrize(
    "values", [[[3], [4]], ["[3]", "[4]"], [[IDS[3]], [IDS[4]]], ["['n01491361']", "['n01494475']"]]
)
def test_lists_of_one_label_are_labels(values):
    assert cells(values).tolist() == [3, 4]


@pytest.mark.parametrize("values", [[[1, 2], [3], [1, 2]], ["[1 2]", "[3]", "[1, 2]"], [IDS[:2], IDS[:1], IDS[:2]]])
def test_lists_of_different_lengths_are_refused(values):
    found = rf"2 different lengths: 2 labels in 2 rows \({image_name(1)}\), 1 labels in 1 rows \({image_name(2)}\)\. Ex"
    with pytest.raises(PredictionsError, match=found):
        cells(values)


@pytest.mark.parametrize("values", [[[1, None], [1, 2]], [[IDS[0], ""], IDS[:2]], [f"['{IDS[0]}', ' ']"]])
def test_an_empty_label_in_a_list_is_refused(values):
    with pytest.raises(PredictionsError, match=rf"holds lists with 1 empty labels: {image_name(1)}\. Expected as many"):
        cells(values)


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ([[1, 2], [7, 7]], "7"),
        (["[1 2]", "[7 7]"], "7"),
        ([["a", "b"], ["c", "c"]], "2"),
        ([[1.0, 2.0], [7.0, 7.0]], "7"),
    ],
)
def test_a_label_twice_in_a_list_is_refused(values, label):
    if values[0] == ["a", "b"]:
        values = [[IDS["abc".index(word)] for word in row] for row in values]
    with pytest.raises(
        PredictionsError, match=rf"1 images have a label twice among their 2: {label} at {image_name(2)}"
    ):
        cells(values)


def test_a_bad_word_in_a_list_is_told_with_its_image():
    with pytest.raises(PredictionsError, match=rf"'cat' at {image_name(2)}\."):
        cells([[IDS[0], IDS[1]], [IDS[0], "cat"]])


# Lists as text


@pytest.mark.parametrize(
    "text",
    [
        "[930 522]",
        "[ 930  522 ]",
        "[930, 522]",
        "[930,522]",
        "[930.0, 522.0]",
        "[930. 522.]",
        "[930\n 522]",
        "[930, 522,]",
        "['930' '522']",
        "[np.int64(930), np.int64(522)]",
        "[np.float32(930.0), np.uint16(522)]",
        "['n07684084' 'n03134739']",
        "['French loaf' 'croquet ball']",
        "['French loaf'\n 'croquet ball']",
        "[\"French loaf\", 'croquet ball']",
        "[np.str_('French loaf'), np.str_('croquet ball')]",
    ],
)
def test_lists_that_numpy_and_python_write_are_read(text):
    assert cells([text]).tolist() == [[930, 522]]


def test_names_with_quotes_are_read_as_numpy_writes_them():
    quoted = [name for name in NAMES if "'" in name]
    assert len(quoted) > 3
    texts = as_numpy_writes([[name, "tench, Tinca tinca"] for name in quoted])
    assert cells(texts).tolist() == [[NAMES.index(name), 0] for name in quoted]
    escaped = NAMES[319].replace("'", r"\'")
    assert cells([f"['{escaped}' 'maillot']"]).tolist() == [[319, 638]]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 999), min_size=7, max_size=7, unique=True), min_size=1, max_size=5))
def test_whatever_numpy_and_python_write_is_read(rows):
    names = [[NAMES[label] for label in row] for row in rows]
    ids = [[IDS[label] for label in row] for row in rows]
    for written in (rows, names, ids):
        assert cells(as_numpy_writes(written)).tolist() == rows
        assert cells([str(row) for row in written]).tolist() == rows
        assert cells(written).tolist() == rows
    assert cells([str(list(np.array(row))) for row in rows]).tolist() == rows


@pytest.mark.parametrize("text", ["[930 522 ... 319 709]", "['tench' 'x' ... 'y']", "[930, 522, …]", "[0.1 ... 0.2]"])
def test_lists_that_numpy_shortened_are_refused(text):
    fault = rf"^here: NumPy shortened 1 lists in column 'label' .*: {re.escape(text)} at {image_name(1)}\. .*threshold"
    with pytest.raises(PredictionsError, match=fault):
        cells([text])


@pytest.mark.parametrize(
    "text", ["[1 2", "[[1 2]]", "[1;2", "['a' b]", "['a", "[a'b']", "[1, (2)]", "['a']]", "[1 'a']", "[1] [2]", "[,]"]
)
def test_lists_that_cannot_be_read_are_refused(text):
    with pytest.raises(PredictionsError, match=rf"1 cells of column 'label' begin as a list .*: {re.escape(text)} at "):
        cells([text])


@pytest.mark.parametrize("text", ["[1 x]", "[1;2]", "[0x10 1]", "[true 1]"])
def test_lists_of_what_is_no_number_are_refused(text):
    with pytest.raises(
        PredictionsError, match=rf"lists of what is not a number: '{re.escape(text)}' at {image_name(1)}"
    ):
        cells([text])


def test_lists_in_some_rows_only_are_refused():
    with pytest.raises(PredictionsError, match=rf"a list in some rows only, .*: '\[930 522\]' at {image_name(2)}\."):
        cells(["3", "[930 522]"])


# Probabilities


def scores_of(rows, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, 1000)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("as_cells", [pl.Series, lambda scores: pl.Series(as_numpy_writes(scores)), np.ndarray.tolist])
def test_the_labels_of_probabilities_are_the_largest(as_cells, k):
    scores = scores_of(5)
    assert cells(as_cells(scores), k=k).reshape(5, k).tolist() == first_k(scores.tolist(), k)


def test_probabilities_of_many_rows_are_taken_apart_in_parts():
    scores = scores_of(3) + np.eye(3, 1000, k=7) * 100
    assert cells(as_numpy_writes(scores) * 800).tolist() == [7, 8, 9] * 800


def test_ties_of_probabilities_go_to_the_lowest_index():
    scores = np.full((1, 1000), 0.001)
    assert cells(pl.Series(scores), k=3).tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("ids", ["one-based", "devkit", "as-text"])
def test_positions_of_probabilities_are_numbers_of_the_numbering(ids):
    numbering = CLASS_IDS[ids]
    scores = np.eye(1000)[[0, 7, 999]]
    assert cells(pl.Series(scores), class_ids=numbering).tolist() == [
        int(numbering.labels[position + numbering.first]) for position in (0, 7, 999)
    ]


def test_a_thousand_integers_are_labels():
    assert cells(pl.Series([list(range(1000))[::-1]])).tolist() == [list(range(1000))[::-1]]


@pytest.mark.parametrize("values", [[[0.5, 0.25]], ["[0.5 0.25]"], ["[5.e-01 2.5e-01]"], [[0.5] * 1001]])
def test_probabilities_of_some_classes_are_refused(values):
    with pytest.raises(
        PredictionsError, match=r"lists of [0-9,]+ numbers that are not whole, such as 0\.5, .*--topk 0\)"
    ):
        cells(values)


@pytest.mark.parametrize(("bad", "fault"), [(np.nan, "a logit is NaN"), (np.inf, r"a logit is \+inf")])
def test_probabilities_that_are_no_numbers_are_refused(bad, fault):
    scores = scores_of(2)
    scores[1, 7] = bad
    for values in (pl.Series(scores), as_numpy_writes(scores)):
        with pytest.raises(
            PredictionsError, match=rf"^here: column 'label', counted from {image_name(1)}: {fault} in 1"
        ):
            cells(values)


# Anything


SCRAPS = ["[", "]", "'", '"', "\\", " ", "\n", ",", "...", "…", "1", "930", "0.5", "e", "nan", "np.int64(", "np.str_(",
          ")", "n01440764", "French loaf", "crane", ": ", "{", "(", "-", "٣", "\0"]  # fmt: skip
TEXTS = st.text() | st.lists(st.sampled_from(SCRAPS), max_size=12).map("".join)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 999) | st.floats()


@settings(deadline=None, max_examples=300)
@given(
    st.lists(TEXTS | st.none(), max_size=4).map(lambda values: pl.Series(values, dtype=pl.String))
    | st.lists(TEXTS.map(lambda text: f"[{text}]"), max_size=4).map(lambda values: pl.Series(values, dtype=pl.String))
    | st.lists(st.lists(TEXTS | st.none(), max_size=3) | st.none(), max_size=4).map(
        lambda values: pl.Series(values, dtype=pl.List(pl.String))
    )
    | st.lists(st.lists(st.floats(), max_size=3), max_size=4).map(lambda v: pl.Series(v, dtype=pl.List(pl.Float64)))
    | st.lists(NUMBERS | st.booleans() | TEXTS | st.dictionaries(TEXTS, NUMBERS, max_size=2), max_size=4).map(
        lambda values: pl.Series(values, strict=False)
    )
)
def test_any_column_gives_class_indices_or_is_refused(column):
    try:
        labels = cells(column)
    except PredictionsError as error:
        assert str(error).startswith("here: ")  # noqa: PT017
        return
    assert labels.dtype == np.int16
    assert len(labels) == len(column)
    assert ((labels >= 0) & (labels < 1000)).all()
