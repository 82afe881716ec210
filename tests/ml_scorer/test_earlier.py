"""Earlier results: what is one, what is damaged, and which row of it a checkpoint is compared with."""

from __future__ import annotations

import json
import math
import re

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ml_scorer.annotations import Identity
from ml_scorer.errors import PredictionsError
from ml_scorer.report import BINARY_FORMATS, FORMATS
from ml_scorer.report.document import Document, Table
from ml_scorer.report.earlier import EarlierResult, read_result
from ml_scorer.report.exact import PARQUET_FORMAT

IDENTITY = Identity("synthetic", "SYNTHETIC", None, "5f" * 32)
SCHEMA = {"checkpoint": pl.String, "MLA": pl.Float64, "MLA_low": pl.Float64, "MLA_high": pl.Float64}


def written(path, *rows, **extra):
    """A result with these rows, in the format that the ending says."""
    frame = pl.DataFrame([dict(zip(SCHEMA, row, strict=True)) for row in rows], SCHEMA)
    document = Document((Table("scores", frame),), IDENTITY, {"MLA": "MLA|data:x"}, extra=extra)
    if path.suffix == ".parquet":
        path.write_bytes(BINARY_FORMATS["parquet"](document))
    else:
        path.write_text(FORMATS[path.suffix[1:]](document) + "\n")
    return path


def in_json(path, **changes):
    scores = [{"checkpoint": "old", "MLA": 0.8, "MLA_low": 0.79, "MLA_high": 0.81}]
    path.write_text(json.dumps({"signatures": {"MLA": "MLA|data:x"}, "scores": scores, "confidence": 0.95, **changes}))
    return path


@pytest.fixture(params=["json", "csv", "parquet"])
def path(request, tmp_path):
    return tmp_path / f"earlier.{request.param}"


def test_what_was_written_is_read_back(path):
    earlier = read_result(written(path, ("=a", 0.8, 0.79, 0.81), ("b", 1.0, None, None), confidence=0.95))
    assert (earlier.signatures, earlier.confidence) == ({"MLA": "MLA|data:x"}, 0.95)
    assert earlier.row_of("=a", "MLA") == {"checkpoint": "=a", "MLA": 0.8, "MLA_low": 0.79, "MLA_high": 0.81}
    assert earlier.row_of("b", "MLA") == {"checkpoint": "b", "MLA": 1.0, "MLA_low": None, "MLA_high": None}
    assert read_result(written(path, ("a", 0.8, None, None))).confidence is None


def test_a_row_alone_is_of_any_name_and_of_several_the_name_counts(path):
    assert read_result(written(path, ("old", 0.8, None, None))).row_of("new", "MLA")["checkpoint"] == "old"
    several = read_result(written(path, ("a", 0.8, None, None), ("b", 0.9, None, None)))
    assert several.row_of("b", "MLA")["MLA"] == 0.9
    with pytest.raises(PredictionsError, match=r"2 checkpoints are in this result \(a, b\), and none of them called c"):
        several.row_of("c", "MLA")
    twice = read_result(written(path, ("a", 0.8, None, None), ("a", 0.9, None, None)))
    with pytest.raises(PredictionsError, match="and 2 of them called a"):
        twice.row_of("a", "MLA")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ((None, None, None), "MLA of old is missing, and a score is a number in"),
        ((85.08, None, None), r"MLA of old is 85\.08, and"),
        ((-0.1, None, None), r"MLA of old is -0\.1, and"),
        ((math.inf, None, None), "MLA of old is (inf|missing), and"),
        ((0.8, None, 0.9), r"has the interval \[missing, 0\.9\], and an interval has two ends"),
        ((0.8, 0.7, None), r"has the interval \[0\.7, missing\], and"),
        ((0.8, 0.81, 0.9), r"is 0\.8, outside its interval \[0\.81, 0\.9\]"),
        ((0.8, 0.7, 0.79), r"is 0\.8, outside its interval \[0\.7, 0\.79\]"),
        ((0.8, -0.5, 0.9), r"\[-0\.5, 0\.9\], or that reaches beyond \[0, 1\]"),
        ((0.8, 0.7, 1.5), r"\[0\.7, 1\.5\], or that reaches beyond"),
    ],
)
def test_what_is_no_score_with_its_interval_is_refused(row, fault, path):
    earlier = read_result(written(path, ("old", *row), confidence=0.95))
    with pytest.raises(PredictionsError, match=fault) as raised:
        earlier.row_of("new", "MLA")
    assert str(raised.value).startswith(f"{path}: an earlier result, but damaged: MLA of old ")
    assert str(raised.value).endswith("Make it again.")


