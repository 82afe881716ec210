"""Scores by factor of variation; the published error ratios of ImageNet-X."""

from __future__ import annotations

import json
import random
import shutil
from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import polars as pl
import pytest

from ml_scorer import MLA, Scorer, Top1, score
from ml_scorer.breakdowns import factor_files
from ml_scorer.breakdowns.factor_files import FACTORS, Factors, read_factors
from ml_scorer.breakdowns.factors import factor_measure, factor_signature, factor_table
from ml_scorer.errors import GroupsError, MeasureError, MissingExtraError
from ml_scorer.measures import ImageNetM
from ml_scorer.schema import image_name

pytest.importorskip("scipy")

# README of imagenet-x 0.0.7, table "Error ratios": top factor, prototypes filtered out, top-1 of all validation images.
PUBLISHED = {
    "DINO": "0.726197 1.06799 0.927478 1.1779 1.54369 1.64228 1.12906 1.95486 2.15032 1.24805 1.46777 1.93051 2.03486 "
    "1.70361 0.924938 1.4244",
    "ResNet50": "0.694739 1.1417 0.771442 1.18883 1.49743 1.74423 1.13236 2.10548 2.39386 1.31592 1.71502 1.92327 "
    "2.17128 1.92798 1.16639 1.97389",
}


@pytest.fixture(scope="module")
def imagenet_x():
    """The folder of the installed package's data."""
    try:
        package = distribution("imagenet-x")
    except PackageNotFoundError:
        pytest.skip("imagenet-x is not installed")
    return package.locate_file("imagenet_x/annotations")


def entry(number, **marks):
    return {"file_name": image_name(number), "class": 1, **dict.fromkeys(FACTORS, 0), **marks, "one_word": "a"}


def write(path, entries):
    path.write_text("\n".join(map(json.dumps, entries)) + "\n")
    return path


def random_predictions(rng, annotations):
    return {name: rng.randrange(1000) for name in annotations.frame["file_name"]}


def random_factors(rng, annotations, share=0.7):
    images = np.array(sorted(rng.sample(annotations.images.tolist(), int(share * len(annotations)))), np.int32)
    marked = np.array([[rng.random() < 0.2 for _ in FACTORS] for _ in images])
    return Factors(images, marked, prototypes=None)


def slow_score(rows, predictions, images, *, upper=False):
    right = []
    for name in images & set(rows):
        row, label = rows[name], predictions[name]
        accepted = label in row["correct_multi_labels"] or label in row["unclear_multi_labels"]
        right.append(accepted or (upper and label not in row["wrong_multi_labels"]))
    return sum(right) / len(right), len(right)


def test_published_error_ratios(real_data, genuine, imagenet_x):
    paths = [real_data / "predictions" / f"{name}.csv" for name in PUBLISHED]
    measure = Top1(images="validation")
    outcomes = Scorer(genuine, measure).outcomes(paths)
    table = factor_table(outcomes, read_factors("top"), measure=measure)
    for name, text in PUBLISHED.items():
        rows = table.filter(checkpoint=name)
        assert rows["factor"].to_list() == ["all", *FACTORS]
        assert [f"{ratio:.6g}" for ratio in rows["error_ratio"][1:]] == text.split()
        assert rows["images"][0] == 46_110
        assert rows["error_ratio"][0] == 1
    assert table["upper"].null_count() == table.height


@pytest.mark.parametrize("which", ["top", "multi"])
def test_the_published_factors_are_known(which, imagenet_x):
    factors = read_factors(which)
    assert str(factors) == f"imagenet-x/0.0.7/{which}@{factors.fingerprint[:8]}"
    assert (factors.images.size, factors.prototypes) == (46_110, 2_758)
    assert (np.diff(factors.images) > 0).all()
    assert factors.marked.sum(axis=1).max() == {"top": 1, "multi": 11}[which]


def test_a_copy_of_the_file_is_the_same_with_the_prototypes_beside_it(imagenet_x, tmp_path):
    source = imagenet_x / "imagenet_x_val_top_factor.jsonl"
    copy = shutil.copy(source, tmp_path / "factors.jsonl")
    alone = read_factors(copy)
    assert (alone.images.size, alone.prototypes) == (48_868, None)
    assert str(alone).startswith("UNVERIFIED-FACTORS@")
    shutil.copy(imagenet_x / "prototypical_paths.csv", tmp_path)
    assert read_factors(str(copy)).fingerprint == read_factors("top").fingerprint


