"""A user's own groups of classes, from files of every kind; and all that may be wrong with them."""

from __future__ import annotations

import gzip
import json
import random

import polars as pl
import pytest

from ml_scorer.breakdowns.group_files import read_groups
from ml_scorer.errors import GroupsError
from ml_scorer.imagenet import class_names, classes

EXPECTED = {"pets": (151, 281), "fish": (0, 1, 2), "2": (0,)}
ROWS = [
    {"class": "151", "group": "pets"},
    {"class": "n02123045", "group": "pets"},
    {"class": "tench, Tinca tinca", "group": "fish"},
    {"class": "1", "group": "fish"},
    {"class": " 2 ", "group": " fish "},
    {"class": "0", "group": "2"},
    {"class": "0", "group": "2"},
    {"class": "900", "group": None},
]


def write(path, rows=ROWS):
    frame = pl.DataFrame(rows)
    match path.suffix:
        case ".csv":
            frame.write_csv(path)
        case ".tsv":
            frame.write_csv(path, separator="\t")
        case ".parquet":
            frame.write_parquet(path)
        case ".jsonl":
            frame.write_ndjson(path)
        case ".json":
            path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl", "json"])
def test_every_kind_of_table(ending, tmp_path):
    groups = read_groups(write(tmp_path / f"groups.{ending}"))
    assert groups == EXPECTED
    assert list(groups) == list(EXPECTED)


def test_rows_in_another_order_are_the_same_groups(tmp_path):
    rows = random.Random(0).sample(ROWS, len(ROWS))
    assert read_groups(write(tmp_path / "groups.csv", rows)) == EXPECTED


@pytest.mark.parametrize(
    "content",
    [
        {"pets": [151, "n02123045"], "fish": [0, 1, 2], "2": ["0"]},
        {"pets": [151.0, 281], "fish": [2, 1, 0, 1], "2": [0]},
    ],
)
def test_an_object_from_group_to_classes(content, tmp_path):
    (tmp_path / "groups.json").write_text(json.dumps(content))
    assert read_groups(tmp_path / "groups.json") == EXPECTED


def test_an_object_from_class_to_group(tmp_path):
    (tmp_path / "groups.json").write_text(json.dumps({"151": "pets", "n02123045": "pets", "0": "fish"}))
    assert read_groups(tmp_path / "groups.json") == {"pets": (151, 281), "fish": (0,)}


def test_other_separators_compression_and_marks(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffClass;Superclass;note\n151;pets;x\n\n0;fish;\n")
    assert read_groups(tmp_path / "a.csv") == {"pets": (151,), "fish": (0,)}
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"wnid,cluster\nn01440764,7\n"))
    assert read_groups(tmp_path / "b.csv.gz") == {"7": (0,)}


def test_a_single_row(tmp_path):
    (tmp_path / "a.csv").write_text("class,group\n5,x\n")
    assert read_groups(tmp_path / "a.csv") == {"x": (5,)}


def test_numbers_of_clusters_are_names(tmp_path):
    pl.DataFrame({"class": [0, 1, 2], "cluster": [3, 3, 4]}).write_parquet(tmp_path / "a.parquet")
    assert read_groups(tmp_path / "a.parquet") == {"3": (0, 1), "4": (2,)}


def test_several_columns_of_classes_that_agree(tmp_path):
    classes().rename({"group": "category"}).write_csv(tmp_path / "classes.csv")
    groups = read_groups(tmp_path / "classes.csv")
    assert {name: len(members) for name, members in groups.items()} == {
        "organism-not-dog": 292, "dog": 118, "object": 590,
    }  # fmt: skip


def test_columns_of_classes_that_disagree(tmp_path):
    (tmp_path / "a.csv").write_text("index,wnid,group\n0,n01440764,x\n1,n01440764,x\n")
    with pytest.raises(GroupsError, match=r"a.csv: the columns of classes mean different classes: row 2"):
        read_groups(tmp_path / "a.csv")


def test_all_faults_are_reported_together(tmp_path):
    (tmp_path / "a.csv").write_text("class,group\n1000,x\n-1,x\ncat,x\ncrane,x\n,x\nn00000000,x\n1000,y\n0,ok\n")
    with pytest.raises(GroupsError) as caught:
        read_groups(tmp_path / "a.csv")
    text = str(caught.value)
    assert "a.csv: 6 problems" in text
    assert "class index 1000 is not in 0-999: row 1, row 7" in text
    assert "class index -1 is not in 0-999: row 2" in text
    assert "'cat' is no class (expected an index in 0-999, a WordNet id or a name): row 3" in text
    assert "'crane' is the name of 2 classes, 134 (crane (bird)) or 517 (" in text
    assert "the class is empty: row 5" in text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,kind\n0,x\n", r"(?s)2 problems.*column of classes.*column of groups.*are 'id', 'kind'; rename"),
        ("a.csv", "class,group,category\n0,x,y\n", r"2 columns could be it \(group, category\)"),
        ("a.csv", "class,group\n0,\n", r"no class is in a group. Expected a table"),
        ("a.csv", "class,group\n", r"(?s)expected a column of classes.*No rows"),
        ("a.csv", "", r"not a table of classes and groups: .*empty CSV"),
        ("a.csv", "class,group\n0,x\n1,y,z\n", r"not a table of classes and groups: "),
        ("a.csv", "class,class\n0,x\n", r"columns stand twice in the header"),
        ("a.txt", "0 x", r"the ending tells no kind of file"),
        ("a.parquet", "no", r"not a table of classes and groups: "),
        ("a.jsonl", "no", r"not a table of classes and groups: "),
        ("a.json", "{", r"not JSON: "),
        ("a.json", "[1, 2]", r"a.json: expected a table"),
        ("a.json", "{}", r"found an empty one"),
        ("a.json", '{"x": [1], "y": "z"}', r"values that are neither all lists nor all texts"),
        ("a.json", '{"x": [1], "x": [2]}', r"keys stand twice in an object: 'x'"),
        ("a.json", '[{"class": 1, "group": true}, {"class": 1, "group": [2]}]',
         r"the group is neither a text nor a whole number: row 1, row 2"),
        ("a.json", '{"x": [true, 1.5, null, [2]]}', r"(?s)'True' is no class.*'1.5' is no class.*is empty: in 'x'"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_groups_is_refused(name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(GroupsError, match=message):
        read_groups(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    for name in ("a.csv", "a.json"):
        with pytest.raises(FileNotFoundError, match=r"no such file of groups"):
            read_groups(tmp_path / name)


def test_a_folder(tmp_path):
    with pytest.raises(GroupsError, match=r"is a folder: name one file of groups \(\.csv"):
        read_groups(tmp_path)


def test_names_that_tables_show_and_that_options_take(tmp_path):
    (tmp_path / "a.json").write_text(
        json.dumps({"short": [*class_names()], "few": ["tench", "GREAT dane", "Tinca tinca"]})
    )
    assert read_groups(tmp_path / "a.json") == {"short": tuple(range(1000)), "few": (0, 246)}


def test_a_name_of_several_classes(tmp_path):
    (tmp_path / "a.csv").write_text("class,group\nCardigan,x\n")
    names = r"264 \(Cardigan, Cardigan Welsh corgi\) or 474 \(cardigan\); write the index: row 1"
    with pytest.raises(GroupsError, match=rf"'Cardigan' is the name of 2 classes, {names}"):
        read_groups(tmp_path / "a.csv")
