"""`ml-scorer score` as a check: `--fail-under`, `--baseline`, and the options that they go with."""

from __future__ import annotations

import json
from fractions import Fraction

import click
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from tables import small_frame, write_sealed

from ml_scorer import MLA, Top1
from ml_scorer.cli import main
from ml_scorer.cli.threshold import Threshold, parse_threshold
from ml_scorer.imagenet import validation_labels
from ml_scorer.report.exact import PARQUET_FORMAT
from ml_scorer.schema import CORRECT, UNCLEAR, image_names


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="ml-scorer")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def misused(result, *sentences):
    assert (result.exit_code, result.stdout) == (2, "")
    message = " ".join(result.stderr.split())
    for sentence in sentences:
        assert sentence in message


def refused(result, *sentences):
    assert (result.exit_code, result.stdout) == (1, "")
    message = " ".join(result.stderr.split())
    for sentence in sentences:
        assert sentence in message


IMAGES = np.argsort(validation_labels()[1:], kind="stable").reshape(1000, 50)[:, :2].T.ravel() + 1
"""Two images of each class: all first ones by class, then all second ones."""

LABELS = np.arange(2000) % 1000
BY_NAME = np.argsort(IMAGES)


def write_table(path, changed=0):
    """Annotations of these images, of which each has its original label alone as correct, but for some."""
    correct = [[(label + 1) % 1000] if row < changed else [label] for row, label in enumerate(LABELS.tolist())]
    columns = {"file_name": image_names(pl.Series(IMAGES)), "original_label": LABELS, CORRECT: correct}
    return write_sealed(path, small_frame(2000, **columns, **{UNCLEAR: [[]] * 2000}).sort("file_name"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("table") / "annotations.parquet")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Predictions that have so many of the two thousand images wrong."""
    folder = tmp_path_factory.mktemp("predictions")
    for name, first, wrong in (
        ("good", 0, 100),
        ("same", 0, 100),
        ("bit", 0, 105),
        ("bad", 0, 200),
        ("other", 500, 130),
    ):
        labels = LABELS.copy()
        labels[first : first + wrong] = (labels[first : first + wrong] + 7) % 1000
        pl.DataFrame({"file_name": image_names(pl.Series(IMAGES)), "predicted_class": labels}).write_csv(
            folder / f"{name}.csv"
        )
    return folder


@pytest.fixture
def scored(table):
    return lambda *arguments: run("score", "--annotations", table, *arguments)


# What a threshold is


@pytest.mark.parametrize(
    ("text", "measure", "least"),
    [
        ("MLA=0.85", MLA(), Fraction(85, 100)),
        ("MLA=85%", MLA(), Fraction(85, 100)),
        (" MLA(unclear=wrong) = 84.5 % ", MLA(unclear="wrong"), Fraction(845, 1000)),
        ("MLA(average=image,unclear=wrong)=.5", MLA(unclear="wrong", average="image"), Fraction(1, 2)),
        ("Top1=1", Top1(), Fraction(1)),
        ("Top1=0", Top1(), Fraction(0)),
    ],
)
def test_a_threshold_is_a_measure_and_a_share(text, measure, least):
    assert parse_threshold(text) == Threshold(measure, least)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("MLA", "expected a measure and a share"),
        ("MLA=", "expected a measure and a share"),
        ("=0.5", "expected a measure and a share"),
        ("MLA(unclear=wrong)", "expected a measure and a share"),
        ("MLA=high", "expected a measure and a share"),
        ("MLA=1/0", "expected a measure and a share"),
        ("MLA=nan", "expected a measure and a share"),
        ("MLA=85", r"lies in \[0, 1\]\. Did you mean 0\.85 or 85%\?"),
        ("MLA=850", r"lies in \[0, 1\]\.$"),
        ("MLA=120%", r"lies in \[0, 1\]\.$"),
        ("MLA=-0.5", r"lies in \[0, 1\]\.$"),
        ("Accuracy=0.5", "unknown measure 'Accuracy'"),
    ],
)
def test_what_is_no_threshold_is_misused(text, fault):
    with pytest.raises(click.BadParameter, match=fault):
        parse_threshold(text)


# --fail-under


def test_a_score_that_is_high_enough_passes(scored, files):
    result = scored(files / "good.csv", "--fail-under", "MLA=0.95", "--fail-under", "MLA=50%")
    assert (result.exit_code, result.stderr) == (0, "")


def test_each_score_that_falls_short_is_said_after_the_table(scored, files):
    result = scored(files / "good.csv", files / "bad.csv", "--fail-under", "MLA=0.94", "--fail-under", "Top1=0.9500001")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[2].startswith("checkpoint")
    assert result.stderr.splitlines() == [
        "Error: bad: MLA is 90.00%, under 94.00%.",
        "Error: good: Top1 is 95.00000%, under 95.00001%.",
        "Error: bad: Top1 is 90.00%, under 95.00%.",
    ]


def test_a_measure_that_was_not_asked_for_is_measured_too(scored, files):
    result = scored(files / "bad.csv", "--measure", "Top1", "--fail-under", "MLA=0.95", "--format", "json")
    assert list(json.loads(result.stdout)["signatures"]) == ["Top1", "MLA"]
    assert result.exit_code == 1


def test_all_checkpoints_are_checked_whatever_is_shown(scored, files):
    result = scored(files / "good.csv", files / "bad.csv", "--top", "1", "--fail-under", "MLA=0.94")
    assert result.exit_code == 1
    assert "bad: MLA" in result.stderr


def test_a_threshold_that_is_none_is_wrong_usage(scored, files):
    misused(scored(files / "good.csv", "--fail-under", "MLA=85"), "--fail-under", "Did you mean 0.85 or 85%?")


def test_a_name_that_falls_short_steers_no_terminal(scored, files, tmp_path):
    (tmp_path / "a\x1b[2J.csv").write_bytes((files / "bad.csv").read_bytes())
    assert "\x1b" not in scored(tmp_path / "a\x1b[2J.csv", "--fail-under", "MLA=0.95").stderr


# --confidence


def test_a_confidence_gives_intervals(scored, files):
    pytest.importorskip("scipy")
    document = json.loads(scored(files / "good.csv", "--confidence", "0.995", "--format", "json").stdout)
    (row,) = document["scores"]
    assert document["confidence"] == 0.995
    assert set(document["intervals"]) == set(document["signatures"])
    for measure, method in document["intervals"].items():
        assert row[f"{measure}_low"] < row[f"{measure}_high"]
        assert row[f"{measure}_low"] <= row[measure] <= row[f"{measure}_high"]
        assert any(method in note and measure in note for note in document["notes"])
    assert "95.00% [" in scored(files / "good.csv", "--confidence", "0.995").stdout


@pytest.mark.parametrize(
    ("text", "hint"), [("95", "Did you mean 0.95?"), ("0", "0.95"), ("1", "0.95"), ("nan", "0.95")]
)
def test_what_is_no_confidence_is_wrong_usage(text, hint, scored, files):
    misused(scored(files / "good.csv", "--confidence", text), "--confidence", "a share between 0 and 1", hint)


# --baseline, a file of predictions


def test_a_significant_drop_from_predictions_fails(scored, files):
    pytest.importorskip("scipy")
    result = scored(files / "bad.csv", "--measure", "MLA", "--baseline", files / "good.csv")
    assert result.exit_code == 1
    assert "checkpoint" in result.stdout
    assert "good" not in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: bad has MLA 90.00%, the baseline good 95.00%: -5.00 pp [")
    assert "95% interval; paired" in line
    assert line.endswith("for a drop: a significant drop.")


@pytest.mark.parametrize(("name", "difference"), [("same", "+0.00"), ("other", "-1.50")])
def test_what_is_not_significantly_worse_passes(name, difference, scored, files):
    pytest.importorskip("scipy")
    confidence = ("--confidence", "0.999") if name == "other" else ()
    result = scored(files / f"{name}.csv", "--baseline", files / "good.csv", *confidence)
    assert result.exit_code == 0
    assert f"{difference} pp [" in result.stderr
    assert result.stderr.startswith("Baseline: ")
    assert result.stderr.endswith("no significant drop.\n")


def test_a_better_checkpoint_passes(scored, files):
    pytest.importorskip("scipy")
    result = scored(files / "good.csv", "--baseline", files / "bad.csv")
    assert result.exit_code == 0
    assert "+5.00 pp" in result.stderr


def test_several_checkpoints_are_compared_each(scored, files):
    pytest.importorskip("scipy")
    result = scored(files / "same.csv", files / "bad.csv", "--baseline", files / "good.csv")
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith("Baseline: same")
    assert second.startswith("Error: bad")
    assert "for a drop, adjusted for their number" in second


def test_a_baseline_of_several_checkpoints_is_refused(scored, files, tmp_path):
    pytest.importorskip("scipy")
    np.save(tmp_path / "two.npy", np.tile(LABELS[BY_NAME], (2, 1)))
    result = scored(files / "bad.csv", "--order", "annotations", "--baseline", tmp_path / "two.npy")
    refused(result, "2 checkpoints are in there (two[0], two[1])", "a baseline is one")


@pytest.mark.parametrize("name", ["good.csv", "link.csv", "hard.csv", "../good.csv"])
def test_a_baseline_is_not_compared_with_itself(name, scored, files, tmp_path):
    pytest.importorskip("scipy")
    (tmp_path / "sub").mkdir()
    for file in ("good.csv", "same.csv", "bad.csv"):
        (tmp_path / file).write_bytes((files / file).read_bytes())
    (tmp_path / "link.csv").symlink_to(tmp_path / "good.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "good.csv")
    three = [tmp_path / file for file in ("same.csv", "good.csv", "bad.csv")]
    result = scored(*three, "--baseline", tmp_path / "sub" / name if name.startswith(".") else tmp_path / name)
    assert result.exit_code == 1
    assert [line.split(" has ")[0] for line in result.stderr.splitlines()] == ["Baseline: same", "Error: bad"]
    assert len(json.loads(scored(*three, "--baseline", three[1], "--format", "json").stdout)["scores"]) == 3


def test_a_baseline_of_a_name_that_others_have_is_not_compared_with_itself(scored, files, tmp_path):
    pytest.importorskip("scipy")
    for name, source in (("x", "good"), ("y", "bad")):
        frame = pl.read_csv(files / f"{source}.csv")
        frame.with_columns(checkpoint=pl.lit("run")).write_csv(tmp_path / f"{name}.csv")
    other = tmp_path / "run.csv"
    other.write_bytes((files / "same.csv").read_bytes())
    scores = scored(tmp_path / "x.csv", tmp_path / "y.csv", other, "--baseline", tmp_path / "x.csv")
    assert [line.split(" has ")[0] for line in scores.stderr.splitlines()] == ["Error: y/run", "Baseline: run"]
    scores = scored(tmp_path / "x.csv", tmp_path / "y.csv", other, "--baseline", other)
    assert [line.split(" has ")[0] for line in scores.stderr.splitlines()] == ["Baseline: x/run", "Error: y/run"]


def test_a_baseline_alone_has_nothing_to_be_compared_with(scored, files):
    pytest.importorskip("scipy")
    refused(scored(files / "good.csv", "--baseline", files / "good.csv"), "there is nothing to compare with it")


def test_a_baseline_that_does_not_exist_is_refused(scored, files):
    pytest.importorskip("scipy")
    refused(scored(files / "bad.csv", "--baseline", "nowhere.csv"), "nowhere.csv: no such file")


def test_a_baseline_of_predictions_and_a_store_are_wrong_usage(scored, files, tmp_path):
    result = scored(files / "bad.csv", "--baseline", files / "good.csv", "--store", tmp_path / "store")
    misused(result, "a file of predictions", "a store keeps only scores", "name an earlier result")


# --baseline, an earlier result


@pytest.fixture(scope="module", params=["json", "csv", "parquet"])
def earlier(request, table, files, tmp_path_factory):
    """An earlier result with intervals."""
    pytest.importorskip("scipy")
    path = tmp_path_factory.mktemp("earlier") / f"earlier.{request.param}"
    result = run("score", "--annotations", table, files / "good.csv", "--confidence", "0.9", "-o", path)
    assert result.exit_code == 0
    return path


def test_a_significant_drop_from_an_earlier_result_fails(earlier, scored, files):
    result = scored(files / "bad.csv", "--baseline", earlier)
    assert result.exit_code == 1
    assert "bad has MLA 90.00%, the baseline good 95.00%: -5.00 pp [" in result.stderr
    assert "95% interval; unpaired, from their intervals" in result.stderr


def test_a_small_drop_from_an_earlier_result_passes(earlier, scored, files):
    result = scored(files / "bit.csv", "--baseline", earlier)
    assert result.exit_code == 0
    assert "-0.25 pp" in result.stderr


def test_an_earlier_result_goes_with_a_store(earlier, scored, files, tmp_path):
    pytest.importorskip("xxhash")
    result = scored(files / "bad.csv", "--baseline", earlier, "--store", tmp_path / "store")
    assert result.exit_code == 1
    assert "a significant drop" in result.stderr


def test_an_earlier_result_without_intervals_is_taken_as_it_is(scored, files, tmp_path):
    pytest.importorskip("scipy")
    scored(files / "good.csv", "-o", tmp_path / "earlier.csv")
    result = scored(files / "bad.csv", "--baseline", tmp_path / "earlier.csv")
    assert result.exit_code == 1
    assert "taken to be as uncertain as the new one" in result.stderr


def test_an_earlier_result_is_told_by_its_content(earlier, scored, files, tmp_path):
    (tmp_path / "baseline.dat").write_bytes(earlier.read_bytes())
    assert "unpaired" in scored(files / "good.csv", "--baseline", tmp_path / "baseline.dat").stderr


def test_a_result_of_a_run_is_the_next_baseline(scored, files, tmp_path):
    pytest.importorskip("scipy")
    scored(files / "good.csv", "--confidence", "0.95", "-o", tmp_path / "a.json")
    scored(files / "same.csv", "--baseline", tmp_path / "a.json", "-o", tmp_path / "b.json")
    assert "unpaired, from their intervals" in scored(files / "good.csv", "--baseline", tmp_path / "b.json").stderr


def test_rows_of_an_earlier_result_are_found_by_name(scored, files, tmp_path):
    pytest.importorskip("scipy")
    scored(files / "good.csv", files / "bad.csv", "-o", tmp_path / "two.json")
    result = scored(files / "bad.csv", "--baseline", tmp_path / "two.json")
    assert "the baseline bad 90.00%: +0.00 pp" in result.stderr
    refused(
        scored(files / "other.csv", "--baseline", tmp_path / "two.json"), "2 checkpoints", "none of them called other"
    )


def test_another_measurement_is_refused(earlier, files, tmp_path):
    other = write_table(tmp_path / "other.parquet", changed=3)
    result = run("score", "--annotations", other, files / "bad.csv", "--baseline", earlier)
    refused(result, "another measurement: data:UNVERIFIED@", "Make the baseline again")


def test_another_way_to_say_the_order_is_the_same_measurement(earlier, scored, tmp_path):
    np.save(tmp_path / "good.npy", LABELS[BY_NAME])
    result = scored(tmp_path / "good.npy", "--order", "annotations", "--baseline", earlier)
    assert "+5.00 pp" in result.stderr
    assert result.exit_code == 0


def test_a_measure_that_an_earlier_result_lacks_is_refused(earlier, scored, files):
    result = scored(files / "bad.csv", "--measure", "Top1(average=class)", "--baseline", earlier)
    refused(result, "Top1(average=class) is not in this result, which has MLA, ")


@pytest.mark.parametrize("content", ['{"signatures": {}, "scores": [{]}', '{"signatures": 3, "scores": [1, "a"]}'])
def test_a_damaged_result_is_refused(content, scored, files, tmp_path):
    pytest.importorskip("scipy")
    (tmp_path / "earlier.json").write_text(content)
    refused(scored(files / "bad.csv", "--baseline", tmp_path / "earlier.json"), "an earlier result, but damaged")


@pytest.mark.parametrize(
    ("scores", "fault"),
    [
        ('[{"checkpoint": "old", "MLA": null}]', "MLA of old is missing, and a score is a number in [0, 1]"),
        ('[{"checkpoint": "old"}]', "MLA of old is missing"),
        ('[{"checkpoint": "old", "MLA": NaN}]', "MLA of old is nan"),
        ('[{"checkpoint": "old", "MLA": 85.08}]', "MLA of old is 85.08"),
        ('[{"checkpoint": "old", "MLA": "x"}]', "MLA of old is 'x'"),
        ('[{"checkpoint": "old", "MLA": 0.5, "MLA_low": 0.6, "MLA_high": 0.7}]', "outside its interval"),
        ('[{"checkpoint": "old", "MLA": 0.5, "MLA_low": null, "MLA_high": 0.7}]', "an interval has two ends"),
        ('[{"MLA": 0.5}]', "no name of a checkpoint in row 1"),
        ("[]", "no checkpoint in it was scored"),
    ],
)
def test_a_gate_without_a_usable_score_is_shut(scores, fault, scored, files, tmp_path):
    pytest.importorskip("scipy")
    scored(files / "good.csv", "--confidence", "0.95", "-o", tmp_path / "earlier.json")
    document = json.loads((tmp_path / "earlier.json").read_text())
    (tmp_path / "earlier.json").write_text(json.dumps({**document, "scores": json.loads(scores)}))
    refused(scored(files / "bad.csv", "--baseline", tmp_path / "earlier.json"), fault)


def test_a_result_of_failures_alone_is_no_baseline(scored, files, tmp_path):
    pytest.importorskip("scipy")
    for ending in ("json", "csv", "parquet"):
        path = tmp_path / f"earlier.{ending}"
        scored("nowhere.csv", "--on-error", "skip", "-o", path)
        refused(scored(files / "good.csv", "--baseline", path), "no checkpoint in it was scored")


def test_rows_of_several_measurements_are_refused(scored, files, tmp_path):
    pytest.importorskip("scipy")
    (tmp_path / "a.csv").write_text("checkpoint,MLA,MLA signature\na,0.5,MLA|data:x\nb,0.5,MLA|data:y\n")
    refused(scored(files / "bad.csv", "--baseline", tmp_path / "a.csv"), "rows of several measurements")


def test_names_of_an_earlier_csv_have_no_apostrophe(scored, files, tmp_path):
    pytest.importorskip("scipy")
    for name in ("=a", "b"):
        (tmp_path / f"{name}.csv").write_bytes((files / "good.csv").read_bytes())
    scored(tmp_path / "=a.csv", tmp_path / "b.csv", "-o", tmp_path / "earlier.csv")
    result = scored(tmp_path / "=a.csv", "--baseline", tmp_path / "earlier.csv")
    assert "the baseline =a 95.00%" in result.stderr


def test_the_baseline_is_never_overwritten(scored, files, earlier):
    before = earlier.read_bytes()
    misused(
        scored(files / "good.csv", "--baseline", earlier, "-o", earlier), "would overwrite a file that is to be read"
    )
    assert earlier.read_bytes() == before


def test_where_nothing_was_scored_nothing_is_compared(scored, files):
    pytest.importorskip("scipy")
    result = scored("nowhere.csv", "--on-error", "skip", "--baseline", files / "good.csv", "--rank")
    assert result.exit_code == 1
    assert "drop" not in result.stderr


# --rank, --group-by, --sort, formats


def test_places_are_shown_best_first(scored, files):
    result = scored(files / "bad.csv", files / "good.csv", files / "same.csv", "--rank", "--format", "json")
    document = json.loads(result.stdout)
    assert [(row["checkpoint"], row["place_low"], row["place_high"]) for row in document["scores"]] == [
        ("good", 1, 2),
        ("same", 1, 2),
        ("bad", 3, 3),
    ]
    assert document["places"] == {"measure": "MLA", "confidence": 0.95}
    people = scored(files / "bad.csv", files / "good.csv", files / "same.csv", "--rank", "--sort", "name").stdout
    assert [line.split()[:2] for line in people.splitlines()[2:6]] == [
        ["checkpoint", "place"],
        ["bad", "3"],
        ["good", "1\u20132"],
        ["same", "1\u20132"],
    ]
    assert "place: the places that the data leave open, by MLA; 95% confidence" in people


def test_seeds_are_averaged(scored, files, tmp_path):
    pytest.importorskip("scipy")
    for name, source in (("vit-seed1", "good"), ("vit-seed2", "bad"), ("cnn-seed1", "good")):
        (tmp_path / f"{name}.csv").write_bytes((files / f"{source}.csv").read_bytes())
    group = ("--group-by", r"(.+)-seed\d+")
    result = scored(
        *sorted(tmp_path.glob("*.csv")), *group, "--sort", "MLA", "--fail-under", "MLA=0.94", "--format", "json"
    )
    document = json.loads(result.stdout)
    assert [(row["run"], row["checkpoints"], row["MLA"]) for row in document["runs"]] == [
        ("cnn", 1, 0.95),
        ("vit", 2, 0.925),
    ]
    assert document["runs"][0]["MLA_seed_sd"] is None
    assert document["runs"][1]["MLA_seed_sd"] == pytest.approx(np.std([0.95, 0.9], ddof=1))
    assert result.stderr == "Error: vit: MLA (mean of 2) is 92.50%, under 94.00%.\n"
    passing = scored(*sorted(tmp_path.glob("*.csv")), *group, "--fail-under", "MLA=0.925")
    assert (passing.exit_code, passing.stderr) == (0, "")  # though one of its seeds is at 90%
    people = scored(*sorted(tmp_path.glob("*.csv")), *group, "--measure", "MLA").stdout
    assert "3.54 pp" in people
    assert "it is not in the intervals" in people


def test_runs_have_no_baseline(scored, files):
    result = scored(files / "good.csv", "--group-by", "(.+)", "--baseline", files / "bad.csv")
    misused(result, "--baseline compares checkpoints, and --group-by shows runs in their place. Choose one.")


def test_a_pattern_that_is_none_is_wrong_usage(scored, files):
    misused(scored(files / "good.csv", "--group-by", "("), "--group-by", "no regular expression")
    misused(scored(files / "good.csv", "--group-by", ""), "--group-by", "no group")
    refused(scored(files / "good.csv", "--group-by", r"(.+)-seed\d+"), "1 of 1 checkpoints have no run")


@pytest.mark.parametrize("option", [("--rank",), ("--group-by", "(.+)"), ("--bootstrap", "100")])
def test_what_needs_every_image_does_not_go_with_a_store(option, scored, files, tmp_path):
    result = scored(files / "good.csv", *option, "--store", tmp_path / "store")
    misused(result, f"{option[0]} needs the predictions of every image", "Leave --store out")


@pytest.mark.parametrize("option", [("--rank",), ("--bootstrap", "100")])
def test_runs_take_neither_places_nor_the_intervals_of_checkpoints(option, scored, files):
    misused(scored(files / "good.csv", *option, "--group-by", "(.+)"), "Choose one")


def test_intervals_are_resampled_when_that_is_asked_for(scored, files):
    drawn = [json.loads(scored(files / "bad.csv", "--format", "json", "--bootstrap", "500", "--seed", seed).stdout)
             for seed in ("3", "3", "4")]  # fmt: skip
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0]["confidence"] == 0.95
    assert drawn[0]["intervals"]["MLA"] == "stratified bootstrap of 500 resamples, seed 3"
    (row,) = drawn[0]["scores"]
    assert row["MLA_low"] < row["MLA"] < row["MLA_high"]
    misused(scored(files / "bad.csv", "--bootstrap", "10"), "--bootstrap")


def test_rows_are_sorted_as_is_said(scored, files):
    names = (files / "bad.csv", files / "same.csv", files / "good.csv")
    for sort, expected in (
        ("MLA", ["same", "good", "bad"]),
        ("name", ["bad", "good", "same"]),
        ("none", ["bad", "same", "good"]),
    ):
        rows = json.loads(scored(*names, "--sort", sort, "--format", "json").stdout)["scores"]
        assert [row["checkpoint"] for row in rows] == expected
    misused(scored(*names, "--sort", "Top5"), "--sort Top5: not among what is measured")
    misused(scored(*names, "--sort", "best"), "unknown measure 'best'", "Or name, or none")


def test_parquet_goes_into_a_file(scored, files, tmp_path):
    misused(scored(files / "good.csv", "--format", "parquet"), "no text to print", "-o FILE.parquet")
    assert scored(files / "good.csv", "-o", tmp_path / "scores.parquet").exit_code == 0
    assert pl.read_parquet_metadata(tmp_path / "scores.parquet")["format"] == PARQUET_FORMAT
    assert pl.read_parquet(tmp_path / "scores.parquet")["MLA"].to_list() == [0.95]


def test_an_ascii_pipe_takes_an_interval(scored, table, files):
    pytest.importorskip("scipy")
    result = CliRunner(charset="ascii").invoke(
        main, ["score", "--annotations", str(table), str(files / "good.csv"), "--confidence", "0.95"]
    )
    assert result.exit_code == 0
    assert "95.00% +/-" in result.stdout or "95.00% [" in result.stdout
