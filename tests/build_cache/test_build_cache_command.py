"""`build-cache`: what it prints, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from tables import set_cell, small_frame, write_sealed

from build_cache import TableSource, build
from build_cache.cli import main
from ml_scorer import load_annotations
from ml_scorer.annotations.find import user_table
from ml_scorer.schema import LABEL_LISTS, UNCLEAR, image_name

PINNED = "f2b50695b149647976667223395d8da4d384cbad435afc22aea6130c2de1e321"
"""Fingerprint of version 3.0.0, computed from the public table in tests/ml_scorer/test_fingerprint.py."""


@pytest.fixture
def run(capsys):
    """Run the command in this process."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments], prog_name="build-cache")
        printed = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code, stdout=printed.out, stderr=printed.err)

    return run


def in_a_process(*arguments):
    command = [sys.executable, "-m", "build_cache", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def real_csv(real_data):
    return real_data / "imagenet2012_multilabel_v3.csv"


# Exports


def test_the_real_annotations_are_exported(run, real_csv, tmp_path):
    output = tmp_path / "t.parquet"
    result = run("table", real_csv, "-o", output)
    assert result.status == 0
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        f"wrote {output} ({output.stat().st_size:,} bytes)",
        "  20,000 images, 1,308 of them problematic; ImageNet-M: not said",
        f"  genuine imagenet2012_multilabel/3.0.0, fingerprint {PINNED}",
    ]


def test_without_an_output_it_goes_where_the_scorer_looks(run, real_csv):
    result = run("table", real_csv)
    assert result.status == 0
    assert result.stdout.startswith(f"wrote {user_table()} (")
    assert result.stdout.endswith("  ml-scorer finds it there\n")
    assert load_annotations(user_table()).identity.genuine


def test_a_synthetic_table_says_so(run, tmp_path):
    output = tmp_path / "s.parquet"
    result = run("synthetic", "-o", output, "--seed", 3)
    assert result.status == 0
    digest = load_annotations(output).identity.fingerprint
    assert f"  SYNTHETIC, fingerprint {digest}\n" in result.stdout
    assert "ImageNet-M: 68 images" in result.stdout
    assert "genuine" not in result.stdout
    assert "ml-scorer finds it" not in result.stdout


def test_what_differs_from_the_real_annotations_is_said(run, genuine, tmp_path):
    set_cell(genuine.frame, 3, UNCLEAR, [1, 2, 3]).write_ndjson(tmp_path / "mine.jsonl")
    result = run("table", tmp_path / "mine.jsonl", "-o", tmp_path / "t.parquet")
    assert result.status == 0
    assert "  UNVERIFIED, fingerprint " in result.stdout
    assert "  differs from imagenet2012_multilabel/3.0.0 in unclear_multi_labels\n" in result.stdout


# Refusals and wrong usage


def test_a_refused_table_is_one_message_and_status_1(tmp_path):
    small_frame(3).with_columns(original_label=999).write_parquet(tmp_path / "small.parquet")
    result = in_a_process("table", tmp_path / "small.parquet", "-o", tmp_path / "t.parquet")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {tmp_path / 'small.parquet'}: ")
    assert "3 images, expected 20,000" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "t.parquet").exists()


@pytest.mark.parametrize("name", ["absent.csv", "table.xlsx"])
def test_a_source_that_cannot_be_read_is_status_1(run, tmp_path, name):
    result = run("table", tmp_path / name, "-o", tmp_path / "t.parquet")
    assert result.status == 1
    assert f"{name}: " in result.stderr


def test_a_folder_as_output_is_status_1(run, tmp_path, synthetic_table):
    result = run("table", synthetic_table, "-o", tmp_path)
    assert result.status == 1
    assert "is a folder. Name the file to write" in result.stderr


def test_an_output_that_cannot_be_written_is_status_1(run, tmp_path, synthetic_table):
    (tmp_path / "file").write_bytes(b"")
    result = run("table", synthetic_table, "-o", tmp_path / "file" / "t.parquet")
    assert result.status == 1
    assert str(tmp_path / "file") in result.stderr


def test_a_missing_pyarrow_names_its_extra(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run("synthetic", "-o", tmp_path / "s.parquet")
    assert result.status == 1
    assert result.stderr == "Error: build-cache needs packages that are not installed: pip install 'ml-scorer[build]'\n"
    assert not (tmp_path / "s.parquet").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("table",),
        ("table", "a.csv", "b.csv"),
        ("synthetic",),
        ("synthetic", "--seed", "x", "-o", "t.parquet"),
        ("diff", "a.parquet"),
        ("diff", "a.parquet", "b.parquet", "--limit", "-1"),
        ("no-such-command",),
        ("table", "a.csv", "--no-such-option"),
    ],
)
def test_wrong_usage_is_status_2(run, arguments):
    result = run(*arguments)
    assert result.status == 2
    assert "Usage: " in result.stderr


@pytest.mark.parametrize("command", ["table", "synthetic", "diff"])
def test_every_command_explains_itself(run, command):
    assert f"  {command} " in run("--help").stdout
    assert run(command, "--help").status == 0


def test_the_version_is_said():
    assert in_a_process("--version").stdout == f"build-cache {version('ml-scorer')}\n"


# diff


@pytest.fixture
def tables(tmp_path):
    """Two tables of 30 images that differ in 25 of them, one twice."""
    first = small_frame(30)
    second = first
    for row in range(25):
        second = set_cell(second, row, UNCLEAR, [600])
    second = set_cell(second, 0, "is_problematic", True)
    return write_sealed(tmp_path / "a.parquet", first), write_sealed(tmp_path / "b.parquet", second)


def test_equal_tables_are_status_0(run, tables):
    result = run("diff", tables[0], tables[0])
    assert (result.status, result.stdout) == (0, "no image differs\n")


def test_differences_are_printed_as_far_as_the_limit(run, tables):
    result = run("diff", *tables)
    lines = result.stdout.splitlines()
    assert result.status == 1
    assert len(lines) == 21
    assert lines[0] == f"{image_name(1)}  is_problematic: False -> True"
    assert lines[1] == f"{image_name(1)}  {UNCLEAR}: [500] -> [600]"
    assert lines[-1] == "25 images differ (26 differences; --limit 0 shows all)"


@pytest.mark.parametrize("limit", [0, 26, 100])
def test_all_differences_are_printed_where_the_limit_allows(run, tables, limit):
    lines = run("diff", *tables, "--limit", limit).stdout.splitlines()
    assert len(lines) == 27
    assert lines[-1] == "25 images differ"


def test_tables_that_store_the_same_labels_otherwise_do_not_differ(run, synthetic, synthetic_table, tmp_path):
    frame = synthetic.frame.with_columns([synthetic.frame[name].list.reverse() for name in LABEL_LISTS])
    frame.write_parquet(tmp_path / "again.parquet")
    build(TableSource(tmp_path / "again.parquet"), tmp_path / "t.parquet")
    assert run("diff", synthetic_table, tmp_path / "t.parquet").status == 0


@pytest.mark.parametrize("name", ["absent.parquet", "damaged.parquet"])
def test_a_table_that_cannot_be_read_is_status_1_and_no_difference(run, tables, tmp_path, name):
    (tmp_path / "damaged.parquet").write_bytes(tables[0].read_bytes()[:-1])
    result = run("diff", tables[0], tmp_path / name)
    assert (result.status, result.stdout) == (1, "")
    assert name in result.stderr
