"""JSON and JSON lines: the forms that hold predictions, and what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import classes
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.json_columns import json_column
from ml_scorer.predictions.tables.json_file import read_json, read_json_lines
from ml_scorer.schema import image_name

IMAGES = [image_name(number) for number in (7, 2, 5)]
LABELS = [65, 0, 999]
PLAIN = dict(zip(IMAGES, LABELS, strict=True))
NAMES = classes()["name"].to_list()
IDS = classes()["wordnet_id"].to_list()
FRAME = pd.DataFrame({"file_name": IMAGES, "prediction": LABELS})


def read(path, content, reader=None, **options):
    """Predictions of a file with this content: text, bytes, or a value that becomes JSON."""
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reader = reader or (read_json_lines if path.suffix == ".jsonl" else read_json)
    return list(reader(path, ReadOptions(**options)))


def labels_of(batches):
    """Labels by checkpoint and image; a checkpoint without a name is called None."""
    found = {}
    for batch in batches:
        for name, labels in zip(batch.names or (None,), batch.labels, strict=True):
            assert name not in found
            found[name] = dict(zip(batch.images.tolist(), labels.tolist(), strict=True))
    return found


def lines(*values):
    return "".join(f"{json.dumps(value)}\n" for value in values)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "predictions.json"


@pytest.fixture
def lines_path(tmp_path):
    return tmp_path / "predictions.jsonl"


ONE = {None: {7: 65, 2: 0, 5: 999}}


# Forms


@pytest.mark.parametrize(
    "value",
    [
        PLAIN,
        {image: float(label) for image, label in PLAIN.items()},
        {image: str(label) for image, label in PLAIN.items()},
        {image: IDS[label] for image, label in PLAIN.items()},
        {image: NAMES[label] for image, label in PLAIN.items()},
        {image: [label] for image, label in PLAIN.items()},
        {f"val/n0/{image}": label for image, label in PLAIN.items()},
        {image: {"index": label, "label": NAMES[label], "prob": 0.5} for image, label in PLAIN.items()},
        {"filename": IMAGES, "index": LABELS},
        {"filename": dict(enumerate(IMAGES)), "index": dict(enumerate(LABELS))},
        {"prediction": PLAIN, "prob": dict.fromkeys(IMAGES, 0.5)},
        {
            "columns": ["filename", "index"],
            "index": [0, 1, 2],
            "data": list(map(list, zip(IMAGES, LABELS, strict=True))),
        },
        {"columns": ["prediction"], "index": IMAGES, "data": [[label] for label in LABELS]},
        [{"filename": image, "index": label} for image, label in PLAIN.items()],
        [{"filename": image, "index": label, "note": {"seen": [True]}} for image, label in PLAIN.items()],
        [{image: label} for image, label in PLAIN.items()],
        [[image, label] for image, label in PLAIN.items()],
        [[image, [label]] for image, label in PLAIN.items()],
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_every_form_of_one_checkpoint_is_read(path, value):
    assert labels_of(read(path, value)) == ONE
    assert labels_of(read(path, json.dumps(value, indent=2))) == ONE


@pytest.mark.parametrize(
    ("orient", "index"),
    [
        *((orient, None) for orient in ("split", "records", "index", "columns", "table")),
        *((orient, "file_name") for orient in ("split", "index", "columns", "table")),  # records have no index
    ],
)
def test_what_pandas_writes_is_read(path, orient, index):
    frame = FRAME if index is None else FRAME.set_index(index)
    assert labels_of(read(path, frame.to_json(orient=orient))) == ONE


def test_what_pandas_writes_as_lines_is_read(lines_path):
    assert labels_of(read(lines_path, FRAME.to_json(orient="records", lines=True))) == ONE


@pytest.mark.parametrize(
    "value",
    [
        {image: [label, 1, 2] for image, label in PLAIN.items()},
        {image: [IDS[label], IDS[1], IDS[2]] for image, label in PLAIN.items() if label},
        {image: {"index": [label, 1, 2]} for image, label in PLAIN.items()},
        {"file_name": IMAGES, "prediction": [[label, 1, 2] for label in LABELS]},
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_lists_of_labels_are_the_most_likely_of_an_image(path, value):
    (batch,) = read(path, value)
    assert batch.k == 3
    assert batch.labels[0, 0].tolist() == [65, 1, 2]


@pytest.mark.parametrize(
    "value",
    [
        {"resnet": PLAIN, "vit": {image: label // 2 for image, label in reversed(PLAIN.items())}},
        {image: {"resnet": label, "vit": label // 2} for image, label in PLAIN.items()},
        {"file_name": IMAGES, "resnet": LABELS, "vit": [label // 2 for label in LABELS]},
        [{"file_name": image, "resnet": label, "vit": label // 2} for image, label in PLAIN.items()],
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_every_form_of_several_checkpoints_is_read(path, value):
    assert labels_of(read(path, value)) == {"resnet": ONE[None], "vit": {7: 32, 2: 0, 5: 499}}


def test_checkpoints_may_have_different_images(path):
    value = {"resnet": PLAIN, "vit": {IMAGES[0]: 3}}
    assert labels_of(read(path, value)) == {"resnet": ONE[None], "vit": {7: 3}}


def test_an_array_needs_an_order(path):
    order = Order("list@0", np.array([7, 2, 5], np.int32))
    assert labels_of(read(path, LABELS, order=order)) == ONE
    (batch,) = read(path, [LABELS, LABELS[::-1]], order=order)
    assert batch.labels.tolist() == [LABELS, LABELS[::-1]]
    with pytest.raises(PredictionsError, match="has no image names, so say which image"):
        read(path, LABELS)


def test_the_probabilities_of_all_classes_give_the_largest(path):
    scores = np.random.default_rng(0).normal(size=(3, 1000))
    value = {image: {"prob": row.tolist()} for image, row in zip(IMAGES, scores, strict=True)}
    (batch,) = read(path, value, key="prob")
    assert batch.labels[0].tolist() == scores.argmax(axis=1).tolist()


def test_integers_of_any_size_and_fractions_keep_their_value():
    assert json_column("x", [1, 2.5]).to_list() == [1.0, 2.5]
    assert json_column("x", [[1], [2.5, None]]).to_list() == [[1.0], [2.5, None]]
    assert json_column("x", [1, 2**70, -(10**400)]).to_list() == [1.0, 2.0**70, -np.inf]
    assert json_column("x", [[1], [2**70]]).to_list() == [[1.0], [2.0**70]]
    assert json_column("x", [1, True]).to_list() == ["1", "true"]
    assert json_column("x", [[1, True], None]).to_list() == ["[1, true]", None]


# Text around it


def test_a_byte_order_mark_and_blanks_are_no_content(path, lines_path):
    assert labels_of(read(path, b"\xef\xbb\xbf \n" + json.dumps(PLAIN).encode())) == ONE
    records = lines(*({"file_name": image, "prediction": label} for image, label in PLAIN.items()))
    assert labels_of(read(lines_path, b"\xef\xbb\xbf\n" + records.replace("\n", "\r\n \r\n").encode())) == ONE


def test_comma_separated_values_in_a_json_file_are_read(path):
    assert labels_of(read(path, FRAME.to_csv(index=False))) == ONE


def test_json_lines_in_a_json_file_are_read(path):
    assert labels_of(read(path, FRAME.to_json(orient="records", lines=True))) == ONE


@pytest.mark.parametrize("value", [PLAIN, [{"filename": image, "index": label} for image, label in PLAIN.items()]])
def test_one_json_value_in_a_file_of_json_lines_is_read(lines_path, value):
    assert labels_of(read(lines_path, value)) == ONE


def test_separators_of_lines_inside_a_text_end_no_line(lines_path):
    content = lines(*({"file_name": image, "prediction": label, "note": "x"} for image, label in PLAIN.items()))
    assert labels_of(read(lines_path, content.replace('"x"', '"\u2028 \u0085"'))) == ONE


def test_half_a_surrogate_pair_is_no_name(path):
    with pytest.raises(PredictionsError, match=r"1 names are no ImageNet validation images: \?\.JPEG"):
        read(path, '{"ILSVRC2012_val_00000001.JPEG": 3, "\\ud800.JPEG": 3}')


def test_many_lines_are_read_in_parts(lines_path):
    rows = [(image_name(number), number % 1000) for number in range(1, 45_001)]
    content = lines(*({"file_name": name, "prediction": label} for name, label in rows))
    assert list(labels_of(read(lines_path, content))[None].values()) == [label for _, label in rows]


def test_a_column_may_hold_whole_and_other_numbers_in_different_lines(lines_path):
    rows = [{"file_name": image_name(number), "prediction": number} for number in range(1, 20_001)]
    rows.append({"file_name": image_name(20_001), "prediction": 3.0, "note": "last"})
    with pytest.raises(PredictionsError, match="a label is outside 0-999"):
        read(lines_path, lines(*rows))
    for row in rows:
        row["prediction"] %= 1000
    assert labels_of(read(lines_path, lines(*rows)))[None][20_001] == 3


# Refused


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"a": 1', "not JSON: it ends in the middle, so it is truncated"),
        ('{"a": 1,\n "b" 2}', r"not JSON: Expecting ':' delimiter at line 2, column 6"),
        ('{"a": 1} x', "not JSON: Extra data at line 1, column 10"),
        ("nan", "not JSON: it begins with 'nan'"),
        ('"text"', "not JSON: it begins with '\"text\"'"),
        (b'{"a": "\xff"}', r"not JSON: byte 7 is not UTF-8 text"),
        ("[" * 100_000, "the JSON is nested too deeply"),
        ("[" * 100_000 + "]" * 100_000, "the JSON is nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "a number in it is too long to be read"),
        ("{}", r"there are no predictions in it: the JSON is \{\}"),
        ("[]", r"there are no predictions in it: the JSON is \[\]"),
        ('{"schema": {}, "data": []}', "there are no predictions in it: the list is empty"),
        ('{"initial_annots": {}, "problematic_images": {}}', "these are annotations .* build-cache"),
        ('{"info": {}, "images": [], "annotations": []}', r"an object with the keys 'info', 'images', 'annotations'"),
        ('{"a": 1, "b": 2}', "expected an object from image names to labels, .* found an object with the keys 'a'"),
        ('{"a": {"x": 1}, "b": {"y": 2}}', "found objects with different keys in 'a', 'b'"),
        ('["a", "b"]', "found a list that begins with 'a', without image names"),
        ("[[1], [2, 3]]", "found a list of 2 values of unequal lengths without image names"),
        ("[1, true]", "found a list that begins with 1, without image names"),
        ("[[1, true]]", r"found a list that begins with \[1, True\], without image names"),
        ('[{"a": 1}, 2]', "found a list in which not all are objects"),
        ('{"file_name": ["a"], "prediction": [1, 2]}', "columns differ in length: 1 in 'file_name', 2 in 'pred"),
        ('{"columns": ["a", "a"], "data": []}', "found columns that are no names, or stand twice: 'a', 'a'"),
        ('{"columns": ["a", 2], "data": []}', "found columns that are no names, or stand twice"),
        ('{"columns": ["a"], "data": [[1], [1, 2], 3]}', "found 2 rows of data that are not 1 long: row 1, 2"),
        ('{"\\ud800": [1], "\\ud801": [1]}', r"two columns have the same name: \?, \?"),
    ],
    ids=lambda text: str(text)[:40],
)  # fmt: skip
def test_what_holds_no_predictions_is_refused(path, content, fault):
    with pytest.raises(PredictionsError, match=rf"(?s)^{re.escape(str(path))}: .*{fault}"):
        read(path, content)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({**PLAIN, "cat.jpg": 3}, r"1 names are no ImageNet validation images: cat\.jpg"),
        ({IMAGES[0]: 3, f"val/{IMAGES[0]}": 4}, "1 images are repeated with another label"),
        ({IMAGES[0]: 1000}, "a label is outside 0-999: 1000"),
        ({IMAGES[0]: 3, IMAGES[1]: None}, rf"is empty in 1 rows: {IMAGES[1]}"),
        ({IMAGES[0]: 3, IMAGES[1]: "cat"}, rf"holds text among numbers, .*'cat' at {IMAGES[1]}"),
        ({IMAGES[0]: 3, IMAGES[1]: True}, rf"holds text among numbers, .*'true' at {IMAGES[1]}"),
        ({IMAGES[0]: True}, "holds text that is no class .*'true'"),
        ({IMAGES[0]: [{"label": "tench", "score": 0.9}]}, r"begin as a list .*\[\{\"label\""),
        ({IMAGES[0]: 3, IMAGES[1]: [4]}, "a list in some rows only"),
        ({IMAGES[0]: {"index": 3}, IMAGES[1]: {"label": "tench"}}, "is empty in 1 rows"),
        ({IMAGES[0]: [1, 2], IMAGES[1]: [3]}, "lists of 2 different lengths"),
        ({IMAGES[0]: {"file_name": "x", "index": 3}}, "image names both before the objects and in them"),
        ({"file_name": PLAIN, "index": PLAIN}, "image names both as keys and in a column 'file_name'"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_predictions_that_are_wrong_are_refused(path, value, fault):
    with pytest.raises(PredictionsError, match=fault):
        read(path, value)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_are_no_numbers_are_refused_as_labels_only(path, constant):
    with pytest.raises(PredictionsError, match=r"a label is (NaN|outside 0-999)"):
        read(path, f'{{"{IMAGES[0]}": {constant}}}')
    assert labels_of(read(path, f'{{"{IMAGES[0]}": {{"index": 3, "prob": {constant}}}}}')) == {None: {7: 3}}


def test_a_key_twice_in_one_object_is_refused(path, lines_path):
    fault = rf"1 keys stand twice in one object: '{IMAGES[0]}'\. Which one is meant"
    with pytest.raises(PredictionsError, match=fault):
        read(path, f'{{"{IMAGES[0]}": 3, "{IMAGES[0]}": 4, "{IMAGES[1]}": 4}}')
    with pytest.raises(PredictionsError, match="line 2: 1 keys stand twice in one object: 'index'"):
        read(lines_path, f'{{"filename": "a"}}\n{{"filename": "{IMAGES[0]}", "index": 3, "index": 3}}')


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"a": 1}\n{"a": 2', "line 2 is not JSON: it ends in the middle"),
        ('{"a": 1}\n\n{"a" 2}\n{"a": 2}', "line 3 is not JSON: Expecting ':' delimiter at line 1, column 6"),
        ('{"a": 1}\n[1, 2]', r"line 2 is '\[1, 2\]', expected an object with the columns of a row"),
        ('{"a": 1}\n{}', r"line 2 is '\{\}', expected an object"),
        (b'{"a": 1}\n{"a": "\xff"}', "not UTF-8 text"),
        ('{"a": 1}\n{"a": ' + "9" * 5000 + "}", "line 2: a number in it is too long"),
        ('{"a": 1}\n{"a": ' + "[" * 100_000, "line 2: the JSON is nested too deeply"),
    ],
    ids=lambda text: str(text)[:40],
)
def test_lines_that_are_no_rows_are_refused(lines_path, content, fault):
    with pytest.raises(PredictionsError, match=fault):
        read(lines_path, content)


def test_objects_that_have_nothing_in_common_are_refused(path):
    with pytest.raises(PredictionsError, match="3,000 objects with 3,000 different keys, such as k0, k1, k2 and 2,997"):
        read(path, [{f"k{row}": 1} for row in range(3000)])


# Anything


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(0, 999) | st.floats() | st.text() | st.sampled_from(IMAGES),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text() | st.sampled_from([*IMAGES, "columns", "data", "index", "schema", "filename"]), inner
        )
    ),
    max_leaves=12,
)
FUZZ = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_refused(path, content, reader):
    try:
        batches = read(path, content, reader)
    except PredictionsError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
        return
    for batch in batches:
        assert batch.labels.dtype == np.int16
        assert ((batch.labels >= 0) & (batch.labels < 1000)).all()


@FUZZ
@given(VALUES, st.sampled_from([read_json, read_json_lines]))
def test_any_value_gives_class_indices_or_is_refused(path, value, reader):
    read_or_refused(path, json.dumps(value), reader)


@FUZZ
@given(st.lists(VALUES, min_size=1, max_size=4), st.sampled_from([read_json, read_json_lines]))
def test_any_lines_give_class_indices_or_are_refused(path, values, reader):
    read_or_refused(path, lines(*values), reader)


@FUZZ
@given(
    st.binary()
    | st.text().map(str.encode)
    | st.text('[]{}:,"0123456789.eE+-truefalsn \n\\ILSVRC_vaJPEG').map(str.encode)
    | st.tuples(VALUES.map(json.dumps), st.integers(0, 60)).map(lambda cut: cut[0][: cut[1]].encode()),
    st.sampled_from([read_json, read_json_lines]),
)
def test_any_bytes_give_class_indices_or_are_refused(path, content, reader):
    read_or_refused(path, content, reader)
