"""`ml-scorer groups`."""

from __future__ import annotations

import csv
import io
import json
import re
import sys

import pytest
from click.testing import CliRunner

from ml_scorer.breakdowns.factor_files import FACTORS
from ml_scorer.cli import main
from ml_scorer.schema import image_name

pytest.importorskip("scipy")


@pytest.fixture
def predictions(synthetic, tmp_path):
    """A checkpoint that is right by the original labels, but for the first class."""
    path = tmp_path / "model.csv"
    labels = synthetic.frame.select("file_name", prediction="original_label")
    labels.with_columns(prediction=labels["prediction"].replace({0: 999})).write_csv(path)
    return path


@pytest.fixture
def factors(synthetic, tmp_path):
    path = tmp_path / "factors.jsonl"
    entries = ({"file_name": image_name(number), **dict.fromkeys(FACTORS, int(number % 2))} for number in
               synthetic.images.tolist())  # fmt: skip
    path.write_text("\n".join(map(json.dumps, entries)))
    return path


@pytest.fixture
def run(synthetic_table):
    def run(*arguments, code=0):
        result = CliRunner().invoke(main, ["groups", "--annotations", str(synthetic_table), *map(str, arguments)])
        assert result.exit_code == code, result.output
        return result

    return run


def test_the_named_groups(run, predictions):
    output = run(predictions).output
    for text in ("organism-not-dog", "MLA(classes=dog)|data:SYNTHETIC@", "95% intervals: Clopper-Pearson", "upper: "):
        assert text in output


def test_json_has_all(run, predictions):
    document = json.loads(run(predictions, "--format", "json", "--membership", "any").stdout)
    assert [row["group"] for row in document["groups"]] == ["organism", "object", "dog", "organism-not-dog"]
    assert all(row["average"] == "image" and row["measure"] in document["signatures"] for row in document["groups"])
    assert document["confidence"] == 0.95
    assert any("not over classes" in note for note in document["notes"])


def test_csv_has_one_signature_a_row(run, predictions):
    rows = list(csv.DictReader(io.StringIO(run(predictions, "--format", "csv").stdout)))
    assert [row["signature"].split("|")[0] for row in rows] == [row["measure"] for row in rows]
    assert not [column for column in rows[0] if column.endswith(" signature")]


def test_groups_of_a_file(run, predictions, tmp_path):
    (tmp_path / "groups.csv").write_text("class,group\n0,a\n1,a\n1,<b>\n")
    document = json.loads(run(predictions, "--groups", tmp_path / "groups.csv", "--format", "json").stdout)
    assert [(row["group"], row["classes"], row["measure"]) for row in document["groups"]] == [
        ("a", 2, "MLA(classes=0-1)"),
        ("<b>", 1, "MLA(classes=1)"),
    ]


def test_scores_alone_need_no_scipy(run, predictions, factors, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    for arguments, table in (([], "groups"), (["--factors", factors], "factors")):
        document = json.loads(run(predictions, *arguments, "--no-intervals", "--format", "json").stdout)
        assert "low" not in document[table][0]
        assert document[table][0]["score"] > 0.5
        assert not any("intervals" in note for note in document["notes"])
    assert "ml-scorer[stats]" in run(predictions, code=1).output


def test_without_scipy_it_says_how_to_do_without_intervals(run, predictions, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    output = " ".join(run(predictions.parent / "absent.csv", code=1).output.split())
    assert "pip install 'ml-scorer[stats]', or do without intervals: --no-intervals" in output


def test_images_without_a_prediction(run, predictions, factors, tmp_path):
    fewer = tmp_path / "fewer.csv"
    fewer.write_text("".join(predictions.read_text().splitlines(keepends=True)[:19_001]))
    for arguments, table in (([], "groups"), (["--factors", factors], "factors")):
        document = json.loads(run(fewer, *arguments, "--missing", "wrong", "--format", "json").stdout)
        of_part = {row.get("group", row.get("factor")): row["missing"] for row in document[table]}
        number = of_part["all"] if table == "factors" else of_part["organism"] + of_part["object"]
        assert 0 < number < 1000
        of = "" if table == "factors" else " of MLA"
        assert f"missing: {number:,} images{of} have no prediction and count as wrong." in document["notes"]
        assert re.search(r"(?m)^checkpoint .* missing ", run(fewer, *arguments, "--missing", "wrong").stdout)
    assert "missing" not in json.loads(run(predictions, "--format", "json").stdout)["groups"][0]


def test_another_measure(run, predictions):
    output = run(predictions, "--measure", "MLA(unclear=wrong)").output
    assert "MLA(unclear=wrong, classes=dog)|" in output


def test_factors_of_a_file(run, predictions, factors):
    document = json.loads(run("--factors", factors, predictions, "--format", "json").stdout)
    assert [row["factor"] for row in document["factors"]] == ["all", *FACTORS]
    assert "+UNVERIFIED-FACTORS@" in document["signatures"]["MLA(average=image)"]
    assert any("Prototypical images are not left out" in note for note in document["notes"])


def test_a_measure_without_a_bound_shows_none(run, predictions, factors):
    output = run(predictions, "--factors", factors, "--measure", "Top1").output
    assert "upper" not in output
    assert "upper" in run(predictions, "--factors", factors).output


def test_factors_before_the_predictions_take_them_for_a_file(run, predictions):
    output = run("--factors", predictions, predictions, code=2).output
    assert "What follows --factors is read as a file of factors" in " ".join(output.split())


def test_factors_alone_are_the_top_ones_of_the_package(run, predictions, monkeypatch):
    asked = []

    def read(which):
        asked.append(which)
        raise FileNotFoundError("stop here")

    monkeypatch.setattr("ml_scorer.cli.groups.read_factors", read)
    run(predictions, "--factors", "--format", "json", code=1)
    run(predictions, "--factors", code=1)
    run("--factors", "multi", predictions, code=1)
    assert asked == ["top", "top", "multi"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--factors", "--membership", "any"], 2, "leave out --groups and --membership"),
        (["--measure", "MLA", "--measure", "Top1"], 2, "give --measure once"),
        (["--measure", "Top1"], 1, "Top1 cannot be measured over groups"),
        (["--groups", "absent.csv"], 1, "no such file of groups"),
        (["--groups", "."], 1, ". is a folder: name one file of groups"),
        (["--factors", "."], 2, ". is a folder: name the file of factors"),
        (["--factors", "absent.jsonl"], 1, "no such file of factors"),
    ],
)
def test_refusals(arguments, code, message, run, predictions):
    assert message in " ".join(run(predictions, *arguments, code=code).output.split())


def test_a_bad_file_is_listed_and_the_others_are_scored(run, predictions, tmp_path):
    (tmp_path / "bad.csv").write_text("file_name,prediction\nx.JPEG,1\n")
    result = run(predictions, tmp_path / "bad.csv", "--on-error", "skip", "--format", "json", code=1)
    document = json.loads(result.stdout)
    assert len(document["groups"]) == 4
    assert [failure["checkpoint"] for failure in document["failed"]] == ["bad"]
