"""Class folders called 0 to 999, sorted as text, for images and numbers alike: top-1 does not tell, mistakes do."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ml_scorer import score
from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.class_ids import CLASS_IDS
from ml_scorer.predictions.orders import ORDERS
from ml_scorer.predictions.twins import ReviewedLabels

AS_TEXT = {"order": "imagefolder-as-text", "class_ids": "as-text"}
USUAL = {"order": "imagefolder", "class_ids": "imagenet"}


def as_text(labels, annotations):
    """Labels in ImageFolder order as they would be where folders and numbers go by text."""
    by_image = np.empty(50_001, np.int64)
    by_image[ORDERS["imagefolder"](annotations.images)] = labels
    return CLASS_IDS["as-text"].numbers[by_image[ORDERS["imagefolder-as-text"](annotations.images)]]


@pytest.fixture(scope="module", params=["ResNet50", "DINO"])
def labels(request, real_data):
    return pl.read_csv(real_data / "predictions" / f"{request.param}.csv")["predicted_class"].to_numpy()


def test_the_twin_of_what_was_said_is_named(labels, genuine):
    with pytest.raises(PredictionsError, match="pass --order imagefolder-as-text --class-ids as-text"):
        score(as_text(labels, genuine), genuine, **USUAL)
    with pytest.raises(PredictionsError, match="pass --order imagefolder --class-ids imagenet"):
        score(labels, genuine, **AS_TEXT)


def test_what_is_said_right_is_scored(labels, genuine):
    usual = score(labels, genuine, **USUAL)
    assert score(as_text(labels, genuine), genuine, **AS_TEXT).frame.equals(usual.frame)


def test_what_is_trusted_is_scored(labels, genuine):
    scores = score(as_text(labels, genuine), genuine, **USUAL, trust_order=True)
    assert scores.frame["MLA"][0] < 0.8


@pytest.mark.parametrize("right", [0.1, 0.3, 0.6])
def test_weak_models_raise_no_false_alarm(right, labels, genuine):
    random = np.random.default_rng(0)
    weak = np.where(random.random(labels.size) < right, labels, random.integers(0, 1000, labels.size))
    assert score(weak, genuine, **USUAL).frame.height == 1


def test_logits_are_checked_too(labels, genuine):
    logits = np.zeros((50_000, 1000), np.float16)
    logits[np.arange(50_000), as_text(labels, genuine)] = 1
    with pytest.raises(PredictionsError, match="pass --order imagefolder-as-text --class-ids as-text"):
        score(logits, genuine, **USUAL)


def test_reviewed_labels_are_looked_up_by_image(synthetic):
    pairs = synthetic.images[synthetic.reviewed_rows], synthetic.reviewed_labels
    reviewed = ReviewedLabels(*pairs)
    known = {(int(image), int(label)) for image, label in zip(*pairs, strict=True)}
    images = synthetic.images[:500]
    labels = (synthetic.original_labels[:500].astype(np.int32) + 1) % 1000
    expected = sum((int(image), int(label)) in known for image, label in zip(images, labels, strict=True))
    assert reviewed.share_of_mistakes(images, labels) == (500, expected / 500)
    assert reviewed.share_of_mistakes(images[:0], labels[:0]) == (0, 0)
