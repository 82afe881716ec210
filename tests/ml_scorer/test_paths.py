"""What may be named: files, folders, patterns, lists; and which files that means, in which order."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions import files
from ml_scorer.predictions.folders import find_in_folder, natural_order
from ml_scorer.predictions.paths import expand
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.sources import prediction_sources
from ml_scorer.schema import image_name


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


# Files


def test_files_stay_in_their_order(folder):
    touch("b.npy", "a.csv", "runs/c.parquet")
    assert expand(["b.npy", "runs/c.parquet", Path("a.csv")]) == ["b.npy", "runs/c.parquet", "a.csv"]


def test_nothing_is_nothing():
    assert expand([]) == []


@pytest.mark.parametrize("name", ["missing.npy", "notes.txt", "nowhere/a.csv", "a.csv/b.csv", "x" * 300 + ".npy"])
def test_what_cannot_be_read_is_told_when_it_is_read(name, folder):
    touch("a.csv", "notes.txt")
    assert expand([name]) == [name]


@pytest.mark.parametrize("again", ["a.csv", "./a.csv", "runs/../a.csv", "link.csv", "runs/up/a.csv", "*.csv", "."])
def test_a_file_that_is_named_twice_is_taken_once_by_the_first_name(again, folder):
    touch("a.csv", "runs/.keep")
    Path("link.csv").symlink_to("a.csv")
    Path("runs/up").symlink_to("..")
    assert expand(["a.csv", again]) == ["a.csv"]
    assert expand([folder / "a.csv", again]) == [str(folder / "a.csv")]


def test_a_missing_file_that_is_named_twice_is_missed_once(folder):
    assert expand(["a.csv", folder / "a.csv"]) == ["a.csv"]


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_path_is_refused(text):
    with pytest.raises(PredictionsError, match=r"an empty path was named\. Name files, folders or patterns"):
        expand([text])


def test_a_path_with_a_zero_byte_is_refused():
    with pytest.raises(PredictionsError, match=r"'a\\x00b': a path holds no zero byte"):
        expand(["a\0b"])


def test_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    touch("a.csv", "runs/b.csv")
    assert expand(["~/runs/*.csv", "~"]) == [str(folder / "runs/b.csv"), str(folder / "a.csv")]


def test_a_name_that_is_no_text(folder):
    name = os.fsdecode(b"\xff.csv")
    touch(name)
    assert expand([name]) == [name]
    assert expand(["."]) == [name]
    assert expand(["*.csv"]) == [name]


# Folders


def test_a_folder_means_all_files_in_it_in_natural_order(folder):
    touch("runs/step-10.npy", "runs/step-2.npy", "runs/step-2/b.csv", "runs/step-1/x/y.parquet", "runs/A.NPZ")
    expected = ["A.NPZ", "step-1/x/y.parquet", "step-2/b.csv", "step-2.npy", "step-10.npy"]
    assert expand(["runs"]) == [f"runs/{name}" for name in expected]
    assert expand(["runs/"]) == expand(["runs"])
    assert expand([folder / "runs"]) == [str(folder / "runs" / name) for name in expected]


def test_the_current_folder(folder):
    touch("a.csv", "runs/b.csv")
    assert expand(["."]) == ["a.csv", "runs/b.csv"]


@pytest.mark.parametrize(
    "name",
    [
        *(
            ".a.npy",
            ".git/a.npy",
            "a.npy~",
            "~$a.csv",
            "a.npy.tmp",
            "a.tmp.npy",
            "a.npy.part",
            ".a.npy.Xy1",
            "a.TMP.npy",
        ),
        *("a.txt", "README", "model.yaml", "a.npy.bak", "npy", ".npy", "x/.ipynb_checkpoints/a.csv"),
    ],
)
def test_hidden_and_temporary_files_and_others_are_left_out(name, folder):
    touch("good.npy", name)
    assert expand(["."]) == ["good.npy"]
    assert expand(["**"]) == ["good.npy"]


def test_a_folder_of_other_things_is_refused_with_what_is_there(folder):
    touch("runs/a.txt", "runs/x/b.TXT", "runs/c.yaml", "runs/README", "runs/.d.npy")
    fault = r"runs: no predictions in this folder: it has 2 that end in '\.txt', 1 that .* Expected \.csv, .*\.npy"
    with pytest.raises(PredictionsError, match=fault):
        expand(["runs"])


def test_many_kinds_of_other_things_are_counted(folder):
    touch(*(f"runs/a.{kind}" for kind in "abcdefgh"))
    with pytest.raises(PredictionsError, match=r"runs: .* 1 that end in '\.[a-h]' and 3 more kinds\. Expected"):
        expand(["runs"])


def test_an_empty_folder_is_refused(folder):
    Path("runs/x").mkdir(parents=True)
    with pytest.raises(PredictionsError, match="runs: no predictions in this folder: it has no files, hidden"):
        expand(["runs"])


def test_pipes_in_a_folder_are_no_files(folder):
    touch("runs/a.npy")
    os.mkfifo("runs/b.npy")
    assert expand(["runs"]) == ["runs/a.npy"]
    assert expand(["runs/*"]) == ["runs/a.npy"]


def test_a_link_to_nothing_in_a_folder_is_told_when_it_is_read(folder):
    touch("runs/a.npy")
    Path("runs/last.npy").symlink_to("gone.npy")
    Path("runs/notes").symlink_to("gone")
    assert expand(["runs"]) == ["runs/a.npy", "runs/last.npy"]
    assert expand(["runs/*"]) == ["runs/a.npy", "runs/last.npy"]


def test_what_is_linked_twice_in_a_folder_is_taken_by_its_own_name(folder):
    touch("runs/run-10/last.npy", "runs/run-9/last.npy", "elsewhere/a.npy")
    Path("runs/best.npy").symlink_to("run-9/last.npy")
    Path("runs/latest").symlink_to("run-10")
    Path("runs/more").symlink_to("../elsewhere")
    assert expand(["runs"]) == ["runs/more/a.npy", "runs/run-9/last.npy", "runs/run-10/last.npy"]


def test_a_file_behind_a_link_without_an_ending_of_its_own(folder):
    touch("blobs/5f0c")
    Path("snapshot").mkdir()
    Path("snapshot/a.npy").symlink_to("../blobs/5f0c")
    assert expand(["snapshot"]) == ["snapshot/a.npy"]


@pytest.mark.parametrize("named", [".", "**", "**/*.npy", "*", "runs", "runs/*"])
def test_links_that_go_round_end(named, folder):
    touch("runs/a.npy", "runs/b/c.npy", "runs/d/.keep")
    for link, target in (("up", ".."), ("b/again", "../b"), ("b/x", "../d"), ("d/y", "../b"), ("self", "self")):
        Path(f"runs/{link}").symlink_to(target)
    assert [path.removeprefix("runs/up/") for path in expand([named])] == ["runs/a.npy", "runs/b/c.npy"]


def test_a_folder_that_cannot_be_listed_is_told_when_it_is_read(folder, monkeypatch):
    touch("runs/a.npy", "runs/closed/b.npy")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert expand(["runs"]) == ["runs/a.npy", "runs/closed"]
    assert expand(["runs/closed"]) == ["runs/closed"]
    assert expand(["runs/**/*.npy"]) == ["runs/a.npy"]
    monkeypatch.setattr(files, "is_hive", refusing)
    (source,) = prediction_sources("runs/closed")
    with pytest.raises(PermissionError, match=r"runs/closed: cannot be read: Permission denied\.$"):
        list(source.read(ReadOptions()))


def test_very_deep_folders(folder):
    deep = "/".join("d" * 100)
    touch(f"{deep}/a.npy")
    assert expand(["d"]) == expand(["d/**/*.npy"]) == [f"{deep}/a.npy"]


# Partitioned folders


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        (["k=1/a.parquet", "k=2/b.parquet"], True),
        (["k=1/a.parquet"], True),
        (["k=1/j=2/a.parquet", "k=1/j=3/a.parquet"], True),
        (["k=1/a.parquet", "k=2/b.parquet", "_SUCCESS", "_temporary/0/x", ".crc"], True),
        (["k=1/a.parquet", "k=2/b.npy"], False),
        (["k=1/a.npy", "k=2/b.npy"], False),
        (["k=1/a.parquet", "j=2/b.parquet"], False),
        (["k=1/a.parquet", "other/b.parquet"], False),
        (["k=1/a.parquet", "b.parquet"], False),
        (["k=1.parquet", "k=2.parquet"], False),
        (["=1/a.parquet"], False),
    ],
)
def test_a_partitioned_folder_is_one_input(names, whole, folder):
    touch(*(f"runs/{name}" for name in names))
    every = [f"runs/{name}" for name in names if name.endswith((".parquet", ".npy"))]
    assert sorted(expand(["runs"])) == (["runs"] if whole else sorted(every))
    assert sorted(expand(["."])) == (["runs"] if whole else sorted(every))


@pytest.mark.parametrize("name", ["table", "table.csv", "table.parquet"])
def test_a_partitioned_folder_is_read_by_its_reader(name, folder, monkeypatch):
    touch(f"{name}/k=1/a.parquet")
    monkeypatch.setattr(files, "FOLDER_READER", lambda path, _: iter([path]))
    (source,) = prediction_sources(name)
    assert (source.name, list(source.read(ReadOptions()))) == ("table", [Path(name)])


def test_partitioned_folders_beside_files(folder):
    touch("sweep/a.npy", "sweep/table/k=1/a.parquet", "sweep/table/k=2/a.parquet")
    assert expand(["sweep"]) == expand(["sweep/*"]) == ["sweep/a.npy", "sweep/table"]


def test_the_current_folder_may_be_partitioned(folder):
    touch("k=1/a.parquet")
    assert expand(["."]) == ["."]


# Patterns


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.npy", ["step-2.npy", "step-10.npy"]),
        ("step-?.npy", ["step-2.npy"]),
        ("step-[0-9].npy", ["step-2.npy"]),
        ("step-[!2]*.npy", ["step-10.npy"]),
        ("runs/*/last.npy", ["runs/a/last.npy", "runs/b/last.npy"]),
        ("runs/[ab]/last.*", ["runs/a/last.npy", "runs/b/last.csv", "runs/b/last.npy"]),
        ("runs/a/*", ["runs/a/last.npy"]),
        ("runs/*", ["runs/a/last.npy", "runs/b/last.csv", "runs/b/last.npy"]),
        ("ru*", ["runs/a/last.npy", "runs/b/last.csv", "runs/b/last.npy"]),
        ("**/last.npy", ["runs/a/last.npy", "runs/b/last.npy"]),
        ("**/*.csv", ["runs/b/last.csv"]),
        ("runs/**/b/*.csv", ["runs/b/last.csv"]),
        ("runs/**/**/*.csv", ["runs/b/last.csv"]),
        ("runs/b/**", ["runs/b/last.csv", "runs/b/last.npy"]),
        ("runs/*/../b/*.csv", ["runs/a/../b/last.csv"]),
        (".*/*.npy", [".hidden/h.npy"]),
        ("./*-2.npy", ["step-2.npy"]),
    ],
)
def test_a_pattern_means_what_it_means_in_a_shell(pattern, found, folder):
    touch("step-2.npy", "step-10.npy", "notes.txt", "runs/a/last.npy", "runs/b/last.npy", "runs/b/last.csv")
    touch(".hidden/h.npy", "runs/a/.h.npy")
    assert expand([pattern]) == found
    whole = expand([f"{folder}/{pattern}"])
    assert whole == [str(folder / name) for name in found]


@pytest.mark.parametrize("name", ["a[1].npy", "*.npy", "a?.npy", "runs[1]/a.npy", "[.npy"])
def test_a_file_of_that_very_name_goes_before_a_pattern(name, folder):
    touch(name, "a1.npy", "runs1/a.npy")
    assert expand([name]) == [name]


def test_a_folder_with_a_bracket_in_its_name(folder):
    touch("runs[1]/a.npy", "runs1/b.npy")
    assert expand(["runs[1]"]) == ["runs[1]/a.npy"]
    assert expand(["runs[1]/*.npy"]) == ["runs[1]/a.npy"]
    assert expand(["*/*.npy"]) == ["runs1/b.npy", "runs[1]/a.npy"]


@pytest.mark.parametrize("pattern", ["*.csv", "runs/*.csv", "r*/x/*.csv", "a[.npy", "**/*.csv"])
def test_a_pattern_that_means_nothing_is_refused_with_what_is_there(pattern, folder):
    touch("a.npy", "runs/b.npy")
    fault = r": no file fits this pattern\. In (\.|runs) there is (b\.npy|a\.npy, runs|runs, a\.npy)\.$"
    with pytest.raises(FileNotFoundError, match=fault):
        expand([pattern])


def test_a_pattern_in_a_folder_that_does_not_exist(folder):
    with pytest.raises(FileNotFoundError, match=r"runs/\*\.csv: no file fits this pattern: there is no folder runs\.$"):
        expand(["runs/*.csv"])


def test_a_pattern_in_an_empty_folder(folder):
    with pytest.raises(FileNotFoundError, match=r"\*\.csv: no file fits this pattern\. In \. there is nothing\.$"):
        expand(["*.csv"])


def test_a_pattern_that_means_other_things_is_refused_with_what_they_are(folder):
    touch("a.txt", "b.txt")
    fault = r"\*: nothing that this pattern means is predictions: it has 2 that end in '\.txt'\. Expected"
    with pytest.raises(PredictionsError, match=fault):
        expand(["*"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet="ab*?[]!-/.~@#= \n", max_size=8), max_size=4))
def test_any_inputs_are_expanded_or_refused(tmp_path, inputs):
    (tmp_path / "a" / "b").mkdir(parents=True, exist_ok=True)
    for name in ("a.npy", "a/b/a.npy", "a/-.csv", "a/list"):
        (tmp_path / name).touch()
    try:
        found = expand([f"{tmp_path}/{one}" if not one.startswith("@") else one for one in inputs])
    except (PredictionsError, OSError):
        return
    assert len(set(found)) == len(found)


# Lists


def test_a_list_names_inputs_from_its_folder_on(folder):
    touch("sweep/a.npy", "sweep/runs/b.npy", "sweep/runs/c.csv", "d.npy")
    lines = ["# the sweep", "", "a.npy ", "  runs/*.csv", "runs", "../d.npy", str(folder / "d.npy"), "gone.npy"]
    Path("sweep/list.txt").write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    expected = ["sweep/a.npy", "sweep/runs/c.csv", "sweep/runs/b.npy", "sweep/../d.npy", "sweep/gone.npy"]
    assert expand(["@sweep/list.txt"]) == expected
    assert expand(["@sweep/list.txt", "d.npy", "@sweep/list.txt"]) == expected


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "the list names nothing"),
        (b"# nothing\n\n  \n", "the list names nothing"),
        (b"@other.txt\n", r"a list in a list: @other\.txt"),
        (b"\xff\xfea.npy", "not UTF-8 text; expected a list of inputs"),
        (b"a\0b.npy\n", "not text; expected a list of inputs"),
    ],
)
def test_a_list_that_is_none_is_refused(content, fault, folder):
    Path("list.txt").write_bytes(content)
    with pytest.raises(PredictionsError, match=rf"list\.txt: {fault}"):
        expand(["@list.txt"])


def test_a_list_that_does_not_exist(folder):
    touch("lists.txt")
    with pytest.raises(
        FileNotFoundError, match=r"list\.txt: no such file\. Did you mean lists\.txt\? It was named as a"
    ):
        expand(["@list.txt"])


@pytest.mark.parametrize("name", ["folder", "pipe"])
def test_a_list_that_is_no_file(name, folder):
    Path("folder").mkdir()
    os.mkfifo("pipe")
    with pytest.raises(PredictionsError, match=rf"{name}: not a file; expected a list of inputs, one a line"):
        expand([f"@{name}"])


def test_a_file_whose_name_begins_with_an_at_sign(folder):
    touch("@a.npy")
    assert expand(["@a.npy"]) == ["@a.npy"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_list_is_read_or_refused(tmp_path, content):
    (tmp_path / "list.txt").write_bytes(b"x" + content)
    with contextlib.suppress(PredictionsError, OSError):
        assert expand([f"@{tmp_path}/list.txt"])


# Order


@given(st.lists(st.text(alphabet="a1/-.0", min_size=1, max_size=6), unique=True), st.randoms())
def test_natural_order_is_one_order(names, source):
    expected = sorted(names, key=natural_order)
    source.shuffle(names)
    assert sorted(names, key=natural_order) == expected


@given(st.lists(st.integers(0, 10**30), unique=True))
def test_natural_order_counts(numbers):
    names = [f"step-{number}.npy" for number in numbers]
    assert sorted(names, key=natural_order) == [f"step-{number}.npy" for number in sorted(numbers)]


def test_a_folder_of_many_files(folder):
    names = [f"runs/{run}/step-{step}.npy" for run in range(5) for step in range(400)]
    shuffled = random.Random(0).sample(names, len(names))
    touch(*shuffled)
    assert expand(["runs"]) == expand(["runs/*/*.npy"]) == names
    assert expand(shuffled) == shuffled
    assert len(find_in_folder("runs").files) == len(names)


# Sources


def test_a_folder_becomes_sources_with_names_that_tell_them_apart(folder):
    touch("runs/a/last.npy", "runs/b/last.npy", "runs/first.csv")
    sources = prediction_sources("runs")
    assert [source.name for source in sources] == ["a/last.npy", "b/last.npy", "first"]
    assert [source.where for source in sources] == ["runs/a/last.npy", "runs/b/last.npy", "runs/first.csv"]
    assert [source.path for source in sources] == [Path(source.where) for source in sources]
    assert [source.address for source in sources] == [None] * 3


def test_a_list_may_mix_paths_arrays_frames_and_mappings(folder):
    touch("runs/a.npy", "runs/b.npy", "other/a.npy")
    frame = pl.DataFrame({"file_name": [image_name(1)], "predicted_class": [3]})
    sources = prediction_sources([np.zeros(3, int), "runs", frame, Path("other/a.npy"), {image_name(1): 3}])
    assert [source.name for source in sources] == [
        *("predictions[0]", "runs/a.npy", "b", "predictions[2]", "other/a.npy", "predictions[4]"),
    ]
    assert sources[0].where == "predictions[0]"
    assert sources[0].path is None
    assert [next(sources[index].read(ReadOptions())).labels.tolist() for index in (3, 5)] == [[[3]], [[3]]]


def test_a_mapping_names_its_files(folder):
    touch("runs/a.npy", "runs/b.npy", "c.csv")
    sources = prediction_sources({"sweep": "runs", "resnet50": Path("c.csv"), "array": np.zeros(3, int)})
    assert [source.name for source in sources] == ["sweep/a", "sweep/b", "resnet50", "array"]
    assert [source.where for source in sources] == ["runs/a.npy", "runs/b.npy", "c.csv", "array"]


def test_an_iterator_of_paths(folder):
    touch("runs/a.npy", "runs/b.npy")
    assert [source.name for source in prediction_sources(Path("runs").iterdir())] == [
        path.stem for path in Path("runs").iterdir()
    ]
