"""The package's scores are those of the slow reference, to the last bit, whatever the annotations and predictions."""

from __future__ import annotations

import importlib.util
import json
import random
from fractions import Fraction

import polars as pl
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer import Annotations, score
from ml_scorer.measures.rule import EXACT
from ml_scorer.schema import COLUMNS, image_name

MEASURES = {
    "MLA": (reference.mla, {}),
    "MLA(unclear=wrong)": (reference.mla, {"unclear": "wrong"}),
    "MLA(unreviewed=correct)": (reference.mla, {"unreviewed": "correct"}),
    "MLA(unclear=wrong, unreviewed=correct)": (reference.mla, {"unclear": "wrong", "unreviewed": "correct"}),
    "MLA(average=image)": (reference.mla, {"average": "image"}),
    "MLA(classes=0-1)": (reference.mla, {"classes": {0, 1}}),
    "MLA(average=image, classes=1)": (reference.mla, {"average": "image", "classes": {1}}),
    "Top1": (reference.top1, {}),
    "Top1(average=class)": (reference.top1, {"average": "class"}),
}


def make_annotations(rows, num_classes):
    """Annotations of the package from the rows of the reference."""
    columns = {
        "file_name": [row["name"] for row in rows],
        "original_label": [row["original"] for row in rows],
        "correct_multi_labels": [row["correct"] for row in rows],
        "wrong_multi_labels": [row["wrong"] for row in rows],
        "unclear_multi_labels": [row["unclear"] for row in rows],
        "is_problematic": [row["problematic"] for row in rows],
        "is_imagenet_m": [row["imagenet_m"] for row in rows],
    }
    frame = pl.DataFrame({name: pl.Series(name, columns[name], dtype=dtype) for name, dtype in COLUMNS.items()})
    return Annotations.from_frame(frame, num_classes=num_classes)


def make_rows(rng, num_classes, largest_class):
    """Random annotations in which every class has an image that is not problematic, in random order."""
    originals = [
        (label, number == 0) for label in range(num_classes) for number in range(rng.randint(1, largest_class))
    ]
    numbers = rng.sample(range(1, 50_001), len(originals))

    def some_labels(most):
        return [rng.randrange(num_classes) for _ in range(rng.randint(0, most))]

    rows = [
        {
            "name": image_name(number),
            "original": label,
            "correct": some_labels(3),
            "unclear": some_labels(2),
            "wrong": some_labels(6),
            "problematic": not first and rng.random() < 0.2,
            "imagenet_m": rng.random() < 0.3,
        }
        for number, (label, first) in zip(numbers, originals, strict=True)
    ]
    rows[0]["imagenet_m"] = True
    rng.shuffle(rows)
    return rows


def make_predictions(rng, rows, num_classes, missing):
    """Random predictions, right about as often as not, in random order."""
    names = [row["name"] for row in rows[1:] if rng.random() >= missing] + [rows[0]["name"]]
    reviewed = {row["name"]: [*row["correct"], *row["unclear"], *row["wrong"], row["original"]] for row in rows}
    rng.shuffle(names)
    return {name: rng.choice(reviewed[name]) if rng.random() < 0.7 else rng.randrange(num_classes) for name in names}


@settings(deadline=None, max_examples=120)
@given(
    seed=st.integers(0, 2**32),
    num_classes=st.integers(2, 40),
    largest_class=st.integers(1, 50),
    missing=st.sampled_from([0.0, 0.1, 0.9]),
)
def test_every_measure_is_the_reference_to_the_bit(seed, num_classes, largest_class, missing):
    rng = random.Random(seed)
    rows = make_rows(rng, num_classes, largest_class)
    predictions = make_predictions(rng, rows, num_classes, missing)
    annotations = make_annotations(rows, num_classes)
    measures = [*MEASURES, "ImageNetM"]

    scores = score(predictions, annotations, measures, missing="wrong")

    listed = {name: [label] for name, label in predictions.items()}
    row = scores.frame.row(0, named=True)
    for name, (slow, options) in MEASURES.items():
        expected = slow(rows, listed, num_classes=num_classes, **options)
        assert scores.exact(name) == [expected], name
        assert row[name] == float(expected), name
    assert scores.exact("ImageNetM") == [reference.imagenet_m(rows, listed)]
    counts = reference.verdict_counts(rows, listed)
    required = {r["name"] for r in rows if not r["problematic"] or r["imagenet_m"]}
    assert row["missing"] == len(required - set(listed))
    assert {name: row[name] for name in reference.verdict_counts([], {}) if name != "missing"} == {
        name: count for name, count in counts.items() if name != "missing"
    }


