"""Whatever timm's inference.py writes: its own files, and files of its other options written the way it writes them."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import classes
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.csv_file import read_csv
from ml_scorer.predictions.tables.json_file import read_json
from ml_scorer.predictions.tables.parquet_file import read_parquet
from ml_scorer.schema import image_name, image_numbers

READERS = {".csv": read_csv, ".json": read_json, ".parquet": read_parquet}
CRANES = {134: "large long-necked wading bird of marshes", 517: "lifts and moves heavy objects; lifting tackle is"}


def predictions_of(path, **options):
    (predictions,) = READERS[path.suffix](path, ReadOptions(**options))
    return predictions


def top1(predictions):
    assert len(predictions.labels) == 1
    return dict(zip(predictions.images.tolist(), predictions.top1[0].tolist(), strict=True))


def labels_of(predictions):
    return dict(zip(predictions.images.tolist(), predictions.labels[0].tolist(), strict=True))


@pytest.fixture(scope="module")
def expected(real_data):
    """The top-1 index of each image."""
    table = pl.read_csv(real_data / "timm" / "csv_index.csv")
    return dict(zip(image_numbers(table["filename"]).tolist(), table["index"].to_list(), strict=True))


FILES = [
    "csv_default.csv", "csv_full.csv", "csv_index.csv", "csv_onlyindex.csv", "csv_top5.csv", "csv_top5_sep.csv",
    "csv_wnid.csv", "json_default.json", "json_index.json", "jsonrecord.json", "parquet_index.parquet",
    "parquet_top5.parquet",
]  # fmt: skip


def test_every_kind_of_file_is_here(real_data):
    assert sorted(path.name for path in (real_data / "timm").iterdir()) == FILES


@pytest.mark.parametrize("file", FILES)
def test_what_timm_wrote_gives_its_top_1(real_data, expected, file):
    assert len(expected) == 24
    assert top1(predictions_of(real_data / "timm" / file)) == expected


@pytest.mark.parametrize("file", ["csv_top5.csv", "csv_top5_sep.csv", "parquet_top5.parquet", "csv_full.csv"])
def test_what_timm_wrote_gives_its_top_5(real_data, file):
    frame = pl.read_parquet(real_data / "timm" / "parquet_top5.parquet")
    expected = dict(zip(image_numbers(frame["filename"]).tolist(), frame["index"].to_list(), strict=True))
    predictions = predictions_of(real_data / "timm" / file, k=5)
    assert predictions.labels.shape == (1, 24, 5)
    assert predictions.k == 5
    assert labels_of(predictions) == expected


@pytest.mark.parametrize(("file", "column"), [("csv_top5.csv", "label"), ("csv_top5.csv", "index"),
                                              ("parquet_top5.parquet", "label"), ("csv_index.csv", "label"),
                                              ("json_index.json", "label")])  # fmt: skip
def test_another_column_says_the_same(real_data, expected, file, column):
    assert top1(predictions_of(real_data / "timm" / file, key=column)) == expected


# Its other options

SCORES = np.random.default_rng(5).normal(size=(6, 1000)).astype(np.float32)
BEST = np.argsort(-SCORES, axis=1)


def described(label, kind):
    """A class as timm calls it: by WordNet id, by name, or by name and definition."""
    label = int(label)
    if kind == "name":
        return classes()["wordnet_id"][label]
    name = classes()["name"][label].partition(" (")[0]
    return name if kind == "description" else f"{name}: {CRANES.get(label, 'what it is')}"


def inferred(topk=1, label_type="description", output="prob", fullname=False, index=True, separate=False, best=BEST):
    """The table that timm makes for six images; without top-k, of all scores."""
    table = {"filename": [f"n0/{image_name(n)}" if fullname else image_name(n) for n in range(1, 7)]}
    groups = {}
    if topk:
        groups["index"] = best[:, :topk] if index else None
        groups["label"] = None
        if label_type != "none":
            groups["label"] = np.array([[described(i, label_type) for i in row] for row in best[:, :topk]], object)
    groups[output] = np.take_along_axis(SCORES, best[:, :topk], axis=1) if topk else SCORES
    for name, values in groups.items():
        if values is None:
            continue
        if separate and values.shape[1] > 1:
            table |= {f"{name}_{place}": values[:, place] for place in range(values.shape[1])}
        else:
            table[name] = list(values[:, 0] if values.shape[1] == 1 else values)
    return pd.DataFrame(table)


def written(table, folder, form):
    """A table as a file of one of timm's forms."""
    path = folder / f"model.{'json' if form.startswith('json') else form}"
    if form == "json":
        table.set_index("filename").to_json(path, indent=4, orient="index")
    elif form == "json-split":
        table.to_json(path, indent=4, orient="split", index=False)
    elif form == "parquet":
        table.set_index("filename").to_parquet(path)
    else:
        with np.printoptions(threshold=sys.maxsize):
            table.to_csv(path, index=False)
    return path


FORMS = ["csv", "json", "json-split", "json-record", "parquet"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"index": False},
        {"index": False, "label_type": "name"},
        {"index": False, "label_type": "detailed"},
        {"label_type": "none"},
        {"label_type": "detailed"},
        {"output": "logit"},
        {"output": "logit", "index": False},
        {"fullname": True},
        {"topk": 5},
        {"topk": 5, "label_type": "none"},
        {"topk": 5, "index": False},
        {"topk": 5, "index": False, "label_type": "name"},
        {"topk": 5, "index": False, "label_type": "detailed"},
        {"topk": 5, "separate": True},
        {"topk": 5, "separate": True, "index": False},
        {"topk": 5, "separate": True, "index": False, "label_type": "name"},
        {"topk": 0},
        {"topk": 0, "output": "logit"},
        {"topk": 0, "separate": True},
        {"topk": 0, "separate": True, "output": "logit"},
    ],
    ids=str,
)
def test_every_option_of_timm_gives_the_same_labels(tmp_path, form, options):
    k = options.get("topk") or 5
    predictions = predictions_of(written(inferred(**options), tmp_path, form), k=k)
    assert predictions.labels.reshape(6, -1).tolist() == BEST[:, : k if "topk" in options else 1].tolist()
    assert predictions.images.tolist() == list(range(1, 7))
    assert predictions.order == "names"


@pytest.mark.parametrize("form", FORMS)
def test_a_crane_is_known_by_its_definition_or_refused(tmp_path, form):
    best = np.array([[134], [517], [0], [1], [2], [3]])
    detailed = written(inferred(label_type="detailed", index=False, best=best), tmp_path, form)
    assert list(top1(predictions_of(detailed)).values()) == best[:, 0].tolist()
    named = written(inferred(index=False, best=best), tmp_path, form)
    with pytest.raises(PredictionsError, match=r"'crane', which is the name of two classes, 134 .* or 517 .*include-i"):
        predictions_of(named)


@pytest.mark.parametrize("topk", [0, 5])
def test_lists_that_numpy_shortened_are_refused(tmp_path, topk):
    path = tmp_path / "model.csv"
    with np.printoptions(threshold=3, edgeitems=1):
        inferred(topk=topk, index=True, label_type="none").to_csv(path, index=False)
    with pytest.raises(PredictionsError, match=r"NumPy shortened 6 lists in column '(prob|index)'"):
        predictions_of(path)


@pytest.mark.parametrize("form", FORMS)
def test_outputs_alone_of_some_classes_are_refused(tmp_path, form):
    table = inferred(topk=5, index=False, label_type="none")
    with pytest.raises(PredictionsError, match=r"--include-index|expected one column of predicted class indices"):
        predictions_of(written(table, tmp_path, form))
