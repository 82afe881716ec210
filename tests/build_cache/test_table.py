"""Tables that somebody exported, in all the spellings that occur, and every way in which one can be broken."""

from __future__ import annotations

import csv
import json
import math
import re
from hashlib import sha256
from io import StringIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import small_frame, write_sealed

from build_cache import TableSource, build
from ml_scorer.errors import AnnotationsError
from ml_scorer.schema import COLUMNS, CORRECT, LABEL_LISTS, UNCLEAR, WRONG, image_name

NAME = image_name(1)
ROW = {
    "file_name": NAME,
    "original_label": 5,
    CORRECT: [5, 813],
    WRONG: [],
    UNCLEAR: [7],
    "is_problematic": False,
}
READ = (NAME, 5, [5, 813], [], [7], False, None)


def csv_text(*rows):
    """Rows as CSV, each list as text."""
    file = StringIO()
    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        texts = {name: ", ".join(map(str, cell)) for name, cell in row.items() if isinstance(cell, list)}
        writer.writerow({**row, **texts})
    return file.getvalue()


def export(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return TableSource(path).export()


@pytest.fixture
def read_csv(tmp_path):
    """Rows, or a whole text, read as CSV."""

    def read(*rows):
        content = rows[0] if isinstance(rows[0], str | bytes) else csv_text(*rows)
        return export(tmp_path / "table.csv", content).frame.rows()

    return read


@pytest.fixture
def read_json(tmp_path):
    """Rows read as JSON lines."""

    def read(*rows):
        return export(tmp_path / "table.jsonl", "\n".join(json.dumps(row) for row in rows)).frame.rows()

    return read


@pytest.fixture
def read_parquet(tmp_path):
    """One row read as Parquet, its columns of the types that Polars or a given Series gives them."""

    def read(**columns):
        pl.DataFrame({name: columns.get(name, [ROW[name]]) for name in ROW}).write_parquet(tmp_path / "table.parquet")
        return TableSource(tmp_path / "table.parquet").export().frame.rows()

    return read


# What is read


def test_the_columns_of_the_dataset(read_csv):
    assert read_csv(ROW) == [READ]


def test_the_columns_of_the_public_table(read_csv):
    renamed = {"file_name": "id", CORRECT: "proposed_labels"}
    assert read_csv({renamed.get(name, name): cell for name, cell in ROW.items()}) == [READ]


def test_the_names_of_the_dataset_come_before_those_of_the_public_table(read_csv):
    assert read_csv({"id": 0, "proposed_labels": "1", **ROW}) == [READ]


def test_further_columns_and_any_order_of_columns(read_csv):
    assert read_csv({"": 0, **dict(reversed(ROW.items())), "note": "x, \ny"}) == [READ]


def test_the_result_has_the_schema(tmp_path):
    frame = export(tmp_path / "table.csv", csv_text(ROW)).frame
    assert dict(frame.schema) == COLUMNS


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("415, 813, 868", [415, 813, 868]),
        ("415,813", [415, 813]),
        ("[415, 813]", [415, 813]),
        ("[415,813]", [415, 813]),
        (" [ 415 , 813 ] ", [415, 813]),
        ("415", [415]),
        ("[415]", [415]),
        ("0", [0]),
        ("9, 3, 9", [9, 3, 9]),
        ("", []),
        ("[]", []),
        ("[ ]", []),
        (" ", []),
    ],
)
def test_lists_of_labels_as_text(read_csv, text, labels):
    assert read_csv({**ROW, UNCLEAR: text}) == [(*READ[:4], labels, *READ[5:])]


@pytest.mark.parametrize(
    ("text", "value"),
    [("True", True), ("False", False), ("true", True), ("FALSE", False), ("1", True), ("0", False), (" true ", True)],
)
def test_booleans_as_text(read_csv, text, value):
    assert read_csv({**ROW, "is_problematic": text, "is_imagenet_m": text}) == [(*READ[:5], value, value)]


def test_imagenet_m_may_be_left_empty(read_csv):
    assert read_csv({**ROW, "is_imagenet_m": ""}) == [READ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\ufeff" + csv_text(ROW), id="byte order mark"),
        pytest.param(csv_text(ROW).replace("\n", "\r\n"), id="lines of Windows"),
        pytest.param(csv_text(ROW).rstrip("\n"), id="no end of line"),
        pytest.param(csv_text(ROW) + "\n\n", id="empty lines at the end"),
        pytest.param("\n" + csv_text(ROW), id="empty line before the header"),
    ],
)
def test_csv_as_other_programs_write_it(read_csv, content):
    assert read_csv(content) == [READ]


