"""How right each class is: against plain loops over the annotations, and against the exact score."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from made_up_predictions import made_up, most_common, outcomes_of, rows_of, scored, verdict

from ml_scorer import Scorer, score
from ml_scorer.breakdowns.class_shares import class_shares
from ml_scorer.breakdowns.classes import class_table, described_classes
from ml_scorer.imagenet import class_names, classes, validation_labels
from ml_scorer.schema import image_name

pytest.importorskip("scipy")

ACCEPTED = {
    "MLA": {"correct", "unclear"},
    "MLA(unclear=wrong)": {"correct"},
    "MLA(unreviewed=correct)": {"correct", "unclear", "unreviewed"},
}
COLUMNS = [
    "checkpoint", "class", "wordnet_id", "name", "images", "missing", "right", "share", "low", "high", "small",
    "wrong_labels", "upper",
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(synthetic):
    return rows_of(synthetic)


@pytest.fixture(scope="module")
def predictions(rows):
    return made_up(rows)


@pytest.fixture(scope="module")
def outcomes(predictions, synthetic):
    return outcomes_of(predictions, synthetic, [*ACCEPTED, "Top1", "MLA(classes=dog)"])


def class_members(rows):
    members = {}
    for row in scored(rows):
        members.setdefault(row["original"], []).append(row)
    return members


def by_loop(rows, labels, accepted, upper):
    """Class, images, right, three most frequent wrong labels, right at most, missing: one image at a time."""
    found = []
    for label, images in sorted(class_members(rows).items()):
        verdicts = [verdict(row, labels.get(row["name"])) for row in images]
        wrong = [
            labels[row["name"]]
            for row, said in zip(images, verdicts, strict=True)
            if said not in accepted and said != "missing"
        ]
        right = sum(said in accepted for said in verdicts)
        at_most, missing = sum(said in upper for said in verdicts), verdicts.count("missing")
        found.append((label, len(images), right, most_common(wrong), at_most, missing))
    return found


@pytest.mark.parametrize("measure", ACCEPTED)
def test_each_class_is_as_a_loop_over_its_images_finds_it(measure, rows, predictions, outcomes):
    table = class_table(outcomes, measure)
    assert table.columns == COLUMNS
    for name, labels in predictions.items():
        own = table.filter(pl.col("checkpoint") == name)
        expected = by_loop(rows, labels, ACCEPTED[measure], ACCEPTED[measure] | {"unreviewed"})
        assert own["class"].to_list() == [row[0] for row in expected]
        assert own["images"].to_list() == [row[1] for row in expected]
        assert own["right"].to_list() == [row[2] for row in expected]
        assert own["share"].to_list() == [row[2] / row[1] for row in expected]
        assert own["upper"].to_list() == [row[4] / row[1] for row in expected]
        assert own["missing"].to_list() == [row[5] for row in expected]
        wrong = [[(entry["label"], entry["images"]) for entry in cell] for cell in own["wrong_labels"].to_list()]
        assert wrong == [row[3] for row in expected]


def test_classes_have_their_names(outcomes):
    table = class_table(outcomes)
    first = table.head(1000)
    assert first["wordnet_id"].to_list() == classes()["wordnet_id"].to_list()
    assert tuple(first["name"]) == class_names()
    entries = table["wrong_labels"].explode(empty_as_null=False).struct.unnest()
    assert entries["name"].to_list() == [class_names()[label] for label in entries["label"]]


def test_the_average_of_the_shares_is_the_score(outcomes):
    table = class_table(outcomes)
    exact = [
        sum((Fraction(right, images) for right, images in own.select("right", "images").iter_rows()), Fraction()) / 1000
        for own in table.partition_by("checkpoint", maintain_order=True)
    ]
    assert exact == outcomes.scores.exact("MLA")


def test_the_sum_of_what_is_right_is_the_verdict_counts(outcomes):
    frame = outcomes.scores.frame
    right = class_table(outcomes).group_by("checkpoint", maintain_order=True).agg(pl.col("right", "images").sum())
    assert right["right"].to_list() == (frame["correct"] + frame["unclear"]).to_list()
    assert set(right["images"]) == {outcomes.scored_images.size}


def test_intervals_are_those_of_scipy(outcomes):
    binomtest = pytest.importorskip("scipy.stats").binomtest
    table = class_table(outcomes, confidence=0.9).sample(50, seed=1)
    for row in table.iter_rows(named=True):
        expected = binomtest(row["right"], row["images"]).proportion_ci(0.9, method="exact")
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_intervals_may_be_left_out(outcomes):
    table = class_table(outcomes, confidence=None)
    assert table["low"].null_count() == table["high"].null_count() == table.height


def test_a_class_of_few_images_is_marked(outcomes):
    table = class_table(outcomes)
    assert table["small"].to_list() == [images < 10 for images in table["images"]]


def test_only_classes_with_images_have_a_row(outcomes):
    assert set(class_table(outcomes, "MLA(classes=dog)")["class"]) == set(range(151, 269))


def test_a_measure_without_an_upper_bound_has_none(outcomes, predictions):
    table = class_table(outcomes, "Top1")
    assert table["upper"].null_count() == table.height
    assert table["right"].sum() == round(sum(outcomes.scores.frame["Top1"]) * outcomes.scored_images.size)


def test_pooled_over_checkpoints(outcomes, rows, predictions):
    table, apart = class_table(outcomes, pooled=True), class_table(outcomes)
    assert table.columns == [
        "class", "wordnet_id", "name", "images", "missing", "share", "share_worst", "share_best", "small",
        "wrong_labels", "upper",
    ]  # fmt: skip
    shares = apart.group_by("class").agg(
        share=pl.col("share").mean(), share_worst=pl.col("share").min(), share_best=pl.col("share").max(),
        upper=pl.col("upper").mean(), missing=pl.col("missing").sum(),
    ).sort("class")  # fmt: skip
    for column in ("share_worst", "share_best", "missing"):
        assert table[column].to_list() == shares[column].to_list()
    for column in ("share", "upper"):
        assert table[column].to_list() == pytest.approx(shares[column].to_list())
    for (label, images), cell in zip(sorted(class_members(rows).items()), table["wrong_labels"].to_list(), strict=True):
        made = [labels[row["name"]] for labels in predictions.values() for row in images if row["name"] in labels
                and verdict(row, labels[row["name"]]) in {"wrong", "unreviewed"}]  # fmt: skip
        assert [(entry["label"], entry["images"]) for entry in cell] == most_common(made), label


def test_some_rows_are_described_as_among_all(outcomes):
    for pooled in (False, True):
        table = class_table(outcomes, pooled=pooled)
        shares = class_shares(outcomes, pooled=pooled)
        rows = np.random.default_rng(0).permutation(table.height)[:50]
        assert described_classes(shares[rows], outcomes, "MLA").equals(table[rows])
        assert described_classes(shares.head(0), outcomes, "MLA").equals(table.head(0))


def test_images_without_a_prediction_are_counted_only_where_they_may_be(synthetic, rows):
    labels = {row["name"]: row["original"] for row in rows}
    assert "missing" not in class_table(Scorer(synthetic, "MLA").outcomes(labels)).columns
    assert set(class_table(outcomes_of(labels, synthetic))["missing"]) == {0}


def test_a_single_checkpoint_pooled_is_that_checkpoint(synthetic, predictions):
    outcomes = outcomes_of(predictions["step-1"], synthetic)
    table, apart = class_table(outcomes, pooled=True), class_table(outcomes)
    assert table["share"].equals(apart["share"])
    assert table["wrong_labels"].equals(apart["wrong_labels"])
    assert table["share_worst"].equals(table["share_best"])


def test_no_checkpoint_makes_no_row(synthetic, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("image,label\n")
    outcomes = Scorer(synthetic, ["MLA"]).outcomes([bad], on_error="skip")
    assert class_table(outcomes).columns == [column for column in COLUMNS if column != "missing"]
    assert class_table(outcomes).is_empty()
    assert class_table(outcomes, pooled=True).is_empty()


def test_images_without_annotations_count_by_their_original_label(synthetic):
    labels = validation_labels()[1:].copy()
    labels[::3] = 7
    table = class_table(Scorer(synthetic, "Top1(images=validation)", order="ilsvrc", trust_order=True).outcomes(labels),
                        "Top1(images=validation)")  # fmt: skip
    assert set(table["images"]) == {50}
    originals = validation_labels()[1:]
    assert table["right"].to_list() == np.bincount(originals[labels == originals], minlength=1000).tolist()


def test_shares_of_images_add_up(synthetic):
    labels = {
        image_name(number): [int(first), (int(first) + 1) % 1000, *range(990, 998)]
        for number, first in zip(synthetic.images.tolist(), synthetic.original_labels.tolist(), strict=True)
        if int(first) < 980
    }
    scorer = Scorer(synthetic, "MLA(k=labels)", missing="wrong", trust_order=True)
    outcomes = scorer.outcomes(labels)
    table = class_table(outcomes, "MLA(k=labels)")
    assert table.schema["right"] == pl.Float64
    assert table["share"].mean() == pytest.approx(outcomes.scores.frame["MLA(k=labels)"][0], abs=1e-6)
    assert table["upper"].null_count() == 1000


def test_a_measure_that_was_not_asked_for(outcomes):
    with pytest.raises(KeyError, match="Top5"):
        class_table(outcomes, "Top5")


def test_published_facts_and_real_predictions(real_data, genuine):
    files = [real_data / "predictions" / name for name in ("ResNet50.csv", "DINO.csv")]
    outcomes = Scorer(genuine, ["MLA", "MLA(unreviewed=correct)"]).outcomes(files)
    table = class_table(outcomes)
    own = table.filter(pl.col("checkpoint") == "DINO")
    assert own["images"].sum() == 18_692
    assert own.filter(pl.col("images") == own["images"].min()).select("class", "images").rows() == [(278, 2)]
    assert own["images"].max() == 20
    assert table.group_by("checkpoint", maintain_order=True).agg(pl.col("right").sum())["right"].to_list() == [
        15_919 + 22, 16_011 + 21,
    ]  # fmt: skip
    for column, measure in (("share", "MLA"), ("upper", "MLA(unreviewed=correct)")):
        means = table.group_by("checkpoint", maintain_order=True).agg(pl.col(column).mean())[column]
        assert means.to_list() == pytest.approx(score(files, genuine, measure).frame[measure].to_list(), abs=1e-12)
