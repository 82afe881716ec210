"""Made-up frames for charts, with the columns that the project's own have, and names that try to do harm."""

from __future__ import annotations

import numpy as np
import polars as pl

from ml_scorer.imagenet import classes

IMAGES = 18_692

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    'datum["score"]',
    "two\nlines",
    "a.b[0].c\\.d",
    "</script><script>alert(1)</script>",
    '"]+alert(1)+["',
    "vit-b16_with_a_name_that_goes_on_and_on_for_much_longer_than_any_label_has_room-step-00500",
    "\u202ebackwards \u2028 \x1b[31m",
)
"""Markup, expressions, paths of fields, control characters, and sheer length."""


def leaderboard_of(names, seed=0):
    """A leaderboard of checkpoints with these names, in no order."""
    random, number = np.random.default_rng(seed), len(names)
    correct = random.integers(14_000, 16_000, number)
    unclear, unreviewed = random.integers(10, 60, number), random.integers(50, 600, number)
    frame = pl.DataFrame({"checkpoint": list(names)}).with_columns(
        pl.Series("MLA", (correct + unclear) / IMAGES),
        pl.Series("MLA(unreviewed=correct)", (correct + unclear + unreviewed) / IMAGES),
        pl.Series("Top1", (correct - 900) / IMAGES),
    )
    measures = ("MLA", "MLA(unreviewed=correct)", "Top1")
    frame = frame.with_columns(
        *((pl.col(name) - 0.005).alias(f"{name}_low") for name in measures),
        *((pl.col(name) + 0.005).alias(f"{name}_high") for name in measures),
        pl.Series("correct", correct),
        pl.Series("unclear", unclear),
        pl.Series("wrong", IMAGES - correct - unclear - unreviewed),
        pl.Series("unreviewed", unreviewed),
    )
    low, high = frame["MLA_low"].to_numpy(), frame["MLA_high"].to_numpy()
    places = {
        "place_low": (low[None, :] > high[:, None]).sum(axis=1) + 1,
        "place_high": number - (high[None, :] < low[:, None]).sum(axis=1),
    }
    return frame.select(
        "checkpoint", *(pl.Series(name, place) for name, place in places.items()), pl.exclude("checkpoint")
    )


def training_of(runs, steps, seed=0):
    """A leaderboard of training runs with these names, so many steps each."""
    names = [(run, 500 * (step + 1)) for run in runs for step in range(steps)]
    frame = leaderboard_of([f"{run}-step-{step}" for run, step in names], seed)
    columns = zip(*names, strict=True)
    return frame.with_columns(*map(pl.Series, ("run", "step"), map(list, columns)))


def class_frame(seed=0):
    """All classes, pooled over checkpoints."""
    random, known = np.random.default_rng(seed), classes()
    images, share = random.integers(2, 21, 1000), random.beta(6, 1, 1000)
    wrong = [[{"label": 3, "name": "tiger shark, Galeocerdo cuvieri", "images": 2}]] * 1000
    return pl.DataFrame(
        {
            "class": known["index"],
            "wordnet_id": known["wordnet_id"],
            "name": known["name"],
            "images": images,
            "share": share,
            "share_worst": share * 0.9,
            "share_best": share * 0.5 + 0.5,
            "small": images < 10,
            "wrong_labels": wrong,
        }
    )


def confusion_frame(pairs=60, seed=0):
    """Pairs of classes, the most frequent in the middle."""
    random, names = np.random.default_rng(seed), classes()["name"].to_list()
    original, predicted = random.integers(0, 1000, pairs), random.integers(0, 1000, pairs)
    wrong, unreviewed = random.integers(1, 40, pairs), random.integers(0, 9, pairs)
    wrong[pairs // 2] += 100
    return pl.DataFrame(
        {
            "original_label": original.astype(np.uint16),
            "original_name": [names[label] for label in original],
            "predicted_label": predicted.astype(np.uint16),
            "predicted_name": [names[label] for label in predicted],
            "predictions": wrong + unreviewed,
            "images": (wrong + unreviewed + 1) // 2,
            "checkpoints": np.full(pairs, 2),
            "wrong": wrong,
            "unreviewed": unreviewed,
        }
    )


def group_frame(names, groups=("organism", "object", "dog", "organism-not-dog"), seed=0):
    """Every checkpoint in every group."""
    random = np.random.default_rng(seed)
    rows = [
        {"checkpoint": name, "group": group, "images": 7000 - 100 * number, "score": score}
        for name in names
        for number, group in enumerate(groups)
        for score in [random.uniform(0.7, 0.9)]
    ]
    score = pl.col("score")
    return pl.DataFrame(rows).with_columns(low=score - 0.01, high=score + 0.01, upper=score + 0.02)


def frames_of(names):
    """A frame for every kind of chart, of checkpoints with these names; runs and groups are called so, too."""
    return {
        "leaderboard": leaderboard_of(names),
        "training": training_of(names, 5),
        "classes": class_frame(),
        "confusions": confusion_frame(),
        "groups": group_frame(names, names[:4]),
    }