def test_json_lines_with_lists(read_json):
    assert read_json(ROW, {**ROW, "is_problematic": True}) == [READ, (*READ[:5], True, None)]


def test_json_lines_with_lists_as_text(read_json):
    assert read_json(ROW, {**ROW, CORRECT: "[5, 813]", UNCLEAR: "7", WRONG: ""}) == [READ, READ]


def test_json_lines_with_booleans_as_numbers(read_json):
    assert read_json({**ROW, "is_problematic": 0, "is_imagenet_m": 1}) == [(*READ[:6], True)]


def test_empty_lines_between_json_lines(tmp_path):
    lines = f"\n{json.dumps(ROW)}\r\n \n{json.dumps(ROW)}\n\n"
    assert export(tmp_path / "table.jsonl", lines).frame.rows() == [READ, READ]


def test_json_lines_under_their_other_ending(tmp_path):
    assert export(tmp_path / "table.NDJSON", json.dumps(ROW)).frame.rows() == [READ]


def test_a_list_that_json_lines_leave_out_or_null_is_empty(read_json):
    rows = read_json({**ROW, UNCLEAR: None}, {name: cell for name, cell in ROW.items() if name != UNCLEAR}, ROW)
    assert [row[4] for row in rows] == [[], [], [7]]


def test_a_column_of_json_lines_first_seen_far_down(read_json):
    rows = read_json(*[{**ROW, WRONG: []} for _ in range(3000)], {**ROW, WRONG: [999], "is_imagenet_m": True})
    assert rows[-1] == (*READ[:3], [999], *READ[4:6], True)


def test_parquet_with_lists(read_parquet):
    assert read_parquet() == [READ]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (CORRECT, pl.Series([[5, 813]], dtype=pl.List(pl.Int32))),
        (CORRECT, pl.Series([[5, 813]], dtype=pl.Array(pl.UInt16, 2))),
        (CORRECT, pl.Series([["5", "813"]])),
        (CORRECT, pl.Series([[5.0, 813.0]])),
        (CORRECT, pl.Series(["5, 813"], dtype=pl.Categorical)),
        (WRONG, pl.Series([None], dtype=pl.List(pl.Int64))),
        (CORRECT, pl.Series(["5, 813"], dtype=pl.Enum(["5, 813"]))),
        (WRONG, pl.Series([None])),
        (WRONG, pl.Series([[]], dtype=pl.List(pl.Null))),
        (UNCLEAR, pl.Series([7])),
        ("original_label", pl.Series([5], dtype=pl.Int8)),
        ("original_label", pl.Series([5.0])),
        ("original_label", pl.Series(["5"])),
        ("is_problematic", pl.Series([0])),
        ("is_problematic", pl.Series(["False"])),
        ("file_name", pl.Series([NAME], dtype=pl.Categorical)),
        ("file_name", pl.Series([NAME.encode()])),
    ],
)
def test_parquet_with_columns_of_other_types(read_parquet, column, values):
    assert read_parquet(**{column: values}) == [READ]


@pytest.mark.parametrize(
    "spelling",
    ["val/ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000001", "ILSVRC2012_val_00000001.png", r"C:\v\{}"],
)
def test_names_in_other_spellings_come_out_as_the_dataset_writes_them(read_csv, spelling):
    assert read_csv({**ROW, "file_name": spelling.format(NAME)}) == [READ]


def test_a_name_that_is_no_image_is_left_for_the_checks_to_name(read_csv):
    assert read_csv({**ROW, "file_name": "cat.jpg"})[0][0] == "cat.jpg"
    assert read_csv({**ROW, "file_name": ""})[0][0] is None


def test_a_path_is_a_name_and_never_a_pattern(tmp_path):
    folder = tmp_path / "runs[1]*"
    folder.mkdir()
    small_frame(1).write_parquet(folder / "a[2].parquet")
    assert export(folder / "a[1].csv", csv_text(ROW)).frame.rows() == [READ]
    assert export(folder / "a[1].jsonl", json.dumps(ROW)).frame.rows() == [READ]
    assert TableSource(folder / "a[2].parquet").export().frame.equals(small_frame(1))


