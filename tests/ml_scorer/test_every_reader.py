"""The published predictions through every kind of file: the same scores, to the bit, as the oracle gives."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ml_scorer import score
from ml_scorer.imagenet import classes
from ml_scorer.predictions.files import READERS

MODELS = ("ResNet50", "DINO")


@pytest.fixture(scope="module")
def published(real_data):
    """Names and labels of both models: (50000,) each, in ImageFolder order."""
    frames = [pl.read_csv(real_data / "predictions" / f"{model}.csv") for model in MODELS]
    assert frames[0]["file_name"].equals(frames[1]["file_name"])
    return frames[0]["file_name"], {
        model: frame["predicted_class"] for model, frame in zip(MODELS, frames, strict=True)
    }


@pytest.fixture(scope="module")
def expected(real_data):
    return json.loads((real_data / "expected_scores.json").read_text())


def single(names, labels):
    return pl.DataFrame({"file_name": names, "predicted_class": labels})


def wide(names, labels):
    return pl.DataFrame({"image": names, **labels})


def long(names, labels):
    parts = [
        single(names, each).insert_column(0, pl.Series("checkpoint", [model] * 50_000))
        for model, each in labels.items()
    ]
    return pl.concat(parts)


def one_hot(labels, dtype):
    logits = np.zeros((labels.len(), 1000), dtype)
    logits[np.arange(labels.len()), labels] = 3
    return logits


def top5(labels):
    return (labels.to_numpy()[:, None] + np.arange(5)) % 1000


TABLES = {
    ".csv": pl.DataFrame.write_csv,
    ".tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    ".parquet": pl.DataFrame.write_parquet,
    ".arrow": pl.DataFrame.write_ipc,
    ".feather": pl.DataFrame.write_ipc,
    ".ipc": pl.DataFrame.write_ipc,
    ".arrows": pl.DataFrame.write_ipc_stream,
    ".json": pl.DataFrame.write_json,
    ".jsonl": pl.DataFrame.write_ndjson,
    ".ndjson": pl.DataFrame.write_ndjson,
}
FORMS = {"wide": wide, "long": long}


def check(scores, expected):
    assert sorted(scores.frame["checkpoint"]) == sorted(MODELS)
    for row in scores.frame.iter_rows(named=True):
        wanted = expected[row["checkpoint"]]
        assert (row["MLA"], row["Top1"]) == (wanted["mla"], wanted["top1"])
    exact = dict(zip(scores.frame["checkpoint"], scores.exact("MLA"), strict=True))
    assert {name: str(share) for name, share in exact.items()} == {name: expected[name]["mla_exact"] for name in MODELS}


@pytest.mark.parametrize("ending", TABLES)
def test_tables_of_one_checkpoint(ending, published, expected, genuine, tmp_path):
    names, labels = published
    for model in MODELS:
        TABLES[ending](single(names, labels[model]), tmp_path / f"{model}{ending}")
    check(score(tmp_path, genuine), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", TABLES)
def test_tables_of_several(ending, form, published, expected, genuine, tmp_path):
    TABLES[ending](FORMS[form](*published), tmp_path / f"sweep{ending}")
    check(score(tmp_path / f"sweep{ending}", genuine), expected)


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.zst"])
def test_packed_tables(ending, published, expected, genuine, tmp_path):
    compression = {".csv.gz": "gzip", ".csv.zst": "zstd"}[ending]
    names, labels = published
    for model in MODELS:
        single(names, labels[model]).write_csv(tmp_path / f"{model}{ending}", compression=compression)
    check(score([tmp_path / f"{model}{ending}" for model in MODELS], genuine), expected)


def test_a_hive_folder(published, expected, genuine, tmp_path):
    names, labels = published
    for model in MODELS:
        part = tmp_path / "sweep" / f"checkpoint={model}"
        part.mkdir(parents=True)
        single(names, labels[model]).write_parquet(part / "part-0.parquet")
    check(score(tmp_path / "sweep", genuine), expected)


def test_a_shuffled_long_table(published, expected, genuine, tmp_path):
    long(*published).sample(fraction=1, shuffle=True, seed=0).write_parquet(tmp_path / "sweep.parquet")
    check(score(tmp_path / "sweep.parquet", genuine), expected)


@pytest.mark.parametrize("words", ["wordnet_id", "name"])
def test_words_for_classes(words, published, expected, genuine, tmp_path):
    names, labels = published
    called = classes()[words]
    for model in MODELS:
        single(names, called[labels[model].to_list()]).write_csv(tmp_path / f"{model}.csv")
    check(score(tmp_path, genuine), expected)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.int64, np.float32])
def test_arrays_of_labels(dtype, published, expected, genuine, tmp_path):
    for model, labels in published[1].items():
        np.save(tmp_path / f"{model}.npy", labels.to_numpy().astype(dtype))
    check(score(tmp_path, genuine, order="imagefolder"), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_of_logits(dtype, published, expected, genuine, tmp_path):
    for model, labels in published[1].items():
        np.save(tmp_path / f"{model}.npy", one_hot(labels, dtype))
    check(score(tmp_path, genuine, order="imagefolder"), expected)


def test_arrays_of_top_k_labels(published, expected, genuine, tmp_path):
    for model, labels in published[1].items():
        np.save(tmp_path / f"{model}.npy", top5(labels).astype(np.int16))
    check(score(tmp_path, genuine, order="imagefolder"), expected)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_of_arrays(save, published, expected, genuine, tmp_path):
    save(tmp_path / "sweep.npz", **{model: labels.to_numpy() for model, labels in published[1].items()})
    check(score(tmp_path / "sweep.npz", genuine, order="imagefolder"), expected)
    for model, labels in published[1].items():
        save(tmp_path / f"{model}.npz", logits=one_hot(labels, np.float16))
    check(score([tmp_path / f"{model}.npz" for model in MODELS], genuine, order="imagefolder"), expected)


def test_safetensors(published, expected, genuine, tmp_path):
    labels = {model: each.to_numpy().astype("<i4") for model, each in published[1].items()}
    ends = np.cumsum([each.nbytes for each in labels.values()]).tolist()
    entries = {
        model: {"dtype": "I32", "shape": [50_000], "data_offsets": [end - each.nbytes, end]}
        for (model, each), end in zip(labels.items(), ends, strict=True)
    }
    header = json.dumps(entries).encode()
    content = len(header).to_bytes(8, "little") + header + b"".join(each.tobytes() for each in labels.values())
    (tmp_path / "sweep.safetensors").write_bytes(content)
    check(score(tmp_path / "sweep.safetensors", genuine, order="imagefolder"), expected)


def test_plain_json_objects(published, expected, genuine, tmp_path):
    names, labels = published
    each = {model: dict(zip(names.to_list(), labels[model].to_list(), strict=True)) for model in MODELS}
    (tmp_path / "sweep.json").write_text(json.dumps(each))
    check(score(tmp_path / "sweep.json", genuine), expected)


def test_what_is_in_memory(published, expected, genuine):
    names, labels = published
    each = {model: dict(zip(names.to_list(), labels[model].to_list(), strict=True)) for model in MODELS}
    check(score(each, genuine), expected)
    check(score({model: single(names, labels[model]) for model in MODELS}, genuine), expected)
    check(score({model: single(names, labels[model]).to_pandas() for model in MODELS}, genuine), expected)
    check(score({model: labels[model].to_numpy() for model in MODELS}, genuine, order="imagefolder"), expected)
    check(score(wide(names, labels), genuine), expected)
    check(score(long(names, labels).lazy(), genuine), expected)


def test_every_reader_is_among_these():
    here = {*TABLES, ".csv.gz", ".csv.zst", ".npy", ".npz", ".safetensors"}
    packed_like_these = {".tsv.gz", ".tsv.zst"}
    with_a_test_of_their_own = {".pt", ".pth"}
    assert set(READERS) == here | packed_like_these | with_a_test_of_their_own
