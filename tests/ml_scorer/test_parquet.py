"""Parquet and Arrow IPC files, and Hive-partitioned folders: forms, types, damage."""

from __future__ import annotations

import shutil
from io import BytesIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.files import is_hive
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.tables.hive import read_hive
from ml_scorer.predictions.tables.ipc_file import read_ipc
from ml_scorer.predictions.tables.parquet_file import read_parquet
from ml_scorer.schema import image_name

A, B, C = (image_name(number) for number in (1, 2, 3))
SINGLE = pl.DataFrame({"file_name": [B, A], "predicted_class": [4, 3]})
WIDE = pl.DataFrame({"image": [A, B], "b": [3, 4], "a": [5, 6]})
LONG = pl.DataFrame({"run": ["b", "b", "a", "a"], "image": [A, B, A, B], "label": [3, 4, 5, 6]})
MANY = {"b": {1: 3, 2: 4}, "a": {1: 5, 2: 6}}


def read(reader, path, **options):
    """Every checkpoint by its name, as {image: label or labels}."""
    return {
        name: dict(zip(batch.images.tolist(), labels.tolist(), strict=True))
        for batch in reader(path, ReadOptions(**options))
        for name, labels in zip(batch.names or [None], batch.labels, strict=True)
    }


def written(frame, path):
    """Write a frame as the ending of the path says; a stream as `.arrows`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write = {".parquet": frame.write_parquet, ".arrow": frame.write_ipc, ".arrows": frame.write_ipc_stream}
    write[path.suffix](path)
    return path


READERS = {".parquet": read_parquet, ".arrow": read_ipc, ".arrows": read_ipc}


@pytest.mark.parametrize("ending", list(READERS))
@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (SINGLE, {None: {1: 3, 2: 4}}),
        (WIDE, MANY),
        (WIDE.cast({"a": pl.Int16, "b": pl.Int16}), MANY),
        (LONG, MANY),
        (LONG[[0, 2, 1, 3]], MANY),
        (LONG.cast({"image": pl.Categorical, "run": pl.Categorical}), MANY),
        (pl.DataFrame({"image": [A], "pred": [[3, 5]]}), {None: {1: [3, 5]}}),
        (pl.DataFrame({"image": [A], "top1": [3], "top2": [5], "logits": [[0.5]]}), {None: {1: [3, 5]}}),
    ],
    ids=["single", "wide", "int16", "long", "scattered", "categories", "lists", "top2"],
)
def test_every_form(ending, frame, expected, tmp_path):
    assert read(READERS[ending], written(frame, tmp_path / f"a{ending}")) == expected


@pytest.mark.parametrize("ending", list(READERS))
def test_a_column_is_named_by_key(ending, tmp_path):
    path = written(WIDE, tmp_path / f"a{ending}")
    assert read(READERS[ending], path, key="a") == {None: {1: 5, 2: 6}}


@pytest.mark.parametrize("ending", list(READERS))
@pytest.mark.parametrize("frame", [SINGLE, WIDE, LONG], ids=["single", "wide", "long"])
def test_a_table_without_rows_is_refused(ending, frame, tmp_path):
    with pytest.raises(PredictionsError, match=r"there are no predictions in it"):
        read(READERS[ending], written(frame.head(0), tmp_path / f"a{ending}"))


@pytest.mark.parametrize("length", [1, 4, 8, 12, 100, 0.3, 0.6, 0.9, -1, -8, -30])
@pytest.mark.parametrize("ending", list(READERS))
def test_a_truncated_file_is_refused(ending, length, tmp_path):
    path = written(LONG, tmp_path / f"a{ending}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * length) if isinstance(length, float) else length])
    with pytest.raises(PredictionsError, match=rf"a\{ending}: the (Parquet|Arrow) file is damaged or truncated"):
        read(READERS[ending], path)


@pytest.mark.parametrize("length", [0, 2**31, 2**32 - 1])
def test_a_footer_that_cannot_be_is_refused(length, tmp_path):
    path = written(SINGLE, tmp_path / "a.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:-8] + length.to_bytes(4, "little") + b"PAR1")
    with pytest.raises(PredictionsError, match=r"damaged or truncated \(it does not begin and end as such a file does"):
        read(read_parquet, path)


def test_an_old_feather_file_is_refused(tmp_path):
    (tmp_path / "a.feather").write_bytes(b"FEA1" + bytes(20))
    with pytest.raises(PredictionsError, match=r"a\.feather: Feather version 1 is not read"):
        read(read_ipc, tmp_path / "a.feather")


def test_columns_that_stand_twice_are_refused(tmp_path):
    table = pa.table([[A], [3], [4]], names=["image", "a", "a"])
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(PredictionsError, match=r"columns stand twice in the table: .*a"):
        read(read_parquet, tmp_path / "a.parquet")
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as file:
        file.write_table(table)
    with pytest.raises(PredictionsError, match=r"a\.arrow: "):
        read(read_ipc, tmp_path / "a.arrow")


def test_a_file_that_pandas_wrote(tmp_path):
    frame = WIDE.to_pandas().iloc[::-1]
    frame.to_parquet(tmp_path / "a.parquet")
    assert read(read_parquet, tmp_path / "a.parquet") == MANY
    frame.set_index("image").to_parquet(tmp_path / "b.parquet")
    assert read(read_parquet, tmp_path / "b.parquet") == MANY


@pytest.mark.parametrize("file", ["parquet_index", "parquet_top5"])
def test_whatever_timm_wrote(file, real_data):
    (batch,) = read_parquet(real_data / "timm" / f"{file}.parquet", ReadOptions())
    table = pl.read_csv(real_data / "timm" / "csv_index.csv")
    assert batch.top1.tolist() == [table["index"].to_list()]
    assert batch.k == (5 if "top5" in file else 1)


def test_very_many_columns_are_read(tmp_path):
    columns = 20_000
    names = [f"c{column}" for column in range(columns)]
    frame = pl.DataFrame(np.arange(2 * columns, dtype=np.int16).reshape(2, -1) % 1000, schema=names)
    path = written(pl.concat([pl.DataFrame({"image": [A, B]}), frame], how="horizontal"), tmp_path / "a.parquet")
    batches = list(read_parquet(path, ReadOptions()))
    assert [name for batch in batches for name in batch.names] == names
    assert max(len(batch.labels) for batch in batches) <= 64
    assert np.concatenate([batch.labels for batch in batches]).tolist() == frame.to_numpy().T.tolist()


# Hive-partitioned folders


def test_a_partitioned_folder(tmp_path):
    LONG.write_parquet(pl.PartitionBy(tmp_path / "hive", key="run"), mkdir=True)
    assert is_hive(tmp_path / "hive")
    assert not is_hive(tmp_path)
    found = read(read_hive, tmp_path / "hive")
    assert found == MANY
    assert list(found) == ["a", "b"]


def test_a_folder_partitioned_by_several_columns(tmp_path):
    for epoch in (1, 2):
        written(SINGLE[[0]], tmp_path / "model=a%20b" / f"epoch={epoch}" / "part-0.parquet")
        written(SINGLE[[1]], tmp_path / "model=a%20b" / f"epoch={epoch}" / "part-1.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "model=a%20b" / ".part.crc").touch()
    expected = {1: 3, 2: 4}
    assert read(read_hive, tmp_path) == {"model=a b, epoch=1": expected, "model=a b, epoch=2": expected}


def test_the_partition_may_stand_in_the_files_too(tmp_path):
    written(SINGLE.with_columns(epoch=pl.lit(3)), tmp_path / "epoch=3" / "a.parquet")
    assert read(read_hive, tmp_path) == {"3": {1: 3, 2: 4}}


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({}, "there are no Parquet files in its folders"),
        ({"run=a/x.parquet": SINGLE, "notes.txt": None}, "there are other files: notes.txt. Move them away"),
        ({"run=a/x.parquet": SINGLE, "y.parquet": SINGLE}, "there are other files: y.parquet"),
        ({"run=a/x.parquet": SINGLE, "run=/y.parquet": SINGLE}, "there are other files: run=/y.parquet"),
        (
            {"run=a/x.parquet": SINGLE, "step=1/y.parquet": SINGLE},
            "of the same columns throughout, found run=…, st",
        ),
        ({"run=a/x.parquet": WIDE}, "expected one checkpoint in each partition, but its columns hold several: b, a"),
        ({"run=a/x.parquet": SINGLE.with_columns(step=1)}, "but its columns hold several: step"),
        (
            {"run=a/x.parquet": SINGLE, "run=a/y.parquet": SINGLE.with_columns(predicted_class=5)},
            "run=a: 2 images a",
        ),
        ({"run=a/x.parquet": SINGLE.head(0)}, "run=a: there are no predictions in it"),
        ({"run=a/x.parquet": None}, r"x\.parquet: the Parquet file is damaged"),
    ],
)
def test_a_folder_of_something_else_is_refused(files, fault, tmp_path):
    for name, frame in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if frame is None:
            (tmp_path / name).write_bytes(b"x")
        else:
            written(frame, tmp_path / name)
    with pytest.raises(PredictionsError, match=fault):
        read(read_hive, tmp_path)


# Any bytes


@settings(deadline=None, max_examples=200)
@given(body=st.binary(max_size=200))
@pytest.mark.parametrize("ending", list(READERS))
def test_any_bytes_are_refused(ending, body, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"fuzz{ending}"
    framed = {
        ".parquet": b"PAR1" + body + len(body).to_bytes(4, "little") + b"PAR1",
        ".arrow": b"ARROW1\0\0" + body + len(body).to_bytes(4, "little") + b"ARROW1",
        ".arrows": body,
    }
    for content in (body, framed[ending]):
        path.write_bytes(content)
        with pytest.raises(PredictionsError, match=r"damaged or truncated|Feather|no predictions|problems|expected"):
            list(READERS[ending](path, ReadOptions()))


def test_damage_of_one_byte_of_the_footer_is_refused_or_harmless(tmp_path):
    buffer = BytesIO()
    SINGLE.write_parquet(buffer)
    content = buffer.getvalue()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    path = tmp_path / "a.parquet"
    for position in range(footer, len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x15
        path.write_bytes(damaged)
        try:
            assert all(batch.labels.max() <= 999 for batch in read_parquet(path, ReadOptions()))
        except PredictionsError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
    shutil.rmtree(tmp_path)
