"""Scores of groups of classes: membership, exact scores, intervals, bounds, signatures."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer import MLA, Annotations, Scorer, Top1, parse_measure, score
from ml_scorer.breakdowns.groups import group_measures, group_signatures, group_table, named_groups
from ml_scorer.errors import MeasureError
from ml_scorer.schema import COLUMNS, image_name

pytest.importorskip("scipy")

ACCEPTED = ("correct_multi_labels", "unclear_multi_labels")


def random_annotations(rng, num_classes=6, images=60):
    def labels(most):
        return [rng.randrange(num_classes) for _ in range(rng.randint(0, most))]

    rows = {
        "file_name": [image_name(number) for number in rng.sample(range(1, 50_001), images)],
        "original_label": [number % num_classes for number in range(images)],
        "correct_multi_labels": [labels(3) for _ in range(images)],
        "wrong_multi_labels": [labels(4) for _ in range(images)],
        "unclear_multi_labels": [labels(2) for _ in range(images)],
        "is_problematic": [number >= num_classes and rng.random() < 0.2 for number in range(images)],
        "is_imagenet_m": [False] * images,
    }
    frame = pl.DataFrame({name: pl.Series(name, rows[name], dtype=dtype) for name, dtype in COLUMNS.items()})
    return Annotations.from_frame(frame.sample(fraction=1, shuffle=True, seed=1), num_classes=num_classes)


def random_predictions(rng, annotations, missing=0.0):
    names = [name for name in annotations.frame["file_name"] if rng.random() >= missing]
    rng.shuffle(names)
    return {name: rng.randrange(annotations.num_classes) for name in names}


def slow_score(annotations, predictions, group, membership, *, unreviewed="wrong", average="class"):
    """One image at a time, in fractions."""
    shares = {}
    for row in annotations.frame.iter_rows(named=True):
        accepted = {label for column in ACCEPTED for label in row[column]}
        belongs = row["original_label"] in group if membership == "original" else bool(accepted & set(group))
        if row["is_problematic"] or not belongs:
            continue
        label = predictions.get(row["file_name"])
        right = label in accepted or (
            unreviewed == "correct" and label is not None and label not in row["wrong_multi_labels"]
        )
        shares.setdefault(row["original_label"] if average == "class" else None, []).append(right)
    if not shares:
        return None
    return sum(Fraction(sum(right), len(right)) for right in shares.values()) / len(shares)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    classes=st.sets(st.integers(0, 5), min_size=1, max_size=5),
    missing=st.sampled_from([0.0, 0.3]),
    membership=st.sampled_from(["original", "any"]),
)
def test_a_group_is_the_plain_loop_to_the_bit(seed, classes, missing, membership):
    rng = random.Random(seed)
    annotations = random_annotations(rng)
    predictions = {name: random_predictions(rng, annotations, missing) for name in ("a", "b")}
    outcomes = Scorer(annotations, ["MLA"], missing="wrong").outcomes(predictions)
    average = "class" if membership == "original" else "image"
    if slow_score(annotations, {}, classes, membership) is None:
        with pytest.raises(MeasureError, match="no image that is not problematic has a label judged correct or"):
            group_table(outcomes, {"mine": classes}, membership)
        return
    table = group_table(outcomes, {"mine": classes}, membership)
    assert table["checkpoint"].to_list() == ["a", "b"]
    for name, found, upper in table.select("checkpoint", "score", "upper").iter_rows():
        expected = slow_score(annotations, predictions[name], classes, membership, average=average)
        assert found == float(expected)
        bound = slow_score(annotations, predictions[name], classes, membership, average=average, unreviewed="correct")
        assert upper == float(bound)
    assert (table["low"] <= table["score"]).all()
    assert (table["score"] <= table["high"]).all()


def test_a_group_is_the_measure_with_classes_to_the_bit(synthetic):
    rng = random.Random(0)
    predictions = {name: random_predictions(rng, synthetic) for name in ("x", "y", "z")}
    outcomes = Scorer(synthetic).outcomes(predictions)
    for membership, form in (
        ("original", "MLA(classes={})"),
        ("any", "MLA(average=image, classes={}, membership=any)"),
    ):
        table = group_table(outcomes, membership=membership)
        assert table["group"].to_list() == [*named_groups()] * 3
        assert table["checkpoint"].to_list() == ["x"] * 4 + ["y"] * 4 + ["z"] * 4
        for group in named_groups():
            measure = form.format(group)
            scores = score(predictions, synthetic, measure)
            assert table.filter(group=group)["score"].to_list() == scores.frame[measure].to_list()
            assert group_signatures(outcomes, membership=membership)[measure] == scores.signatures[measure]


def test_the_frame_has_its_schema(synthetic):
    outcomes = Scorer(synthetic).outcomes({"x": random_predictions(random.Random(0), synthetic)})
    table = group_table(outcomes)
    assert dict(table.schema) == {
        "checkpoint": pl.String, "group": pl.String, "membership": pl.String, "average": pl.String,
        "classes": pl.Int64, "images": pl.Int64, "score": pl.Float64, "low": pl.Float64, "high": pl.Float64,
        "upper": pl.Float64, "measure": pl.String,
    }  # fmt: skip
    assert table["classes"].to_list() == [410, 590, 118, 292]


@pytest.mark.parametrize("membership", ["original", "any"])
def test_images_without_a_prediction_are_counted(membership, synthetic):
    rng = random.Random(5)
    predictions = {name: random_predictions(rng, synthetic, missing) for name, missing in (("x", 0.1), ("y", 0))}
    outcomes = Scorer(synthetic, missing="wrong").outcomes(predictions)
    table = group_table(outcomes, membership=membership, confidence=None)
    for name, group, number in table.select("checkpoint", "group", "missing").iter_rows():
        members = set(named_groups()[group])
        images = [
            row["file_name"]
            for row in synthetic.frame.filter(~pl.col("is_problematic")).iter_rows(named=True)
            if members
            & ({row["original_label"]} if membership == "original" else {*row[ACCEPTED[0]], *row[ACCEPTED[1]]})
        ]
        assert number == len(set(images) - set(predictions[name]))
        assert bool(number) == (name == "x")


def test_other_forms_of_the_measure_pass_on(synthetic):
    rng = random.Random(1)
    names = synthetic.frame["file_name"].to_list()
    predictions = {"top": {name: rng.sample(range(1000), 9) for name in names}}
    for text in ("MLA(k=5)", "MLA(k=labels)", "MLA(unclear=wrong, average=image)"):
        outcomes = Scorer(synthetic, [text]).outcomes(predictions)
        table = group_table(outcomes, {"dog": range(151, 269)}, measure=parse_measure(text))
        measure = table["measure"][0]
        assert table["score"].to_list() == score(predictions, synthetic, measure).frame[measure].to_list()
        assert (table["upper"][0] is None) == ("labels" in text)


def test_interval_of_an_average_over_images_is_that_of_scipy(synthetic):
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(2)
    original = dict(zip(synthetic.frame["file_name"], synthetic.original_labels.tolist(), strict=True))
    outcomes = Scorer(synthetic).outcomes({"x": original, "y": random_predictions(rng, synthetic)})
    table = group_table(outcomes, membership="any", confidence=0.9)
    for number, share, low, high in table.select("images", "score", "low", "high").iter_rows():
        exact = stats.binomtest(round(share * number), number).proportion_ci(0.9, method="exact")
        assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_a_single_class_has_the_interval_of_a_share(synthetic):
    stats = pytest.importorskip("scipy.stats")
    outcomes = Scorer(synthetic).outcomes({"x": random_predictions(random.Random(4), synthetic)})
    (row,) = group_table(outcomes, {"one": [7]}).to_dicts()
    exact = stats.binomtest(round(row["score"] * row["images"]), row["images"]).proportion_ci(0.95, method="exact")
    assert (row["low"], row["high"]) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_published_numbers_of_images(genuine):
    # By original label: Shankar et al., ICML 2020. By any accepted label, 7,624: Peychev et al., NeurIPS 2023.
    by_original = {group: MLA(classes=group).rule(genuine).images.size for group in ("organism", "object", "dog")}
    assert by_original == {"organism": 7_498, "object": 11_194, "dog": 2_191}
    by_any = parse_measure("MLA(average=image, classes=organism, membership=any)")
    assert by_any.rule(genuine).images.size == 7_624


@pytest.mark.parametrize("text", ["unclear=wrong", "unreviewed=correct", "k=5"])
def test_membership_does_not_depend_on_what_counts_as_right(text, genuine):
    measure = parse_measure(f"MLA({text}, average=image, classes=organism, membership=any)")
    assert measure.rule(genuine).images.size == 7_624


def test_real_predictions_are_the_plain_loop(real_data, genuine):
    paths = [real_data / "predictions" / f"{name}.csv" for name in ("ResNet50", "DINO")]
    outcomes = Scorer(genuine).outcomes(paths)
    tables = {membership: group_table(outcomes, membership=membership) for membership in ("original", "any")}
    for path in paths:
        frame = pl.read_csv(path)
        predictions = dict(zip(frame["file_name"].to_list(), frame["predicted_class"].to_list(), strict=True))
        for membership, average in (("original", "class"), ("any", "image")):
            rows = tables[membership].filter(checkpoint=path.stem)
            for group, found in rows.select("group", "score").iter_rows():
                expected = slow_score(genuine, predictions, named_groups()[group], membership, average=average)
                assert found == float(expected)


def test_many_checkpoints_pass_in_batches(synthetic):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 1000, (300, 20_000)).astype(np.int16)
    outcomes = Scorer(synthetic, ["MLA"], order="annotations").outcomes(labels)
    together = group_table(outcomes, {"dog": range(151, 269)})
    alone = Scorer(synthetic, ["MLA"], order="annotations").outcomes(labels[299])
    assert together.row(299)[6:10] == group_table(alone, {"dog": range(151, 269)}).row(0)[6:10]


def test_no_checkpoint_gives_no_row(synthetic, tmp_path):
    (tmp_path / "bad.csv").write_text("file_name,prediction\nx.JPEG,1\n")
    outcomes = Scorer(synthetic).outcomes(tmp_path / "bad.csv", on_error="skip")
    table = group_table(outcomes)
    assert table.height == 0
    assert table.schema["score"] == pl.Float64


def test_groups_that_cannot_be_are_named_together():
    with pytest.raises(MeasureError, match=r"(?s)2 problems.*group 'none': .*found none.*group 'far': .*1000"):
        group_measures({"none": [], "good": [1], "far": [1000]})


def test_groups_without_images_are_named_together(synthetic):
    frame = synthetic.frame.filter(~pl.col("original_label").is_in([7, 8]))
    annotations = Annotations.from_frame(frame)
    names = dict.fromkeys(frame["file_name"], 0)
    outcomes = Scorer(annotations, "MLA(average=image)").outcomes({"x": names})
    with pytest.raises(MeasureError, match=r"(?s)group 'a': a per-class average.*group 'b': a per-class average"):
        group_table(outcomes, {"a": [7], "good": [1], "b": [8, 9]})


@pytest.mark.parametrize("measure", [Top1(), MLA(classes="dog")])
def test_only_mla_without_classes_is_measured_over_groups(measure):
    with pytest.raises(MeasureError, match=r"cannot be measured over groups: they are made by the argument classes="):
        group_measures(named_groups(), measure=measure)


def test_images_whose_predictions_were_not_kept_are_refused(synthetic):
    outcomes = Scorer(synthetic, "MLA(classes=dog)").outcomes({"x": random_predictions(random.Random(0), synthetic)})
    with pytest.raises(MeasureError, match=r"images of this part were not kept. Score a measure over all of them"):
        group_table(outcomes, {"fish": [0, 1]})


def test_fewer_labels_than_are_looked_at_are_refused(synthetic):
    outcomes = Scorer(synthetic).outcomes({"x": random_predictions(random.Random(0), synthetic)})
    with pytest.raises(MeasureError, match=r"5 labels of an image are looked at, and 1 of each were kept"):
        group_table(outcomes, measure=MLA(k=5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MLA(classes=dog, membership=any)", "Say average=image as well"),
        ("MLA(membership=any, average=image)", "Name them, as in classes=dog"),
        ("MLA(membership=any, k=labels, unreviewed=correct)", "MLA: 3 problems"),
        ("MLA(membership=all)", "membership='all' is not one of original, any"),
    ],
)
def test_membership_that_makes_no_sense_is_refused(text, message):
    with pytest.raises(MeasureError, match=message):
        parse_measure(text)


def test_membership_prints_and_parses_back():
    text = "MLA(average=image, classes=dog, membership=any)"
    assert str(parse_measure(text)) == text
    assert str(MLA(classes="dog", membership="original")) == "MLA(classes=dog)"


def test_an_average_over_no_image_is_refused(synthetic):
    without = Annotations.from_frame(synthetic.frame.filter(pl.col("original_label") != 7))
    with pytest.raises(MeasureError, match=r"no image that is not problematic has its original label among classes=7"):
        MLA(average="image", classes=[7]).rule(without)
