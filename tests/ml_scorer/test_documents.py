"""Documents: values as people read them, intervals in one cell, and data that programs read back."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from ml_scorer.annotations import Identity
from ml_scorer.report import BINARY_FORMATS, FORMATS
from ml_scorer.report.cells import columns
from ml_scorer.report.document import Document, Table
from ml_scorer.report.exact import PARQUET_FORMAT, unguarded
from ml_scorer.report.intervals import margins, places
from ml_scorer.report.kinds import kind_of, texts
from ml_scorer.report.lists import listed
from ml_scorer.report.terminal import print_document
from ml_scorer.scores import Failure

IDENTITY = Identity("genuine", "imagenet2012_multilabel", "3.0.0", "f2" * 32)


def document(*tables, **changes):
    return Document(tables, IDENTITY, {"MLA": "MLA|data"}, **changes)


def named(*names):
    return document(Table("scores", pl.DataFrame({"checkpoint": list(names)}, schema={"checkpoint": pl.String})))


def csv_rows(shown):
    return list(csv.DictReader(io.StringIO(FORMATS["csv"](shown), newline="")))


def cell(value, low, high, kind="share"):
    (text,) = texts(pl.Series([value]), kind)
    (behind,) = margins(pl.Series([value]), pl.Series([low]), pl.Series([high]), kind)
    return text + behind


# Values


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pl.Series([12345, None]), "count", ["12,345", "-"]),
        (pl.Series([0.85079, 1.0, 0.0, None, float("nan")]), "share", ["85.08%", "100.00%", "0.00%", "-", "-"]),
        (pl.Series([0.0058, -0.012, 0.0]), "points", ["+0.58 pp", "-1.20 pp", "+0.00 pp"]),
        (pl.Series([0.0012, None]), "spread", ["0.12 pp", "-"]),
        (pl.Series([0.04217, 1.0, 0.001, 1.234e-9, 0.0]), "p", ["0.042", "1.000", "0.001", "1.2e-09", "<1e-300"]),
        (pl.Series([0.123456, 1234.5, -2.0, float("inf")]), "number", ["0.123", "1,234", "-2", "inf"]),
        (pl.Series([True, False, None]), "flag", ["yes", "no", "-"]),
        (pl.Series(["a", None, "\x1b[2J"]), "text", ["a", "-", "\ufffd[2J"]),
        (pl.Series([["tench", "great white shark"], [], None]), "text", ["tench; great white shark", "", "-"]),
        (pl.Series([], dtype=pl.Float64), "share", []),
    ],
)
def test_values_as_people_read_them(values, kind, expected):
    assert texts(values, kind) == expected


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (pl.UInt16(), "count"),
        (pl.Float32(), "number"),
        (pl.Boolean(), "flag"),
        (pl.String(), "text"),
        (pl.List(pl.UInt16), "text"),
    ],
)
def test_a_kind_follows_from_the_type(dtype, kind):
    assert kind_of(dtype) == kind


def test_records_in_lists_are_texts():
    labels = pl.Series(
        [[{"label": 3, "name": "tiger shark", "images": 2}, {"label": 4, "name": None, "images": 1}], []]
    )
    assert listed(labels).to_list() == ["3 tiger shark (2); 4  (1)", ""]


def test_arrays_and_records_alone_are_texts():
    assert listed(pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2))).to_list() == ["1; 2"]
    assert listed(pl.Series([{"name": "a", "right": True}])).to_list() == ["a true"]


# Intervals


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (cell(0.8508, 0.8460, 0.8556), "85.08% ±0.48"),
        (cell(0.8508, 0.8459, 0.8555), "85.08% ±0.49"),  # 0.49 below, 0.47 above: the larger
        (cell(0.8508, 0.8457, 0.8555), "85.08% [84.57, 85.55]"),
        (cell(1.0, 0.9996, 1.0), "100.00% [99.96, 100.00]"),
        (cell(0.85, None, None), "85.00%"),
        (cell(0.85, float("nan"), 0.9), "85.00%"),
        (cell(None, 0.1, 0.2), "-"),
        (cell(0.0058, 0.0027, 0.0089, "points"), "+0.58 pp ±0.31"),
        (cell(0.0058, -0.0027, 0.0089, "points"), "+0.58 pp [-0.27, +0.89]"),
        (cell(2.0, 1.5, 2.5, "number"), "2 ±0.5"),
        (cell(2.0, 1.5, 3.0, "number"), "2 [1.5, 3]"),
        (cell(0.5, 0.6, 0.4), "50.00% [60.00, 40.00]"),
    ],
)
def test_an_interval_stands_in_the_cell_of_its_value(found, expected):
    assert found == expected


def test_a_column_tells_its_intervals_in_one_way():
    values, low, high = pl.Series([0.85, None, 0.5]), pl.Series([0.84, None, 0.4]), pl.Series([0.86, None, 0.7])
    assert margins(values, low, high, "share") == [" [84.00, 86.00]", "", " [40.00, 70.00]"]
    assert margins(values[:2], low[:2], high[:2], "share") == [" ±1.00", ""]


def test_places_are_ranges():
    assert places(pl.Series([1, 3, None]), pl.Series([1, 1100, 2])) == ["1", "3\u20131,100", "-"]


@pytest.mark.parametrize("name", ["place", "place_low"])
def test_places_take_the_place_of_their_columns(name):
    frame = pl.DataFrame({"checkpoint": ["a", "b"], "place_low": [1, 2], "place_high": [1, 5], "MLA": [0.9, 0.8]})
    found = columns(Table("scores", frame, {"MLA": "share"}, {name: ("place_low", "place_high")}))
    assert [column.heading for column in found] == ["checkpoint", name, "MLA"]
    assert found[1].texts == ("1", "2\u20135")


def test_ends_of_intervals_and_counts_have_no_column_of_their_own():
    frame = pl.DataFrame({"c": ["a"], "M": [65 / 68], "M_low": [0.9], "M_high": [0.98], "M_right": [65]})
    found = columns(Table("t", frame, {"M": "share"}, {"M": ("M_low", "M_high")}, counted={"M": ("M_right", 68)}))
    assert [(column.heading, column.texts, column.behind) for column in found[1:]] == [
        ("M", ("95.59%",), (" (65/68) [90.00, 98.00]",))
    ]


# The best


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([0.5, 0.7, 0.6], {1}),
        ([0.7, 0.7, 0.6], {0, 1}),
        ([0.7, 0.7], set()),
        ([0.7], set()),
        ([], set()),
        ([None, 0.7, float("nan"), 0.2], {1}),
        ([None, 0.7], set()),
        ([None, None], set()),
    ],
)
def test_the_best_are_the_largest_where_there_is_something_to_choose(values, best):
    table = Table("t", pl.DataFrame({"M": pl.Series(values, dtype=pl.Float64)}), {"M": "share"}, best=("M",))
    assert columns(table)[0].best == best


def test_the_best_are_bold():
    frame = pl.DataFrame({"c": ["a", "b"], "M": [0.5, 0.7], "M_low": [0.4, 0.6], "M_high": [0.6, 0.8]})
    shown = document(Table("t", frame, {"M": "share"}, {"M": ("M_low", "M_high")}, best=("M",)))
    assert "**70.00%** ±10.00 |" in FORMATS["markdown"](shown)
    assert r"\textbf{70.00\%} $\pm$10.00 \\" in FORMATS["latex"](shown)
    assert "**" not in FORMATS["table"](shown)
    file = io.StringIO()
    print_document(shown, Console(file=file, width=100, force_terminal=True, color_system="standard"))
    assert "\x1b[1m70.00%\x1b[0m" in file.getvalue()
    assert "\x1b[1m50.00%" not in file.getvalue()


# Several tables, and what goes with them


@pytest.mark.parametrize("name", ["table", "markdown", "latex", "json"])
def test_every_table_is_shown(name):
    shown = document(
        Table("first", pl.DataFrame({"one": [1]})),
        Table("second", pl.DataFrame({"two": ["x"]})),
        notes=("How it was made.",),
    )
    text = FORMATS[name](shown)
    for part in ("one", "second", "two", "How it was made."):
        assert part in text


def test_json_keeps_its_order_and_adds_what_else_there_is():
    shown = document(Table("classes", pl.DataFrame({"c": [1]})), extra={"more": 1}, notes=("Note.",))
    assert list(json.loads(FORMATS["json"](shown))) == [
        "signatures",
        "annotations",
        "classes",
        "failed",
        "more",
        "notes",
    ]


def test_json_has_null_for_what_is_not_a_number():
    shown = document(Table("t", pl.DataFrame({"x": [float("nan"), float("inf"), 0.5], "n": [1, 2, 3]})))
    assert json.loads(FORMATS["json"](shown))["t"] == [{"x": None, "n": 1}, {"x": None, "n": 2}, {"x": 0.5, "n": 3}]


def test_json_keeps_lists_and_records():
    frame = pl.DataFrame({"labels": [[1, 2]], "wrong": [[{"label": 3, "name": "a"}]]})
    (row,) = json.loads(FORMATS["json"](document(Table("t", frame))))["t"]
    assert row == {"labels": [1, 2], "wrong": [{"label": 3, "name": "a"}]}


def test_csv_holds_the_first_table_with_lists_in_one_cell():
    frame = pl.DataFrame({"names": [["tench", "=1+1"], ["=1+1"], []]})
    rows = csv_rows(document(Table("first", frame), Table("second", frame), extra={"confidence": 0.9}))
    assert [row["names"] for row in rows] == ["tench; =1+1", "'=1+1", ""]
    assert {(row["MLA signature"], row["confidence"]) for row in rows} == {("MLA|data", "0.9")}


def test_a_note_that_quotes_a_name_steers_nothing():
    shown = document(Table("t", pl.DataFrame({"c": ["a"]})), notes=("\x1b[2J is *best*.\n\\input{x}",))
    for name in ("table", "markdown", "latex"):
        assert "\x1b" not in FORMATS[name](shown)
    assert r"\*best\*" in FORMATS["markdown"](shown)
    assert all(line.startswith(("%", "\\", " ")) for line in FORMATS["latex"](shown).splitlines())


@pytest.mark.parametrize("name", ["table", "markdown", "latex"])
def test_a_table_without_rows_says_so(name):
    empty = Table("classes", pl.DataFrame(schema={"class": pl.String, "share": pl.Float64}))
    text = FORMATS[name](document(empty, Table("images", pl.DataFrame({"image": ["a"]})), notes=("A note.",)))
    assert text.count("no rows") == 1
    assert "share" not in text
    assert "image" in text
    assert "A note." in text
    assert "MLA|data" in text
    file = io.StringIO()
    print_document(document(Table("classes", pl.DataFrame())), Console(file=file))
    assert "no rows" in file.getvalue()


@pytest.mark.parametrize("name", ["table", "markdown", "latex"])
def test_where_nothing_was_read_nothing_is_signed(name):
    empty = Table("scores", pl.DataFrame(schema={"checkpoint": pl.String}))
    shown = Document((empty,), IDENTITY, {"MLA": "MLA|data:x|order:none|v"}, notes=("Intervals.",))
    text = FORMATS[name](shown)
    assert "no checkpoint was scored" in text
    for nothing in ("order:none", "Intervals", "checkpoint &", "| checkpoint"):
        assert nothing not in text
    assert "order:none" in FORMATS["json"](shown)


def test_warnings_stand_above_no_rows():
    made_up = Identity("synthetic", "SYNTHETIC", None, "5f" * 32)
    text = FORMATS["latex"](Document((Table("t", pl.DataFrame()),), made_up, {}))
    assert text.splitlines()[1].startswith(r"\textbf{SYNTHETIC annotations")
    assert text.endswith("\nno rows")


def test_markdown_has_no_formulas():
    assert r"\$a\$" in FORMATS["markdown"](named("$a$"))


def test_a_heading_may_be_a_name():
    shown = document(Table("t", pl.DataFrame({"checkpoint": ["a"], "=\x1b|_": [1.0]})))
    assert "'=\x1b|_" in csv_rows(shown)[0]
    assert "=\ufffd\\|\\_" in FORMATS["markdown"](shown)
    assert "\x1b" not in FORMATS["table"](shown) + FORMATS["latex"](shown)


def test_failures_stand_below():
    shown = document(Table("t", pl.DataFrame({"c": ["a"]})), failed=(Failure("b", "b.csv: empty\nfile"),))
    assert FORMATS["latex"](shown).endswith("\n% failed: b.csv: empty file")


# Formulas


@pytest.mark.parametrize(
    "name", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\ta", "\ra", "\na", "\uff1d1", "-"]
)
def test_a_name_is_no_formula_in_csv(name):
    (row,) = csv_rows(named(name))
    assert row["checkpoint"] == f"'{name}"
    assert unguarded(row["checkpoint"]) == name


@pytest.mark.parametrize("name", ["-1", "+0.5", "-1e-3", "3", ".5", "-.5", "0012", "a=b", "'a", "2=1", "", "'"])
def test_a_name_that_is_no_formula_stays_as_it_is(name):
    (row,) = csv_rows(named(name))
    assert row["checkpoint"] == name
    assert unguarded(name) == name


@settings(deadline=None)
@given(st.text(max_size=5))
def test_no_cell_of_csv_begins_a_formula(name):
    (row,) = csv_rows(named("x" + name))
    assert row["checkpoint"] == "x" + name
    (row,) = csv_rows(named(name)) or [{"checkpoint": ""}]
    try:
        float(name)
    except ValueError:
        assert row["checkpoint"][:1] not in set("=+-@\t\r\n")


# Parquet


def test_parquet_is_the_frame_and_says_what_it_is():
    frame = pl.DataFrame({"checkpoint": ["=a", "b"], "MLA": [0.1 + 0.2, None], "wrong": [["x"], []]})
    shown = document(
        Table("scores", frame), notes=("A note.",), extra={"confidence": 0.95}, failed=(Failure("c", "d"),)
    )
    content = BINARY_FORMATS["parquet"](shown)
    assert pl.read_parquet(content).equals(frame)
    metadata = pl.read_parquet_metadata(io.BytesIO(content))
    assert metadata["format"] == PARQUET_FORMAT
    assert metadata["table"] == "scores"
    about = {key: json.loads(metadata[key]) for key in ("signatures", "annotations", "notes", "failed", "confidence")}
    assert about["signatures"] == {"MLA": "MLA|data"}
    assert about["annotations"]["fingerprint"] == "f2" * 32
    assert about["notes"] == ["A note."]
    assert about["failed"] == [{"checkpoint": "c", "error": "d"}]
    assert about["confidence"] == 0.95


def test_the_same_document_gives_the_same_parquet_bytes():
    assert BINARY_FORMATS["parquet"](named("a")) == BINARY_FORMATS["parquet"](named("a"))
