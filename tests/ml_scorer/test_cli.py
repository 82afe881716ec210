"""The command `ml-scorer`: what it prints where, and its exit status: 0 good, 1 a refused input, 2 wrong usage."""

from __future__ import annotations

import csv
import json
import os
import pickle
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from tables import small_frame, write_sealed

from ml_scorer import MLA, score
from ml_scorer.cli import main
from ml_scorer.measures import DEFAULT_MEASURES, MEASURES
from ml_scorer.predictions import ORDERS
from ml_scorer.report import FORMATS
from ml_scorer.schema import CORRECT, image_name, image_names

HEADER = "file_name,predicted_class\n"
COUNTS = ("correct", "unclear", "wrong", "unreviewed")

EXPECTED_NAMES = {
    "MLA": "mla",
    "MLA(unclear=wrong)": "mla_strict",
    "MLA(average=image)": "mla_image_average",
    "MLA(unreviewed=correct)": "mla_if_unreviewed_were_correct",
    "Top1": "top1",
    "Top1(average=class)": "top1_class_average",
    "MLA(classes=organism)": "mla_organism",
    "MLA(classes=object)": "mla_object",
    "MLA(classes=dog)": "mla_dog",
}
"""What the expected scores of the real predictions call each measure."""

ORIGINAL_LABELS = "Warning: 100% top-1: right. Are these the original labels, rather than predictions?\n"
"""What is said of a file that is right everywhere."""


def run(*arguments):
    """Run the command in this process; whatever ends it other than an exit is raised."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="ml-scorer")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def run_alone(*arguments, **options):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "ml_scorer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, **options)


def refused(result, *sentences):
    """Exit status 1, nothing on standard output, and a message on standard error that is no traceback."""
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    for sentence in sentences:
        assert sentence in result.stderr


def misused(result, *sentences):
    """Exit status 2, nothing on standard output, and a message on standard error that is no traceback."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr
    message = " ".join(result.stderr.split())
    for sentence in sentences:
        assert sentence in message


def write_csv(path, images, labels):
    pl.DataFrame({"file_name": image_names(pl.Series(images)), "predicted_class": labels}).write_csv(path)
    return path


@pytest.fixture(scope="module")
def files(synthetic, tmp_path_factory):
    """Predictions that can be scored: the original labels, some random ones, and such that an image is missing."""
    folder = tmp_path_factory.mktemp("predictions")
    random = np.random.default_rng(0).integers(0, 1000, len(synthetic))
    write_csv(folder / "right.csv", synthetic.images, synthetic.original_labels)
    write_csv(folder / "random.csv", synthetic.images, random)
    kept = ~synthetic.is_problematic
    write_csv(folder / "short.csv", synthetic.images[kept][1:], synthetic.original_labels[kept][1:])
    np.save(folder / "right.npy", synthetic.original_labels)
    np.save(folder / "random.npy", random)
    return folder


@pytest.fixture
def scored(synthetic_table):
    """Run `ml-scorer score` on the synthetic annotations."""
    return lambda *arguments: run("score", "--annotations", synthetic_table, *arguments)


@pytest.fixture(scope="module")
def small_table(tmp_path_factory):
    """Annotations of a thousand images, one of each class, that are no release."""
    labels = list(range(1000))
    frame = small_frame(1000, **{"original_label": labels, CORRECT: [[label] for label in labels]})
    return write_sealed(tmp_path_factory.mktemp("small") / "annotations.parquet", frame)


@pytest.fixture
def scored_small(small_table):
    """Run `ml-scorer score` on the small annotations, which is fast."""
    return lambda *arguments: run("score", "--annotations", small_table, *arguments)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    """Predictions for the small annotations, all of them right."""
    return write_csv(tmp_path_factory.mktemp("small") / "right.csv", range(1, 1001), range(1000))


# The real thing


def test_the_real_predictions_have_the_expected_scores(genuine_table, real_data):
    measures = [option for measure in EXPECTED_NAMES for option in ("--measure", measure)]
    predictions = sorted((real_data / "predictions").glob("*.csv"))
    done = run_alone("score", *predictions, "--annotations", genuine_table, "--format", "json", *measures)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    found = {
        row["checkpoint"]: {
            **{name: row[measure] for measure, name in EXPECTED_NAMES.items()},
            "verdicts": {name: row[name] for name in COUNTS},
            "images": int(document["signatures"]["MLA"].partition("|images:")[2].partition("|")[0]),
        }
        for row in document["scores"]
    }
    expected = json.loads((real_data / "expected_scores.json").read_text())
    for figures in expected.values():
        del figures["mla_exact"]  # not in JSON: see the next test
    assert found == expected