def test_an_export_names_its_source(tmp_path):
    path = tmp_path / "table.csv"
    made = export(path, csv_text(ROW))
    assert (made.where, made.sha256) == (str(path), sha256(path.read_bytes()).hexdigest())
    assert (made.version, made.synthetic) == (None, False)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_the_real_annotations_are_genuine_from_every_kind_of_table(genuine, tmp_path, ending):
    source = tmp_path / f"table.{ending}"
    frame = genuine.frame.drop("is_imagenet_m").sample(fraction=1, shuffle=True, seed=2)
    if ending == "csv":
        lists = [pl.col(name).cast(pl.List(pl.String)).list.join(",") for name in LABEL_LISTS]
        frame.with_columns(lists).write_csv(source)
    elif ending == "jsonl":
        frame.write_ndjson(source)
    else:
        frame.with_columns(pl.col(LABEL_LISTS).cast(pl.List(pl.Int64))).write_parquet(source)
    report = build(TableSource(source), tmp_path / "out.parquet")
    assert report.identity.genuine
    assert report.annotations.frame.equals(genuine.frame)


# A table of our own as the source


def test_our_own_table_keeps_its_rows_and_version(tmp_path):
    table = write_sealed(tmp_path / "own.parquet", small_frame(), source="tfds", version="2.0.0")
    made = TableSource(table).export()
    assert made.frame.equals(small_frame())
    assert (made.version, made.synthetic) == ("2.0.0", False)


def test_our_own_table_without_a_version_claims_none(tmp_path):
    assert TableSource(write_sealed(tmp_path / "own.parquet", small_frame(), version="")).export().version is None


def test_our_own_synthetic_table_stays_synthetic(tmp_path):
    made = TableSource(write_sealed(tmp_path / "own.parquet", small_frame(), source="synthetic")).export()
    assert made.synthetic


def test_our_own_table_built_again_is_the_same_but_for_its_source(synthetic, synthetic_table, tmp_path):
    report = build(TableSource(synthetic_table), tmp_path / "again.parquet")
    assert report.identity == synthetic.identity
    assert report.annotations.frame.equals(synthetic.frame)
    differing = {key for key, value in report.annotations.metadata.items() if value != synthetic.metadata[key]}
    assert differing == {"source_sha256", "seal"}


def test_our_own_table_changed_under_its_metadata_is_refused(tmp_path):
    path = write_sealed(tmp_path / "own.parquet", small_frame())
    table = pq.read_table(path)
    column = pa.array([0, 2], table.schema.field(1).type)
    pq.write_table(table.set_column(1, table.schema.field(1), column), path)
    with pytest.raises(AnnotationsError, match="the seal does not fit"):
        TableSource(path).export()


def test_metadata_of_another_format_mean_nothing(tmp_path):
    table = pa.Table.from_pylist([ROW]).replace_schema_metadata({"source": "synthetic", "version": "3.0.0"})
    pq.write_table(table, tmp_path / "foreign.parquet")
    made = TableSource(tmp_path / "foreign.parquet").export()
    assert (made.version, made.synthetic) == (None, False)


# What is refused


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.csv: no such file"):
        TableSource(tmp_path / "absent.csv").export()


@pytest.mark.parametrize("name", ["table.xlsx", "table.csv.gz", "table", "csv"])
def test_another_ending_is_refused_with_those_that_are_read(tmp_path, name):
    with pytest.raises(AnnotationsError, match=rf"{name}: not a table .*expected \.csv, \.parquet, \.jsonl, \.ndjson"):
        export(tmp_path / name, csv_text(ROW))


@pytest.mark.parametrize("column", ROW)
def test_a_missing_column_is_named(read_csv, column):
    with pytest.raises(
        AnnotationsError, match=rf"table\.csv: no column '{column}'; the columns are '.*Expected those of"
    ):
        read_csv({name: cell for name, cell in ROW.items() if name != column})


def test_all_missing_columns_are_named(read_csv):
    with pytest.raises(AnnotationsError, match=f"no column 'file_name', '{CORRECT}'; the columns are 'a', 'original_l"):
        read_csv({"a": 1, **{name: cell for name, cell in ROW.items() if name not in {"file_name", CORRECT}}})


