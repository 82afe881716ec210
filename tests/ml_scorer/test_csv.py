"""Files of delimited values: separators, compression, forms, and files that are cut or damaged."""

from __future__ import annotations

import gzip
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.csv_file import read_csv
from ml_scorer.schema import image_name

A, B, C = (image_name(number) for number in (1, 2, 3))
TEXT = f"file_name,predicted_class\n{A},3\n{B},4\n"
MANY = "".join(f"{image_name(number)},1\n" for number in range(10, 1000))
"""More rows than are looked at to tell what a column holds."""


def read(path, content, **options):
    """Every checkpoint of a file of this content, by its name, as {image: label or labels}."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {
        name: dict(zip(batch.images.tolist(), labels.tolist(), strict=True))
        for batch in read_csv(path, ReadOptions(**options))
        for name, labels in zip(batch.names or [None], batch.labels, strict=True)
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "resnet50.csv"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt"])
def test_the_separator_is_told_by_the_header(separator, ending, tmp_path):
    assert read(tmp_path / f"a{ending}", TEXT.replace(",", separator)) == {None: {1: 3, 2: 4}}


def test_commas_in_a_cell_are_no_separators(path):
    assert read(path, f'"label, of what";image;pred\n"a, b";{A};3\n') == {None: {1: 3}}


def test_tabs_go_before_commas_in_a_file_that_says_so(tmp_path):
    assert read(tmp_path / "a.tsv", f"image\tpred,\tx\n{A}\t1\t3\n", key="x") == {None: {1: 3}}


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_compressed_file(kind, tmp_path):
    path = tmp_path / f"a.csv.{'gz' if kind == 'gzip' else 'zst'}"
    pl.DataFrame({"file_name": [A, B], "label": ["crane, bird", None], "index": [3, 4]}).write_csv(
        path, compression=kind
    )
    assert read(path, path.read_bytes()) == {None: {1: 3, 2: 4}}


@pytest.mark.parametrize("length", [3, 15, 30, -9, -4])
def test_a_compressed_file_that_is_cut_is_refused(length, tmp_path):
    content = gzip.compress((TEXT + MANY).encode())[:length]
    with pytest.raises(PredictionsError, match=r"a\.csv\.gz: "):
        read(tmp_path / "a.csv.gz", content)


@pytest.mark.parametrize("form", ["wide", "long", "top5"])
@pytest.mark.parametrize("compressed", [False, True])
def test_every_form(form, compressed, tmp_path):
    text, expected = {
        "wide": (f",image,a,b,prob\n0,{A},3,5,0.5\n1,{B},4,6,0.5\n", {"a": {1: 3, 2: 4}, "b": {1: 5, 2: 6}}),
        "long": (f"epoch,image,pred\n1,{A},3\n2,{A},5\n1,{B},4\n2,{B},6\n", {"1": {1: 3, 2: 4}, "2": {1: 5, 2: 6}}),
        "top5": (f"filename,index_0,index_1,prob_0,prob_1\n{A},3,5,.5,.2\n", {None: {1: [3, 5]}}),
    }[form]
    content = gzip.compress(text.encode()) if compressed else text
    assert read(tmp_path / f"a.csv{'.gz' if compressed else ''}", content) == expected


def test_columns_without_a_name_are_passed_over(path):
    assert read(path, f",,image,a,b\n7,8,{A},3,4\n") == {"a": {1: 3}, "b": {1: 4}}


def test_a_header_longer_than_what_is_looked_at_first(path):
    names = [f"checkpoint-{number}" for number in range(10_000)]
    found = read(path, f"image,{','.join(names)}\n{A},{','.join('7' for _ in names)}\n")
    assert list(found) == names
    assert found["checkpoint-9999"] == {1: 7}


@pytest.mark.parametrize("late", ["4.0", " 4", '"4"'])
def test_what_stands_far_down_in_a_wide_table_is_read_all_the_same(late, path):
    rows = "".join(f"{image_name(number)},1,2\n" for number in range(10, 1000))
    assert read(path, f"image,a,b\n{rows}{B},{late},2\n")["a"][2] == 4


def test_a_column_is_named_by_key(path):
    text = f"image,resnet,vgg\n{A},3,4\n"
    assert read(path, text, key="vgg") == {None: {1: 4}}
    with pytest.raises(PredictionsError, match=r"there is no column 'x'\nThe columns are 'image', 'resnet', 'vgg'"):
        read(path, text, key="x")


# Cut and damaged


@pytest.mark.parametrize(
    "end",
    [f"{C}", f"{C},", C[:10], f"{C[:10]},", "I"],
    ids=["no-label", "no-number", "half-name", "half-with", "letter"],
)
def test_a_file_cut_in_its_last_line_is_refused_as_such(end, path):
    with pytest.raises(PredictionsError, match=r"resnet50\.csv: the file is cut: its last line ends early, after 'I"):
        read(path, TEXT + end)


def test_a_file_cut_in_a_name_that_comes_last_is_refused_as_such(path):
    with pytest.raises(PredictionsError, match=r"the file is cut: its last line ends early, after 'ILSVRC2012_val"):
        read(path, f"pred,image\n3,{A}\n4,ILSVRC2012_val")


def test_a_file_cut_within_quotes_is_refused_as_such(path):
    with pytest.raises(PredictionsError, match=r"resnet50\.csv: .*(the file is cut|never ends)"):
        read(path, f'image,pred\n"{A}","3"\n"{B}"\n"{C[:12]}')


def test_old_line_ends_are_refused(path):
    with pytest.raises(PredictionsError, match=r"its lines end in carriage returns alone\. Save it with line feeds"):
        read(path, TEXT.replace("\n", "\r"))


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_row_with_too_many_cells_is_refused_with_its_line(separator, path):
    with pytest.raises(PredictionsError, match="line 993 has 3 fields, where the header has 2"):
        read(path, f"file_name,predicted_class\n{MANY}{A},3\n{B},4,5\n".replace(",", separator))


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_row_with_too_many_cells_is_refused_where_the_last_column_is_not_needed(separator, path):
    rows = MANY.replace("\n", ",x\n") + f"{A},3,y\n{B},4,5,z\n"
    with pytest.raises(PredictionsError, match="line 993 has 4 fields, where the header has 3"):
        read(path, f"file_name,predicted_class,note\n{rows}".replace(",", separator))


def test_a_file_cut_in_a_label_that_further_columns_follow_is_refused_as_such(path):
    for cut in f"{B},10", f"{B},10,":
        text = f"image,pred,probability,note\n{A},100,0.5,x\n{cut}"
        with pytest.raises(PredictionsError, match=r"the file is cut: its last line ends early, after 'ILSVRC2012_val"):
            read(path, text)
    assert read(path, f"image,pred,probability,note\n{A},100,0.5,x\n{B},10,,") == {None: {1: 100, 2: 10}}


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize(
    "rows",
    [
        f'image,pred,note\n{A},3,x\n{B},4,"two\nlines"',
        f'image,pred,note\n{A},3,x\n{B},4,"a, b"',
        f'image,note,pred\n{A},x,3\n{B},"two\nlines",4',
        f"image,pred,\n{A},3\n{B},4",
        f"image,pred,note\n{A},3\n{B},4",
        f"image,pred,note\n{A},3,\n{B},4,",
        f"pred,image\n3,{A}\n4,{B}",
    ],
)
def test_whole_rows_are_no_cut_ones_whatever_ends_the_file(rows, end, path):
    assert read(path, rows + end) == {None: {1: 3, 2: 4}}


def test_a_last_line_longer_than_what_is_looked_at_first_is_whole(path):
    assert read(path, f'image,pred,note\n{A},100,x\n{B},10,"{"no, " * 5000}"') == {None: {1: 100, 2: 10}}


def test_a_column_that_stands_twice_is_refused(path):
    with pytest.raises(PredictionsError, match="columns stand twice in the header: a"):
        read(path, f"image,a,a\n{A},3,4\n")


def test_two_name_columns_are_refused(path):
    with pytest.raises(PredictionsError, match=r"2 columns could be it \(image, path\)\nThe columns are"):
        read(path, f"image,path,pred\n{A},{A},4\n")


# Real files


@pytest.mark.parametrize("form", ["default", "wnid", "top5", "top5_sep", "onlyindex"])
def test_whatever_timm_wrote_gives_the_same_labels(form, real_data):
    indices = dict(re.findall(r"^(\S+?),(\d+),", (real_data / "timm" / "csv_index.csv").read_text(), re.MULTILINE))
    expected = {int(name[15:23]): int(index) for name, index in indices.items()}
    (batch,) = read_csv(real_data / "timm" / f"csv_{form}.csv", ReadOptions())
    assert dict(zip(batch.images.tolist(), batch.top1[0].tolist(), strict=True)) == expected
    assert batch.k == (5 if "top5" in form else 1)


def test_a_file_of_imagenet_x(real_data, tmp_path):
    source = real_data / "predictions" / "ResNet50.csv"
    (batch,) = read_csv(source, ReadOptions())
    table = pl.read_csv(source)
    assert batch.images.tolist() == table["file_name"].str.slice(15, 8).cast(pl.Int32).to_list()
    assert batch.labels.tolist() == [table["predicted_class"].to_list()]
    (again,) = read_csv(real_data / "predictions" / "DINO.csv", ReadOptions())
    assert again.images is batch.images
    table.sample(fraction=1, shuffle=True, seed=0).write_csv(tmp_path / "shuffled.csv")
    (shuffled,) = read_csv(tmp_path / "shuffled.csv", ReadOptions())
    assert (shuffled.labels[0][np.argsort(shuffled.images)] == batch.labels[0][np.argsort(batch.images)]).all()


# Any bytes


CELLS = st.sampled_from([
    *(A, B, f"x/{A}", f'"{B}"', "cat.jpg", "n01440764", "[1 2]", '"[1, 2]"'),
    *("3", "4.0", "2.5", "-1", "1000", "nan", "9" * 40, "", " ", '"', '""', "\ufeff", "é", "\0", "#", ";", "\t", "|"),
])  # fmt: skip
HEADERS = st.lists(
    st.sampled_from(["image", "pred", "index_0", "index_1", "model", "epoch", "a", "b", "", "rank", '"', "path", "^a$"])
)
TABLES = st.tuples(
    HEADERS,
    st.lists(st.lists(CELLS, max_size=4)),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
).map(lambda table: table[3].join(table[2].join(row) for row in [table[0], *table[1]]).encode())


@settings(deadline=None, max_examples=300)
@given(content=st.binary(max_size=300) | TABLES, key=st.sampled_from([None, "a"]))
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz"])
def test_any_file_is_read_or_refused(ending, content, key, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"fuzz{ending}"
    try:
        found = read(path, gzip.compress(content) if ending == ".csv.gz" else content, key=key)
    except PredictionsError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
    else:
        assert found


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=100))
def test_any_compressed_bytes_are_read_or_refused(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.csv.gz"
    with pytest.raises(PredictionsError):
        read(path, b"\x1f\x8b\x08" + content)
