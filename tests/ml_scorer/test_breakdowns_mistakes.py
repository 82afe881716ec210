"""Which images are wrong and which classes are taken for which: against plain loops over the annotations."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest
from made_up_predictions import made_up, outcomes_of, rows_of, scored, verdict

from ml_scorer import Scorer
from ml_scorer.breakdowns.choosing import Chosen, possible_verdicts
from ml_scorer.breakdowns.confusions import confusion_pairs
from ml_scorer.breakdowns.mistakes import described_mistakes, find_mistakes, mistake_table
from ml_scorer.breakdowns.wrong import BATCH, wrong_predictions
from ml_scorer.imagenet import class_names, validation_labels
from ml_scorer.schema import image_name, image_numbers

COLUMNS = [
    "checkpoint", "image", "original_label", "original_name", "predicted_label", "predicted_name", "accepted_labels",
    "accepted_names", "verdict", "wrong_checkpoints", "same_mistake",
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(synthetic):
    return rows_of(synthetic)


@pytest.fixture(scope="module")
def predictions(rows):
    return made_up(rows)


@pytest.fixture(scope="module")
def outcomes(predictions, synthetic):
    return outcomes_of(predictions, synthetic, ["MLA", "MLA(unclear=wrong)", "MLA(unreviewed=correct)", "Top1"])


def by_loop(rows, predictions, accepted):
    """Every mistake as a dict, one image at a time."""
    mistakes = []
    for name, labels in predictions.items():
        for row in scored(rows):
            label = labels.get(row["name"])
            said = verdict(row, label)
            if said not in accepted:
                mistakes.append({"checkpoint": name, "image": row["name"], "original_label": row["original"],
                                 "predicted_label": label, "verdict": said})  # fmt: skip
    wrong = Counter(mistake["image"] for mistake in mistakes)
    same = Counter((mistake["image"], mistake["predicted_label"]) for mistake in mistakes)
    return [
        {
            **mistake,
            "wrong_checkpoints": wrong[mistake["image"]],
            "same_mistake": same[mistake["image"], mistake["predicted_label"]],
        }
        for mistake in mistakes
    ]


@pytest.mark.parametrize(
    ("measure", "accepted"),
    [
        ("MLA", {"correct", "unclear"}),
        ("MLA(unclear=wrong)", {"correct"}),
        ("MLA(unreviewed=correct)", {"correct", "unclear", "unreviewed"}),
    ],
)
def test_every_mistake_is_there_once(measure, accepted, rows, predictions, outcomes):
    table = mistake_table(outcomes, measure)
    expected = by_loop(rows, predictions, accepted)
    assert table.columns == COLUMNS
    assert table.select(expected[0].keys()).to_dicts() == expected
    of_name = {row["name"]: row for row in rows}
    judged = {"MLA(unclear=wrong)": {"correct"}}.get(measure, {"correct", "unclear"})
    for mistake in table.sample(300, seed=0).iter_rows(named=True):
        row = of_name[mistake["image"]]
        labels = sorted({*row["correct"], *row["unclear"]})
        assert mistake["accepted_labels"] == [label for label in labels if verdict(row, label) in judged]
        assert mistake["accepted_names"] == [class_names()[label] for label in mistake["accepted_labels"]]
        assert mistake["original_name"] == class_names()[mistake["original_label"]]
        label = mistake["predicted_label"]
        assert mistake["predicted_name"] == (None if label is None else class_names()[label])


def test_under_top1_a_mistake_may_be_judged_correct(rows, predictions, outcomes):
    table = mistake_table(outcomes, "Top1")
    expected = [
        (name, row["name"], verdict(row, labels.get(row["name"])))
        for name, labels in predictions.items()
        for row in scored(rows)
        if labels.get(row["name"]) != row["original"]
    ]
    assert table.select("checkpoint", "image", "verdict").rows() == expected
    assert "correct" in set(table["verdict"])
    assert table["accepted_labels"].to_list() == [[label] for label in table["original_label"]]


def test_mistakes_are_as_many_as_the_counts_say(outcomes):
    frame = outcomes.scores.frame
    found = mistake_table(outcomes).group_by("checkpoint", "verdict").len()
    for verdict_name in ("wrong", "unreviewed"):
        own = dict(found.filter(pl.col("verdict") == verdict_name).select("checkpoint", "len").iter_rows())
        assert own == dict(frame.select("checkpoint", verdict_name).iter_rows())


@pytest.mark.parametrize(
    ("chosen", "like"),
    [
        (Chosen(), pl.lit(value=True)),
        (Chosen(verdicts=["unreviewed"]), pl.col("verdict") == "unreviewed"),
        (Chosen(verdicts=["wrong", "missing"]), (pl.col("verdict") == "wrong") | (pl.col("verdict") == "missing")),
        (Chosen(classes=frozenset({3, 5})), (pl.col("original_label") == 3) | (pl.col("original_label") == 5)),
        (Chosen(predicted=range(100)), pl.col("predicted_label") < 100),
        (Chosen(checkpoints=2), pl.col("wrong_checkpoints") >= 2),
        (Chosen(checkpoints=3, same_label=True), pl.col("same_mistake") >= 3),
        (Chosen(checkpoints=4), pl.lit(value=False)),
        (Chosen(classes=[3], verdicts=["wrong"]), (pl.col("original_label") == 3) & (pl.col("verdict") == "wrong")),
    ],
    ids=lambda value: str(value) if isinstance(value, Chosen) else "",
)
def test_some_are_chosen_after_all_were_counted(chosen, like, outcomes):
    every = mistake_table(outcomes)
    assert mistake_table(outcomes, "MLA", chosen).equals(every.filter(like))


def test_images_are_chosen_by_number(outcomes):
    every = mistake_table(outcomes)
    names = every["image"].unique().sort().head(4)
    table = mistake_table(outcomes, "MLA", Chosen(images=image_numbers(names).tolist()))
    assert table.to_dicts() == every.filter(pl.col("image").is_in(names.implode())).to_dicts()


def test_batches_of_checkpoints_do_not_show(synthetic, rows):
    random = np.random.default_rng(0)
    labels = random.integers(0, 1000, (BATCH + 3, len(rows))).astype(np.int16)
    many = Scorer(synthetic, "MLA", order="annotations", trust_order=True).outcomes(labels)
    few = Scorer(synthetic, "MLA", order="annotations", trust_order=True).outcomes(labels[BATCH - 1 :])
    wrong = wrong_predictions(many, "MLA")
    last = wrong.only(wrong.checkpoints >= BATCH - 1)
    expected = wrong_predictions(few, "MLA")
    assert (last.checkpoints - (BATCH - 1) == expected.checkpoints).all()
    assert (last.rows == expected.rows).all()
    assert (last.labels == expected.labels).all()


def test_a_perfect_checkpoint_makes_no_mistake(synthetic):
    labels = {
        image_name(number): int(label)
        for number, label in zip(synthetic.images.tolist(), synthetic.original_labels.tolist(), strict=True)
    }
    outcomes = outcomes_of(labels, synthetic, ["Top1"])
    assert mistake_table(outcomes, "Top1").columns == COLUMNS
    assert mistake_table(outcomes, "Top1").is_empty()
    assert confusion_pairs(outcomes, "Top1").is_empty()


def test_of_several_labels_an_image_the_first_one_is_the_mistake(synthetic):
    labels = {image_name(number): [7, 8, 9] for number in synthetic.images.tolist()}
    outcomes = outcomes_of(labels, synthetic, ["MLA(k=3)"])
    table = mistake_table(outcomes, "MLA(k=3)")
    assert set(table["predicted_label"]) == {7}
    right = (outcomes.values("MLA(k=3)")[0]).sum()
    assert table.height == outcomes.scored_images.size - right


def test_images_without_annotations_say_so(synthetic):
    labels = (validation_labels()[1:] + 1) % 1000
    outcomes = Scorer(synthetic, "Top1(images=validation)", order="ilsvrc", trust_order=True).outcomes(labels)
    table = mistake_table(outcomes, "Top1(images=validation)")
    assert table.height == 50_000
    others = table.filter(~pl.col("image").is_in(synthetic.frame["file_name"].implode()))
    assert set(others["verdict"]) == {"not_annotated"}
    assert "not_annotated" not in set(
        table.filter(pl.col("image").is_in(synthetic.frame["file_name"].implode()))["verdict"]
    )
    pairs = confusion_pairs(outcomes, "Top1(images=validation)")
    assert pairs.columns[-5:] == ["correct", "unclear", "wrong", "unreviewed", "not_annotated"]
    assert pairs["predictions"].to_list() == pairs.select(pl.sum_horizontal(pairs.columns[-5:])).to_series().to_list()
    assert pairs["not_annotated"].sum() == others.height
    assert others["original_label"].to_list() == [
        int(validation_labels()[number]) for number in image_numbers(others["image"])
    ]


def test_confusions_are_as_a_loop_counts_them(rows, predictions, outcomes):
    mistakes = [
        mistake for mistake in by_loop(rows, predictions, {"correct", "unclear"}) if mistake["verdict"] != "missing"
    ]
    groups = {}
    for mistake in mistakes:
        groups.setdefault((mistake["original_label"], mistake["predicted_label"]), []).append(mistake)
    expected = sorted(
        (
            {
                "original_label": original,
                "original_name": class_names()[original],
                "predicted_label": predicted,
                "predicted_name": class_names()[predicted],
                "predictions": len(made),
                "images": len({mistake["image"] for mistake in made}),
                "checkpoints": len({mistake["checkpoint"] for mistake in made}),
                "wrong": sum(mistake["verdict"] == "wrong" for mistake in made),
                "unreviewed": sum(mistake["verdict"] == "unreviewed" for mistake in made),
            }
            for (original, predicted), made in groups.items()
        ),
        key=lambda pair: (-pair["predictions"], pair["original_label"], pair["predicted_label"]),
    )
    assert confusion_pairs(outcomes).to_dicts() == expected


@pytest.mark.parametrize(
    ("measure", "verdicts"),
    [
        ("MLA", ["wrong", "unreviewed"]),
        ("MLA(unclear=wrong)", ["unclear", "wrong", "unreviewed"]),
        ("Top1", ["correct", "unclear", "wrong", "unreviewed"]),
    ],
)
def test_the_verdicts_of_confusions_add_up(measure, verdicts, outcomes):
    pairs = confusion_pairs(outcomes, measure)
    assert pairs.columns[pairs.columns.index("checkpoints") + 1 :] == verdicts
    assert pairs["predictions"].to_list() == pairs.select(pl.sum_horizontal(verdicts)).to_series().to_list()
    assert all(pairs[verdict].sum() for verdict in verdicts)
    counted = mistake_table(outcomes, measure)["verdict"].value_counts()
    assert {verdict: pairs[verdict].sum() for verdict in verdicts} == {
        verdict: count for verdict, count in counted.iter_rows() if verdict != "missing"
    }


def test_some_mistakes_are_described_as_among_all(outcomes):
    for chosen in (None, Chosen(verdicts=["unreviewed"])):
        table, found = mistake_table(outcomes, "MLA", chosen), find_mistakes(outcomes, "MLA", chosen)
        assert len(found) == table.height
        for number in (0, 1, 40, table.height + 1, None):
            assert described_mistakes(found.first(number), outcomes, "MLA").equals(table.slice(0, number))


def test_confusions_of_some_mistakes(outcomes):
    pairs = confusion_pairs(outcomes, "MLA", Chosen(verdicts=["unreviewed"], classes=[3]))
    assert set(pairs["original_label"]) == {3}
    assert set(pairs["wrong"]) == {0}
    assert pairs["predictions"].to_list() == pairs["unreviewed"].to_list()


def test_a_measure_that_was_not_asked_for(outcomes):
    for table in (mistake_table, confusion_pairs):
        with pytest.raises(KeyError, match="Top5"):
            table(outcomes, "Top5")
    with pytest.raises(KeyError, match="Top5 was not measured; there are MLA, "):
        possible_verdicts(outcomes, "Top5")


def test_real_predictions(real_data, genuine):
    files = [real_data / "predictions" / name for name in ("ResNet50.csv", "DINO.csv")]
    outcomes = Scorer(genuine, ["MLA"]).outcomes(files)
    predictions = {
        path.stem: {file.rpartition("/")[2]: label for file, label, _ in pl.read_csv(path).iter_rows()}
        for path in files
    }
    expected = by_loop(rows_of(genuine), predictions, {"correct", "unclear"})
    table = mistake_table(outcomes)
    assert table.select(expected[0].keys()).to_dicts() == expected
    assert table.group_by("checkpoint", "verdict").len().sort("checkpoint", "verdict").rows() == [
        ("DINO", "unreviewed", 584),
        ("DINO", "wrong", 2_076),
        ("ResNet50", "unreviewed", 54),
        ("ResNet50", "wrong", 2_697),
    ]