@pytest.mark.parametrize("score", [math.nan, "0.8", True, [0.8]])
def test_what_is_no_number_is_refused(score, tmp_path):
    earlier = read_result(in_json(tmp_path / "a.json", scores=[{"checkpoint": "old", "MLA": score}]))
    with pytest.raises(PredictionsError, match=re.escape(f"MLA of old is {score!r}, and")):
        earlier.row_of("old", "MLA")
    with pytest.raises(PredictionsError, match="Top1 of old is missing"):
        earlier.row_of("old", "Top1")


def test_a_score_of_another_row_does_no_harm(tmp_path):
    (tmp_path / "a.csv").write_text("checkpoint,MLA,MLA signature\na,0.5,MLA|x\nb,x,MLA|x\nc,nan,MLA|x\nd,,MLA|x\n")
    earlier = read_result(tmp_path / "a.csv")
    assert earlier.row_of("a", "MLA")["MLA"] == 0.5
    for name, found in (("b", "'x'"), ("c", "nan"), ("d", "missing")):
        with pytest.raises(PredictionsError, match=f"MLA of {name} is {found}, and"):
            earlier.row_of(name, "MLA")


def test_a_score_of_one_and_its_interval_may_be_a_bit_off(tmp_path):
    earlier = read_result(written(tmp_path / "a.json", ("a", 1.0, 0.9, 1 - 1e-16), ("b", 0.0, 1e-17, 0.1)))
    assert earlier.row_of("a", "MLA")["MLA"] == 1
    assert earlier.row_of("b", "MLA")["MLA"] == 0


def test_a_result_without_a_checkpoint_is_refused(path):
    with pytest.raises(PredictionsError, match="no checkpoint in it was scored"):
        read_result(written(path))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"scores": {"a": 1}}, "the scores are no list with an object for each checkpoint"),
        ({"scores": "MLA"}, "the scores are no list"),
        ({"scores": [1, {"checkpoint": "a"}]}, "the scores are no list"),
        ({"scores": [{"checkpoint": "a"}, {"MLA": 0.5}, {"checkpoint": 3}]}, "no name of a checkpoint in row 2, 3"),
        ({"signatures": {}}, "it does not say with a signature what each number measures"),
        ({"signatures": "MLA"}, "it does not say with a signature"),
        ({"signatures": {"MLA": 3}}, "it does not say with a signature"),
        ({"confidence": "x"}, "confidence is 'x', and no number"),
        ({"confidence": [0.95]}, r"confidence is \[0\.95\], and no number"),
        ({"confidence": True}, "confidence is True, and no number"),
        ({"confidence": math.nan}, "confidence is nan, and no number"),
        ({"confidence": 95}, r"expected a share between 0 and 1, such as 0\.95\. Did you mean 0\.95"),
        ({"confidence": 0}, "expected a share between 0 and 1"),
    ],
)
def test_a_damaged_result_is_refused(changes, fault, tmp_path):
    with pytest.raises(PredictionsError, match=f"an earlier result, but damaged: .*{fault}"):
        read_result(in_json(tmp_path / "a.json", **changes))


