"""Logging of results: what trackers are given, lines of JSON, names, and the options of the command."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from scores_of import MEASURES, SYNTHETIC, scores_of

from ml_scorer import MLA
from ml_scorer.cli import main
from ml_scorer.errors import MeasureError, TrackerError
from ml_scorer.measures import MEASURES as KINDS
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.trackers import TRACKERS, Results, parse_tracker
from ml_scorer.trackers.folders import folder_of
from ml_scorer.trackers.json_lines import lines
from ml_scorer.trackers.metric_names import LONGEST, metric_name

STRANGE = ["", "a/b", "../a", "/etc/passwd", "é⛵", "a\x1b[31m\nb", "x" * 5000, "a'b`\"", "%2E", "\udcff", ".", "a\0b"]


def run(*arguments):
    """Run the command in this process, with the annotations of the working folder."""
    named = ["--annotations", "annotations.parquet"] if arguments[0] == "score" else []
    result = CliRunner().invoke(main, [*map(str, arguments), *named], prog_name="ml-scorer")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def predictions(synthetic, synthetic_table, tmp_path, monkeypatch):
    """Two steps of a training run, and a file that cannot be scored; original labels, half of them at the first."""
    monkeypatch.chdir(tmp_path)
    Path("annotations.parquet").symlink_to(synthetic_table)
    names, labels = synthetic.frame["file_name"].to_list(), synthetic.original_labels.tolist()
    for step, right in ((500, 0.5), (1000, 1)):
        rows = [
            f"{name},{label if place % 10 < right * 10 else (label + 1) % 1000}\n"
            for place, (name, label) in enumerate(zip(names, labels, strict=True))
        ]
        Path(f"base-{step:05d}.csv").write_text("file_name,prediction\n" + "".join(rows))
    Path("bad.csv").write_text("file_name,prediction\nILSVRC2012_val_00000001.JPEG,1\n")
    return ["base-00500.csv", "base-01000.csv", "bad.csv"]


class TestResults:
    def test_names_tell_run_and_step(self):
        series = Results.of(scores_of(["a-00500", "b", "a-00100"])).series
        assert {run: [step for step, _ in steps] for run, steps in series.items()} == {"a": [100, 500], "b": [0]}
        series = Results.of(scores_of(["a@5"]), r"(?P<run>.*)@(?P<step>\d+)").series
        assert [(step, record.checkpoint) for step, record in series["a"]] == [(5, "a@5")]

    def test_of_two_with_one_name_or_step_each_is_logged(self):
        series = Results.of(scores_of(["a-00500", "a-step-500", "b", "b", "b"])).series
        assert list(series) == ["a", "a-step-500", "b", "b (2)", "b (3)"]
        assert sum(map(len, series.values())) == 5

    def test_what_is_not_known_is_no_number(self):
        scores = scores_of(["a"], confidence=0.9, MLA=[math.nan], wrong=[None], Top1_low=[None], ties=[3])
        numbers = Results.of(scores).records[0].numbers()
        assert not {"MLA", "wrong", "Top1_low"} & numbers.keys()
        assert numbers["Top1"] == scores.frame["Top1"][0]
        assert numbers["Top1_high"] == scores.frame["Top1_high"][0]
        assert numbers["ties"] == 3

    def test_there_may_be_none(self):
        assert Results.of(scores_of([])).series == {}


class TestJsonLines:
    def log(self, path, scores):
        parse_tracker(f"jsonl={path}").log(Results.of(scores))
        return [json.loads(line) for line in path.read_text().splitlines()]

    def test_a_line_says_all_of_a_checkpoint_to_the_bit(self, tmp_path):
        scores = scores_of(["a-00500", "b"], confidence=0.9, identity=SYNTHETIC)
        first, second = self.log(tmp_path / "log", scores)
        row = scores.frame.row(0, named=True)
        assert first == {
            "checkpoint": "a-00500",
            "run": "a",
            "step": 500,
            "measures": {name: row[name] for name in MEASURES},
            "intervals": {
                name: {
                    "low": row[f"{name}_low"],
                    "high": row[f"{name}_high"],
                    "confidence": 0.9,
                    "method": "Clopper-Pearson",
                }
                for name in MEASURES
            },
            "counts": {name: row[name] for name in VERDICT_COUNTS},
            "near_chance": False,
            "signatures": scores.signatures,
            "annotations": {
                "name": "SYNTHETIC",
                "version": None,
                "fingerprint": SYNTHETIC.fingerprint,
                "genuine": False,
            },
        }
        assert (second["checkpoint"], second["run"], second["step"]) == ("b", None, None)

    def test_what_is_there_is_not_added_again(self, tmp_path):
        path = tmp_path / "log"
        assert len(self.log(path, scores_of(["a", "b"]))) == 2
        once = path.read_bytes()
        assert len(self.log(path, scores_of(["a", "b"]))) == 2
        assert path.read_bytes() == once
        assert [line["checkpoint"] for line in self.log(path, scores_of(["a", "b"], seed=1))] == ["a", "b", "a", "b"]

    def test_numbers_that_come_back_are_the_latest_again(self, tmp_path):
        path = tmp_path / "log"
        first, other = scores_of(["a-00500"]), scores_of(["a-00500"], seed=1)
        for scores in (first, other, first, first):
            found = self.log(path, scores)
        shares = [first.frame["MLA"][0], other.frame["MLA"][0], first.frame["MLA"][0]]
        assert [line["measures"]["MLA"] for line in found] == shares

    def test_other_measures_and_levels_are_no_other_numbers(self, tmp_path):
        path = tmp_path / "log"
        tracker = parse_tracker(f"jsonl={path}")
        for _ in range(2):
            for more in ({"confidence": 0.95}, {"measures": ["MLA"]}):
                assert (
                    tracker.log(
                        Results.of(scores_of(["a"], **more, wrong=[7], correct=[1], unclear=[0], unreviewed=[2]))
                    )
                    == []
                )
        assert len(path.read_text().splitlines()) == 2

    def test_what_is_measured_of_others_alone_changes_nothing(self, tmp_path):
        path = tmp_path / "log"
        with_mla = scores_of(["a"], measures=["MLA"])
        for mla in (with_mla, replace(with_mla, signatures={"MLA": "MLA|data:x|missing:wrong"})):
            both = scores_of(["a", "b"], measures=["MLA", "Top1"], MLA=[0.5, None], MLA_right=[3, None])
            found = self.log(path, replace(both, signatures={**both.signatures, **mla.signatures}))
        assert [line["checkpoint"] for line in found] == ["a", "b", "a"]
        assert found[1]["measures"].keys() == found[1]["signatures"].keys() == {"Top1"}

    def test_of_several_of_one_name_none_is_added_again(self, tmp_path):
        path = tmp_path / "log"
        for _ in range(2):
            assert parse_tracker(f"jsonl={path}").log(Results.of(scores_of(["b", "b", "a"]))) == []
        assert len(path.read_text().splitlines()) == 3

    def test_other_numbers_of_one_name_are_told(self, tmp_path):
        tracker = parse_tracker(f"jsonl={tmp_path / 'log'}")
        names = ["a-00500", "b", "checkpoint-5"]
        assert tracker.log(Results.of(scores_of(names))) == []
        assert tracker.log(Results.of(scores_of(names))) == []
        assert tracker.log(Results.of(scores_of(names, seed=1))) == ["a at step 500", "b", "run at step 5"]

    def test_a_line_of_another_program_is_no_obstacle(self, tmp_path):
        path = tmp_path / "log"
        self.log(path, scores_of(["a"]))
        path.write_text(path.read_text() + re.sub('"measures": .*?}', '"measures": [[', path.read_text()))
        assert parse_tracker(f"jsonl={path}").log(Results.of(scores_of(["a"]))) == ["a"]

    def test_a_line_that_a_kill_cut_off_does_no_harm(self, tmp_path):
        path = tmp_path / "log"
        self.log(path, scores_of(["a"]))
        path.write_bytes(path.read_bytes()[:-40])
        parse_tracker(f"jsonl={path}").check()
        parse_tracker(f"jsonl={path}").log(Results.of(scores_of(["a"])))
        assert json.loads(path.read_text().splitlines()[-1])["checkpoint"] == "a"

    @pytest.mark.parametrize("left", [1, 20, 100])
    def test_a_first_line_that_a_kill_cut_off_is_no_obstacle_for_good(self, left, tmp_path):
        path = tmp_path / "log"
        self.log(path, scores_of(["a"]))
        line = path.read_bytes()
        path.write_bytes(line[:left])
        for _ in range(2):
            parse_tracker(f"jsonl={path}").check()
            parse_tracker(f"jsonl={path}").log(Results.of(scores_of(["a"])))
        assert path.read_bytes() == line[:left] + b"\n" + line

    @pytest.mark.parametrize("name", STRANGE)
    def test_any_name_is_one_line_of_ascii(self, name):
        (line,) = lines(Results.of(scores_of([name])) if name != "\udcff" else _lone_surrogate())
        assert line.isascii()
        assert "\n" not in line
        assert json.loads(line)["checkpoint"] == name

    def test_nothing_that_is_no_number_gets_into_json(self):
        (line,) = lines(Results.of(scores_of(["a"], MLA=[math.nan], Top1=[math.inf], wrong=[None])))
        found = json.loads(line)
        assert found["measures"].keys() == found["signatures"].keys() == {*MEASURES} - {"MLA", "Top1"}
        assert "wrong" not in found["counts"]

    @pytest.mark.parametrize(
        "content",
        ["notes\n", '{"a": 1}\n', '{"checkpoint": "a", "file_name": "b"}\n', "[" * 9999, '{\n "a": 1\n}\n', "\nnotes"],
    )
    def test_another_file_is_left_alone(self, content, tmp_path):
        path = tmp_path / "file"
        path.write_text(content)
        with pytest.raises(TrackerError, match="not a log of scores: its first line is something else"):
            parse_tracker(f"jsonl={path}").check()
        assert path.read_text() == content

    @pytest.mark.parametrize("where", ["", "nowhere/log"])
    def test_a_place_that_cannot_be_written_is_refused(self, where, tmp_path):
        with pytest.raises(TrackerError, match=r"cannot be written: .*Name another file"):
            parse_tracker(f"jsonl={tmp_path / where}").check()

    def test_a_pipe_is_refused_in_one_sentence(self, tmp_path):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        with pytest.raises(TrackerError, match=r"pipe: cannot be written: [^.]*not seekable\. Name another file\.$"):
            parse_tracker(f"jsonl={path}").check()

    def test_a_device_takes_lines_too(self):
        tracker = parse_tracker("jsonl=/dev/null")
        tracker.check()
        assert tracker.log(Results.of(scores_of(["a"]))) == []

    @pytest.mark.parametrize("where", ["-", "/dev/stdout"])
    def test_standard_output_by_either_name(self, where, capsys):
        tracker = parse_tracker(f"jsonl={where}")
        tracker.check()
        tracker.log(Results.of(scores_of(["a"])))
        assert tracker.takes_standard_output
        assert json.loads(capsys.readouterr().out)["checkpoint"] == "a"


def _lone_surrogate():
    results = Results.of(scores_of(["a"]))
    object.__setattr__(results.records[0], "checkpoint", "\udcff")
    return results


class TestNames:
    def test_no_two_measures_have_the_same_metric(self):
        names = {f"{name}{end}" for name in _measures() for end in ("", "_low", "_high", "_right")}
        names |= {*VERDICT_COUNTS, "missing", "ties"}
        assert len(names) > 500
        assert len(set(map(metric_name, names))) == len(names)

    @pytest.mark.parametrize("name", ["MLA", "MLA(classes=0-9+15, k=labels)_low", "Top1(images=validation)_high"])
    def test_a_metric_has_only_letters_that_mlflow_allows(self, name):
        assert set(metric_name(name)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/ ")

    def test_long_names_are_told_apart_by_a_digest(self):
        long = [str(MLA(classes=range(first, 1000, 2))) for first in (0, 1, 2)]
        names = {metric_name(f"{name}{end}") for name in long for end in ("", "_low", "_high")}
        assert len(names) == 9
        assert max(map(len, names)) == LONGEST

    @given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
    @example(["a/b", "a%2Fb"])
    @example(["", "%"])
    @example(["tfevents", "%74fevents"])
    @example([".", "%2E"])
    @example(["a/", "a"])
    @example(["x" * 5000, "x" * 5001])
    def test_no_two_runs_have_the_same_folder_and_none_leads_elsewhere(self, names):
        first, second = map(folder_of, names)
        assert first != second
        for folder in (first, second):
            assert not folder.is_absolute()
            assert not {"..", "."} & set(folder.parts)
            assert all(0 < len(part.encode("utf-8", "surrogateescape")) <= 255 for part in folder.parts)
            assert all(part.isprintable() and "tfevents" not in part for part in folder.parts)

    @pytest.mark.parametrize("name", STRANGE)
    def test_a_folder_can_be_made_for_any_name(self, name, tmp_path):
        folder = tmp_path / folder_of(name)
        folder.mkdir(parents=True)
        assert folder.resolve().is_relative_to(tmp_path.resolve())
        assert folder != tmp_path


def _measures():
    """Every measure of the registry, with every value of every argument, and some for arguments that have no end."""
    some = {"classes": ["all", "dog", "organism-not-dog", "0-9+15", "0+15", "9-15"], "k": ["1", "5", "labels"]}
    for kind in KINDS.values():
        choices = {name: kind.choices.get(name) or some[name] for name in (field.name for field in fields(kind))}
        for values in product(*choices.values()):
            try:
                yield str(kind(**dict(zip(choices, values, strict=True))))
            except MeasureError:
                continue


class TestOptions:
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("wandb", "unknown tracker 'wandb'. Known: " + ", ".join(kind.form for kind in TRACKERS.values())),
            ("tensorboard=", "'tensorboard=' names no place"),
            ("jsonl", "jsonl names no file"),
        ],
    )
    def test_a_tracker_that_is_none(self, text, sentence):
        result = run("score", "a.csv", "--log", text)
        assert result.exit_code == 2
        assert sentence in " ".join(result.stderr.split())

    def test_the_help_lists_all(self):
        text = " ".join(run("score", "--help").stdout.split())
        assert all(kind.form in text and kind.meaning in text for kind in TRACKERS.values())
        assert "--step-pattern" in text

    def test_what_fails_is_not_logged(self, predictions):
        result = run("score", *predictions, "--on-error", "skip", "--log", "jsonl=log.jsonl", "--format", "json")
        assert result.exit_code == 1
        rows = json.loads(result.stdout)["scores"]
        logged = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
        assert [line["checkpoint"] for line in logged] == ["base-00500", "base-01000"]
        assert [(line["run"], line["step"]) for line in logged] == [("base", 500), ("base", 1000)]
        for line, row in zip(logged, rows, strict=True):
            assert {**line["measures"], **line["counts"], "checkpoint": line["checkpoint"]} == row

    def test_another_checkpoint_of_the_same_name_is_said(self, predictions):
        for folder, name in zip(("outA", "outB"), predictions[:2], strict=True):
            Path(folder).mkdir()
            Path(name).rename(f"{folder}/checkpoint-500.csv")
        for folder in ("outA", "outA"):
            assert "had other numbers" not in run("score", folder, "--log", "jsonl=log.jsonl").stderr
        result = run("score", "outB", "--log", "jsonl=log.jsonl")
        assert result.exit_code == 0
        assert (
            "Warning: log.jsonl: 1 checkpoint had other numbers there until now: run at step 500. "
            "Other checkpoints of the same names need a place of their own.\n"
        ) in result.stderr

    def test_all_is_logged_whatever_is_shown(self, predictions):
        result = run("score", *predictions[:2], "--top", "1", "--log", "jsonl=log.jsonl", "--format", "csv")
        assert len(result.stdout.splitlines()) == 2
        assert len(Path("log.jsonl").read_text().splitlines()) == 2

    def test_lines_on_standard_output_take_the_place_of_the_table(self, predictions):
        result = run("score", *predictions, "--on-error", "skip", "--log", "jsonl=-")
        assert [json.loads(line)["checkpoint"] for line in result.stdout.splitlines()] == ["base-00500", "base-01000"]
        assert "Error: bad.csv" in result.stderr
        result = run("score", *predictions[:2], "--log", "jsonl=-", "-o", "scores.csv")
        assert len(result.stdout.splitlines()) == 2
        assert Path("scores.csv").read_text().startswith("checkpoint,")

    @pytest.mark.parametrize(
        "more", [["--format", "json"], ["--log", "jsonl=-", "--log", "jsonl=-", "--format", "csv"]]
    )
    def test_two_things_cannot_go_to_standard_output(self, predictions, more):
        result = run("score", *predictions[:1], "--log", "jsonl=-", *more)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "standard output" in result.stderr

    @pytest.mark.parametrize("link", [False, True])
    def test_no_file_that_is_read_is_added_to(self, predictions, link):
        before = Path("base-00500.csv").read_bytes()
        Path("link.csv").symlink_to("base-00500.csv")
        result = run("score", predictions[0], "--log", f"jsonl={'link.csv' if link else predictions[0]}")
        assert result.exit_code == 2
        assert "would overwrite a file that is to be read" in result.stderr
        assert Path("base-00500.csv").read_bytes() == before

    @pytest.mark.parametrize("there", [False, True])
    @pytest.mark.parametrize("log", ["o.json", "./o.json", "link.json", "{folder}/o.json"])
    @pytest.mark.parametrize("command", ["score", "scores"])
    def test_no_file_is_both_the_output_and_a_log(self, predictions, command, log, there):
        Path("link.json").symlink_to("o.json")
        if there:
            Path("o.json").write_text("")
        log = f"jsonl={log.format(folder=Path.cwd())}"
        result = run(command, predictions[0] if command == "score" else "store", "-o", "o.json", "--log", log)
        assert result.exit_code == 2
        assert "and -o o.json would both write this file" in " ".join(result.stderr.split())
        assert Path("o.json").exists() == there
        assert not there or Path("o.json").read_text() == ""

    def test_an_output_and_a_log_of_two_names_are_two_files(self, predictions):
        result = run("score", predictions[0], "-o", "o.json", "--log", "jsonl=log.json")
        assert result.exit_code == 0
        assert json.loads(Path("o.json").read_text())["scores"]
        assert json.loads(Path("log.json").read_text())["measures"]

    @pytest.mark.usefixtures("predictions")
    def test_trackers_are_checked_before_anything_is_scored(self):
        result = run("score", "base-00500.csv", "--log", "jsonl=nowhere/log", "--store", "store")
        assert result.exit_code == 1
        assert "nowhere/log: cannot be written" in result.stderr
        assert result.stdout == ""
        assert not list(Path().glob("store/*.parquet"))

    @pytest.mark.usefixtures("predictions")
    def test_a_tracker_that_fails_costs_neither_the_table_nor_the_other(self, monkeypatch):
        def log(*_):
            raise TrackerError("gone")

        monkeypatch.setattr(TRACKERS["tensorboard"], "check", lambda _: None)
        monkeypatch.setattr(TRACKERS["tensorboard"], "log", log)
        result = run("score", "base-00500.csv", "--log", "tensorboard", "--log", "jsonl=log.jsonl")
        assert result.exit_code == 1
        assert "base-00500" in result.stdout
        assert result.stderr == "Error: gone\n"
        assert len(Path("log.jsonl").read_text().splitlines()) == 1

    def test_a_store_is_logged_as_its_scores_were(self, predictions):
        pytest.importorskip("xxhash")
        run("score", *predictions[:2], "--store", "store", "--log", "jsonl=first.jsonl")
        assert run("scores", "store", "--log", "jsonl=second.jsonl").exit_code == 0
        first, second = (
            sorted(map(_measured, Path(name).read_text().splitlines())) for name in ("first.jsonl", "second.jsonl")
        )
        assert first == second
        result = run("scores", "store", "--log", "jsonl=store/log.jsonl")
        assert result.exit_code == 2
        assert "would lie in the store" in result.stderr

    @pytest.mark.usefixtures("predictions")
    def test_steps_are_told_by_a_pattern(self):
        run("score", "base-00500.csv", "--log", "jsonl=log.jsonl", "--step-pattern", r"(?P<run>b)ase-00(?P<step>\d)")
        assert _measured(Path("log.jsonl").read_text())[1:3] == ("b", 5)
        assert run("score", "base-00500.csv", "--log", "jsonl=log.jsonl", "--step-pattern", "(").exit_code == 2


def _measured(line):
    found = json.loads(line)
    return found["checkpoint"], found["run"], found["step"], sorted(found["measures"].items())


@pytest.mark.parametrize("tracker", ["mlflow", "tensorboard"])
def test_a_package_that_is_absent_is_named_with_its_extra(tracker, predictions):
    code = f"import sys; sys.modules[{tracker!r}] = None; from ml_scorer.cli import main; main()"
    command = [sys.executable, "-c", code, "score", "base-00500.csv", "--log", tracker]
    command += ["--annotations", "annotations.parquet"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    needs = f"--log {tracker} needs packages that are not installed: pip install 'ml-scorer[{tracker}]'"
    assert result.stderr == f"Error: {needs}\n"
