"""`ml-scorer report`: one HTML file from files of predictions."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from pages import made_labels

pytest.importorskip("altair")
pytest.importorskip("jinja2")
pytest.importorskip("scipy")
pytest.importorskip("vl_convert")

from ml_scorer.cli import main  # after what may be absent
from ml_scorer.errors import MissingExtraError
from ml_scorer.report.page import build


@pytest.fixture
def sweep(tmp_path, synthetic):
    folder = tmp_path / "sweep"
    folder.mkdir()
    for step, labels in enumerate(made_labels(synthetic, [0.6, 0.7, 0.8]), 1):
        np.save(folder / f"run-at-{step}.npy", labels)
    return folder


def run(table, *arguments):
    fixed = ["--annotations", str(table), "--order", "annotations"]
    return CliRunner().invoke(main, ["report", *map(str, arguments), *fixed])


def test_it_writes_one_file_and_says_how_large_it_is(sweep, synthetic_table, tmp_path):
    output = tmp_path / "report.html"
    result = run(synthetic_table, sweep, "-o", output, "--title", "My <sweep>", "--confidence", "0.9")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(f"wrote {output} (1.")
    text = output.read_text(encoding="utf-8")
    assert "<h1>My &lt;sweep&gt;</h1>" in text
    assert "their 90% intervals" in text
    assert 'id="chart-training"' not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "sweep"]


def test_a_model_near_chance_is_doubted_as_by_score(synthetic, synthetic_table, tmp_path):
    np.save(tmp_path / "untrained.npy", np.random.default_rng(0).integers(0, 1000, len(synthetic), dtype=np.int16))
    result = run(synthetic_table, tmp_path / "untrained.npy", "-o", tmp_path / "report.html")
    assert result.exit_code == 0, result.output
    score = ["score", str(tmp_path / "untrained.npy"), "--annotations", str(synthetic_table), "--order", "annotations"]
    warning = next(line for line in CliRunner().invoke(main, score).stderr.splitlines() if "near chance" in line)
    assert warning in result.stderr.splitlines()
    assert warning.removeprefix("Warning: n") in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_step_pattern_finds_the_runs(sweep, synthetic_table, tmp_path):
    output = tmp_path / "report.html"
    result = run(synthetic_table, sweep, "-o", output, "--step-pattern", r"(?P<run>.+)-at-(?P<step>\d+)")
    assert result.exit_code == 0, result.output
    assert 'id="chart-training"' in output.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "report.pdf"], "report.pdf: a report is HTML. Name a file that ends in .html."),
        (["-o", "r.html", "--step-pattern", r"\d+"], "has no group run and no group step"),
        (["-o", "r.html", "--step-pattern", "("], "is no regular expression"),
        (["-o", "r.html", "--confidence", "95"], "confidence=95: expected a share between 0 and 1"),
        ([], "Missing option '-o'"),
    ],
)
def test_wrong_usage(sweep, synthetic_table, options, message):
    result = run(synthetic_table, sweep, *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_file_that_cannot_be_written(sweep, synthetic_table, tmp_path):
    result = run(synthetic_table, sweep, "-o", tmp_path / "nowhere" / "report.html")
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory. Name another file." in result.stderr


def test_inputs_that_fail_are_listed_in_the_report_and_make_it_fail(sweep, synthetic_table, tmp_path):
    np.save(sweep / "<b>broken.npy", np.zeros(7, np.int16))
    output = tmp_path / "report.html"
    result = run(synthetic_table, sweep, "-o", output, "--on-error", "skip")
    assert result.exit_code == 1
    assert "broken.npy" in result.stderr
    text = output.read_text(encoding="utf-8")
    assert "1 could not be scored" in text
    assert "&lt;b&gt;broken.npy" in text
    assert "<b>" not in text.partition("<script")[0]


def test_nothing_scored_is_no_report(tmp_path, synthetic_table):
    np.save(tmp_path / "broken.npy", np.zeros(7, np.int16))
    result = run(synthetic_table, tmp_path / "broken.npy", "-o", tmp_path / "report.html", "--on-error", "skip")
    assert result.exit_code == 1
    assert "no checkpoint could be scored, so that there is nothing to report." in result.stderr
    assert not (tmp_path / "report.html").exists()


def test_a_missing_package_names_the_extra(sweep, synthetic_table, tmp_path, monkeypatch):
    def missing():
        raise MissingExtraError("a report", "report")

    monkeypatch.setattr(build, "_template", missing)
    result = run(synthetic_table, sweep, "-o", tmp_path / "report.html")
    assert result.exit_code == 1
    assert "a report needs packages that are not installed: pip install 'ml-scorer[report]'" in result.stderr