def test_another_separator_shows_in_the_columns(read_csv):
    with pytest.raises(AnnotationsError, match="the columns are 'file_name;original_label;"):
        read_csv("file_name;original_label;is_problematic\nx;1;False\n")


@pytest.mark.parametrize("text", ["5.0", "5.5", "-1", "70000", "1e3", "NaN", "five", "0x5", "[5]", "n01440764"])
def test_a_label_that_is_none_is_named_with_its_image(read_csv, text):
    message = re.escape(f"table.csv: column 'original_label' cannot be read as UInt16: '{text}' at {image_name(2)}")
    with pytest.raises(AnnotationsError, match=f"{message}$"):
        read_csv(ROW, {**ROW, "file_name": image_name(2), "original_label": text})


@pytest.mark.parametrize(
    "text",
    [
        "5.0",
        "5;6",
        "5 6",
        "[5 6]",
        "5,",
        ",5",
        "[5",
        "5]",
        "[[5]]",
        "['5']",
        "nan",
        "None",
        "-1",
        "70000",
        "5, x",
        "{5}",
    ],
)
def test_a_list_that_is_none_is_named_with_its_image(read_csv, text):
    message = re.escape(f"table.csv: column '{WRONG}' cannot be read as List(UInt16): {text!r} at {image_name(2)}")
    with pytest.raises(AnnotationsError, match=f"{message}$"):
        read_csv(ROW, {**ROW, "file_name": image_name(2), WRONG: text})


@pytest.mark.parametrize("text", ["no", "0.0", "T", "None", "2", "truefalse"])
@pytest.mark.parametrize("column", ["is_problematic", "is_imagenet_m"])
def test_a_boolean_that_is_none_is_named_with_its_image(read_csv, column, text):
    with pytest.raises(AnnotationsError, match=f"column '{column}' cannot be read as Boolean: '{text}' at {NAME}$"):
        read_csv({**ROW, column: text})


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(("original_label", cell) for cell in (5.5, 5.0, -1, 70_000, 1e300, math.nan, True, [5], {"a": 5})),
        *((CORRECT, cell) for cell in ([5, 5.5], [-1], [70_000], [5, None], ["5"], [True], [[5]], {"a": 5}, True, 5.5)),
        *(("is_problematic", cell) for cell in (0.5, 2, [True])),
    ],
)
def test_a_cell_of_json_lines_that_cannot_be_read_is_named(read_json, column, cell):
    found = f"{json.dumps(cell)!r} at {image_name(2)}"
    message = re.escape(f"table.jsonl: column '{column}' cannot be read as {COLUMNS[column]}: {found}")
    with pytest.raises(AnnotationsError, match=f"{message}$"):
        read_json(ROW, {**ROW, "file_name": image_name(2), column: cell})


@pytest.mark.parametrize(
    ("column", "values", "shown"),
    [
        ("original_label", pl.Series([5.9]), "5.9"),
        ("original_label", pl.Series([math.nan]), "nan"),
        ("original_label", pl.Series([math.inf]), "inf"),
        ("original_label", pl.Series(["5.5"]).cast(pl.Decimal(10, 1)), r"Decimal\('5.5'\)"),
        (WRONG, pl.Series([[5.9]]), r"\[5.9\]"),
        (WRONG, pl.Series([[math.nan]]), r"\[nan\]"),
        (WRONG, pl.Series([{"list": 5}]), "{'list': 5}"),
        (WRONG, pl.Series([["5"]], dtype=pl.List(pl.Categorical)), r"\['5'\]"),
    ],
)
def test_a_cell_of_parquet_that_cannot_be_read_is_named(read_parquet, column, values, shown):
    with pytest.raises(AnnotationsError, match=rf"column '{column}' cannot be read as .*: {shown} at {NAME}$"):
        read_parquet(**{column: values})


def test_names_that_are_no_text_are_refused(read_parquet):
    with pytest.raises(AnnotationsError, match=r"table\.parquet: values that do not fit the table"):
        read_parquet(file_name=pl.Series([[NAME]]))


