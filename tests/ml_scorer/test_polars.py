"""Verdicts in Polars expressions."""

from __future__ import annotations

import polars as pl
import pytest
from made_up_predictions import made_up, rows_of

import ml_scorer.polars
from ml_scorer import Scorer, score
from ml_scorer.imagenet import class_names, classes
from ml_scorer.measures.verdict_counts import VERDICT_COUNTS
from ml_scorer.schema import image_name, image_names

VERDICT = ml_scorer.polars.VERDICT


@pytest.fixture(scope="module")
def long(synthetic):
    """Three made-up checkpoints as one table, and problematic images among theirs."""
    predictions = made_up(rows_of(synthetic), missing=0)
    frames = [
        pl.DataFrame({"checkpoint": name, "image": list(labels), "prediction": list(labels.values())})
        for name, labels in predictions.items()
    ]
    return pl.concat(frames)


def test_verdicts_are_those_of_outcomes(synthetic, long):
    one = long.filter(checkpoint="step-1")
    outcomes = Scorer(synthetic, ["MLA"], trust_order=True).outcomes(one.select("image", "prediction"))
    names = image_names(pl.Series(outcomes.scored_images))
    known = pl.DataFrame({"image": names, "index": outcomes.verdicts()[0]})
    found = one.with_columns(verdict=pl.col("prediction").imagenet.verdict("image", synthetic)).join(known, on="image")
    assert found.height == outcomes.scored_images.size
    assert found["verdict"].dtype == VERDICT
    assert found["verdict"].to_list() == [VERDICT_COUNTS[index] for index in found["index"]]
    assert found["verdict"].n_unique() == 4


@pytest.mark.parametrize("lazy", [False, True])
def test_means_are_the_scores(synthetic, long, lazy):
    measures = ["MLA", "MLA(average=image)"]
    scored = Scorer(synthetic, measures, trust_order=True)
    frame = long.lazy() if lazy else long
    right = frame.filter(pl.col("image").imagenet.is_scored(synthetic)).with_columns(
        accepted=pl.col("prediction").imagenet.accepted("image", synthetic),
        verdict=pl.col("prediction").imagenet.verdict("image", synthetic),
        label=pl.col("image").imagenet.original_label(synthetic),
    )
    counts = [(pl.col("verdict") == name).sum().alias(name) for name in VERDICT_COUNTS]
    means = right.group_by("checkpoint").agg(pl.col("accepted").mean(), *counts).sort("checkpoint")
    per_class = right.group_by("checkpoint", "label").agg(pl.col("accepted").mean())
    averages = per_class.group_by("checkpoint").agg(pl.col("accepted").mean()).sort("checkpoint")
    means, averages = (found.collect() if lazy else found for found in (means, averages))
    for name, mean, average, counted in zip(
        means["checkpoint"], means["accepted"], averages["accepted"], means.select(VERDICT_COUNTS).rows(), strict=True
    ):
        expected = scored.score(long.filter(checkpoint=name).select("image", "prediction")).frame
        assert mean == pytest.approx(expected["MLA(average=image)"][0], abs=1e-12)
        assert average == pytest.approx(expected["MLA"][0], abs=1e-12)
        assert counted == expected.select(VERDICT_COUNTS).row(0)


@pytest.mark.parametrize("name", ["ResNet50", "DINO"])
def test_real_predictions_have_their_counts(real_data, genuine, name):
    path = real_data / "predictions" / f"{name}.csv"
    found = (
        pl.scan_csv(path)
        .filter(pl.col("file_name").imagenet.is_scored(genuine))
        .select(pl.col("predicted_class").imagenet.verdict("file_name", genuine).value_counts())
        .unnest("predicted_class")
        .collect()
    )
    expected = score(path, genuine).frame.select(VERDICT_COUNTS).row(0, named=True)
    assert dict(found.iter_rows()) == expected


@pytest.mark.parametrize(
    "as_written",
    [
        classes()["wordnet_id"].gather,
        classes()["name"].gather,
        lambda labels: labels.cast(pl.UInt16),
        lambda labels: labels.cast(pl.Float64),
        lambda labels: classes()["wordnet_id"].gather(labels).cast(pl.Categorical),
        lambda labels: pl.select(pl.concat_list(pl.lit(labels), pl.lit((labels + 1) % 1000))).to_series(),
    ],
)
def test_predictions_may_be_written_in_many_ways(synthetic, long, as_written):
    labels = long["prediction"]
    other = long.with_columns(written=as_written(labels))
    plain, written = (
        other.select(pl.col(column).imagenet.verdict("image", synthetic)).to_series()
        for column in ("prediction", "written")
    )
    assert written.equals(plain)


def test_names_of_columns_are_kept_and_several_are_judged_at_once(synthetic, long):
    wide = long.pivot("checkpoint", index="image", values="prediction")
    found = wide.with_columns(pl.col("^step-.*$").imagenet.accepted(pl.col("image"), synthetic))
    assert found.columns == wide.columns
    assert found.dtypes[1:] == [pl.Boolean] * 3
    assert found["step-0"].to_list() != found["step-1"].to_list()


def test_what_is_not_known_is_null(synthetic):
    image = synthetic.frame["file_name"][0]
    others = sorted(set(range(1, 50_001)) - set(synthetic.images.tolist()))
    frame = pl.DataFrame(
        {
            "image": [image, image, image_name(others[0]), "cat.jpg", None, "ILSVRC2012_val_99999999", f"val/{image}"],
            "prediction": [0, None, 0, 0, 0, 0, 0],
        }
    )
    found = frame.select(
        verdict=pl.col("prediction").imagenet.verdict("image", synthetic).is_null(),
        accepted=pl.col("prediction").imagenet.accepted("image", synthetic).is_null(),
        scored=pl.col("image").imagenet.is_scored(synthetic),
        label=pl.col("image").imagenet.original_label(synthetic).is_null(),
        name=pl.col("prediction").imagenet.class_name(),
    )
    assert found["verdict"].to_list() == [False, True, True, True, True, True, False]
    assert found["accepted"].to_list() == found["verdict"].to_list()
    problematic = bool(synthetic.is_problematic[0])
    assert found["scored"].to_list() == [not problematic, not problematic, *[False] * 4, not problematic]
    assert found["label"].to_list() == [False, False, False, True, True, True, False]
    assert found["name"].to_list() == ["tench", None, *["tench"] * 5]