def test_weights_past_the_exact_integers_of_float64_take_python_integers():
    # Classes of 1 to 50 images: their common multiple is 3e21, far above 2**53.
    rng = random.Random(0)
    rows = [
        {
            "name": image_name(label * 50 + number + 1),
            "original": label,
            "correct": [label],
            "unclear": [],
            "wrong": [(label + 1) % 50],
            "problematic": False,
            "imagenet_m": False,
        }
        for label in range(50)
        for number in range(label + 1)
    ]
    predictions = {
        row["name"]: rng.choice([row["original"], (row["original"] + rng.randint(0, 2)) % 50]) for row in rows
    }

    scores = score(predictions, make_annotations(rows, 50), ["MLA", "MLA(unreviewed=correct)", "Top1"])

    listed = {name: [label] for name, label in predictions.items()}
    assert scores.denominators["MLA"] > EXACT
    assert scores.exact("MLA") == [reference.mla(rows, listed, num_classes=50)]
    assert scores.exact("MLA(unreviewed=correct)") == [
        reference.mla(rows, listed, num_classes=50, unreviewed="correct")
    ]
    assert scores.frame["MLA"][0] == float(reference.mla(rows, listed, num_classes=50))


def test_a_score_does_not_depend_on_what_else_is_computed(synthetic):
    rng = random.Random(1)
    predictions = {name: rng.randrange(1000) for name in synthetic.frame["file_name"]}
    together = score(predictions, synthetic, [*MEASURES, "ImageNetM"]).frame
    for name in MEASURES:
        assert score(predictions, synthetic, name).frame[name][0] == together[name][0], name


def test_a_score_does_not_depend_on_the_batch(synthetic):
    rng = random.Random(2)
    sweep = {f"step-{step}": {name: rng.randrange(1000) for name in synthetic.frame["file_name"]} for step in range(35)}
    together = score(sweep, synthetic).frame
    apart = pl.concat([score({name: one}, synthetic).frame for name, one in sweep.items()])
    assert together.equals(apart)


@pytest.fixture(scope="module")
def real_rows(genuine):
    return [
        {
            "name": row["file_name"],
            "original": row["original_label"],
            "correct": row["correct_multi_labels"],
            "unclear": row["unclear_multi_labels"],
            "wrong": row["wrong_multi_labels"],
            "problematic": row["is_problematic"],
            "imagenet_m": False,
        }
        for row in genuine.frame.iter_rows(named=True)
    ]


@pytest.fixture(scope="module")
def oracle(real_data):
    """The standard-library scorer that lies beside the real data."""
    spec = importlib.util.spec_from_file_location("oracle", real_data.parent / "tools" / "oracle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reference_figures(rows, predictions):
    """What the oracle prints, by the reference."""
    listed = {name: [label] for name, label in predictions.items()}
    counts = reference.verdict_counts(rows, listed)
    assert counts.pop("missing") == 0
    mla = reference.mla(rows, listed)
    return {
        "images": sum(not row["problematic"] for row in rows),
        "mla": float(mla),
        "mla_exact": f"{mla.numerator}/{mla.denominator}",
        "mla_strict": float(reference.mla(rows, listed, unclear="wrong")),
        "mla_image_average": float(reference.mla(rows, listed, average="image")),
        "mla_if_unreviewed_were_correct": float(reference.mla(rows, listed, unreviewed="correct")),
        "top1": float(reference.top1(rows, listed)),
        "top1_class_average": float(reference.top1(rows, listed, average="class")),
        "verdicts": counts,
        **{
            f"mla_{group}": float(reference.mla(rows, listed, classes=group)) for group in ("organism", "object", "dog")
        },
    }


@pytest.mark.parametrize("checkpoint", ["ResNet50", "DINO"])
def test_the_reference_is_the_oracle_on_real_predictions(checkpoint, real_data, real_rows, oracle):
    predictions = oracle.read_predictions(real_data / "predictions" / f"{checkpoint}.csv")
    expected = json.loads((real_data / "expected_scores.json").read_text())[checkpoint]
    assert reference_figures(real_rows, predictions) == expected


def test_reference_and_package_are_the_oracle_on_random_predictions(real_data, real_rows, genuine, oracle):
    annotations = oracle.read_annotations(real_data / "imagenet2012_multilabel_v3.csv")
    rng = random.Random(3)
    for share in (0.0, 0.5, 1.0):
        predictions = {
            row["name"]: rng.choice(row["correct"] + row["unclear"] + row["wrong"])
            if rng.random() < share
            else rng.randrange(1000)
            for row in real_rows
        }
        expected = oracle.score(annotations, predictions)
        assert reference_figures(real_rows, predictions) == expected
        scores = score(predictions, genuine)
        assert scores.exact("MLA") == [Fraction(expected["mla_exact"])]
        assert {name: scores.frame[name][0] for name in expected["verdicts"]} == expected["verdicts"]
        assert scores.frame["MLA(unreviewed=correct)"][0] == expected["mla_if_unreviewed_were_correct"]
