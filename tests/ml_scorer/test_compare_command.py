"""`ml-scorer compare`: what it takes for a file, a name and a baseline, and what it says."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from tables import small_frame, write_sealed

from ml_scorer import Scorer, load_annotations
from ml_scorer.cli import main
from ml_scorer.comparison import agreement, deciding_classes, deciding_images, pairs
from ml_scorer.schema import CORRECT, UNCLEAR, WRONG, image_names

pytest.importorskip("scipy")

IMAGES = 2000
UNREVIEWED = 5
"""Added to a label, it gives one that no expert judged; one more gives a label judged wrong."""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two images of each class."""
    labels = [image // 2 for image in range(IMAGES)]
    frame = small_frame(
        IMAGES,
        **{
            "original_label": labels,
            CORRECT: [[label] for label in labels],
            WRONG: [[(label + 1) % 1000] for label in labels],
            UNCLEAR: [[]] * IMAGES,
        },
    )
    return write_sealed(tmp_path_factory.mktemp("annotations") / "annotations.parquet", frame)


@pytest.fixture(scope="module")
def annotations(table):
    return load_annotations(table)


@pytest.fixture(scope="module")
def predictions(annotations):
    """Labels of checkpoints that are right on so many of the images."""
    random = np.random.default_rng(0)
    labels = annotations.original_labels
    made = {
        name: np.where(random.random(IMAGES) < share, labels, (labels + 1) % 1000)
        for name, share in (("a", 0.7), ("b", 0.71), ("c", 0.9))
    }
    made["open"] = np.where(made["a"] == labels, labels, (labels + UNREVIEWED) % 1000)
    made["open"][np.flatnonzero(made["a"] == labels)[:3]] += 1
    return {name: (of_one % 1000).astype(np.int16) for name, of_one in made.items()}


@pytest.fixture(scope="module")
def folder(predictions, annotations, tmp_path_factory):
    """Each checkpoint in a file of its own, three of them in one, and in one without names."""
    folder = tmp_path_factory.mktemp("predictions")
    names = image_names(pl.Series(annotations.images))
    for name, labels in predictions.items():
        pl.DataFrame({"file_name": names, "predicted_class": labels}).write_csv(folder / f"{name}.csv")
    wide = {name: predictions[name] for name in "abc"}
    pl.DataFrame({"file_name": names, **wide}).write_parquet(folder / "wide.parquet")
    np.save(folder / "stack.npy", np.stack(list(wide.values())))
    np.save(folder / "topk.npy", np.stack([predictions["a"], (predictions["a"] + 7) % 1000], axis=1))
    np.save(folder / "other.npy", np.stack([predictions["b"], (predictions["b"] + 7) % 1000], axis=1))
    return folder


@pytest.fixture
def compare(table, folder):
    """Run the command in the folder of the files; a file is named by its name."""

    def run(*arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            command = ["compare", *map(str, arguments), "--annotations", str(table), "--trust-order"]
            result = CliRunner().invoke(main, command, prog_name="ml-scorer")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def compared(compare):
    """Run the command, and give its JSON."""

    def run(*arguments):
        result = compare(*arguments, "--format", "json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return run


@pytest.fixture(scope="module")
def outcomes(annotations, folder):
    scorer = Scorer(annotations, ["MLA"], trust_order=True)
    return scorer.outcomes([str(folder / name) for name in ("a.csv", "b.csv", "c.csv")])


def refused(result, *sentences, status=1):
    assert result.exit_code == status
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    message = " ".join(result.stderr.split())
    for sentence in sentences:
        assert sentence in message


def test_two_checkpoints(compared, outcomes):
    document = compared("a.csv", "b.csv")
    assert next(iter(document["signatures"])) == "MLA"
    shown = pairs(outcomes, checkpoints=[1]).drop("method", "p_holm", "p_bh")
    assert document["differences"] == shown.to_dicts()
    assert [row["checkpoint"] for row in document["scores"]] == ["a", "b"]
    assert {"MLA_low", "MLA_high", "Top1"} <= set(document["scores"][0])
    assert document["images"] == deciding_images(outcomes, 1, 0).to_dicts()
    assert document["classes"] == deciding_classes(outcomes, 1, 0).to_dicts()
    assert (document["baseline"], document["measure"], document["confidence"]) == ("a", "MLA", 0.95)
    assert "permutation" in document["test"]
    assert "agreement" not in document


def test_what_people_read(compare):
    result = compare("a.csv", "b.csv")
    assert result.exit_code == 0
    for text in (
        "images: the first 10 of ",
        "classes: the first 10 of ",
        "McNemar",
        "Cohen's kappa",
        "MLA|data:UNVERIFIED@",
        " pp ±",
    ):
        assert text in result.stdout
    assert "_label" not in result.stdout
    assert "wordnet_id" not in result.stdout
    assert "p_holm" not in result.stdout
    assert result.stdout.count("ILSVRC2012_val_") == 10


def test_more_rows_for_people(compare):
    assert compare("a.csv", "b.csv", "--limit", 12).stdout.count("ILSVRC2012_val_") == 12
    whole = compare("a.csv", "b.csv", "--table", "images").stdout
    assert whole.count("ILSVRC2012_val_") > 100
    assert "the first" not in whole
    assert "checkpoint_label" not in whole


def test_many_against_a_baseline(compared, outcomes):
    document = compared("a.csv", "b.csv", "c.csv", "--baseline", "b")
    expected = pairs(outcomes, baseline=1, checkpoints=[0, 2]).drop("method")
    assert document["differences"] == expected.to_dicts()
    assert document["baseline"] == "b"
    assert [row["checkpoint"] for row in document["scores"]] == ["b", "a", "c"]
    assert not {"images", "classes"} & set(document)


def test_adjusted_p_values_are_explained(compare):
    text = compare("a.csv", "b.csv", "c.csv").stdout
    assert "p_holm, p_bh: p_value adjusted for 2 comparisons" in text


def test_agreement_is_a_matrix(compared, outcomes):
    assert compared("a.csv", "b.csv", "c.csv", "--agreement")["agreement"] == agreement(outcomes).to_dicts()
    alone = compared("a.csv", "b.csv", "c.csv", "--table", "agreement")
    assert alone["agreement"] == agreement(outcomes).to_dicts()
    assert "differences" not in alone


@pytest.mark.parametrize("shown", ["differences", "scores", "images", "classes", "agreement"])
def test_any_table_as_csv(compare, compared, shown, tmp_path):
    output = tmp_path / "out.csv"
    assert compare("a.csv", "b.csv", "--table", shown, "-o", output).exit_code == 0
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(compared("a.csv", "b.csv", "--agreement")[shown])


def test_csv_has_the_differences_first(compare):
    rows = list(csv.DictReader(compare("a.csv", "b.csv", "--format", "csv").stdout.splitlines()))
    assert [(row["checkpoint"], row["baseline"]) for row in rows] == [("b", "a")]


@pytest.mark.parametrize("format_", ["table", "markdown", "latex"])
def test_formats_for_people(compare, format_):
    result = compare("a.csv", "b.csv", "c.csv", "--agreement", "--format", format_)
    assert result.exit_code == 0
    assert "agreement" in result.stdout


def test_checkpoints_by_their_names_in_a_file(compared, compare):
    document = compared("wide.parquet", "c", "a")
    assert [(row["checkpoint"], row["baseline"]) for row in document["differences"]] == [("a", "c")]
    assert len(compared("wide.parquet")["differences"]) == 2
    assert [row["checkpoint"] for row in compared("wide.parquet", "a", "--baseline", "c")["scores"]] == ["c", "a"]
    document = compared("stack.npy", "stack[2]", "stack[0]", "--order", "annotations")
    assert document["baseline"] == "stack[2]"
    refused(compare("wide.parquet", "d"), "d: no file, and no checkpoint is called so. There are a, b, c.")
    refused(compare("a.csv", "stac[0]"), "stac[0]: no file, and no checkpoint is called so.")


def test_names_that_several_have(compare, folder):
    (folder / "again.parquet").write_bytes((folder / "wide.parquet").read_bytes())
    refused(
        compare("wide.parquet", "again.parquet", "a", "b"),
        "a: 2 checkpoints are called so: wide/a, again/a. Give the whole name",
    )
    assert compare("wide.parquet", "again.parquet", "wide/a", "again/b").exit_code == 0


def test_a_file_as_the_baseline(compared, compare):
    for arguments in (("a.csv", "b.csv", "--baseline", "b.csv"), ("a.csv", "--baseline", "b.csv")):
        document = compared(*arguments)
        assert document["baseline"] == "b"
        assert [row["checkpoint"] for row in document["differences"]] == ["a"]
    refused(
        compare("a.csv", "--baseline", "wide.parquet"),
        "--baseline wide.parquet: 3 checkpoints are in there, and a baseline is one: a, b, c.",
    )
    refused(compare("a.csv", "b.csv", "--baseline", "bb"), "bb: no file, and no checkpoint is called so.")


def test_names_that_begin_like_lists(compared, compare, folder):
    wide = pl.read_parquet(folder / "wide.parquet").rename({"a": "@a", "b": "@b"})
    wide.write_parquet(folder / "at.parquet")
    document = compared("at.parquet", "@b", "@a")
    assert [(row["checkpoint"], row["baseline"]) for row in document["differences"]] == [("@a", "@b")]
    assert compared("at.parquet", "--baseline", "@a")["baseline"] == "@a"
    (folder / "list.txt").write_text("a.csv\nb.csv\n")
    assert [row["checkpoint"] for row in compared("@list.txt")["differences"]] == ["b"]
    refused(compare("a.csv", "@no.txt"), "@no.txt: no file, and no checkpoint is called so.")
    refused(compare("@no.txt"), "no.txt: no such file", "named as a list of inputs")


def test_inputs_that_cannot_be_scored(compare, folder):
    (folder / "broken.csv").write_text("file_name,predicted_class\n")
    result = compare("a.csv", "broken.csv", "b.csv", "--on-error", "skip", "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert [row["checkpoint"] for row in document["differences"]] == ["b"]
    assert [failure["checkpoint"] for failure in document["failed"]] == ["broken"]
    assert result.stderr.startswith("Error: broken.csv: ")
    refused(compare("a.csv", "broken.csv", "b.csv"), "broken.csv: ")
    first = "It is what the others are compared with. Name another --baseline."
    refused(compare("broken.csv", "a.csv", "b.csv", "--on-error", "skip"), "broken.csv: ", first)
    refused(compare("a.csv", "b.csv", "--baseline", "broken.csv", "--on-error", "skip"), "broken.csv: ")
    assert compare("broken.csv", "a.csv", "b.csv", "--on-error", "skip", "--baseline", "b").exit_code == 1
    refused(
        compare("a.csv", "broken.csv", "--on-error", "skip"),
        "a is the only checkpoint that was named",
        "All else could not be scored: broken.csv: ",
    )
    refused(compare("broken.csv", "--on-error", "skip", "--baseline", "a"), "no checkpoint could be scored: broken.csv")


def test_fewer_than_two(compare):
    refused(compare("a.csv"), "a is the only checkpoint that was named, and it takes two to compare.")
    refused(compare("a.csv", "a.csv"), "A file that is named twice counts once.")
    refused(compare("wide.parquet", "a"), "There are also b, c.")
    refused(compare("zebra.csv", "x.csv"), "zebra.csv: no such file")
    refused(compare("a.csv", "no-*.csv"), "no-*.csv: no file, and no checkpoint is called so.")


def test_labels_that_no_expert_judged(compare, compared):
    """`open` loses, but might win, were its unreviewed labels judged; `c` wins whatever is judged."""
    document = compared("a.csv", "open.csv")
    row = document["differences"][0]
    assert row["difference"] < 0 < row["highest"]
    text = compare("a.csv", "open.csv", "c.csv").stdout
    assert "Beware: labels that no expert judged leave open which is better" in text
    numbers = re.search(r"round: open \((.+?)\)", text).group(1)
    assert re.fullmatch(r"-\d+\.\d\d pp, between -\d+\.\d\d pp and \+\d+\.\d\d pp", numbers)
    assert "Beware" not in compare("a.csv", "c.csv").stdout


def test_measures_that_look_at_several_labels(compare, compared):
    arguments = ("topk.npy", "other.npy", "--order", "annotations", "--measure")
    assert "looks at 2 labels of an image" in compare(*arguments, "MLA(k=2)").stdout
    assert "an image is right when every accepted label" in compare(*arguments, "MLA(k=labels)").stdout
    assert "lowest" not in compared(*arguments, "MLA(k=labels)")["differences"][0]


def test_models_that_are_not_trained(table, tmp_path):
    random = np.random.default_rng(0)
    files = [str(tmp_path / f"{name}.npy") for name in ("noise", "more")]
    for file in files:
        np.save(file, random.integers(0, 1000, IMAGES))
    result = CliRunner().invoke(main, ["compare", *files, "--annotations", str(table), "--order", "annotations"])
    assert "Near chance, whatever order or class ids one tries: noise, more." in result.stdout


def test_wrong_usage(compare, folder):
    refused(
        compare("a.csv", "b.csv", "c.csv", "--table", "images"), "is for two checkpoints, and there are 3", status=2
    )
    refused(compare("a.csv", "b.csv", "--confidence", 95), "Did you mean 0.95?", status=2)
    refused(compare("a.csv", "b.csv", "-o", "b.csv"), "would overwrite a file that is to be read", status=2)
    assert (folder / "b.csv").read_text().startswith("file_name")


def test_draws_at_random(compared):
    document = compared("a.csv", "b.csv", "--resamples", 99, "--seed", 3)
    hundredths = document["differences"][0]["p_value"] * 100
    assert hundredths == pytest.approx(round(hundredths))
    assert "99 draws" in document["test"]


def test_real_checkpoints(genuine_table, real_data):
    files = [str(real_data / "predictions" / name) for name in ("ResNet50.csv", "DINO.csv")]
    result = CliRunner().invoke(main, ["compare", *files, "--annotations", str(genuine_table), "--format", "json"])
    document = json.loads(result.stdout)
    expected = json.loads((real_data / "expected_scores.json").read_text())
    found = {row["checkpoint"]: row["MLA"] for row in document["scores"]}
    assert found == {name: figures["mla"] for name, figures in expected.items()}
    assert document["differences"][0]["difference"] == pytest.approx(found["DINO"] - found["ResNet50"], abs=1e-15)
