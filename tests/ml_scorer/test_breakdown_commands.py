"""`ml-scorer classes`, `mistakes` and `review`: what they show, keep and refuse."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from click.testing import CliRunner
from made_up_predictions import made_up, outcomes_of, rows_of

from ml_scorer.breakdowns.choosing import Chosen
from ml_scorer.breakdowns.classes import class_table
from ml_scorer.breakdowns.confusions import confusion_pairs
from ml_scorer.breakdowns.mistakes import mistake_table
from ml_scorer.breakdowns.review import review_queue
from ml_scorer.cli import main
from ml_scorer.schema import image_names

COMMANDS = ("classes", "mistakes", "review")


@pytest.fixture(scope="module")
def predictions(synthetic):
    return made_up(rows_of(synthetic), hard=0.15, missing=0)


@pytest.fixture(scope="module")
def outcomes(predictions, synthetic):
    return outcomes_of(predictions, synthetic)


@pytest.fixture(scope="module")
def files(predictions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictions")
    for name, labels in predictions.items():
        pl.DataFrame({"image": list(labels), "label": list(labels.values())}).write_csv(folder / f"{name}.csv")
    return [str(folder / f"{name}.csv") for name in predictions]


@pytest.fixture
def run(synthetic_table):
    def run(command, *arguments):
        words = [command, *map(str, arguments), "--annotations", str(synthetic_table), "--trust-order"]
        result = CliRunner().invoke(main, words, prog_name="ml-scorer")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def table(run):
    """The rows that a command gives to programs, and its whole JSON object."""

    def table(command, *arguments, name=None):
        result = run(command, *arguments, "--format", "json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)[name or command]

    return table


def as_json(frame):
    return json.loads(json.dumps(frame.to_dicts()))


def test_classes_come_worst_first(table, files, outcomes):
    pytest.importorskip("scipy")
    rows = table("classes", *files)
    assert len(rows) == 3000
    assert [row["share"] for row in rows] == sorted(row["share"] for row in rows)
    expected = as_json(class_table(outcomes).drop("missing"))
    assert sorted(rows, key=lambda row: (row["checkpoint"], row["class"])) == expected


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("share", lambda row: (row["share"], -row["images"], row["class"])),
        ("wrong", lambda row: (row["right"] - row["images"], row["class"])),
        ("images", lambda row: (row["images"], row["share"], row["class"])),
        ("class", lambda row: row["class"]),
        ("name", lambda row: (row["name"].lower(), row["class"])),
    ],
)
def test_classes_in_another_order(table, files, sort, key):
    rows = table("classes", files[0], "--sort", sort, "--no-intervals")
    assert rows == sorted(rows, key=key)


def test_some_classes_only(table, files):
    def classes(*arguments):
        return {row["class"] for row in table("classes", files[0], "--no-intervals", *arguments)}

    assert classes("--class", "tench", "--class", "1", "--class", "n01484850") == {0, 1, 2}
    assert classes("--group", "dog") == classes("--classes", "151-268") == set(range(151, 269))
    assert classes("--classes", "0-2+9", "--class", "17") == {0, 1, 2, 9, 17}
    assert classes("--classes", "all") == set(range(1000))


def test_classes_of_at_most_a_share(table, files):
    rows = table("classes", *files, "--max-share", "0.8", "--no-intervals")
    assert rows
    assert all(row["share"] <= 0.8 for row in rows)


def test_classes_of_all_checkpoints_together(table, files, outcomes):
    rows = table("classes", *files, "--pooled", "--sort", "class")
    assert rows == as_json(class_table(outcomes, pooled=True).drop("missing"))


def test_an_upper_bound_is_left_out_where_there_is_none(table, files):
    rows = table("classes", files[0], "--measure", "Top1", "--no-intervals")
    assert "upper" not in rows[0]
    assert "upper" in table("classes", files[0], "--no-intervals")[0]


def test_people_see_the_worst_classes_by_name(run, files):
    pytest.importorskip("scipy")
    result = run("classes", *files)
    lines = result.stdout.splitlines()
    assert "wordnet_id" not in result.stdout
    heading = next(index for index, line in enumerate(lines) if line.startswith("checkpoint"))
    assert len(lines[heading + 1 : lines.index("", heading)]) == 20
    assert "20 of 3,000 rows: --limit N shows more, and a file such as -o classes.csv has all." in result.stdout
    assert "Intervals: 95% Clopper-Pearson, for each class by itself." in result.stdout
    assert "SYNTHETIC" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_limit(command, run, table, files):
    assert len(table(command, *files, "--limit", 3)) == 3
    assert "3 of " in run(command, *files, "--limit", 3).stdout


def test_mistakes_are_all_there_for_programs(table, files, outcomes):
    assert table("mistakes", *files) == as_json(mistake_table(outcomes))


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (["--verdict", "unreviewed"], Chosen(verdicts=["unreviewed"])),
        (["--verdict", "wrong", "--classes", "0-99"], Chosen(verdicts=["wrong"], classes=range(100))),
        (["--group", "dog", "--class", "0"], Chosen(classes=[0, *range(151, 269)])),
        (["--predicted", "goldfish", "--predicted", "5"], Chosen(predicted=[1, 5])),
        (["--min-checkpoints", "2"], Chosen(checkpoints=2)),
        (["--min-checkpoints", "2", "--same-label"], Chosen(checkpoints=2, same_label=True)),
        (["--shared", "all"], Chosen(checkpoints=3)),
        (["--shared", "all", "--same-label"], Chosen(checkpoints=3, same_label=True)),
    ],
)
def test_some_mistakes_and_their_confusions(arguments, chosen, table, files, outcomes):
    mistakes = table("mistakes", *files, *arguments)
    assert mistakes == as_json(mistake_table(outcomes, "MLA", chosen))
    assert mistakes
    confusions = table("mistakes", *files, *arguments, "--confusions", name="confusions")
    assert confusions == as_json(confusion_pairs(outcomes, "MLA", chosen))


def test_mistakes_of_an_image_by_its_name_or_number(table, files, outcomes):
    image = mistake_table(outcomes)["image"][0]
    number = int(image[15:23])
    rows = table("mistakes", *files, "--image", f"val/{image}")
    assert {row["image"] for row in rows} == {image}
    assert table("mistakes", *files, "--image", number) == rows


def test_people_see_names_and_no_numbers_of_classes(run, files):
    several, one = run("mistakes", *files).stdout, run("mistakes", files[0]).stdout
    assert "predicted_name" in several
    assert "predicted_label" not in several
    assert "wrong_checkpoints" in several
    assert "wrong_checkpoints" not in one


def test_nothing_like_that(run, table, files):
    assert table("mistakes", files[0], "--min-checkpoints", "2") == []
    assert "no rows" in run("mistakes", files[0], "--min-checkpoints", "2").stdout


def test_the_queue(table, files, outcomes):
    expected = review_queue(outcomes)
    assert table("review", *files) == as_json(expected)
    assert table("review", *files, "--min-checkpoints", 2) == as_json(expected.filter(pl.col("checkpoints") >= 2))
    dogs = table("review", *files, "--group", "dog", "--class", "0")
    assert dogs == as_json(
        expected.filter(pl.col("original_label").is_between(151, 268) | (pl.col("original_label") == 0))
    )


def test_the_queue_as_a_file(run, files, outcomes, tmp_path):
    result = run("review", *files, "-o", tmp_path / "queue.csv")
    assert result.exit_code == 0
    queue = pl.read_csv(tmp_path / "queue.csv")
    expected = review_queue(outcomes)
    assert queue["image"].to_list() == expected["image"].to_list()
    assert queue["accepted_names"].fill_null("").to_list() == expected["accepted_names"].list.join("; ").to_list()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_format_takes_them(command, run, files, tmp_path):
    pytest.importorskip("scipy")
    for ending in ("txt", "md", "tex", "csv", "json", "parquet"):
        result = run(command, *files, "-o", tmp_path / f"result.{ending}")
        assert result.exit_code == 0, result.stderr
    frame = pl.read_parquet(tmp_path / "result.parquet")
    assert frame.height == len(json.loads((tmp_path / "result.json").read_text())[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_signature_is_that_of_the_first_measure(command, run, files, outcomes):
    result = run(
        command, files[0], "--measure", "MLA(classes=dog)", "--measure", "Top1", "--format", "json", "--limit", 1
    )
    assert list(json.loads(result.stdout)["signatures"]) == ["MLA(classes=dog)"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_file_is_skipped_and_said(command, run, files, tmp_path):
    pytest.importorskip("scipy")
    bad = tmp_path / "bad.csv"
    bad.write_text("image,label\n")
    assert "bad.csv" in run(command, *files, bad).stderr
    result = run(command, *files, bad, "--on-error", "skip", "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert [failure["checkpoint"] for failure in document["failed"]] == ["bad"]
    assert document[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_predictions_are_not_overwritten(command, run, files):
    result = run(command, *files, "-o", files[1])
    assert result.exit_code == 2
    assert "would overwrite a file that is to be read" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["classes", "--class", "crane"], "may be 134 (crane (bird)), 517 (crane (machine)): give the index."),
        (["classes", "--group", "cats"], "classes='cats' is neither one of all, organism"),
        (["classes", "--confidence", "95"], "Did you mean 0.95?"),
        (["classes", "--max-share", "50"], "50.0 is not in the range 0<=x<=1"),
        (["mistakes", "--predicted", "1000"], "expected an index in 0-999"),
        (["mistakes", "--image", "cat.jpg"], "'cat.jpg': expected a name such as ILSVRC2012_val_00000293.JPEG"),
        (["mistakes", "--image", "50001"], "or a number 1-50000."),
        (["mistakes", "--verdict", "right"], "'right' is not one of"),
    ],
)
def test_what_is_refused(arguments, sentence, run, files):
    command, *options = arguments
    result = run(command, files[0], *options)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("measure", "sentence"),
    [
        ("Top1", "Top1 has no labels to review: the queue holds those that MLA counts as wrong"),
        ("Top5", "Top5 has no labels to review"),
        ("ReaL", "ReaL has no labels to review"),
        ("MLA(k=labels)", "MLA(k=labels) cannot say which labels to review"),
    ],
)
def test_only_mla_has_a_queue(measure, sentence, run):
    result = run("review", "absent.csv", "--measure", measure)  # said before predictions are looked for
    assert result.exit_code == 1
    assert sentence in " ".join(result.stderr.split())


@pytest.fixture
def several_labels(predictions, tmp_path):
    """Three labels of each image, the first of them as in `predictions`."""
    path = tmp_path / "several.json"
    labels = {image: [label, (label + 1) % 1000, (label + 2) % 1000] for image, label in predictions["step-0"].items()}
    path.write_text(json.dumps(labels))
    return path


def test_the_queue_says_which_images_and_labels(run, files, several_labels):
    queue = run("review", *files, "--measure", "MLA(classes=dog)").stdout
    assert "images of MLA(classes=dog); the most likely label of each." in queue
    queue = run("review", several_labels, "--measure", "MLA(k=3)").stdout
    assert "images of MLA(k=3); the 3 most likely labels of each, if none is accepted." in queue


def test_of_several_labels_it_is_said_which_one_is_shown(run, several_labels):
    said = "names and verdicts are those of the most likely one."
    for arguments in (
        ["classes", "--no-intervals"],
        ["classes", "--pooled"],
        ["mistakes"],
        ["mistakes", "--confusions"],
    ):
        output = run(*arguments, several_labels, "--measure", "MLA(k=3)").stdout
        assert f"MLA(k=3) looks at 3 labels of an image; {said}" in output
        assert said not in run(*arguments, several_labels).stdout


@pytest.mark.parametrize("arguments", [["mistakes"], ["mistakes", "--confusions"]])
def test_whose_verdict_it_is_where_a_measure_accepts_other_labels(arguments, run, files):
    said = "Verdicts are those of the experts, who judged other labels than Top1 accepts"
    assert said in run(*arguments, *files, "--measure", "Top1").stdout
    assert "Verdicts are" not in run(*arguments, *files, "--measure", "MLA(unclear=wrong)").stdout


def test_verdicts_of_images_that_no_expert_saw(run, table, tmp_path):
    pl.DataFrame({"image": image_names(pl.Series(range(1, 50_001))), "label": 7}).write_csv(tmp_path / "sevens.csv")
    arguments = ["mistakes", tmp_path / "sevens.csv", "--measure", "Top1(images=validation)"]
    rows = table(*arguments, "--verdict", "not_annotated")
    assert 29_000 < len(rows) <= 30_000
    assert {row["verdict"] for row in rows} == {"not_annotated"}
    pairs = table(*arguments, "--confusions", name="confusions")
    assert sum(pair["not_annotated"] for pair in pairs) == len(rows)
    heading = r"(?m)^original_name .* correct +unclear +wrong +unreviewed +not_annotated"
    assert re.search(heading, run(*arguments, "--confusions").stdout)


def test_images_without_a_prediction_are_counted(run, table, files, predictions, tmp_path):
    fewer = tmp_path / "fewer.csv"
    pl.read_csv(files[0]).head(19_000).write_csv(fewer)
    for arguments in (["--no-intervals"], ["--pooled"]):
        rows = table("classes", files[0], fewer, *arguments, "--missing", "wrong")
        number = sum(row["missing"] for row in rows)
        assert 0 < number <= 1000
        output = run("classes", files[0], fewer, *arguments, "--missing", "wrong").stdout
        assert f"missing: {number:,} images have no prediction and count as wrong." in output
        assert re.search(r"(?m)^(checkpoint|class) .* missing ", output)
    dogs = table("classes", fewer, "--no-intervals", "--missing", "wrong", "--group", "dog")
    output = run("classes", fewer, "--no-intervals", "--missing", "wrong", "--group", "dog").stdout
    assert f"missing: {sum(row['missing'] for row in dogs):,} image" in output
    assert "missing:" not in run("classes", files[0], "--no-intervals", "--missing", "wrong").stdout.partition("|")[0]


def test_what_pooled_columns_are(run, files):
    output = run("classes", *files, "--pooled").stdout
    assert "share: the mean over 3 checkpoints; share_worst and share_best: of the worst and the best one" in output
    assert "lowest" not in output


def test_people_see_thousands(run, synthetic, tmp_path):
    frame = synthetic.frame.select("file_name", label="original_label")
    for number in range(120):
        frame.with_columns(label=frame["label"].replace({3: 4})).write_csv(tmp_path / f"{number}.csv")
    output = run("classes", tmp_path, "--pooled").stdout
    assert re.search(r"hammerhead \(\d,\d{3}\)", output)


def test_names_at_the_root_of_the_package():
    from ml_scorer import breakdowns

    assert all(callable(getattr(breakdowns, name)) for name in breakdowns.__all__)
    shown = {"class_table", "mistake_table", "confusion_pairs", "review_queue", "group_table", "factor_table"}
    assert shown < set(breakdowns.__all__)


def test_without_scipy_classes_say_what_to_install(run, files, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        "ml_scorer.statistics.confidence.find_spec", lambda name: None if name == "scipy" else found(name)
    )
    result = run("classes", files[0])
    assert result.exit_code == 1
    assert "pip install 'ml-scorer[stats]', or do without intervals: --no-intervals" in " ".join(result.stderr.split())
    assert run("classes", files[0], "--no-intervals").exit_code == 0
    assert run("classes", files[0], "--pooled").exit_code == 0
