"""Predictions meet images by name: what is needed, what may be missing, and what that does to a score."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from ml_scorer import MLA, Scorer, score
from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import group_members, validation_labels
from ml_scorer.kernel import BATCH, compile_plan
from ml_scorer.measures import DEFAULT_MEASURES
from ml_scorer.predictions import Aligner, Predictions
from ml_scorer.schema import MISSING, image_name, image_names

COUNTS = ["correct", "unclear", "wrong", "unreviewed"]


def predict(images, labels=None):
    """Predictions for some images by name; without labels, the original ones, which experts mostly accept."""
    images = np.asarray(images)
    labels = validation_labels()[images] if labels is None else labels
    return dict(zip(image_names(pl.Series(images)).to_list(), labels.tolist(), strict=True))


def scored(annotations):
    """The images that are not problematic."""
    return annotations.images[~annotations.is_problematic]


def dogs(annotations):
    return annotations.images[np.isin(annotations.original_labels, sorted(group_members("dog")))]


def unannotated(annotations):
    return np.setdiff1d(np.arange(1, 50_001), annotations.images)


def unreviewed_label(annotations, image):
    """A label of an image that no expert judged."""
    row = int(np.flatnonzero(annotations.images == image)[0])
    judged = set(annotations.reviewed_labels[annotations.reviewed_rows == row].tolist())
    return next(label for label in range(1000) if label not in judged)


@pytest.fixture(scope="module")
def lenient(synthetic):
    return Scorer(synthetic, missing="wrong")


@pytest.fixture(scope="module")
def strict(synthetic):
    return Scorer(synthetic)


# A missing image is an error


def test_one_missing_image_is_named(strict, synthetic):
    images = scored(synthetic)
    fault = rf"1 of the 18,692 images that the measures need have no prediction: {image_name(images[7])}\. Add them, or"
    with pytest.raises(PredictionsError, match=rf"^predictions: {fault} .*missing='wrong' \(--missing wrong\)\.$"):
        strict.score(predict(np.delete(images, 7)))


def test_many_missing_images_are_counted_and_the_first_named(strict, synthetic):
    first = ", ".join(map(image_name, scored(synthetic)[:3].tolist()))
    with pytest.raises(
        PredictionsError, match=f"18,592 of the 18,692 images .* no prediction: {first} and 18,589 more"
    ):
        strict.score(predict(scored(synthetic)[-100:]))


def test_a_missing_image_is_found_in_an_array_of_a_list(synthetic, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(predict(scored(synthetic)[1:])))
    with pytest.raises(PredictionsError, match=f"1 of the 18,692 .*{image_name(scored(synthetic)[0])}"):
        score(np.zeros(18_691, int), synthetic, order=str(names))


def test_a_missing_image_in_a_file_is_told_with_its_checkpoint(strict, synthetic, tmp_path):
    rows = predict(scored(synthetic)[1:])
    pl.DataFrame({"image": list(rows), "pred": list(rows.values())}).write_csv(tmp_path / "resnet50.csv")
    with pytest.raises(PredictionsError, match=r"resnet50(\.csv)?: 1 of the 18,692 images"):
        strict.score(tmp_path / "resnet50.csv")


def test_predictions_for_other_images_alone_are_refused(strict, synthetic):
    with pytest.raises(PredictionsError, match="18,692 of the 18,692 images"):
        strict.score(predict(unannotated(synthetic)))


def test_problematic_images_need_no_prediction(strict, synthetic):
    assert strict.score(predict(scored(synthetic))).frame["Top1"].to_list() == [1.0]


def test_images_without_annotations_change_nothing(strict, synthetic):
    few, many = predict(scored(synthetic)), predict(range(1, 50_001))
    assert strict.score(many).frame.equals(strict.score(few).frame)


def test_a_measure_of_all_images_needs_all_images(synthetic):
    with pytest.raises(PredictionsError, match="30,000 of the 50,000 images"):
        score(predict(synthetic.images), synthetic, "Top1(images=validation)")


def test_a_measure_of_all_images_is_full_with_all_images(synthetic):
    assert (
        score(predict(range(1, 50_001)), synthetic, "Top1(images=validation)").frame["Top1(images=validation)"][0] == 1
    )


def test_a_measure_of_some_classes_needs_only_those(synthetic):
    assert score(predict(dogs(synthetic)), synthetic, "MLA(classes=dog)").frame["MLA(classes=dog)"][0] == 1


def test_what_several_measures_need_is_needed_together(synthetic):
    with pytest.raises(PredictionsError, match="of the 18,692 images"):
        score(predict(dogs(synthetic)), synthetic, ["MLA(classes=dog)", "MLA"])


def test_imagenet_m_needs_its_68_images(synthetic):
    images = synthetic.images[synthetic.is_imagenet_m]
    frame = score(predict(images), synthetic, "ImageNetM").frame
    assert frame["ImageNetM_right"].to_list() == [68]
    with pytest.raises(PredictionsError, match=f"1 of the 68 images .* {image_name(images[67])}"):
        score(predict(images[:67]), synthetic, "ImageNetM")


# Every row is checked, needed or not


@pytest.mark.parametrize("kind", ["unannotated", "problematic", "scored"])
@pytest.mark.parametrize(
    ("label", "fault"),
    [(1000, "a label is outside 0-999: 1000"), (-1, "a label is outside 0-999: -1"), (1.5, "not a whole number: 1.5")],
)
def test_a_bad_label_is_refused_whatever_its_image(kind, label, fault, lenient, synthetic):
    images = {
        "unannotated": unannotated(synthetic),
        "problematic": synthetic.images[synthetic.is_problematic],
        "scored": scored(synthetic),
    }[kind]
    bad = image_name(images[3])
    with pytest.raises(PredictionsError, match=f"{fault} at {bad}"):
        lenient.score({**predict(range(1, 50_001)), bad: label})


@pytest.mark.parametrize("kind", ["unannotated", "problematic", "scored"])
def test_a_repeat_with_another_label_is_refused_whatever_its_image(kind, lenient, synthetic):
    images = {
        "unannotated": unannotated(synthetic),
        "problematic": synthetic.images[synthetic.is_problematic],
        "scored": scored(synthetic),
    }[kind]
    twice = image_name(images[3])
    with pytest.raises(PredictionsError, match=f"1 images are repeated with another label: {twice}"):
        lenient.score({**predict(range(1, 50_001), np.zeros(50_000, int)), f"again/{twice}": 1})


def test_a_bad_label_in_an_array_is_refused_whatever_its_image(synthetic):
    labels = np.zeros(50_000, int)
    labels[unannotated(synthetic)[0] - 1] = 1000
    with pytest.raises(PredictionsError, match="outside 0-999: 1000 at index"):
        score(labels, synthetic, order="ilsvrc", missing="wrong")


# Missing images as wrong ones


def test_missing_images_are_counted(lenient, synthetic):
    assert lenient.score(predict(scored(synthetic)[5:])).frame["missing"].to_list() == [5]


def test_missing_images_that_no_measure_needs_are_not_counted(lenient, synthetic):
    assert lenient.score(predict(scored(synthetic))).frame["missing"].to_list() == [0]


def test_there_is_no_count_of_missing_images_where_they_are_an_error(strict, synthetic):
    assert "missing" not in strict.score(predict(scored(synthetic))).frame.columns


def test_nothing_missing_gives_the_same_scores_either_way(strict, lenient, synthetic):
    labels = np.random.default_rng(0).integers(0, 1000, 18_692)
    predictions = predict(scored(synthetic), labels)
    assert lenient.score(predictions).frame.drop("missing").equals(strict.score(predictions).frame)


def test_a_signature_says_what_missing_images_are(strict, lenient, synthetic):
    predictions = predict(scored(synthetic))
    assert "|missing:error|" in strict.score(predictions).signatures["MLA"]
    assert "|missing:wrong|" in lenient.score(predictions).signatures["MLA"]


@pytest.mark.parametrize("measure", [str(measure) for measure in DEFAULT_MEASURES])
def test_a_missing_image_is_right_in_no_measure(measure, lenient, synthetic):
    everything = lenient.score(predict(scored(synthetic)))
    without_one = lenient.score(predict(scored(synthetic)[1:]))
    original = validation_labels()[scored(synthetic)[0]]
    class_size = np.count_nonzero(validation_labels()[scored(synthetic)] == original)
    weight = Fraction(1, 18_692) if "image" in measure or measure == "Top1" else Fraction(1, 1000 * int(class_size))
    assert everything.exact(measure) == [1]
    assert without_one.exact(measure) == [1 - weight]


def test_a_missing_image_is_not_even_right_in_the_upper_bound(lenient, synthetic):
    labels = np.array([unreviewed_label(synthetic, image) for image in scored(synthetic)[:50]])
    rest = predict(scored(synthetic)[50:])
    unreviewed = lenient.score({**predict(scored(synthetic)[:50], labels), **rest})
    missing = lenient.score(rest)
    assert unreviewed.exact(MLA(unreviewed="correct")) == [1]
    assert missing.exact(MLA(unreviewed="correct")) == missing.exact("MLA")
    assert missing.frame["MLA"][0] < 1


def test_a_missing_image_has_no_verdict(lenient, synthetic):
    frame = lenient.score(predict(scored(synthetic)[100:])).frame
    assert frame.select(pl.sum_horizontal(COUNTS)).item() == 18_592


def test_all_images_can_be_missing(lenient, synthetic):
    frame = lenient.score(predict(unannotated(synthetic))).frame
    assert frame["missing"].to_list() == [18_692]
    assert frame.select(pl.exclude("checkpoint", "missing")).row(0) == (0,) * (len(DEFAULT_MEASURES) + 4)


def test_an_image_is_missing_from_each_checkpoint_by_itself(lenient, synthetic):
    images = scored(synthetic)
    frame = lenient.score([predict(images[5:]), predict(images), predict(images[:-9])]).frame
    assert frame["missing"].to_list() == [5, 0, 9]


@pytest.mark.parametrize("option", ["missing", "on_error"])
def test_an_option_that_does_not_exist_is_refused(option, synthetic):
    with pytest.raises(ValueError, match=f"^{option}='ignore': expected one of (error, wrong|stop, skip)"):
        score(predict([1]), synthetic, **{option: "ignore"})


# Verdict counts


def test_verdicts_are_unknown_where_predictions_do_not_cover_the_images(synthetic):
    frame = score(predict(dogs(synthetic)), synthetic, "MLA(classes=dog)").frame
    assert frame.select(COUNTS).row(0) == (None,) * 4


def test_verdicts_are_known_where_predictions_cover_the_images_unasked(synthetic):
    frame = score(predict(scored(synthetic)), synthetic, "MLA(classes=dog)").frame
    assert frame.select(COUNTS).row(0) == (18_692, 0, 0, 0)


def test_verdicts_are_known_for_some_checkpoints_and_not_for_others(synthetic):
    predictions = [predict(dogs(synthetic)), predict(scored(synthetic)), predict(scored(synthetic)[1:])]
    frame = score(predictions, synthetic, "MLA(classes=268)", missing="wrong").frame
    assert frame["correct"].to_list() == [None, 18_692, None]


def test_verdicts_of_what_is_there_are_counted_where_missing_images_are_wrong(lenient, synthetic):
    assert lenient.score(predict(dogs(synthetic))).frame["wrong"].to_list() == [0]


# The aligner itself


def test_every_column_gets_the_prediction_of_its_image(synthetic):
    plan = compile_plan([MLA().rule(synthetic)])
    images = np.random.default_rng(0).permutation(synthetic.images)
    labels = np.stack([images % 1000, images % 7]).astype(np.int16)
    (aligned,) = Aligner(plan.images, scored(synthetic), missing_allowed=False).align(
        Predictions(images, labels, "names"), "a"
    )
    assert (aligned == np.stack([plan.images % 1000, plan.images % 7])).all()
    assert aligned.dtype == np.int16


def test_a_column_without_a_prediction_is_marked(synthetic):
    plan = compile_plan([MLA().rule(synthetic)], missing_allowed=True)
    images = scored(synthetic)[::2].copy()
    labels = np.full((1, images.size), 7, np.int16)
    aligner = Aligner(plan.images, scored(synthetic), missing_allowed=True)
    (aligned,) = aligner.align(Predictions(images, labels, "names"), "a")
    assert (aligned[0] == np.where(np.isin(plan.images, images), 7, MISSING)).all()


@pytest.mark.parametrize("checkpoints", [1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 1])
@pytest.mark.parametrize("complete", [True, False], ids=["complete", "incomplete"])
def test_batches_are_the_checkpoints_in_their_order(checkpoints, complete, synthetic):
    plan = compile_plan([MLA().rule(synthetic)], missing_allowed=True)
    images = scored(synthetic)[0 if complete else 1 :]
    labels = np.broadcast_to(np.arange(checkpoints, dtype=np.int16)[:, None], (checkpoints, images.size)).copy()
    aligner = Aligner(plan.images, scored(synthetic), missing_allowed=True)
    column = int(np.flatnonzero(plan.images == images[-1])[0])
    found = [
        label for batch in aligner.align(Predictions(images, labels, "x"), "a") for label in batch[:, column].tolist()
    ]
    assert found == list(range(checkpoints))


def test_an_aligner_tells_one_order_of_images_from_another(synthetic):
    plan = compile_plan([MLA().rule(synthetic)])
    aligner = Aligner(plan.images, scored(synthetic), missing_allowed=False)
    for seed in (0, 1, 0):
        images = np.random.default_rng(seed).permutation(synthetic.images)
        (aligned,) = aligner.align(Predictions(images, (images % 1000).astype(np.int16)[None], "names"), "a")
        assert (aligned[0] == plan.images % 1000).all()