def test_class_names_are_those_of_the_package():
    found = pl.select(pl.int_range(1000).imagenet.class_name()).to_series()
    assert found.to_list() == list(class_names())


@pytest.mark.parametrize("column", [[], [None]])
def test_an_empty_column_stays_empty(synthetic, column):
    frame = pl.DataFrame({"image": pl.Series(column, dtype=pl.String), "prediction": pl.Series(column, dtype=pl.Int64)})
    found = frame.select(pl.col("prediction").imagenet.verdict("image", synthetic)).to_series()
    assert found.to_list() == column
    assert found.dtype == VERDICT


@pytest.mark.parametrize(
    ("predictions", "sentence"),
    [
        ([0, 1000], "outside 0-999: 1000"),
        (["n00000000"], "none of ImageNet's 1,000 classes"),
        ([0.5], "not a whole number"),
    ],
)
def test_what_is_no_class_is_an_error(synthetic, predictions, sentence):
    frame = pl.DataFrame({"image": [image_name(1)] * len(predictions), "prediction": predictions})
    with pytest.raises(Exception, match=sentence):
        frame.select(pl.col("prediction").imagenet.verdict("image", synthetic))


@pytest.mark.parametrize(
    ("predictions", "place"),
    [
        ([1.0, None, float("nan")], "nan at row 2"),
        ([1, None, 1000], "1000 at row 2"),
        (["1", None, "1000"], "1000.0 at row 2"),
        ([[1, 2], None, [3, 1000]], "1000 at row 2"),
        (["tench", None, "no class"], "'no class' at 2"),
    ],
)
def test_nulls_count_in_the_place_of_a_fault(predictions, place):
    with pytest.raises(Exception, match=place):
        pl.DataFrame({"prediction": predictions}).select(pl.col("prediction").imagenet.class_name())


def test_annotations_are_found_as_elsewhere(genuine_table, monkeypatch):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(genuine_table))
    frame = pl.DataFrame({"image": ["ILSVRC2012_val_00000293"], "prediction": [394]})
    assert frame.select(pl.col("prediction").imagenet.verdict("image")).item() == "wrong"


def test_without_annotations_it_says_how_to_get_some(monkeypatch, tmp_path):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match=r"ML_SCORER_ANNOTATIONS names .* which is not a file"):
        pl.col("prediction").imagenet.verdict("image")


def test_rows_in_parts_have_the_same_verdicts(synthetic, long):
    whole = long.select(pl.col("prediction").imagenet.verdict("image", synthetic)).to_series()
    verdict = pl.col("prediction").imagenet.verdict("image", synthetic)
    assert long.lazy().select(verdict).collect(engine="streaming").to_series().equals(whole)
    assert long.select(verdict.over("checkpoint")).to_series().equals(whole)


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_annotations_may_be_a_path(kind, synthetic, synthetic_table):
    frame = pl.DataFrame({"image": synthetic.frame["file_name"][:50], "prediction": range(50)})

    def found(annotations):
        prediction, image = pl.col("prediction").imagenet, pl.col("image").imagenet
        return frame.select(
            verdict=prediction.verdict("image", annotations),
            accepted=prediction.accepted("image", annotations),
            label=image.original_label(annotations),
            scored=image.is_scored(annotations),
        )

    assert found(kind(synthetic_table)).equals(found(synthetic))


@pytest.mark.parametrize("image", [pl.lit(5), pl.col("number"), "number", pl.col("image").is_null()])
def test_images_that_are_no_text_are_an_error(image, synthetic):
    frame = pl.DataFrame({"image": [image_name(1), None], "number": [1, 2], "prediction": [0, 0]})
    expected = (
        r"the images are (Int32|Int64|Boolean) \(such as .*; expected their names as text, such as ILSVRC2012_val"
    )
    with pytest.raises(Exception, match=expected):
        frame.select(pl.col("prediction").imagenet.verdict(image, synthetic))
    if isinstance(image, pl.Expr):
        with pytest.raises(Exception, match=expected):
            frame.lazy().select(image.imagenet.is_scored(synthetic)).collect()


@pytest.mark.parametrize(
    "dtype", [pl.String, pl.Categorical, pl.Enum([image_name(293), image_name(1)]), pl.Binary], ids=str
)
def test_names_of_images_in_every_kind_of_text(dtype, synthetic):
    names = pl.Series("image", [image_name(293), None, image_name(1)])
    frame = pl.DataFrame({"image": names, "prediction": 394})
    expected = frame.select(pl.col("prediction").imagenet.verdict("image", synthetic)).to_series()
    found = frame.with_columns(pl.col("image").cast(dtype)).select(
        pl.col("prediction").imagenet.verdict("image", synthetic)
    )
    assert found.to_series().equals(expected)


def test_one_image_may_be_said_for_all(synthetic):
    image = synthetic.frame["file_name"][0]
    frame = pl.DataFrame({"image": image, "prediction": range(1000)})
    one, each = (
        frame.select(pl.col("prediction").imagenet.verdict(images, synthetic)).to_series()
        for images in (pl.lit(image), "image")
    )
    assert one.equals(each)