def test_scores_are_the_plain_loop(synthetic):
    rng = random.Random(0)
    predictions = {name: random_predictions(rng, synthetic) for name in ("a", "b")}
    perfect = dict(zip(synthetic.frame["file_name"], synthetic.original_labels.tolist(), strict=True))
    predictions["c"] = {name: label if rng.random() < 0.8 else 0 for name, label in perfect.items()}
    factors = random_factors(rng, synthetic)
    rows = {row["file_name"]: row for row in synthetic.frame.iter_rows(named=True) if not row["is_problematic"]}
    table = factor_table(Scorer(synthetic).outcomes(predictions), factors)
    for name, one in predictions.items():
        overall = None
        for place, factor in enumerate(["all", *FACTORS]):
            marked = factors.images if factor == "all" else factors.images[factors.marked[:, place - 1]]
            names = {image_name(number) for number in marked.tolist()}
            expected, number = slow_score(rows, one, names)
            overall = expected if overall is None else overall
            row = table.filter(checkpoint=name, factor=factor).row(0, named=True)
            assert (row["score"], row["images"]) == (expected, number)
            assert row["upper"] == slow_score(rows, one, names, upper=True)[0]
            assert row["error_ratio"] == (1 - expected) / (1 - overall)


def test_the_frame_has_its_schema(synthetic):
    rng = random.Random(1)
    outcomes = Scorer(synthetic).outcomes({"x": random_predictions(rng, synthetic)})
    floats = dict.fromkeys(("score", "low", "high", "upper", "error_ratio"), pl.Float64)
    expected = {"checkpoint": pl.String, "factor": pl.String, "images": pl.Int64, **floats}
    assert dict(factor_table(outcomes, random_factors(rng, synthetic)).schema) == expected


def test_a_factor_without_images_has_nulls_and_one_without_errors_no_ratio(synthetic):
    perfect = dict(zip(synthetic.frame["file_name"], synthetic.frame["correct_multi_labels"].list.first(), strict=True))
    perfect = {
        name: label if label is not None else int(original)
        for (name, label), original in zip(perfect.items(), synthetic.original_labels, strict=True)
    }
    images = synthetic.images[~synthetic.is_problematic][:5]
    marked = np.zeros((5, len(FACTORS)), bool)
    marked[:, 0] = True
    table = factor_table(Scorer(synthetic).outcomes({"x": perfect}), Factors(images, marked, None))
    assert table["images"].to_list() == [5, 5] + [0] * 15
    assert table["score"][2:].null_count() == 15
    assert table["low"][2:].null_count() == 15
    assert (table["error_ratio"].null_count() == 17) == (table["score"][0] == 1)


def test_images_without_factors_are_refused(synthetic):
    outcomes = Scorer(synthetic).outcomes({"x": random_predictions(random.Random(0), synthetic)})
    unannotated = np.setdiff1d(np.arange(1, 50_001), synthetic.images)[:3].astype(np.int32)
    with pytest.raises(MeasureError, match=r"MLA\(average=image\): none of its 1\d,\d{3} images is among those"):
        factor_table(outcomes, Factors(unannotated, np.zeros((3, len(FACTORS)), bool), None))


def test_the_measure_is_averaged_over_images():
    assert factor_measure() == MLA(average="image")
    assert factor_measure(Top1(average="class", images="validation")) == Top1(images="validation")
    assert factor_measure(ImageNetM()) == ImageNetM()


def test_shares_of_images_have_an_interval_too(synthetic):
    rng = random.Random(3)
    names = synthetic.frame["file_name"].to_list()
    measure = MLA(k="labels", average="image")
    outcomes = Scorer(synthetic, measure).outcomes({"x": {name: rng.sample(range(1000), 9) for name in names}})
    everything = Factors(synthetic.images, np.zeros((len(synthetic), len(FACTORS)), bool), None)
    row = factor_table(outcomes, everything, measure=measure).row(0, named=True)
    assert row["score"] == outcomes.scores.frame[str(measure)][0]
    assert row["low"] < row["score"] < row["high"]
    assert row["upper"] is None


