from __future__ import annotations

import re
import sys
from importlib.util import find_spec

import polars as pl
import pytest
from chart_frames import leaderboard_of
from click.testing import CliRunner

from ml_scorer.cli import main
from ml_scorer.errors import MissingExtraError
from ml_scorer.imagenet import validation_labels
from ml_scorer.report import packages
from ml_scorer.report.charts import CHARTS
from ml_scorer.report.charts.saving import save

pytest.importorskip("altair", reason="Altair is not installed")
pytest.importorskip("vl_convert", reason="vl-convert is not installed")
pytest.importorskip("scipy", reason="SciPy is not installed")

NOT_FOR_TWO = {"training"}


def chart(*arguments):
    return CliRunner().invoke(main, ["chart", *map(str, arguments)])


@pytest.fixture(scope="module")
def two(real_data):
    return [real_data / "predictions" / f"{name}.csv" for name in ("ResNet50", "DINO")]


@pytest.fixture
def annotations(genuine_table, monkeypatch):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(genuine_table))


@pytest.fixture
def drawing():
    return CHARTS["leaderboard"].build(leaderboard_of(["one", "two"]))


@pytest.mark.parametrize("name", [name for name in CHARTS if name not in NOT_FOR_TWO])
def test_every_chart_is_drawn_from_predictions(name, two, annotations, tmp_path):
    result = chart(name, *two, "-o", tmp_path / "chart.svg")
    assert result.exit_code == 0, result.stderr
    text = (tmp_path / "chart.svg").read_text()
    assert text.startswith("<svg")
    assert f">{CHARTS[name].title}<" in text
    assert "wrote " in result.stderr


def test_a_chart_has_the_numbers_of_the_score(two, annotations, tmp_path):
    result = chart("verdicts", *two, "-o", tmp_path / "chart.svg", "--no-title")
    text = (tmp_path / "chart.svg").read_text()
    assert re.findall(r">(8\d\.\d\d.8\d\.\d\d%)<", text) == ["85.77–88.89%", "85.28–85.57%"]  # noqa: RUF001
    assert "Verdicts and bounds" not in text
    assert "DINO" in result.stderr


def test_a_course_is_drawn_from_names(synthetic_table, tmp_path):
    for step in (1, 2):
        labels = [f"ILSVRC2012_val_{image:08}.JPEG,{label}" for image, label in enumerate(validation_labels()[1:], 1)]
        (tmp_path / f"net_at_{step}.csv").write_text("\n".join(["file_name,prediction", *labels]))
    common = [tmp_path / "net_at_1.csv", tmp_path / "net_at_2.csv", "--annotations", synthetic_table]
    common += ["--measure", "Top1", "-o", tmp_path / "course.svg"]
    refused = chart("training", *common)
    assert refused.exit_code == 1
    assert "no two names tell the same run and different steps. Say how they do: --step-pattern" in refused.stderr
    drawn = chart("training", *common, "--step-pattern", r"(?P<run>.+)_at_(?P<step>\d+)", "--dark")
    assert drawn.exit_code == 0, drawn.stderr
    assert "2 checkpoints of one run, with 95% intervals. net goes from 100.00% to 100.00% at step 2." in drawn.stderr


@pytest.mark.parametrize(
    ("name", "measure", "why"),
    [
        ("mla-against-top1", "MLA", "it needs both MLA and Top1"),
        ("classes", "Top1", "it needs a measure of MLA with k=1"),
        ("confusions", "Top1", "it needs a measure of MLA with k=1"),
        ("groups", "Top1", "it needs a measure of MLA over all classes"),
        ("groups", "MLA(classes=dog)", "it needs a measure of MLA over all classes"),
    ],
)
def test_what_a_chart_lacks_is_said(name, measure, why, two, annotations, tmp_path):
    result = chart(name, two[0], "--measure", measure, "-o", tmp_path / "chart.png")
    assert result.exit_code == 1
    assert f"there is nothing to draw: {why}" in result.stderr
    assert not (tmp_path / "chart.png").exists()


@pytest.mark.parametrize("output", ["chart.gif", "chart", "chart.svg.gz"])
def test_other_endings_are_refused(output):
    result = chart("verdicts", "x.csv", "-o", output)
    assert result.exit_code == 2
    assert "name a file that ends in .svg, .png or .pdf" in result.stderr


def test_unknown_charts_and_bad_options_are_refused():
    assert "'pie' is not one of 'leaderboard', 'mla-against-top1'" in chart("pie", "x.csv", "-o", "x.svg").stderr
    pattern = chart("training", "x.csv", "-o", "x.svg", "--step-pattern", "(?P<run>.+)")
    assert "has no group step" in pattern.stderr
    assert pattern.exit_code == 2
    assert chart("training", "x.csv", "-o", "x.svg", "--confidence", "95").exit_code == 2


def test_a_folder_that_is_not_there_is_one_sentence(two, annotations, tmp_path):
    result = chart("verdicts", two[0], "-o", tmp_path / "none" / "chart.svg")
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory. Name another file." in result.stderr


def test_pictures_are_what_their_endings_say(drawing, tmp_path):
    starts = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    for ending, start in starts.items():
        assert save(drawing, tmp_path / f"chart{ending}").read_bytes().startswith(start)


