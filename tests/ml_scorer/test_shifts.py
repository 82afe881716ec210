"""Images that are a few places off in the order, and numbers of classes that are one off, are told."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import ml_scorer
from ml_scorer.cli import main
from ml_scorer.errors import DoubtfulWarning, PredictionsError
from ml_scorer.imagenet import class_folder_order, validation_labels


@pytest.fixture(scope="module", params=["ResNet50", "DINO"])
def by_number(request, real_data):
    """Real labels of images 1 to 50,000: int16."""
    table = pl.read_csv(real_data / "predictions" / f"{request.param}.csv")
    labels = np.empty(50_000, np.int16)
    labels[[int(name[15:23]) - 1 for name in table["file_name"]]] = table["predicted_class"]
    return labels


@pytest.fixture(scope="module")
def by_class(by_number):
    return by_number[class_folder_order() - 1]


@pytest.mark.parametrize(
    ("places", "found"),
    [
        (1, "one place before it there. Does something else stand in the first place?"),
        (-1, "one place after it there. Was the first image left out?"),
        (2, "2 places before it there. Does something else stand in the first 2 places?"),
        (-25, "25 places after it there. Were the first 25 images left out?"),
    ],
)
def test_images_sorted_by_class_and_a_few_places_off(places, found, by_class, genuine):
    with pytest.raises(PredictionsError) as caught:
        ml_scorer.score(np.roll(by_class, places), genuine, order="imagefolder")
    assert found in str(caught.value)
    assert "% top-1 as imagefolder; 76." in str(caught.value)
    assert str(caught.value).endswith("or pass --trust-order (trust_order=True) to score what was said.")
    trusted = ml_scorer.score(np.roll(by_class, places), genuine, order="imagefolder", trust_order=True)
    assert trusted.frame["MLA"][0] < 0.8


@pytest.mark.parametrize("order", ["ilsvrc", "a list"])
def test_images_in_any_order_and_one_place_off(order, by_number, genuine):
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 50_001)]
    said = names if order == "a list" else order
    with pytest.raises(PredictionsError, match="one place after it there"):
        ml_scorer.score(np.roll(by_number, -1), genuine, order=said)


def test_the_checkpoint_that_is_off_is_named(by_class, genuine, tmp_path):
    np.savez(tmp_path / "sweep.npz", right=by_class, shifted=np.roll(by_class, 1))
    with pytest.raises(PredictionsError, match=r"sweep\.npz.*shifted.*one place before it"):
        ml_scorer.score(tmp_path / "sweep.npz", genuine, order="imagefolder")
    np.save(tmp_path / "sweep.npy", np.stack([by_class, np.roll(by_class, 1)]))
    with pytest.raises(PredictionsError, match=r"sweep\.npy.*one place before it"):
        ml_scorer.score(tmp_path / "sweep.npy", genuine, order="imagefolder")


@pytest.mark.parametrize("accuracy", [0.05, 0.3, 0.6])
def test_a_weak_model_in_the_right_order_passes_and_one_that_is_off_does_not(accuracy, by_class, genuine):
    rng = np.random.default_rng(0)
    weak = np.where(rng.random(50_000) < accuracy / 0.76, by_class, rng.integers(0, 1000, 50_000)).astype(np.int16)
    ml_scorer.score(weak, genuine, order="imagefolder")
    if accuracy > 0.1:
        with pytest.raises(PredictionsError, match="one place before it"):
            ml_scorer.score(np.roll(weak, 1), genuine, order="imagefolder")


def test_classes_taken_for_their_neighbours_are_no_shift(genuine):
    known = validation_labels()[class_folder_order()]
    rng = np.random.default_rng(0)
    for seed in range(5):
        chance = np.random.default_rng(seed).random(50_000)
        odd_alone = np.where(chance < 0.8, known | 1, rng.integers(0, 1000, 50_000)).astype(np.int16)
        ml_scorer.score(odd_alone, genuine, order="imagefolder")
        even_alone = np.where(chance < 0.8, known & -2, rng.integers(0, 1000, 50_000)).astype(np.int16)
        ml_scorer.score(even_alone, genuine, order="imagefolder")
        next_one = np.where(chance < 0.3, known, np.where(chance < 0.72, np.minimum(known + 1, 999), known // 7))
        ml_scorer.score(next_one.astype(np.int16), genuine, order="imagefolder")


@pytest.mark.parametrize("form", ["labels", "logits"])
def test_the_images_that_a_model_gets_wrong_are_scored(form, by_number, genuine):
    known = validation_labels()[1:]
    wrong = np.flatnonzero(by_number != known)
    names = [f"ILSVRC2012_val_{place + 1:08d}.JPEG" for place in wrong.tolist()]
    given = by_number[wrong]
    if form == "logits":
        given = (given[:, None] == np.arange(1000)).astype(np.float16)
    scores = ml_scorer.score(given, genuine, order=names, missing="wrong")
    assert scores.frame["Top1"][0] == 0 < scores.frame["MLA"][0]


def test_a_background_class_that_was_not_cut_off(by_class, genuine):
    logits = np.zeros((50_000, 1001), np.float16)
    logits[np.arange(50_000), by_class + 1] = 1
    with pytest.raises(PredictionsError, match=r"column 0 is a background class .* --class-ids background"):
        ml_scorer.score(logits[:, :1000], genuine, order="imagefolder")
    assert ml_scorer.score(logits, genuine, order="imagefolder", class_ids="background").frame["MLA"][0] > 0.85


def test_doubts_are_said_in_python_and_by_every_breakdown(by_class, genuine, genuine_table, tmp_path):
    random = np.random.default_rng(0).permutation(by_class)
    with pytest.warns(DoubtfulWarning, match=r"near chance, whatever .*: predictions\. Is the model trained\?"):
        scores = ml_scorer.score(random, genuine, order="imagefolder")
    assert repr(scores).endswith("Is the model trained?")
    with pytest.warns(DoubtfulWarning, match=r"100% top-1: predictions\. Are these the original labels"):
        ml_scorer.score(validation_labels()[1:], genuine, order="ilsvrc")
    np.save(tmp_path / "random.npy", random)
    for command in "score", "classes", "mistakes", "review", "groups":
        arguments = [
            command,
            str(tmp_path / "random.npy"),
            "--order",
            "imagefolder",
            "--annotations",
            str(genuine_table),
        ]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        assert "Warning: near chance, whatever order or class ids one tries: random." in result.stderr


def test_a_measure_is_found_however_it_is_written(by_class, genuine):
    asked = "MLA(classes=dog, average=image, membership=any)"
    scores = ml_scorer.score(by_class, genuine, asked, order="imagefolder")
    assert scores.exact(asked) == scores.exact(next(iter(scores.signatures)))


def test_numbers_of_which_1_was_taken_away_twice(by_class, genuine):
    with pytest.raises(PredictionsError, match="% if every class had the number above its own: mend that, or --trust"):
        ml_scorer.score(np.maximum(by_class - 1, 0), genuine, order="imagefolder")