def test_the_signature_says_which_factors(synthetic):
    rng = random.Random(4)
    predictions = {"x": random_predictions(rng, synthetic)}
    factors = random_factors(rng, synthetic)
    ((name, text),) = factor_signature(Scorer(synthetic).outcomes(predictions), factors).items()
    known = score(predictions, synthetic, name).signatures[name].split("|")
    found = text.split("|")
    number = np.isin(factors.images, synthetic.images[~synthetic.is_problematic]).sum()
    assert found[1] == f"{known[1]}+{factors}"
    assert found[2] == f"images:{number}"
    assert found[4:] == known[4:]


def test_images_without_a_prediction_are_counted(synthetic, tmp_path):
    names = synthetic.frame.filter(~pl.col("is_problematic"))["file_name"].head(40).to_list()
    numbers = [int(name[15:23]) for name in names]
    entries = [entry(number, pose=int(place < 10)) for place, number in enumerate(numbers)]
    factors = read_factors(write(tmp_path / "a.jsonl", entries))
    predictions = dict.fromkeys(set(synthetic.frame["file_name"]) - set(names[:3]) - {names[20]}, 0)
    outcomes = Scorer(synthetic, missing="wrong", trust_order=True).outcomes(predictions)
    table = factor_table(outcomes, factors, None)
    assert table.columns[:4] == ["checkpoint", "factor", "images", "missing"]
    of_factor = dict(table.select("factor", "missing").iter_rows())
    assert (of_factor.pop("all"), of_factor.pop("pose"), set(of_factor.values())) == (4, 3, {0})


def test_a_missing_package_names_the_extra(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(factor_files, "distribution", absent)
    with pytest.raises(MissingExtraError, match=r"A score by factor needs .*pip install 'ml-scorer\[imagenet-x\]'"):
        read_factors("multi")


def test_entries_in_any_order(tmp_path):
    entries = [entry(9, pose=1), entry(3, color=1, texture=1), entry(7)]
    factors = read_factors(write(tmp_path / "a.jsonl", entries))
    assert factors.images.tolist() == [3, 7, 9]
    assert [tuple(np.flatnonzero(row)) for row in factors.marked] == [(3, 8), (), (0,)]
    (tmp_path / "prototypical_paths.csv").write_text(f"file_name\n{image_name(7)}\n{image_name(8)}\n")
    factors = read_factors(tmp_path / "a.jsonl")
    assert (factors.images.tolist(), factors.prototypes) == ([3, 9], 1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"file_name": image_name(1), "pose": 1}], r"there is no background, pattern, color and 12 more"),
        ([entry(1, pose=2), entry(2), entry(3, color=None)], r"found something else in line 1, 3"),
        ([entry(1), entry(2), entry(1)], r"images that stand twice: ILSVRC2012_val_00000001.JPEG"),
        ([{**entry(1), "file_name": "n01440764_1.JPEG"}], r"names of no ImageNet validation image: n01440764_1.JPEG"),
        ([{**entry(1), "file_name": "cat"}, entry(2), entry(2)], r"(?s)2 problems.*cat.*stand twice"),
        ([[1]], r"not a file of factors, one JSON object a line"),
        ([entry(1, pose="x")], r"not a file of factors|found something else in line 1"),
    ],
)
def test_what_is_no_file_of_factors_is_refused(lines, message, tmp_path):
    with pytest.raises(GroupsError, match=message):
        read_factors(write(tmp_path / "a.jsonl", lines))


def test_a_list_of_prototypes_without_names_is_refused(tmp_path):
    (tmp_path / "prototypical_paths.csv").write_text("path\nx\n")
    with pytest.raises(GroupsError, match=r"expected a column file_name of prototypical images"):
        read_factors(write(tmp_path / "a.jsonl", [entry(1)]))


def test_an_empty_file_and_one_that_is_not_there(tmp_path):
    with pytest.raises(GroupsError, match=r"is a folder: name the file of factors in it, such as imagenet_x_val_top"):
        read_factors(tmp_path)
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(GroupsError, match=r"a.jsonl: "):
        read_factors(tmp_path / "a.jsonl")
    with pytest.raises(FileNotFoundError, match=r"no such file of factors. Install imagenet-x, or name a copy"):
        read_factors(tmp_path / "b.jsonl")