def test_the_real_predictions_have_exactly_the_expected_mla(genuine, real_data):
    expected = json.loads((real_data / "expected_scores.json").read_text())
    scores = score([real_data / "predictions" / f"{name}.csv" for name in expected], genuine)
    assert scores.exact("MLA") == [Fraction(figures["mla_exact"]) for figures in expected.values()]


def test_the_real_annotations_are_told_as_genuine(genuine_table, real_data):
    result = run("score", real_data / "predictions" / "DINO.csv", "--annotations", genuine_table, "--format", "json")
    document = json.loads(result.stdout)
    assert document["annotations"]["genuine"] is True
    assert document["annotations"]["name"] == "imagenet2012_multilabel"
    assert document["annotations"]["version"] == "3.0.0"
    assert document["signatures"]["MLA"].startswith("MLA|data:imagenet2012_multilabel/3.0.0@f2b50695|images:18692|")


def test_the_real_annotations_without_imagenet_m_say_who_has_it(genuine_table, real_data):
    file = real_data / "predictions" / "DINO.csv"
    result = run("score", file, "--annotations", genuine_table, "--measure", "ImageNetM")
    refused(result, "ImageNetM", "build-cache json", "build-cache tfds")


# Formats


def test_json_has_the_documented_shape_and_nothing_else(scored, files, synthetic):
    result = scored(files / "right.csv", files / "random.csv", "--format", "json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    measures = [str(measure) for measure in DEFAULT_MEASURES]
    assert list(document) == ["signatures", "annotations", "scores", "failed", "near_chance"]
    assert list(document["signatures"]) == measures
    assert document["annotations"] == {
        "name": "SYNTHETIC",
        "version": None,
        "fingerprint": synthetic.identity.fingerprint,
        "genuine": False,
    }
    assert [list(row) for row in document["scores"]] == [["checkpoint", *measures, *COUNTS]] * 2
    assert document["failed"] == []


def test_json_has_the_scores_that_the_library_gives(scored, files, synthetic):
    result = scored(files / "random.csv", "--format", "json")
    assert json.loads(result.stdout)["scores"] == score(files / "random.csv", synthetic).frame.to_dicts()


def test_csv_has_the_scores_that_the_library_gives(scored, files, synthetic):
    result = scored(files / "random.csv", "--format", "csv")
    (row,) = csv.DictReader(result.stdout.splitlines())
    scores = score(files / "random.csv", synthetic)
    assert float(row["MLA"]) == scores.frame["MLA"][0]
    assert row["MLA signature"] == scores.signatures["MLA"]


@pytest.mark.parametrize("format_", list(FORMATS))
def test_every_format_says_synthetic(format_, scored, files):
    result = scored(files / "right.csv", "--format", format_)
    assert result.exit_code == 0
    assert "SYNTHETIC" in result.stdout


@pytest.mark.parametrize("format_", list(FORMATS))
def test_every_format_says_unverified(format_, scored_small, small_file):
    result = scored_small(small_file, "--format", format_)
    assert result.exit_code == 0
    assert "UNVERIFIED" in result.stdout


def test_a_table_goes_into_a_pipe_as_plain_text(synthetic_table, files):
    done = run_alone("score", files / "right.csv", "--annotations", synthetic_table)
    assert (done.returncode, done.stderr) == (0, ORIGINAL_LABELS)
    assert "\x1b" not in done.stdout
    assert done.stdout.isascii()
    assert "right       100.00%" in done.stdout


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("scores.json", "{"),
        ("scores.csv", "checkpoint,MLA,"),
        ("scores.md", "**UNVERIFIED"),
        ("scores.txt", "UNVERIFIED"),
        ("scores.tex", "% \\usepackage{booktabs}"),
        ("scores", "UNVERIFIED"),
        ("SCORES.JSON", "{"),
    ],
)
def test_the_ending_of_the_output_tells_its_format(name, start, scored_small, small_file, tmp_path):
    result = scored_small(small_file, "-o", tmp_path / name)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(f"wrote {tmp_path / name}\n")
    text = (tmp_path / name).read_text()
    assert text.startswith(start)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_a_format_that_is_said_goes_before_the_ending(scored_small, small_file, tmp_path):
    assert scored_small(small_file, "-o", tmp_path / "scores.dat", "--format", "json").exit_code == 0
    assert json.loads((tmp_path / "scores.dat").read_text())["failed"] == []


