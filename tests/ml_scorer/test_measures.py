"""Measures as values, and what they come down to."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import polars as pl
import pytest

from ml_scorer import MLA, Annotations, ImageNetM, Top1, parse_measure, score
from ml_scorer.errors import MeasureError
from ml_scorer.imagenet import validation_labels
from ml_scorer.measures import DEFAULT_MEASURES, MEASURES, Top5, parse_measures
from ml_scorer.schema import image_name

PRINTED = [
    (MLA(), "MLA"),
    (MLA(unclear="wrong"), "MLA(unclear=wrong)"),
    (MLA(average="image", unclear="wrong"), "MLA(unclear=wrong, average=image)"),
    (MLA(classes="dog"), "MLA(classes=dog)"),
    (MLA(classes="organism-not-dog"), "MLA(classes=organism-not-dog)"),
    (MLA(classes=[5, 3, 4, 900]), "MLA(classes=3-5+900)"),
    (MLA(unclear="wrong", unreviewed="correct", average="image", classes="object"),
     "MLA(unclear=wrong, unreviewed=correct, average=image, classes=object)"),
    (MLA(k=5), "MLA(k=5)"),
    (MLA(k="labels"), "MLA(k=labels)"),
    (MLA(unclear="wrong", unreviewed="correct", average="image", classes="dog", k="10"),
     "MLA(unclear=wrong, unreviewed=correct, average=image, classes=dog, k=10)"),
    (Top1(), "Top1"),
    (Top5(), "Top5"),
    (Top5(average="class", images="validation"), "Top5(average=class, images=validation)"),
    (Top1(average="class", images="validation"), "Top1(average=class, images=validation)"),
    (ImageNetM(), "ImageNetM"),
]  # fmt: skip


@pytest.mark.parametrize(("measure", "text"), PRINTED)
def test_a_measure_prints_without_defaults_and_parses_back(measure, text):
    assert str(measure) == text
    assert parse_measure(text) == measure
    assert hash(parse_measure(text)) == hash(measure)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (" MLA ( average = image , unclear=wrong ) ", "MLA(unclear=wrong, average=image)"),
        ("MLA()", "MLA"),
        ("MLA(unclear=correct)", "MLA"),
        ("MLA(classes=all)", "MLA"),
        ("MLA(k=1)", "MLA"),
        ("MLA(k = 5)", "MLA(k=5)"),
        ("MLA(classes=0-999)", "MLA"),
        ("MLA(classes=151-268)", "MLA(classes=dog)"),
        ("MLA(classes=7+1-3)", "MLA(classes=1-3+7)"),
    ],
)
def test_another_spelling_is_the_same_measure(text, same):
    assert parse_measure(text) == parse_measure(same)
    assert str(parse_measure(text)) == same


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Top9", r"unknown measure 'Top9'. Known: MLA, Top1, Top5, ImageNetM"),
        ("mla", "unknown measure 'mla'"),
        ("", "unknown measure ''"),
        ("MLA(unclear=wrong", "unknown measure"),
        ("MLA(top=5)", r"unknown argument 'top=5' \(MLA takes unclear, unreviewed, average, classes, membership, k\)"),
        ("Top5(k=3)", r"unknown argument 'k=3' \(Top5 takes average, images\)"),
        ("MLA(k=0)", "k='0' is neither a whole number 1-1000 nor labels"),
        ("MLA(k=05)", "k='05' is neither"),
        ("MLA(k=1001)", "k='1001' is neither"),
        ("MLA(k=5.0)", "k='5.0' is neither"),
        ("MLA(k=-1)", "k='-1' is neither"),
        ("MLA(k=\u0665)", "k=.* is neither"),
        ("MLA(k=)", "k='' is neither"),
        ("MLA(k=labels, unreviewed=correct)", "with unreviewed=correct nobody knows how many those are"),
        ("MLA(wrong)", "unknown argument 'wrong'"),
        ("ImageNetM(average=class)", "takes no arguments"),
        ("MLA(unclear=maybe)", "unclear='maybe' is not one of correct, wrong"),
        ("MLA(average=image, average=class)", "'average' is given twice"),
        ("MLA(classes=cats)", "classes='cats' is neither one of all, organism"),
        ("MLA(classes=999-1001)", "expected class indices in 0-999"),
        ("MLA(classes=0-5+5000)", "expected class indices in 0-999, found 5000"),
        ("MLA(classes=0-5+9-3)", "the range 9-3 ends before it begins"),
        ("MLA(classes=0-99999)", "is neither one of"),
        ("Top1(images=all)", "images='all' is not one of annotated, validation"),
    ],
)
def test_a_text_that_is_no_measure_is_refused(text, message):
    with pytest.raises(MeasureError, match=message):
        parse_measure(text)


def test_all_bad_arguments_are_reported_together():
    with pytest.raises(MeasureError, match=r"(?s)unclear='x'.*average='y'"):
        MLA(unclear="x", average="y")
    with pytest.raises(MeasureError, match=r"(?s)3 problems.*unclear='x'.*classes='cats'.*k='few'"):
        MLA(unclear="x", classes="cats", k="few")
    with pytest.raises(MeasureError, match=r"(?s)'Top9'.*unclear='x'"):
        parse_measures(["Top9", "MLA(unclear=x)"])


@pytest.mark.parametrize(("classes", "found"), [([], "none"), ([-1, 3], "-1"), ([5, 1000], "1000")])
def test_classes_that_do_not_exist_are_refused(classes, found):
    with pytest.raises(MeasureError, match=f"expected class indices in 0-999, found {found}"):
        MLA(classes=classes)


def test_a_number_of_labels_may_be_an_integer():
    assert MLA(k=5) == MLA(k="5") == MLA(k=np.int64(5))
    assert MLA(k=1) == MLA()
    assert MLA(k=5) != MLA(k=6)


@pytest.mark.parametrize("k", [0, -1, 1001, 5.0, None, [5]])
def test_a_number_of_labels_is_a_whole_one(k):
    with pytest.raises(MeasureError, match=r"k=.* is neither a whole number 1-1000 nor labels"):
        MLA(k=k)


def test_measures_of_different_kinds_are_different():
    assert Top1() != Top5()
    assert len({Top1(), Top5(), MLA(), MLA(k=5)}) == 4


def test_every_argument_says_what_it_may_be():
    for kind in MEASURES.values():
        assert all(kind.may_be(field.name) for field in fields(kind))
    assert MLA.may_be("unclear") == ("correct", "wrong")
    assert MLA.may_be("classes")[:2] == ("all", "organism")
    assert MLA.may_be("k") == ("a whole number 1-1000", "labels")


def test_a_class_index_is_an_integer():
    with pytest.raises(TypeError, match="float"):
        MLA(classes=[0.7, 1])


def test_no_measure_is_refused():
    with pytest.raises(MeasureError, match="no measure given"):
        parse_measures([])


def test_a_measure_that_is_neither_text_nor_value_is_refused():
    with pytest.raises(TypeError, match="not <class"):
        parse_measures([MLA])


def test_measures_are_computed_once_each():
    assert parse_measures(["MLA", MLA(), "Top1"]) == (MLA(), Top1())


def test_every_registered_measure_has_a_default_form():
    for name, kind in MEASURES.items():
        assert str(kind()) == name


def test_one_measure_may_be_given_alone(synthetic):
    perfect = dict(zip(synthetic.frame["file_name"], synthetic.original_labels.tolist(), strict=True))
    assert score(perfect, synthetic, "Top1").frame["Top1"].to_list() == [1.0]
    assert score(perfect, synthetic, Top1()).frame["Top1"].to_list() == [1.0]


def test_the_default_measures_print_as_documented():
    assert [str(measure) for measure in DEFAULT_MEASURES] == [
        "MLA",
        "MLA(unclear=wrong)",
        "MLA(unreviewed=correct)",
        "MLA(average=image)",
        "Top1",
    ]


def test_top1_on_all_validation_images_needs_no_annotation_of_them(synthetic):
    labels = validation_labels()[1:].astype(int).tolist()
    predictions = {image_name(number): label for number, label in enumerate(labels, 1)}
    predictions[image_name(1)] = (labels[0] + 1) % 1000
    frame = score(predictions, synthetic, "Top1(images=validation)").frame
    assert frame["Top1(images=validation)"].to_list() == [49_999 / 50_000]


def test_top1_on_all_validation_images_is_the_same_measurement_under_any_annotations(synthetic):
    predictions = {image_name(number): 0 for number in range(1, 50_001)}
    signature = score(predictions, synthetic, "Top1(images=validation)").signatures["Top1(images=validation)"]
    assert "|data:imagenet2012_validation@" in signature
    assert "|images:50000|classes:1000|" in signature


def test_imagenet_m_counts_the_right_images(synthetic):
    labels = np.where(synthetic.is_imagenet_m, synthetic.original_labels, 0)
    predictions = dict(zip(synthetic.frame["file_name"], labels.tolist(), strict=True))
    row = score(predictions, synthetic, "ImageNetM").frame.row(0, named=True)
    assert row["ImageNetM_right"] == 68
    assert row["ImageNetM"] == 1.0


def test_imagenet_m_needs_a_table_that_says_it(synthetic):
    frame = synthetic.frame.with_columns(is_imagenet_m=pl.lit(None, dtype=pl.Boolean))
    with pytest.raises(MeasureError, match=r"does not say which images.*build-cache json.*build-cache tfds"):
        ImageNetM().rule(Annotations.from_frame(frame))


def test_a_per_class_average_needs_every_class(synthetic):
    without = Annotations.from_frame(synthetic.frame.filter(~pl.col("original_label").is_in([7, 8])))
    with pytest.raises(MeasureError, match=r"2 of 1,000 classes have none here \(class 7, 8\)"):
        MLA().rule(without)
    assert MLA(average="image").rule(without).images.size > 0
    assert MLA(classes="dog").rule(without).classes == 118


def test_measures_that_cannot_be_given_are_reported_together(synthetic):
    frame = synthetic.frame.filter(pl.col("original_label") != 7).with_columns(
        is_imagenet_m=pl.lit(None, dtype=pl.Boolean)
    )
    with pytest.raises(MeasureError, match=r"(?s)MLA: a per-class average.*ImageNetM: this annotation table"):
        score({}, Annotations.from_frame(frame), ["MLA", "ImageNetM"])


def test_published_numbers_of_images(genuine):
    images = {
        text: parse_measure(text).rule(genuine).images.size
        for text in ("MLA", "MLA(classes=organism)", "MLA(classes=object)", "MLA(classes=dog)")
    }
    # Shankar et al., ICML 2020, and the dataset's documentation
    assert images == {
        "MLA": 18_692,
        "MLA(classes=organism)": 7_498,
        "MLA(classes=object)": 11_194,
        "MLA(classes=dog)": 2_191,
    }


def test_weights_of_mla_are_fractions_of_the_common_multiple_of_the_class_sizes(genuine):
    rule = MLA().rule(genuine)
    assert rule.denominator == 232_792_560 * 1_000
    assert rule.weights.sum() == rule.denominator


@pytest.mark.parametrize(("text", "needed"), [("MLA", 1), ("Top1", 1), ("Top5", 5), ("MLA(k=7)", 7), ("ImageNetM", 1)])
def test_a_rule_says_how_many_labels_it_needs(text, needed, synthetic):
    rule = parse_measure(text).rule(synthetic)
    assert rule.labels_needed == needed
    assert rule.too_few(needed) == 0
    assert rule.too_few(needed - 1) == rule.images.size


def test_labels_needed_where_they_differ_by_image(genuine):
    rule = MLA(k="labels").rule(genuine)
    assert rule.labels_needed == 9
    assert [rule.too_few(k) for k in (0, 1, 5, 8, 9)] == [18_692, 3_588, 18, 1, 0]
    assert MLA(k="labels", unclear="wrong").rule(genuine).too_few(5) == 17


def test_weights_can_be_divided_by_the_numbers_of_labels(genuine):
    rule = MLA(k="labels").rule(genuine)
    assert rule.denominator == MLA().rule(genuine).denominator * 180  # the lcm of 1, 2, 3, 4, 5, 6 and 9
    assert rule.weights.sum() == rule.denominator
    assert not (rule.weights % rule.looked_at).any()
