"""`ml-scorer annotations` says what a table is, so that a reader can believe it."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from tables import set_cell, small_frame, write_sealed

from ml_scorer.annotations import find
from ml_scorer.cli import main
from ml_scorer.schema import CORRECT, LABEL_LISTS, UNCLEAR, WRONG


@pytest.fixture
def describe(capsys):
    """Run the command in this process."""

    def describe(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["annotations", *map(str, arguments)], prog_name="ml-scorer")
        printed = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code, stdout=printed.out, stderr=printed.err)

    return describe


@pytest.fixture
def described(describe):
    """What the command prints, text by heading."""

    def described(*arguments):
        result = describe(*arguments)
        assert result.status == 0, result.stderr
        return {line[:14].rstrip(): line[14:] for line in result.stdout.splitlines()}

    return described


def test_the_real_annotations(described, genuine_table, genuine):
    lines = described(genuine_table)
    assert lines["table"] == str(genuine_table)
    assert lines["status"] == "genuine imagenet2012_multilabel/3.0.0"
    assert lines["fingerprint"] == "f2b50695b149647976667223395d8da4d384cbad435afc22aea6130c2de1e321"
    assert lines["source"] == (
        "table, sha256 3d2068a392410a04cee532732c1f0c298e8c69535e1c391a062412ce9bc86602"  # of the public table
    )
    assert lines["written by"] == genuine.metadata["tool"]
    assert lines["images"] == "20,000: 18,692 scored, 1,308 problematic and left out"
    assert lines["classes"] == "1,000 of 1,000, with 2 to 20 scored images"
    assert lines["ImageNet-M"] == "this source does not say"


def test_the_labels_of_the_real_annotations_are_counted_as_in_their_source(described, real_data, genuine_table):
    columns = {"proposed_labels": CORRECT, "wrong_multi_labels": WRONG, "unclear_multi_labels": UNCLEAR}
    with (real_data / "imagenet2012_multilabel_v3.csv").open(newline="") as file:
        rows = [
            {columns[name]: [label for label in row[name].split(", ") if label] for name in columns}
            for row in csv.DictReader(file)
        ]
    totals = {name: sum(len(row[name]) for row in rows) for name in LABEL_LISTS}
    lines = described(genuine_table)
    assert lines["labels"] == (f"{totals[CORRECT]:,} correct, {totals[WRONG]:,} wrong, {totals[UNCLEAR]:,} unclear")
    both = [
        sum(bool(set(row[first]) & set(row[second])) for row in rows)
        for first, second in ((CORRECT, WRONG), (CORRECT, UNCLEAR), (UNCLEAR, WRONG))
    ]
    assert both[0] == 358
    assert (
        f": {both[0]} correct and wrong, {both[1]} correct and unclear, {both[2]} unclear and wrong"
        in lines["overlaps"]
    )


def test_a_synthetic_table_says_so(described, synthetic_table):
    lines = described(synthetic_table)
    assert lines["status"].startswith("SYNTHETIC annotations: made up for demonstration")
    assert lines["source"].startswith("synthetic, sha256 ")
    assert lines["ImageNet-M"] == "68 images"
    assert "genuine" not in " ".join(lines.values())


def test_other_annotations_are_unverified_and_say_in_what(described, tmp_path, genuine):
    frame = set_cell(genuine.frame, 0, UNCLEAR, [1, 2, 3])
    lines = described(write_sealed(tmp_path / "mine.parquet", frame, dataset="mine", version="7"))
    assert lines["status"].startswith("UNVERIFIED annotations: not a release that is known here.")
    assert "They say of themselves: mine/7." in lines["status"]
    assert lines[""] == "differs from imagenet2012_multilabel/3.0.0 in unclear_multi_labels"


def test_classes_without_a_scored_image_are_told(described, tmp_path):
    frame = small_frame(4, original_label=[0, 0, 1, 2], is_problematic=[False, False, False, True])
    lines = described(write_sealed(tmp_path / "small.parquet", frame))
    assert lines["images"] == "4: 3 scored, 1 problematic and left out"
    assert lines["classes"] == "2 of 1,000, with 0 to 2 scored images"


def test_overlaps_are_counted_by_image_and_not_by_label(described, tmp_path):
    frame = small_frame(3, **{CORRECT: [[1, 2, 1], [3], []], WRONG: [[2, 1], [4], [5, 5]], UNCLEAR: [[], [3], [5, 6]]})
    lines = described(write_sealed(tmp_path / "small.parquet", frame))
    assert lines["labels"] == "4 correct, 5 wrong, 3 unclear"
    assert ": 1 correct and wrong, 1 correct and unclear, 1 unclear and wrong;" in lines["overlaps"]


def test_metadata_cannot_steer_the_terminal(describe, tmp_path):
    steering = "\x1b[2J\x1b[1;32mgenuine\r\n\x07"
    table = write_sealed(tmp_path / "t.parquet", small_frame(), tool=steering, source=steering, dataset=steering)
    result = describe(table)
    assert result.status == 0
    assert not set("\x1b\r\x07") & set(result.stdout)


def test_without_a_file_it_is_the_table_that_would_be_found(described, monkeypatch, tmp_path):
    table = write_sealed(tmp_path / "mine.parquet", small_frame())
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(table))
    assert described()["table"] == str(table)


def test_a_synthetic_table_in_a_default_place_is_named_as_one(describe, monkeypatch, synthetic_table):
    monkeypatch.setattr(find, "checkout", lambda: None)
    find.user_table().parent.mkdir(parents=True)
    shutil.copy(synthetic_table, find.user_table())
    result = describe()
    assert "SYNTHETIC" in result.stdout
    assert "genuine" not in result.stdout


def test_nothing_found_is_refused(describe, monkeypatch):
    monkeypatch.setattr(find, "checkout", lambda: None)
    result = describe()
    assert result.status == 1
    assert result.stderr.startswith("Error: No annotation table found.")


def test_a_file_that_is_not_there_is_refused(describe, tmp_path):
    result = describe(tmp_path / "absent.parquet")
    assert result.status == 1
    assert "absent.parquet: no such annotation table" in result.stderr


def test_a_damaged_table_is_refused_in_one_message(tmp_path, synthetic_table):
    damaged = bytearray(synthetic_table.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    command = [sys.executable, "-m", "ml_scorer", "annotations", str(tmp_path / "damaged.parquet")]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_two_files_are_wrong_usage(describe, tmp_path):
    assert describe(tmp_path / "a", tmp_path / "b").status == 2
