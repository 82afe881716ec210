"""Made-up predictions with every verdict among them, and the annotations as plain dicts to judge them by."""

from __future__ import annotations

import random
from collections import Counter

import reference

from ml_scorer import Scorer


def rows_of(annotations):
    """The annotated images as the reference takes them: dicts, in the order of the table."""
    return [
        {
            "name": row["file_name"],
            "original": row["original_label"],
            "correct": row["correct_multi_labels"],
            "unclear": row["unclear_multi_labels"],
            "wrong": row["wrong_multi_labels"],
            "problematic": row["is_problematic"],
            "imagenet_m": row["is_imagenet_m"],
        }
        for row in annotations.frame.iter_rows(named=True)
    ]


def made_up(rows, seed=0, checkpoints=3, hard=0.3, missing=0.02):
    """Checkpoint name to image name to label, in random order; a share of the images is hard, for all of them."""
    rng = random.Random(seed)
    predictions = {f"step-{number}": {} for number in range(checkpoints)}
    for row in rows:
        is_hard, tempting = rng.random() < hard, rng.randrange(1000)
        reviewed = [*row["correct"], *row["unclear"], *row["wrong"], tempting]
        for labels in predictions.values():
            if rng.random() < missing:
                continue
            wrong = is_hard and rng.random() < 0.7
            others = tempting, rng.randrange(1000), rng.choice(reviewed)
            labels[row["name"]] = rng.choice(others) if wrong else row["original"]
    return {name: dict(rng.sample(list(labels.items()), len(labels))) for name, labels in predictions.items()}


def outcomes_of(predictions, annotations, measures=("MLA",)):
    """Outcomes of made-up predictions; what is missing counts as wrong."""
    return Scorer(annotations, measures, missing="wrong", trust_order=True).outcomes(predictions)


def scored(rows):
    """Those that are not problematic."""
    return [row for row in rows if not row["problematic"]]


def verdict(row, label):
    """What experts say of a prediction; None is none."""
    return "missing" if label is None else reference.verdict(row, label)


def most_common(labels):
    """The three most frequent labels with their numbers; equal ones by label."""
    return sorted(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))[:3]
