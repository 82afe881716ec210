"""What experts should judge next: against a plain loop over the annotations."""

from __future__ import annotations

import random
from collections import Counter

import polars as pl
import pytest
from made_up_predictions import made_up, outcomes_of, rows_of, scored, verdict

from ml_scorer import MLA, Annotations, Scorer, parse_measure
from ml_scorer.breakdowns.review import review_queue, reviewable
from ml_scorer.errors import MeasureError
from ml_scorer.imagenet import class_names


def by_loop(rows, predictions, accepted=("correct", "unclear")):
    """The queue, one image at a time; a prediction is a label or several."""
    votes, of_name = Counter(), {}
    for row in scored(rows):
        of_name[row["name"]] = row
        for predicted in predictions.values():
            labels = predicted.get(row["name"])
            labels = labels if isinstance(labels, list) else [labels]
            verdicts = [verdict(row, label) for label in labels]
            if not set(verdicts) & {*accepted}:
                votes.update(
                    (row["name"], label) for label, said in zip(labels, verdicts, strict=True) if said == "unreviewed"
                )
    return [
        {
            "image": image,
            "label": label,
            "name": class_names()[label],
            "original_label": of_name[image]["original"],
            "original_name": class_names()[of_name[image]["original"]],
            "checkpoints": number,
            "share": number / len(predictions),
            "accepted_names": [
                class_names()[label]
                for label in sorted({*of_name[image]["correct"], *of_name[image]["unclear"]})
                if verdict(of_name[image], label) in accepted
            ],
        }
        for (image, label), number in sorted(votes.items(), key=lambda pair: (-pair[1], *pair[0]))
    ]


@pytest.fixture(scope="module")
def rows(synthetic):
    return rows_of(synthetic)


@pytest.mark.parametrize("checkpoints", [1, 4])
def test_the_queue_is_as_a_loop_finds_it(checkpoints, rows, synthetic):
    predictions = made_up(rows, seed=1, checkpoints=checkpoints)
    queue = review_queue(outcomes_of(predictions, synthetic))
    assert queue.to_dicts() == by_loop(rows, predictions)


def test_it_holds_every_unreviewed_prediction(rows, synthetic):
    outcomes = outcomes_of(made_up(rows, seed=2), synthetic)
    assert review_queue(outcomes)["checkpoints"].sum() == outcomes.scores.frame["unreviewed"].sum()


def test_the_order_of_checkpoints_does_not_matter(rows, synthetic):
    predictions = made_up(rows, seed=3)
    shuffled = dict(reversed(predictions.items()))
    assert review_queue(outcomes_of(predictions, synthetic)).equals(review_queue(outcomes_of(shuffled, synthetic)))


def test_a_checkpoint_without_unreviewed_labels_leaves_an_empty_queue(rows, synthetic):
    predictions = {row["name"]: row["wrong"][0] for row in rows if row["wrong"]}
    queue = review_queue(outcomes_of(predictions, synthetic))
    assert queue.is_empty()
    assert queue.columns == list(by_loop(rows, made_up(rows, checkpoints=1))[0])


def test_only_images_that_the_measures_need(rows, synthetic):
    predictions = made_up(rows, seed=4)
    dogs = review_queue(outcomes_of(predictions, synthetic, ["MLA(classes=dog)"]), "MLA(classes=dog)")
    expected = [pair for pair in by_loop(rows, predictions) if 151 <= pair["original_label"] <= 268]
    assert dogs.to_dicts() == expected


@pytest.mark.parametrize(
    ("measure", "k", "accepted"),
    [
        ("MLA(k=3)", 3, ("correct", "unclear")),
        ("MLA(unreviewed=correct, k=3)", 3, ("correct", "unclear")),
        ("MLA(unclear=wrong, k=2)", 2, ("correct",)),
    ],
)
def test_the_first_labels_of_images_of_which_none_is_accepted(measure, k, accepted, rows, synthetic):
    rng = random.Random(5)
    predictions = {
        name: {
            row["name"]: rng.sample(list({*row["wrong"], *row["unclear"], *rng.sample(range(1000), 4)}), 4)
            for row in rows
            if rng.random() < 0.95
        }
        for name in ("a", "b")
    }
    outcomes = outcomes_of(predictions, synthetic, [measure, "MLA(k=4)"])  # more labels are kept than are looked at
    queue = review_queue(outcomes, measure)
    first = {name: {image: labels[:k] for image, labels in own.items()} for name, own in predictions.items()}
    assert queue.height > 1000
    assert queue.to_dicts() == by_loop(rows, first, accepted)


def test_judging_the_queue_closes_the_bound(rows, synthetic):
    rng = random.Random(6)
    predictions = {row["name"]: rng.sample(range(1000), 3) for row in rows}
    asked = ["MLA(k=3)", "MLA(unreviewed=correct, k=3)"]
    queue = review_queue(outcomes_of(predictions, synthetic, asked), "MLA(k=3)")
    judged = queue.group_by(file_name="image").agg(judged="label")
    frame = synthetic.frame.join(judged, on="file_name", how="left", maintain_order="left").with_columns(
        wrong_multi_labels=pl.col("wrong_multi_labels").list.concat(pl.col("judged").fill_null([]))
    )
    after = Annotations.from_frame(frame.drop("judged"))
    low, high = outcomes_of(predictions, after, asked).scores.frame.select(asked).row(0)
    assert low == high


@pytest.mark.parametrize("measure", ["Top1", "Top5", "ImageNetM"])
def test_only_mla_has_labels_to_review(measure, rows, synthetic):
    with pytest.raises(MeasureError, match=rf"{measure} has no labels to review: .* such as MLA\(classes=dog\) or MLA"):
        reviewable(parse_measure(measure))


def test_as_many_labels_as_are_accepted_cannot_be_reviewed():
    with pytest.raises(MeasureError, match=r"MLA\(k=labels\) cannot say which labels to review: .* Give a number"):
        reviewable(MLA(k="labels"))


def test_a_measure_that_was_not_asked_for(rows, synthetic):
    outcomes = outcomes_of(made_up(rows, checkpoints=1), synthetic, ["Top1"])
    with pytest.raises(KeyError, match="MLA was not measured; there are Top1"):
        review_queue(outcomes)
    with pytest.raises(MeasureError, match="Top1 has no labels to review"):
        review_queue(outcomes, "Top1")


def test_real_predictions(real_data, genuine):
    outcomes = Scorer(genuine, "MLA").outcomes(
        [real_data / "predictions" / f"{name}.csv" for name in ("ResNet50", "DINO")]
    )
    queue = review_queue(outcomes)
    assert queue["checkpoints"].sum() == 54 + 584  # `unreviewed` of the two in the README's table
    verdicts = {
        (row["name"], label) for row in rows_of(genuine) for label in (*row["correct"], *row["unclear"], *row["wrong"])
    }
    assert not verdicts & set(queue.select("image", "label").iter_rows())
    assert not set(queue["image"]) & {row["name"] for row in rows_of(genuine) if row["problematic"]}