def test_an_output_is_what_would_have_been_printed(scored_small, small_file, tmp_path):
    scored_small(small_file, "-o", tmp_path / "scores.json")
    assert (tmp_path / "scores.json").read_text() == scored_small(small_file, "--format", "json").stdout


@pytest.mark.parametrize("name", ["scores.pdf", "scores.xlsx", "scores.jsonl"])
def test_an_ending_that_tells_no_format_is_wrong_usage(name, scored, files, tmp_path):
    result = scored(files / "right.csv", "-o", tmp_path / name)
    misused(result, "the ending tells no format", ".txt, .json, .csv, .md, .tex, .parquet", "--format")
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("format_", [(), ("--format", "json")])
def test_predictions_are_never_overwritten(format_, scored, files):
    before = (files / "right.csv").read_bytes()
    result = scored(files / "random.csv", files / "right.csv", "-o", files / ".." / files.name / "right.csv", *format_)
    misused(result, "would overwrite a file that is to be read")
    assert (files / "right.csv").read_bytes() == before


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_predictions_are_overwritten_through_no_link(link, scored_small, small_file, tmp_path):
    predictions, output = tmp_path / "right.csv", tmp_path / "scores.json"
    before = small_file.read_bytes()
    predictions.write_bytes(before)
    getattr(output, link)(predictions)
    misused(scored_small(predictions, "-o", output), "would overwrite a file that is to be read")
    assert predictions.read_bytes() == before


@pytest.mark.parametrize("what", ["annotations", "variable", "real", "order", "list", "groups", "factors", "report"])
def test_nothing_that_is_read_is_overwritten(what, small_table, small_file, tmp_path, monkeypatch):
    read = tmp_path / "read.json"
    read.write_bytes(small_table.read_bytes() if what in {"annotations", "variable"} else b"anything")
    before = read.read_bytes()
    command, options = "score", ["--annotations", small_table]
    if what == "annotations":
        options = ["--annotations", read]
    elif what == "variable":
        monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(read))
        options = []
    elif what == "list":
        options += [f"@{read}"]
    elif what in {"groups", "factors"}:
        command, options = "groups", [*options, f"--{what}", read]
    elif what == "report":
        pytest.importorskip("altair")
        command, read = "report", read.rename(tmp_path / "read.html")
        options += [read]
    else:
        options += [f"--{what}", read]
    misused(run(command, small_file, *options, "-o", read), "would overwrite a file that is to be read")
    assert read.read_bytes() == before


def test_what_is_no_input_is_overwritten(scored_small, small_file, tmp_path):
    output = tmp_path / "scores.json"
    output.write_text("of yesterday")
    assert scored_small(small_file, "-o", output).exit_code == 0
    assert scored_small(small_file, "-o", output).exit_code == 0
    assert json.loads(output.read_text())["scores"][0]["MLA"] == 1


def test_an_output_in_a_folder_that_does_not_exist_is_refused(scored_small, small_file, tmp_path):
    refused(scored_small(small_file, "-o", tmp_path / "nowhere" / "scores.csv"), "nowhere")


def test_an_output_that_cannot_be_written_leaves_the_earlier_one(small_table, small_file, tmp_path):
    output = tmp_path / "scores.json"
    output.write_text("of yesterday")
    program = (
        "import resource, signal, sys, ml_scorer.cli; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); sys.dont_write_bytecode = True; ml_scorer.cli.main()"
    )
    command = [sys.executable, "-c", program, "score", small_file, "--annotations", small_table, "-o", output]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (
        1,
        f"Error: -o {output}: cannot be written: File too large. Name another file.\n",
    )
    assert output.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [output]