def test_all_unreadable_cells_are_reported_together_and_counted(read_csv):
    rows = [{**ROW, "file_name": image_name(number), CORRECT: "x" * number} for number in range(1, 3001)]
    rows[1] |= {"original_label": "?", WRONG: "70000", "is_problematic": "?"}
    rows[2] |= {"file_name": "", UNCLEAR: "?"}
    with pytest.raises(AnnotationsError) as caught:
        read_csv(*rows)
    three = f"'x' at {NAME}, 'xx' at {image_name(2)}, 'xxx' at (no name)"
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("table.csv: 5 problems")
    assert lines[1:] == [
        f"  - column 'original_label' cannot be read as UInt16: '?' at {image_name(2)}",
        f"  - column '{CORRECT}' cannot be read as List(UInt16): {three} and 2,997 more",
        f"  - column '{WRONG}' cannot be read as List(UInt16): '70000' at {image_name(2)}",
        f"  - column '{UNCLEAR}' cannot be read as List(UInt16): '?' at (no name)",
        f"  - column 'is_problematic' cannot be read as Boolean: '?' at {image_name(2)}",
    ]


HEADER = "file_name,original_label,is_problematic," + ",".join(LABEL_LISTS)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        (f"{HEADER}\n{NAME},5,False,5,,\n{NAME},5,False,5\n", "line 3 has 4 fields, where the header has 6"),
        (f"{HEADER}\n{NAME},5,False,5,6,,\n", "line 2 has 7 fields, where the header has 6"),
        (f"{HEADER},original_label\n", "columns stand twice in the header: original_label"),
        (f'{HEADER}\n{NAME},5,False,"5, 6', "unexpected end of data"),
        (HEADER.encode("utf-16"), "'utf-8' codec can't decode"),
        (b"PAR1\xff\xfe\x00PAR1", "'utf-8' codec can't decode"),
    ],
)
def test_what_is_no_whole_csv_file_is_refused(tmp_path, content, fault):
    with pytest.raises(AnnotationsError, match=rf"table\.csv: not a whole csv file: {fault}"):
        export(tmp_path / "table.csv", content)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 and nothing else", csv_text(ROW).encode(), bytes(5000)])
def test_what_is_no_whole_parquet_file_is_refused(tmp_path, content):
    with pytest.raises(AnnotationsError, match=r"table\.parquet: not a whole parquet file: "):
        export(tmp_path / "table.parquet", content)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a,b\n1,2\n", "line 1: Expecting value"),
        (json.dumps([ROW]).encode(), "line 1 is no JSON object"),
        (json.dumps([ROW], indent=1).encode(), "line 1: Expecting value"),
        (json.dumps(ROW).encode() + b"\n" + json.dumps(ROW).encode()[:-1], "line 2: Expecting ',' delimiter"),
        (json.dumps(ROW).encode() * 2, "line 1: Extra data"),
        (b"null\n", "line 1 is no JSON object"),
        (b'{"a": "\xff"}', "line 1: 'utf-8' codec can't decode"),
        (b"PAR1\x00\x01", "line 1: "),
    ],
)
def test_what_is_no_whole_json_lines_file_is_refused(tmp_path, content, fault):
    with pytest.raises(AnnotationsError, match=rf"table\.jsonl: not a whole jsonl file: {fault}"):
        export(tmp_path / "table.jsonl", content)


def test_an_empty_json_lines_file_has_no_columns(tmp_path):
    with pytest.raises(AnnotationsError, match="no column 'file_name', "):
        export(tmp_path / "table.jsonl", "\n\n")


def test_a_panic_inside_polars_is_a_file_that_is_not_whole(tmp_path, monkeypatch):
    def panic(_):
        raise pl.exceptions.PanicException("index out of bounds\nand more")

    small_frame().write_parquet(tmp_path / "table.parquet")
    monkeypatch.setattr(pl, "read_parquet_metadata", panic)
    with pytest.raises(AnnotationsError, match=r"not a whole parquet file: index out of bounds$"):
        TableSource(tmp_path / "table.parquet").export()


def test_the_public_table_cut_off_in_its_last_row_is_refused(real_data, tmp_path):
    content = (real_data / "imagenet2012_multilabel_v3.csv").read_bytes().rstrip()
    last = content.rindex(b"\n") + 1
    assert last < len(content) - 40
    for end in range(last, len(content), 5):
        (tmp_path / "cut.csv").write_bytes(content[:end])
        with pytest.raises(AnnotationsError, match=r"cut\.csv: "):
            build(TableSource(tmp_path / "cut.csv"), tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