def test_a_png_has_two_pixels_for_each_of_the_svg(drawing, tmp_path):
    svg = save(drawing, tmp_path / "chart.svg").read_text()
    png = save(drawing, tmp_path / "chart.png", theme_name="dark").read_bytes()
    width = int(re.search(r'width="(\d+)"', svg)[1])
    assert int.from_bytes(png[16:20], "big") == 2 * width


def test_saving_refuses_other_endings(drawing, tmp_path):
    with pytest.raises(ValueError, match=r"a chart is written as .svg, .png, .pdf, not '.gif'"):
        save(drawing, tmp_path / "chart.gif")


def test_without_the_renderer_the_extra_is_named(drawing, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingExtraError, match=r"'ml-scorer\[report\]'"):
        save(drawing, tmp_path / "chart.svg")


@pytest.mark.parametrize("options", [(), ("--no-title",), ("--dark",)])
def test_made_up_annotations_are_called_so_in_the_picture(synthetic, synthetic_table, options, tmp_path):
    labels = pl.DataFrame({"file_name": synthetic.frame["file_name"], "prediction": synthetic.original_labels})
    labels.write_csv(tmp_path / "a.csv")
    output = tmp_path / "chart.svg"
    result = chart("verdicts", tmp_path / "a.csv", "--annotations", synthetic_table, "-o", output, *options)
    assert "SYNTHETIC annotations" in output.read_text()
    assert "SYNTHETIC annotations" in result.stderr


def test_a_genuine_picture_warns_of_nothing_and_describes_itself(two, annotations, tmp_path):
    chart("leaderboard", *two, "-o", tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text()
    assert "SYNTHETIC" not in text
    assert "MLA|data:imagenet2012_multilabel/3.0.0@f2b50695" in text


@pytest.mark.parametrize("command", [("chart", "verdicts"), ("report",)])
@pytest.mark.parametrize("package", ["altair", "vl_convert", "scipy", "jinja2"])
def test_what_is_not_installed_is_said_before_anything_is_scored(command, package, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == package else find_spec(name))
    result = CliRunner().invoke(main, [*command, "nowhere.csv", "-o", "a.svg" if "chart" in command else "a.html"])
    assert result.exit_code == 1
    assert (
        f"ml-scorer {command[0]} needs packages that are not installed: pip install 'ml-scorer[report]'"
        in result.stderr
    )


def test_no_title_leaves_a_warning_in_its_own_place(synthetic, synthetic_table, tmp_path):
    labels = pl.DataFrame({"file_name": synthetic.frame["file_name"], "prediction": synthetic.original_labels})
    labels.write_csv(tmp_path / "a.csv")
    common = [tmp_path / "a.csv", "--annotations", synthetic_table, "--no-title", "-o", tmp_path / "chart.svg"]
    assert chart("verdicts", *common).exit_code == 0
    text = (tmp_path / "chart.svg").read_text()
    warning = re.search(r"<text[^>]*>SYNTHETIC annotations", text)[0]
    assert 'font-size="15px"' not in warning


def test_groups_are_of_the_measure_that_was_asked_for(two, annotations, tmp_path):
    asked = ["--measure", "Top1", "--measure", "MLA(unclear=wrong)"]
    result = chart("groups", *two, *asked, "-o", tmp_path / "chart.svg", "--confidence", "0.9")
    text = (tmp_path / "chart.svg").read_text()
    assert "MLA(unclear=wrong), 90% intervals" in text
    assert "MLA(unclear=wrong) of the best 2 checkpoints in 4 groups, with 90% intervals" in result.stderr
    signatures = re.findall(r"(\S+\([^|]*\))\|data:", text)
    assert [signature.partition("classes=")[2] for signature in signatures] == [
        "organism)", "object)", "dog)", "organism-not-dog)"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "measures", "signed"),
    [
        ("verdicts", ["MLA"], []),
        ("verdicts", ["MLA", "MLA(average=image)"], ["MLA(average=image)"]),
        ("mla-against-top1", ["Top1", "MLA"], ["MLA", "Top1"]),
        ("confusions", ["Top1", "MLA(unclear=wrong)"], ["MLA(unclear=wrong)"]),
        ("leaderboard", ["Top1", "MLA"], ["Top1"]),
    ],
)
def test_a_picture_has_the_signature_of_what_is_drawn(name, measures, signed, two, annotations, tmp_path):
    options = [part for measure in measures for part in ("--measure", measure)]
    result = chart(name, *two, *options, "-o", tmp_path / "chart.svg")
    assert result.exit_code == 0, result.stderr
    described = re.search("<desc>(.*?)</desc>", (tmp_path / "chart.svg").read_text(), re.DOTALL)[1]
    assert re.findall(r"(\w+(?:\([^|()]*\))?)\|data:", described) == signed


def test_classes_of_one_checkpoint_are_drawn_with_intervals(two, annotations, tmp_path):
    chart("classes", two[0], "-o", tmp_path / "chart.svg", "--confidence", "0.9")
    assert "line: 90% interval" in (tmp_path / "chart.svg").read_text()


def test_checkpoints_near_chance_are_named(annotations, tmp_path):
    images = [f"ILSVRC2012_val_{image:08}.JPEG" for image in range(1, 50_001)]
    pl.DataFrame({"file_name": images, "prediction": [7] * 50_000}).write_csv(tmp_path / "constant.csv")
    result = chart("leaderboard", tmp_path / "constant.csv", "-o", tmp_path / "chart.svg")
    assert "Warning: near chance, whatever order or class ids one tries: constant. Is the model trained?" in (
        result.stderr
    )