def test_an_output_may_be_a_stream(small_table, small_file, tmp_path):
    printed = run("score", small_file, "--annotations", small_table, "--format", "csv").stdout
    options = ["--annotations", small_table, "--format", "csv", "-o", "/dev/stdout"]
    assert run_alone("score", small_file, *options).stdout == printed
    with (tmp_path / "scores.csv").open("w") as file:
        command = [sys.executable, "-m", "ml_scorer", "score", small_file, *options]
        subprocess.run(list(map(str, command)), stdout=file, stderr=subprocess.DEVNULL, check=True)
        assert (tmp_path / "scores.csv").stat().st_ino == os.fstat(file.fileno()).st_ino
    assert (tmp_path / "scores.csv").read_text() == printed


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_terminals(closed, small_table, small_file):
    command = f'exec "$@" {closed}'
    arguments = [sys.executable, "-m", "ml_scorer", "score", small_file, small_file, "--annotations", small_table]
    result = subprocess.run(
        ["/bin/sh", "-c", command, "sh", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    is_lost = ">&-" in closed.split("2>&-")[0]
    assert result.returncode == is_lost
    assert "Traceback" not in result.stderr
    assert ("MLA" in result.stdout) is not is_lost
    assert ("standard output is closed. Name a file: -o FILE." in result.stderr) is (closed == ">&-")


# Measures, orders, checkpoints


def test_measures_replace_the_default_ones(scored_small, small_file):
    result = scored_small(small_file, "--measure", "Top1", "--measure", "MLA( average = image )", "--format", "json")
    document = json.loads(result.stdout)
    measures = ["Top1", "MLA(average=image)", "MLA(unreviewed=correct, average=image)"]
    assert list(document["signatures"]) == measures
    assert list(document["scores"][0]) == ["checkpoint", *measures, *COUNTS]


def test_an_upper_bound_stands_beside_each_mla_once(scored_small, small_file):
    asked = ["MLA(unreviewed=correct)", "MLA", "MLA(unclear=wrong)"]
    options = [option for measure in asked for option in ("--measure", measure)]
    document = json.loads(scored_small(small_file, *options, "--format", "json").stdout)
    expected = ["MLA(unreviewed=correct)", "MLA", "MLA(unclear=wrong)", "MLA(unclear=wrong, unreviewed=correct)"]
    assert list(document["signatures"]) == expected


@pytest.mark.parametrize(
    "measure",
    [
        "MLA(unclear=wrong)",
        "MLA(unreviewed=correct)",
        "MLA(average=image)",
        "MLA(classes=organism)",
        "MLA(classes=object)",
        "MLA(classes=dog)",
        "MLA(classes=organism-not-dog)",
        "MLA(classes=0-9+15)",
        "MLA(unclear=wrong, average=image, classes=dog)",
        "Top1(average=class)",
        "ImageNetM",
    ],
)
def test_every_measure_works_from_the_command_line(measure, scored, files):
    result = scored(files / "right.csv", "--measure", measure, "--format", "json")
    assert json.loads(result.stdout)["scores"][0][measure] == 1


def test_imagenet_m_is_shown_as_right_of_68_too(scored, files):
    assert "100.00% (68/68)" in scored(files / "right.csv", "--measure", "ImageNetM").stdout


@pytest.mark.parametrize("measure", ["mla", "Accuracy", "", "MLA(", "MLA)", "MLA(x)"])
def test_an_unknown_measure_is_wrong_usage_and_the_known_ones_are_listed(measure, scored, files):
    misused(scored(files / "right.csv", "--measure", measure), "MLA")


def test_the_known_measures_are_listed(scored, files):
    misused(scored(files / "right.csv", "--measure", "Accuracy"), f"Known: {', '.join(MEASURES)}", "ml-scorer measures")


def test_all_wrong_measures_are_reported_together(scored, files):
    measures = ("Accuracy", "MLA(average=median)", "MLA(unlcear=wrong)", "Top1(images=all, images=all)")
    result = scored(files / "right.csv", *(option for measure in measures for option in ("--measure", measure)))
    misused(result, "'Accuracy'", "average='median'", "'unlcear=wrong'", "'images' is given twice")


def test_arrays_are_scored_in_their_order(scored, files):
    result = scored(files / "right.npy", "--order", "annotations", "--format", "json")
    document = json.loads(result.stdout)
    assert document["scores"][0]["Top1"] == 1
    assert "|order:annotations|" in document["signatures"]["MLA"]


def test_arrays_are_scored_in_the_order_of_a_list(scored, files, synthetic, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(synthetic.frame["file_name"]))
    result = scored(files / "right.npy", "--order", tmp_path / "names.txt", "--format", "json")
    assert json.loads(result.stdout)["scores"][0]["Top1"] == 1


def test_an_array_without_an_order_is_refused(scored, files):
    refused(scored(files / "right.npy"), "right.npy", "--order", ", ".join(ORDERS))


@pytest.mark.parametrize("order", ["imagenet", "ILSVRC", "", "names.txt"])
def test_an_order_that_does_not_exist_is_wrong_usage(order, scored, files):
    misused(scored(files / "right.npy", "--order", order), ", ".join(ORDERS))


def test_a_list_of_other_names_is_refused(scored, files, tmp_path):
    (tmp_path / "names.txt").write_text("cat.jpg\n")
    refused(scored(files / "right.npy", "--order", tmp_path / "names.txt"), "names.txt", "cat.jpg")


def test_several_checkpoints_are_rows_in_their_order(scored, files):
    result = scored(
        files / "right.csv", files / "random.npy", files / "random.csv", "--order", "annotations", "--format", "json"
    )
    rows = json.loads(result.stdout)["scores"]
    assert [row.pop("checkpoint") for row in rows] == ["right", "random.npy", "random.csv"]
    assert rows[1] == rows[2] != rows[0]


def test_only_the_best_are_shown_best_first(scored, files):
    result = scored(
        files / "random.csv",
        files / "right.csv",
        files / "random.npy",
        "--order",
        "annotations",
        "--top",
        "1",
        "--format",
        "json",
    )
    assert [row["checkpoint"] for row in json.loads(result.stdout)["scores"]] == ["right"]


def test_missing_images_are_refused_with_how_many_and_the_first(scored, files, synthetic):
    first = image_name(int(synthetic.images[~synthetic.is_problematic][0]))
    refused(scored(files / "short.csv"), f"1 of the 18,692 images that the measures need have no prediction: {first}")


def test_missing_images_can_be_wrong(scored, files):
    (row,) = json.loads(scored(files / "short.csv", "--missing", "wrong", "--format", "json").stdout)["scores"]
    assert row["missing"] == 1
    assert row["MLA"] == row["MLA(unreviewed=correct)"] < 1
    assert sum(row[name] for name in COUNTS) == 18_691


def test_verdicts_that_are_not_known_are_null(scored, synthetic, tmp_path):
    dogs = (synthetic.original_labels >= 151) & (synthetic.original_labels <= 268)
    file = write_csv(tmp_path / "dogs.csv", synthetic.images[dogs], synthetic.original_labels[dogs])
    (row,) = json.loads(scored(file, "--measure", "MLA(classes=dog)", "--format", "json").stdout)["scores"]
    bound = "MLA(unreviewed=correct, classes=dog)"
    assert row == {"checkpoint": "dogs", "MLA(classes=dog)": 1.0, bound: 1.0, **dict.fromkeys(COUNTS)}


# Refused inputs


def csv_of(rows):
    return (HEADER + "".join(f"{row}\n" for row in rows)).encode()


A = image_name(1)


class Unpickled:
    """Its unpickling makes a file."""

    def __reduce__(self):
        return (Path.touch, (Path("unpickled"),))


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.csv", csv_of([f"{A},3", f"{A},4"]), "1 images are repeated with another label"),
        ("a.csv", csv_of(["cat.jpg,3", "dog.jpg,4"]), "2 names are no ImageNet validation images: cat.jpg, dog.jpg"),
        ("a.csv", csv_of([f"{A},1000"]), "a label is outside 0-999: 1000"),
        ("a.csv", csv_of([f"{A},2.5"]), "a label is not a whole number: 2.5"),
        ("a.csv", csv_of([f"{A},nan"]), "a label is NaN"),
        ("a.csv", csv_of([f"{A},tench"]), "holds text"),
        ("a.csv", csv_of([f"{A},"]), "is empty in 1 rows"),
        ("a.csv", csv_of([f"{A},3,4"]), "line 2 has 3 fields"),
        ("a.csv", csv_of([]), "there are no predictions in it"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv", csv_of([f"{A},3"]).decode().encode("utf-16"), "the content is UTF-16 text"),
        ("a.csv", b"image,pred,pred\n", "columns stand twice in the header: pred"),
        ("a.csv", b"image,probability\nILSVRC2012_val_00000001,0.5\n", "column"),
        ("a.csv", b"label,pred\n", "expected one column of image names"),
        ("a.csv", b"image,path,pred\n", "2 columns could be it (image, path)"),
        ("a.npy", csv_of([f"{A},3"]), "the ending says .npy, but the content is text"),
        ("a.parquet", csv_of([f"{A},3"]), "the ending says .parquet, but the content is text"),
        ("a.csv", b"PAR1", "the ending says .csv, but the content is Parquet"),
        ("a.npy", pickle.dumps(Unpickled()), "the content is a pickle"),
        ("a.parquet", b"PAR1PAR1", "the Parquet file is damaged or truncated"),
        ("a.npy", b"\x93NUMPY\x01\x00", "not a whole array file"),
        ("a.xyz", b"PK\x03\x04", "files that end in '.xyz' are not read"),
    ],
)
def test_a_bad_file_is_refused(name, content, fault, scored_small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    refused(scored_small(name), f"Error: {name}: ", fault)
    assert not Path("unpickled").exists()


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.zeros(50_000, int), "expected labels (images,)"),
        (np.zeros(19_999, int), "the array is 19,999, and the order annotations has 20,000 images"),
        (np.full(20_000, -1), "a label is outside 0-999: -1 at index 0"),
        (np.full((20_000, 1000), np.inf, np.float16), "a logit is +inf in 18,692 rows"),
        (np.full((20_000, 1000), np.nan, np.float16), "a logit is NaN in 18,692 rows"),
        (np.array([Unpickled()]), "it holds Python objects, which are never loaded"),
    ],
    ids=["50000", "19999", "negative", "inf", "nan", "object"],
)
def test_a_bad_array_is_refused(array, fault, scored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", array)
    refused(scored("a.npy", "--order", "annotations"), "Error: a.npy: ", fault)
    assert not Path("unpickled").exists()


def test_a_file_that_does_not_exist_is_refused(scored_small):
    refused(scored_small("nowhere.csv"), "nowhere.csv: no such file")


def test_a_folder_is_refused(scored_small, tmp_path):
    refused(scored_small(tmp_path), f"{tmp_path}: no predictions in this folder")


def test_a_file_that_may_not_be_read_is_refused(scored_small, tmp_path):
    if os.geteuid() == 0:
        (tmp_path / "a.csv").symlink_to(tmp_path / "a.csv")  # to itself; root may read all else
    else:
        write_csv(tmp_path / "a.csv", [1], [1]).chmod(0)
    refused(scored_small(tmp_path / "a.csv"), "a.csv")


def test_the_first_refused_input_stops_the_run(scored, files, tmp_path):
    result = scored(files / "right.csv", "nowhere.csv", files / "short.csv", "-o", tmp_path / "scores.csv")
    refused(result, "nowhere.csv")
    assert "short" not in result.stderr
    assert not (tmp_path / "scores.csv").exists()


def test_a_process_of_its_own_refuses_without_a_traceback(synthetic_table, files):
    done = run_alone("score", files / "right.csv", "nowhere.csv", "--annotations", synthetic_table, "--format", "json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: nowhere.csv: no such file. Expected predictions as .csv, ")


def test_refused_inputs_can_be_listed_and_the_others_scored(scored, files):
    result = scored("nowhere.csv", files / "right.csv", files / "short.csv", "--on-error", "skip", "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert [row["checkpoint"] for row in document["scores"]] == ["right"]
    assert [failure["checkpoint"] for failure in document["failed"]] == ["nowhere", "short"]
    assert all(set(failure) == {"checkpoint", "error"} for failure in document["failed"])
    assert document["failed"][0]["error"].startswith("nowhere.csv: no such file.")
    assert result.stderr.count("Error: ") == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("format_", list(FORMATS))
def test_all_inputs_may_be_refused(format_, scored_small):
    result = scored_small("nowhere.csv", "elsewhere.npy", "--on-error", "skip", "--format", format_, "--top", "3")
    assert result.exit_code == 1
    assert (result.stdout + result.stderr).count("nowhere.csv: no such file") == 1 + (format_ == "json")
    assert result.stderr.count("Error: ") == 2
    if format_ in {"json", "csv"}:
        assert "MLA" in result.stdout
    else:
        assert "no checkpoint was scored" in result.stdout
        assert "MLA" not in result.stdout
        assert "order:none" not in result.stdout


def test_where_nothing_was_scored_a_terminal_says_so_once(small_table):
    sent, status = on_terminal("score", "nowhere.csv", "--on-error", "skip", "--annotations", small_table, "--rank")
    assert status == 1
    assert "no checkpoint was scored" in sent
    assert sent.count("nowhere.csv") == 1
    assert "order:none" not in sent
    assert "place" not in sent


def test_skipping_nothing_is_good(scored_small, small_file):
    assert scored_small(small_file, "--on-error", "skip").exit_code == 0


def test_what_was_scored_is_written_though_others_were_refused(scored_small, small_file, tmp_path):
    result = scored_small("nowhere.csv", small_file, "--on-error", "skip", "-o", tmp_path / "scores.json")
    assert (result.exit_code, result.stdout) == (1, "")
    document = json.loads((tmp_path / "scores.json").read_text())
    assert (len(document["scores"]), len(document["failed"])) == (1, 1)


# Annotations


def test_annotations_that_do_not_exist_are_refused(files):
    refused(
        run("score", files / "right.csv", "--annotations", "nowhere.parquet"),
        "nowhere.parquet: no such annotation table",
    )


def test_annotations_that_are_predictions_are_refused(files):
    refused(run("score", files / "right.csv", "--annotations", files / "right.csv"), "right.csv", "not a Parquet file")


def test_a_synthetic_table_is_never_found_unnamed(files, synthetic_table, monkeypatch):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(synthetic_table))
    refused(run("score", files / "right.csv"), "SYNTHETIC", "--annotations")


def test_the_variable_names_the_annotations(genuine_table, real_data, monkeypatch):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(genuine_table))
    assert run("score", real_data / "predictions" / "DINO.csv").exit_code == 0