def test_half_a_file_is_refused(tmp_path):
    whole = in_json(tmp_path / "a.json").read_bytes()
    (tmp_path / "a.json").write_bytes(whole[:-20])
    with pytest.raises(PredictionsError, match="an earlier result, but damaged: "):
        read_result(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"signatures": ' + "[" * 100_000)
    with pytest.raises(PredictionsError, match="an earlier result, but damaged: "):
        read_result(tmp_path / "a.json")


def test_a_result_in_parquet_says_what_it_is(tmp_path):
    frame = pl.DataFrame({"run": ["a"], "MLA": [0.5]})
    for metadata, fault in (
        ({"signatures": "{"}, "damaged: "),
        ({"signatures": '{"MLA": "MLA|x"}'}, r"a result, but no scores of checkpoints \(run, MLA\)"),
    ):
        frame.write_parquet(tmp_path / "a.parquet", metadata={"format": PARQUET_FORMAT, **metadata})
        with pytest.raises(PredictionsError, match=fault):
            read_result(tmp_path / "a.parquet")
    frame.rename({"run": "checkpoint"}).write_parquet(tmp_path / "a.parquet", metadata={"format": PARQUET_FORMAT})
    with pytest.raises(PredictionsError, match="it does not say with a signature"):
        read_result(tmp_path / "a.parquet")


def test_a_changed_result_in_parquet_is_refused(tmp_path):
    path = written(tmp_path / "a.parquet", ("a", 0.8, 0.79, 0.81), confidence=0.95)
    metadata = pl.read_parquet_metadata(path)
    metadata.pop("ARROW:schema")
    pl.read_parquet(path).with_columns(MLA=0.7999).write_parquet(path, metadata=metadata)
    with pytest.raises(PredictionsError, match="an earlier result, but damaged: its content is not what was written"):
        read_result(path)


def test_a_panic_of_polars_is_a_damaged_result(tmp_path, monkeypatch):
    path = written(tmp_path / "a.parquet", ("a", 0.8, 0.79, 0.81))

    def panic(*_args, **_options):
        raise pl.exceptions.PanicException("index out of bounds")

    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(PredictionsError, match="an earlier result, but damaged: index out of bounds"):
        read_result(path)
    monkeypatch.setattr(pl, "read_parquet_metadata", panic)
    assert read_result(path) is None  # the reader of predictions says what is wrong with it


def test_rows_of_several_levels_of_confidence_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("checkpoint,MLA,MLA signature,confidence\na,0.5,x,0.9\nb,0.5,x,0.95\n")
    with pytest.raises(PredictionsError, match=r"rows of several levels of confidence stand in it: 0\.9, 0\.95"):
        read_result(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"{}", b"file_name,predicted_class\n", b'{"signatures": 1}', b'{"a": 1}\n{"b": 2}\n']
)
def test_what_is_something_else_is_left_to_its_reader(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    assert read_result(tmp_path / "a") is None
    assert read_result(tmp_path / "nothing") is None
    assert read_result(tmp_path) is None


# Whatever a file holds

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(["a", "MLA|x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SCHEMA, "Top1", ""]), inner, max_size=4)
    ),
    max_leaves=12,
)
CELL = st.sampled_from(["a", "0.5", "1", "nan", "", "x", '"', "'=a", "MLA|x", "0.95", "1e999", "\ufeff"])
HEADINGS = [*SCHEMA, "MLA signature", "confidence", "Top1 signature"]


def settled(path):
    """Read it, and whatever row it gives; anything but a result, None and a refusal fails the test."""
    try:
        earlier = read_result(path)
        if earlier is None:
            return
        assert isinstance(earlier, EarlierResult)
        row = earlier.row_of("a", "MLA")
    except PredictionsError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 (a refusal is one of the good ends)
        return
    assert isinstance(row["checkpoint"], str)
    assert 0 <= row["MLA"] <= 1
    ends = [row["MLA_low"], row["MLA_high"]]
    assert ends == [None, None] or ends[0] - 1e-9 <= row["MLA"] <= ends[1] + 1e-9


FUZZ = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(scores=ANYTHING, signatures=ANYTHING, confidence=ANYTHING)
@example(scores=[{"checkpoint": "a", "MLA": 10**400}], signatures={"MLA": "x"}, confidence=10**400)
def test_any_json_is_a_result_or_refused_or_something_else(scores, signatures, confidence, tmp_path):
    settled(in_json(tmp_path / "a.json", scores=scores, signatures=signatures, confidence=confidence))


@FUZZ
@given(tail=st.binary(max_size=60))
def test_any_damage_to_json_is_refused(tail, tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"signatures": {"MLA": "x"}, "scores": [' + tail)
    settled(tmp_path / "a.json")


@FUZZ
@given(headings=st.lists(st.sampled_from(HEADINGS), max_size=6), rows=st.lists(st.lists(CELL, max_size=7), max_size=4))
def test_any_csv_is_a_result_or_refused_or_something_else(headings, rows, tmp_path):
    lines = [["checkpoint", *headings], *rows]
    (tmp_path / "a.csv").write_text("\n".join(map(",".join, lines)), encoding="utf-8")
    settled(tmp_path / "a.csv")


@FUZZ
@given(
    columns=st.dictionaries(
        st.sampled_from(HEADINGS),
        st.sampled_from([["a"], [0.5], [1], [None], [[0.5]], [{"b": 1}], [True], [b"a"]]),
        max_size=6,
    ),
    metadata=st.dictionaries(
        st.sampled_from(["signatures", "confidence"]), ANYTHING.map(json.dumps) | st.text(max_size=3)
    ),
)
def test_any_parquet_is_a_result_or_refused_or_something_else(columns, metadata, tmp_path):
    metadata = {key: text.replace("\0", "") for key, text in metadata.items()}
    pl.DataFrame(columns).write_parquet(tmp_path / "a.parquet", metadata={"format": PARQUET_FORMAT, **metadata})
    settled(tmp_path / "a.parquet")


@FUZZ
@given(data=st.data())
def test_any_damage_to_parquet_is_refused(data, tmp_path):
    path = written(tmp_path / "a.parquet", ("a", 0.8, 0.79, 0.81), confidence=0.95)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(4, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    settled(path)