# Usage


@pytest.mark.parametrize(
    "arguments",
    [
        ("score",),
        ("score", "a.csv", "--nonsense"),
        ("score", "a.csv", "--format", "xml"),
        ("score", "a.csv", "--missing", "right"),
        ("score", "a.csv", "--on-error", "ask"),
        ("score", "a.csv", "--top", "0"),
        ("score", "a.csv", "--top", "many"),
        ("score", "a.csv", "--measure"),
        ("nonsense",),
        ("measures", "MLA"),
    ],
)
def test_wrong_usage(arguments):
    misused(run(*arguments))


def test_the_process_of_wrong_usage_ends_with_2():
    assert run_alone("score", "a.csv", "--measure", "Accuracy").returncode == 2


@pytest.mark.parametrize("command", [(), ("score",), ("measures",), ("annotations",), ("demo",)])
def test_every_command_explains_itself(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ml-scorer")


def test_the_version_is_told():
    assert run("--version").stdout.startswith("ml-scorer ")


def test_every_measure_is_listed_with_its_arguments():
    lines = run("measures").stdout.splitlines()
    for name in MEASURES:
        assert name in lines
    for argument in ("unclear", "unreviewed", "average", "classes", "images"):
        assert any(line.strip().startswith(f"{argument}=") for line in lines)
    assert lines[-1] == f"By default: {', '.join(map(str, DEFAULT_MEASURES))}"


def test_every_listed_choice_is_taken(scored_small, small_file):
    for field in ("unclear", "unreviewed", "average"):
        for choice in MLA.choices[field]:
            assert scored_small(small_file, "--measure", f"MLA({field}={choice})").exit_code == 0


# Names are only names


@pytest.mark.parametrize("stem", ["\x1b[2J\x1b[31mred", "a\nb", "[red]", "a|b", "-r", "ä 猫"])
@pytest.mark.parametrize("format_", list(FORMATS))
def test_a_file_may_have_any_name(stem, format_, scored_small, small_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(f"{stem}.csv").write_bytes(small_file.read_bytes())
    result = scored_small("--format", format_, "--", f"{stem}.csv")
    assert result.exit_code == 0
    if format_ == "json":
        assert json.loads(result.stdout)["scores"][0]["checkpoint"] == stem
    if format_ != "csv":
        assert "\x1b" not in result.stdout


def test_a_refused_file_steers_no_terminal(scored_small, tmp_path):
    (tmp_path / "a\x1b[2J.csv").write_text(f"{HEADER}\x1b]0;title\x07.jpg,3\n")
    result = scored_small(tmp_path / "a\x1b[2J.csv")
    refused(result, "\ufffd[2J.csv", "\ufffd]0;title\ufffd.jpg")
    assert "\x1b" not in result.stderr


def test_a_skipped_file_steers_no_terminal(scored_small, tmp_path):
    (tmp_path / "a\x1b[2J.csv").write_text(f"{HEADER}\x1b]0;title\x07.jpg,3\n")
    result = scored_small(tmp_path / "a\x1b[2J.csv", "--on-error", "skip")
    assert "\x1b" not in result.stdout + result.stderr


def test_a_file_whose_name_is_no_text_is_refused(scored_small, tmp_path):
    refused(
        scored_small(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")), "the name of this file is not Unicode text"
    )


def test_json_passes_a_pipe_that_takes_only_ascii(synthetic_table, files, tmp_path):
    (tmp_path / "ä 猫.csv").write_bytes((files / "right.csv").read_bytes())
    command = [sys.executable, "-m", "ml_scorer", "score", tmp_path / "ä 猫.csv", "--annotations", synthetic_table]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*command, "--format", "json"], capture_output=True, env=environment, check=True)
    assert json.loads(done.stdout)["scores"][0]["checkpoint"] == "ä 猫"


# On a terminal


def on_terminal(*arguments):
    """What the command sends to a terminal that is its standard output and error, and its exit status."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    command = [sys.executable, "-m", "ml_scorer", *map(str, arguments)]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        sent = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not part:
                break
            sent += part
    os.close(ours)
    return sent.decode(), process.returncode


def test_predictions_near_chance_are_warned_of(scored, files):
    assert "near chance, whatever order or class ids one tries: random" in scored(files / "random.csv").stderr


def test_the_original_labels_are_warned_of(scored, files):
    assert scored(files / "right.csv").stderr == ORIGINAL_LABELS
    assert scored(files / "right.csv", "--measure", "MLA").stderr == ""


def test_a_terminal_gets_a_table_and_names_are_not_interpreted(synthetic_table, files, tmp_path):
    for stem in ("[red]right", "\x1b[2Jsteering"):
        (tmp_path / f"{stem}.csv").write_bytes((files / "right.csv").read_bytes())
    sent, status = on_terminal("score", *sorted(tmp_path.glob("*.csv")), "--annotations", synthetic_table)
    assert status == 0
    assert "[red]right" in sent
    assert "\ufffd[2Jsteering" in sent
    assert "\x1b[2J" not in sent
    assert "───" in sent
    assert "SYNTHETIC" in sent


@pytest.mark.parametrize("format_", ["csv", "json", "markdown", "latex"])
def test_no_format_steers_a_terminal(format_, small_table, small_file, tmp_path):
    (tmp_path / "a\x1b[2J.csv").write_bytes(small_file.read_bytes())
    command = ("score", tmp_path / "a\x1b[2J.csv", "--annotations", small_table)
    sent, status = on_terminal(*command, "--format", format_)
    assert status == 0
    assert "\x1b" not in sent
    run(*command, "-o", tmp_path / "scores.csv")
    assert pl.read_csv(tmp_path / "scores.csv")["checkpoint"].to_list() == ["a\x1b[2J"]  # data stay as they are


def test_json_on_a_terminal_is_json(synthetic_table, files):
    arguments = ("score", files / "right.csv", "--annotations", synthetic_table, "--format", "json")
    sent, _ = on_terminal(*arguments)
    assert json.loads(sent.replace(ORIGINAL_LABELS.strip(), ""))["scores"][0]["Top1"] == 1


# The demonstration


def test_the_demonstration_works_from_nothing(tmp_path):
    done = run_alone("demo", "-o", tmp_path / "a demo")
    assert (done.returncode, done.stderr) == (0, f"wrote {tmp_path / 'a demo' / 'scores.csv'}\n")
    assert "SYNTHETIC" in done.stdout
    leaders = [line.split()[0] for line in done.stdout.splitlines() if "%" in line]
    assert len(leaders) == 10
    assert len(list((tmp_path / "a demo" / "checkpoints").glob("*.npy"))) == 300
    scores = pl.read_csv(tmp_path / "a demo" / "scores.csv")
    assert scores.height == 300
    assert 0.5 < scores["MLA"].max() < 1
    assert f"ml-scorer score '{tmp_path}/a demo/checkpoints'/*.npy" in done.stdout


def test_the_demonstration_says_which_extra_it_needs(monkeypatch):
    monkeypatch.setattr(sys.modules["ml_scorer.cli.demo"], "find_spec", lambda _: None)
    refused(run("demo"), "pip install 'ml-scorer[build]'")
