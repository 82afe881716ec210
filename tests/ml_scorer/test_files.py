"""Files of predictions: which reader takes them, what it takes, and what it refuses."""

from __future__ import annotations

import bz2
import errno
import gzip
import json
import lzma
import os
import pickle
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.errors import PredictionsError
from ml_scorer.predictions import Predictions
from ml_scorer.predictions.contents import content_fault
from ml_scorer.predictions.files import READERS, checkpoint_names, read_file
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.schema import image_name

A, B, C = (image_name(number) for number in (1, 2, 3))
HEADER = "file_name,predicted_class\n"
TEN = Order("ten", np.arange(1, 11, dtype=np.int32))
MANY = "".join(f"{image_name(number)},1\n" for number in range(10, 1000))
"""More rows than Polars looks at before it decides what type a column is."""


def read_path(path, order=None):
    """What a file holds, as one batch."""
    (predictions,) = read_file(path, ReadOptions(order=order))
    return predictions


def read(path, content, order=None):
    """Read a file of this content as {image: label}."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    predictions = read_path(path, order)
    return dict(zip(predictions.images.tolist(), predictions.labels[0].tolist(), strict=True))


def parquet_bytes(columns):
    buffer = BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def frame_bytes(write, columns):
    buffer = BytesIO()
    getattr(pl.DataFrame(columns), write)(buffer)
    return buffer.getvalue()


def npz_bytes(array):
    buffer = BytesIO()
    np.savez(buffer, labels=array)
    return buffer.getvalue()


def safetensors_bytes(array):
    entry = {"dtype": "I64", "shape": list(array.shape), "data_offsets": [0, array.nbytes]}
    header = json.dumps({"labels": entry}).encode()
    return len(header).to_bytes(8, "little") + header + array.astype("<i8").tobytes()


def npy_bytes(array):
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


TEXT = f"{HEADER}{A},3\n".encode()
PARQUET = parquet_bytes({"file_name": [A], "predicted_class": [3]})
ARROW = frame_bytes("write_ipc", {"file_name": [A], "predicted_class": [3]})
NPY = npy_bytes(np.zeros(10, np.int64))
NPZ = npz_bytes(np.zeros(10, np.int64))
SAFETENSORS = safetensors_bytes(np.zeros(10, np.int64))
LINES_OF_JSON = 2 * (json.dumps({"file_name": A, "predicted_class": 3}).encode() + b"\n")
ZSTANDARD = pa.compress(TEXT, codec="zstd", asbytes=True)

CONTENTS = {
    ".csv": TEXT,
    ".tsv": TEXT.replace(b",", b"\t"),
    ".csv.gz": gzip.compress(TEXT),
    ".tsv.gz": gzip.compress(TEXT.replace(b",", b"\t")),
    ".csv.zst": ZSTANDARD,
    ".tsv.zst": ZSTANDARD,
    ".json": json.dumps({A: 3}).encode(),
    ".jsonl": LINES_OF_JSON,
    ".ndjson": LINES_OF_JSON,
    ".parquet": PARQUET,
    ".arrow": ARROW,
    ".feather": ARROW,
    ".ipc": ARROW,
    ".arrows": ARROW,
    ".npy": NPY,
    ".npz": NPZ,
    ".safetensors": SAFETENSORS,
}
"""A good file of each ending whose reader needs no other package."""

OTHERS = {
    "Parquet": PARQUET,
    "a NumPy array": NPY,
    "zip": b"PK\x03\x04" + bytes(30),
    "a pickle": pickle.dumps({A: 3}),
    "gzip": gzip.compress(TEXT),
    "zstandard": ZSTANDARD,
    "bzip2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "Arrow IPC": ARROW,
    "safetensors": SAFETENSORS,
    "UTF-16 text": TEXT.decode().encode("utf-16"),
    "binary": TEXT.decode().encode("utf-16-le"),
    "text": TEXT,
}
OWN_CONTENT = {
    ".parquet": {"Parquet"},
    ".arrow": {"Arrow IPC"},
    ".feather": {"Arrow IPC"},
    ".ipc": {"Arrow IPC"},
    ".arrows": {"Arrow IPC"},
    ".npy": {"a NumPy array"},
    ".npz": {"zip"},
    ".pt": {"zip", "a pickle"},
    ".pth": {"zip", "a pickle"},
    ".safetensors": {"safetensors"},
    ".csv.gz": {"gzip"},
    ".tsv.gz": {"gzip"},
    ".csv.zst": {"zstandard"},
    ".tsv.zst": {"zstandard"},
}
"""What files of an ending may begin as; those of any other are text."""


@pytest.fixture
def csv(tmp_path):
    return tmp_path / "resnet50.csv"


@pytest.fixture
def parquet(tmp_path):
    return tmp_path / "resnet50.parquet"


@pytest.fixture
def npy(tmp_path):
    return tmp_path / "resnet50.npy"


# Which reader


def test_a_file_that_does_not_exist(csv):
    with pytest.raises(FileNotFoundError, match=r"resnet50\.csv: no such file\. Expected predictions as \.csv, \.tsv,"):
        read_path(csv)


def test_a_file_that_does_not_exist_among_others_of_nearly_its_name(tmp_path):
    for name in ("step-10.npy", "step-1O0.npy", "notes.txt"):
        (tmp_path / name).touch()
    fault = (
        r"step-100\.npy: no such file\. Did you mean (step-10\.npy or step-1O0\.npy|step-1O0\.npy or step-10\.npy)\?$"
    )
    with pytest.raises(FileNotFoundError, match=fault):
        read_path(tmp_path / "step-100.npy")


def test_a_file_in_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.csv: no such file: there is no folder .*/nowhere\.$"):
        read_path(tmp_path / "nowhere" / "a.csv")


def test_a_file_below_a_file(csv):
    csv.touch()
    with pytest.raises(
        FileNotFoundError, match=r"resnet50\.csv/a\.csv: no such file: there is no folder .*resnet50\.csv"
    ):
        read_path(csv / "a.csv")


def test_a_link_to_nothing(tmp_path):
    (tmp_path / "last.npy").symlink_to("step-9.npy")
    with pytest.raises(FileNotFoundError, match=r"last\.npy: a symbolic link to step-9\.npy, which does not exist\.$"):
        read_path(tmp_path / "last.npy")


def test_a_link_to_itself(tmp_path):
    (tmp_path / "a.npy").symlink_to("a.npy")
    with pytest.raises(OSError, match=r"a\.npy: cannot be read: Too many levels of symbolic links\.$"):
        read_path(tmp_path / "a.npy")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(PredictionsError, match=r": a folder, not a file\.$"):
        read_path(tmp_path)


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("ml_scorer.predictions.files.is_hive", denied)
    with pytest.raises(PermissionError, match=r": cannot be read: Permission denied\.$"):
        read_path(tmp_path)


def test_a_path_that_is_too_long(tmp_path):
    with pytest.raises(OSError, match=r"xxx\.csv: cannot be read: File name too long\.$"):
        read_path(tmp_path / f"{'x' * 300}.csv")


@pytest.mark.parametrize("ending", list(READERS))
def test_a_pipe_is_no_file_and_nobody_waits_for_it(ending, tmp_path):
    os.mkfifo(tmp_path / f"pipe{ending}")
    with pytest.raises(PredictionsError, match=r"pipe\.\S+: not a file, but a pipe, a socket or a device\."):
        read_path(tmp_path / f"pipe{ending}")


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(csv, monkeypatch):
    os.mkfifo(csv)
    assert content_fault(csv, ".csv") == f"{csv}: the file is empty."


def test_a_device_is_no_file():
    with pytest.raises(PredictionsError, match=r"/dev/null: not a file, but a pipe"):
        read_path(Path("/dev/null"))


@pytest.mark.parametrize("ending", list(CONTENTS))
def test_a_file_that_goes_away_while_it_is_read(ending, tmp_path, monkeypatch):
    path = tmp_path / f"a{ending}"
    path.write_bytes(CONTENTS[ending])
    reader = READERS[ending]

    def late(path, options):
        path.unlink()
        yield from reader(path, options)

    monkeypatch.setitem(READERS, ending, late)
    with pytest.raises(FileNotFoundError, match=r"the file went away while it was read\.$"):
        read_path(path, TEN)


@pytest.mark.parametrize("name", ["a.txt", "a.json.gz", "a.gz", "a.xlsx", "csv", ".csv", "a.csv.tmp"])
def test_another_ending_is_refused_with_those_that_are_read(name, tmp_path):
    (tmp_path / name).write_text(f"{HEADER}{A},3\n")
    with pytest.raises(
        PredictionsError, match=r"files that end in '.*' are not read; expected \.csv, \.tsv, .*\.safetensors\.$"
    ):
        read_path(tmp_path / name)


@pytest.mark.parametrize("ending", list(READERS))
def test_an_empty_file_is_refused(ending, tmp_path):
    with pytest.raises(PredictionsError, match=f"a{ending}: the file is empty"):
        read(tmp_path / f"a{ending}", b"")


@pytest.mark.parametrize("ending", [".CSV", ".Csv", ".PARQUET", ".NPY"])
def test_endings_may_be_capitals(ending, tmp_path):
    assert read(tmp_path / f"a{ending}", CONTENTS[ending.lower()], TEN)


@pytest.mark.parametrize("ending", list(READERS))
@pytest.mark.parametrize("kind", list(OTHERS))
def test_a_file_that_is_not_what_its_ending_says_is_refused(ending, kind, tmp_path):
    if kind in OWN_CONTENT.get(ending, {"text"}):
        return
    fault = rf"a{re.escape(ending)}: the ending says {re.escape(ending)}, but the content is {kind}\. Rename it"
    with pytest.raises(PredictionsError, match=fault):
        read(tmp_path / f"a{ending}", OTHERS[kind], TEN)


@pytest.mark.parametrize("ending", list(CONTENTS))
def test_a_good_file_of_each_ending(ending, tmp_path):
    assert read(tmp_path / f"a{ending}", CONTENTS[ending], TEN) in ({1: 3}, dict.fromkeys(range(1, 11), 0))


def test_csv_in_a_json_file_is_read(tmp_path):
    assert read(tmp_path / "a.json", TEXT) == {1: 3}


@pytest.mark.parametrize("ending", list(CONTENTS))
@pytest.mark.parametrize("stem", ["a[1]", "*", "a?", "{a,b}", "a b", "ä", "a%20b", "~a", "a;b", "-", "'\"", "[red]a|"])
def test_names_of_files_mean_nothing_but_that_file(ending, stem, tmp_path):
    (tmp_path / f"b{ending}").write_bytes(b"junk that a pattern would find")
    assert read(tmp_path / f"{stem}{ending}", CONTENTS[ending], TEN)


def test_a_file_whose_name_is_no_text_is_refused(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv"))
    with pytest.raises(PredictionsError, match=r"/\?\.csv: the name of this file is not Unicode text\. Rename it"):
        read_path(path)


# CSV


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}{A},3\n{B},4\n",
        f"{HEADER}{A},3\n{B},4",
        f"{HEADER}{B},4\n{A},3\n",
        f"{HEADER}{A},3\n{B},4\n".replace("\n", "\r\n"),
        f"\ufeff{HEADER}{A},3\n{B},4\n",
        f'\ufeff"file_name","predicted_class"\r\n"{A}","3"\r\n"{B}","4"\r\n',
        f"{HEADER}\n{A},3\n\n{B},4\n\n\n",
        f"\n{HEADER}{A},3\n{B},4\n",
        f"{HEADER}{A},3.0\n{B},4.0\n",
        f"{HEADER}{A},3\n{B},4.0\n",
        f"{HEADER}{A}, 3\n{B}, 4 \n",
        f'{HEADER}"my images, old/val/{A}",3\n"say ""hi""/{B}",4\n',
        f"{HEADER}C:\\ImageNet\\val\\{A},3\n\\\\server\\{B},4\n",
        f"predicted_class,probability,file_name\n3,0.5,{A}\n4,,{B}\n",
        f"file_name,predicted_class,note\n{A},3,\n{B},4,é 猫\n",
        f'filename,index,label,prob\n{A},3,"tiger shark, Galeocerdo",0.5\n{B},4,hammerhead,0.5\n',
        f"File_Name , PREDICTED_CLASS\n{A},3\n{B},4\n",
        f"{HEADER}{A},3\n{B},4\n{A},3\n",
    ],
    ids=[
        *("plain", "no-last-line-feed", "shuffled", "crlf", "bom", "all-quoted", "blank-lines", "first-line-blank"),
        *("floats", "one-float", "blanks", "commas-and-quotes-in-folders", "windows-paths", "other-columns", "notes"),
        *("timm", "header-case", "repeated-row"),
    ],
)
def test_csv_files_of_many_hands_say_the_same(text, csv):
    assert read(csv, text) == {1: 3, 2: 4}


def test_a_csv_file_of_one_row(csv):
    assert read(csv, f"{HEADER}{A},3") == {1: 3}


@pytest.mark.parametrize("late", [f"{B},4.0\n", f"{B}, 4\n", f'"x, y/{B}","4"\n'])
def test_what_stands_far_down_is_read_all_the_same(late, csv):
    assert read(csv, HEADER + MANY + late)[2] == 4


@pytest.mark.parametrize("text", [HEADER, HEADER.strip(), f"\ufeff{HEADER}", f"{HEADER}\n\n"])
def test_a_header_alone_is_refused(text, csv):
    with pytest.raises(PredictionsError, match=r"resnet50\.csv: there are no predictions in it"):
        read(csv, text)


@pytest.mark.parametrize("text", ["\n", "\n\n\r\n", "\ufeff"])
def test_nothing_but_blanks_is_refused(text, csv):
    with pytest.raises(PredictionsError, match=r"resnet50\.csv: not a table of comma-separated values: empty CSV\.$"):
        read(csv, text)


@pytest.mark.parametrize(
    "header", ["file_name,predicted_class,predicted_class", "\nfile_name,predicted_class,predicted_class"]
)
def test_a_column_that_stands_twice_in_the_header_is_refused(header, csv):
    with pytest.raises(PredictionsError, match=r"resnet50\.csv: columns stand twice in the header: predicted_class\."):
        read(csv, f"{header}\n{A},3,4\n")


def test_columns_without_a_name_do_no_harm(csv):
    assert read(csv, f",,file_name,predicted_class\n0,0,{A},3\n") == {1: 3}


def test_a_file_without_a_header_is_refused(csv):
    with pytest.raises(PredictionsError, match=rf"expected one column of image names(.|\n)*The columns are '{A}', '3'"):
        read(csv, f"{A},3\n{B},4\n")


@pytest.mark.parametrize(("above", "line"), [("", 3), (MANY, 993)])
def test_a_row_with_too_many_cells_is_refused_with_its_line(above, line, csv):
    fault = f"not a table of comma-separated values: line {line} has 3 fields, where the header has 2\\.$"
    with pytest.raises(PredictionsError, match=rf"resnet50\.csv: {fault}"):
        read(csv, f"{HEADER}{above}{A},3\n{B},4,5\n")


def test_a_row_with_too_few_cells_is_refused_with_its_image(csv):
    with pytest.raises(PredictionsError, match=f"'predicted_class' is empty in 1 rows: {B}"):
        read(csv, f"{HEADER}{A},3\n{B}\n")


@pytest.mark.parametrize(("above", "line"), [("", 3), (MANY, 993)])
def test_text_that_is_not_utf_8_is_refused_with_its_line(above, line, csv):
    content = f"{HEADER}{above}{A},3\ncafé/{B},4\n".encode("latin-1")
    with pytest.raises(PredictionsError, match=f"comma-separated values: line {line} is not UTF-8 text"):
        read(csv, content)


def test_a_quote_that_never_ends_is_refused(csv):
    with pytest.raises(PredictionsError, match=r"resnet50\.csv: "):
        read(csv, f'{HEADER}{A},3\n{B},"4\n{C},5\n')


def test_a_field_without_an_end_is_refused(csv):
    with pytest.raises(PredictionsError, match="not a table of comma-separated values: field larger than"):
        read(csv, "x" * 200_000)


@pytest.mark.parametrize("above", ["", MANY], ids=["first", "late"])
@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f"{B},1000", f"a label is outside 0-999: 1000(.0)? at {B}"),
        (f"{B},-1", f"a label is outside 0-999: -1(.0)? at {B}"),
        (f"{B},2.5", f"a label is not a whole number: 2.5 at {B}"),
        (f"{B},nan", f"a label is NaN: nan at {B}"),
        (f"{B},inf", f"a label is outside 0-999: inf at {B}"),
        (f"{B},99999999999999999999999", f"a label is outside 0-999: 1e\\+23 at {B}"),
        (f"{B},{'9' * 60}", f"a label is outside 0-999: 1e\\+60 at {B}"),
        (f"{B},cat", f"column 'predicted_class' holds text .*: 'cat' at {B}"),
        (f"{B},n01440764", f"column 'predicted_class' holds text .*: 'n01440764' at {B}"),
        (f"{B},true", f"column 'predicted_class' holds text .*: 'true' at {B}"),
        (f"{B},2026-01-01", f"column 'predicted_class' holds text .*: '2026-01-01' at {B}"),
        (f"{B},", f"column 'predicted_class' is empty in 1 rows: {B}"),
        (f'{B},""', f"column 'predicted_class' is empty in 1 rows: {B}"),
        (f"{B}, ", f"column 'predicted_class' is empty in 1 rows: {B}"),
        ("cat.jpg,3", r"1 names are no ImageNet validation images: cat\.jpg"),
        (",3", r"1 names are no ImageNet validation images: \(no name\)"),
        (f"{A},4", rf"1 images are repeated with another label: {A} \(3 and 4\)"),
        (f"elsewhere/{A},4", rf"1 images are repeated with another label: {A} \(3 and 4\)"),
    ],
)
def test_a_bad_row_is_refused_with_its_image(above, row, fault, csv):
    with pytest.raises(PredictionsError, match=rf"resnet50\.csv: {fault}"):
        read(csv, f"{HEADER}{A},3\n{above}{row}\n")


def test_all_that_is_wrong_with_the_rows_is_reported_together(csv):
    fault = r"resnet50\.csv: 4 problems\n.*cat\.jpg.*\n.*NaN.*\n.*whole number.*\n.*outside 0-999"
    with pytest.raises(PredictionsError, match=fault):
        read(csv, f"{HEADER}cat.jpg,3\n{A},nan\n{B},1.5\n{C},1000\n")


def test_timm_names_are_read_by_its_indices(csv, real_data):
    expected = {
        int(name[15:23]): int(index)
        for name, index in re.findall(
            r"^(\S+?),(\d+),", (real_data / "timm" / "csv_index.csv").read_text(), re.MULTILINE
        )
    }
    assert read(csv, (real_data / "timm" / "csv_index.csv").read_bytes()) == expected
    assert read(csv, (real_data / "timm" / "csv_onlyindex.csv").read_bytes()) == expected
    assert len(expected) == 24


# Parquet


def test_a_parquet_file(parquet):
    assert read(parquet, parquet_bytes({"file_name": [B, A], "predicted_class": [4, 3]})) == {1: 3, 2: 4}


def test_a_parquet_file_that_timm_wrote(parquet, csv, real_data):
    expected = read(csv, (real_data / "timm" / "csv_index.csv").read_bytes())
    assert read(parquet, (real_data / "timm" / "parquet_index.parquet").read_bytes()) == expected


def test_other_columns_of_a_parquet_file_are_not_read(parquet):
    columns = {"file_name": [A], "predicted_class": [3], "logits": [[0.5] * 1000], "when": [None]}
    assert read(parquet, parquet_bytes(columns)) == {1: 3}


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (pa.array([A]).dictionary_encode(), pa.array([3], pa.uint16())),
        (pa.array([A], pa.large_string()), pa.array([3.0], pa.float32())),
        (pa.array([A.encode()]), pa.array(["3"])),
        (pa.array([f"val/{A}"]), pa.array([3]).cast(pa.decimal128(21, 2))),
    ],
    ids=["dictionary-uint16", "large-float", "bytes-text", "decimal"],
)
def test_parquet_columns_of_any_type(names, labels, parquet):
    pa.parquet.write_table(pa.table({"file_name": names, "predicted_class": labels}), parquet)
    assert read(parquet, parquet.read_bytes()) == {1: 3}


def test_a_parquet_file_without_rows_is_refused(parquet):
    empty = {"file_name": pl.Series([], dtype=pl.String), "predicted_class": pl.Series([], dtype=pl.Int64)}
    with pytest.raises(PredictionsError, match=r"resnet50\.parquet: there are no predictions in it"):
        read(parquet, parquet_bytes(empty))


def test_a_parquet_file_without_columns_is_refused(parquet):
    with pytest.raises(PredictionsError, match=r"resnet50\.parquet: 2 problems"):
        read(parquet, parquet_bytes({}))


def test_a_column_that_stands_twice_in_a_parquet_file_is_refused(parquet):
    table = pa.table([[A], [3], [4]], names=["file_name", "predicted_class", "predicted_class"])
    pa.parquet.write_table(table, parquet)
    with pytest.raises(
        PredictionsError, match=r"resnet50\.parquet: columns stand twice in the table: .*predicted_class"
    ):
        read_path(parquet)


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"file_name": [A], "predicted_class": [1000]}, f"outside 0-999: 1000 at {A}"),
        ({"file_name": [A], "predicted_class": [1.5]}, f"not a whole number: 1.5 at {A}"),
        ({"file_name": [A], "predicted_class": [float("nan")]}, f"NaN: nan at {A}"),
        ({"file_name": [A], "predicted_class": [None]}, "'predicted_class' is Null, expected class indices"),
        ({"file_name": [A, B], "predicted_class": [3, None]}, f"'predicted_class' is empty in 1 rows: {B}"),
        ({"file_name": [b"\xff"], "predicted_class": [3]}, "'file_name' is Binary, expected image names"),
        ({"file_name": [A, A], "predicted_class": [3, 4]}, rf"repeated with another label: {A} \(3 and 4\)"),
        ({"image": [A], "path": [A], "predicted_class": [3]}, r"2 columns could be it \(image, path\)"),
    ],
)
def test_a_parquet_file_with_bad_rows_is_refused(columns, fault, parquet):
    with pytest.raises(PredictionsError, match=rf"resnet50\.parquet: .*{fault}"):
        read(parquet, parquet_bytes(columns))


@pytest.mark.parametrize("length", [4, 8, 11, 12, 100, -200, -8, -4, -1])
def test_a_truncated_parquet_file_is_refused(length, parquet):
    with pytest.raises(PredictionsError, match=r"resnet50\.parquet: the Parquet file is damaged or truncated"):
        read(parquet, CONTENTS[".parquet"][:length])


# NumPy


@pytest.mark.parametrize("dtype", ["int16", "int64", "uint8", ">i4", "float16", "float64"])
def test_an_array_file(dtype, npy):
    assert read(npy, npy_bytes(np.arange(10, dtype=dtype)), TEN) == {image: image - 1 for image in range(1, 11)}


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_file_of_several_checkpoints(order, npy):
    labels = np.arange(30, dtype=np.int16).reshape(3, 10)
    np.save(npy, np.asarray(labels, order=order))
    assert read_path(npy, TEN).labels.tolist() == labels.tolist()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_an_array_file_of_logits(dtype, npy):
    logits = np.zeros((10, 1000), dtype)
    logits[np.arange(10), np.arange(10) * 100] = 2
    assert read(npy, npy_bytes(logits), TEN) == {image: (image - 1) * 100 for image in range(1, 11)}


def test_the_second_form_of_array_files_is_read(npy):
    with npy.open("wb") as file:
        np.lib.format.write_array(file, np.arange(10), version=(2, 0))
    assert read_path(npy, TEN).labels[0].tolist() == list(range(10))


def test_an_array_without_an_order_is_refused_with_the_orders(npy):
    fault = r"resnet50\.npy: an array \(10\) has no image names.*--order.*ilsvrc, imagefolder, .*tfds, .*text file"
    with pytest.raises(PredictionsError, match=fault):
        read(npy, npy_bytes(np.zeros(10)))


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.zeros(9, int), "the array is 9, and the order ten has 10 images; expected labels .*50,000.*20,000"),
        (np.zeros((2, 11), int), "the array is 2 x 11, and"),
        (np.zeros((10, 1000), int), "the array is 10 x 1,000, .* look like logits as integers: pass them as floats"),
        (np.zeros((10, 1001)), "the array is 10 x 1,001: .*background class.*--class-ids background"),
        (np.zeros((11, 1000)), "the array is 11 x 1,000, and"),
        (np.zeros((1, 1, 10), int), "the array is 1 x 1 x 10, and"),
        (np.array(3), "the array is a single number, and"),
        (np.zeros(0, int), "there are no predictions in it: the array is 0"),
        (np.zeros((0, 10), int), "there are no predictions in it: the array is 0 x 10"),
        (np.zeros(10, bool), "an array of bool; expected"),
        (np.zeros(10, complex), "an array of complex128; expected"),
        (np.zeros(10, "U3"), "an array of <U3; expected"),
        (np.zeros(10, "M8[s]"), "an array of datetime64"),
        (np.zeros(10, [("label", "i4")]), r"an array of \[\('label', '<i4'\)\]; expected"),
        (np.full(10, -1, np.int8), "a label is outside 0-999: -1 at index 0, .* 7 more"),
        (np.full(10, 1000), "a label is outside 0-999: 1000 at index 0"),
        (np.full(10, 0.5), "a label is not a whole number: 0.5 at index 0"),
        (np.full(10, np.nan), "a label is NaN: nan at index 0"),
        (np.full((10, 1000), np.nan), "a logit is NaN in 10 rows"),
        (np.full((10, 1000), np.inf), r"a logit is \+inf in 10 rows"),
        (np.full((10, 1000), -np.inf), "every logit is -inf in 10 rows"),
    ],
    ids=str,
)
def test_an_array_file_that_does_not_fit_is_refused(array, fault, npy):
    with pytest.raises(PredictionsError, match=rf"resnet50\.npy: {fault}"):
        read(npy, npy_bytes(array), TEN)


@pytest.mark.parametrize("length", [6, 8, 9, 10, 60, 127, 128, -80, -1])
def test_a_truncated_array_file_is_refused(length, npy):
    with pytest.raises(PredictionsError, match=r"resnet50\.npy: not a whole array file: "):
        read(npy, npy_bytes(np.arange(10))[:length], TEN)


class Unpickled:
    """Its unpickling makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("dtype", [object, [("label", "i8"), ("note", object)]])
def test_objects_in_an_array_file_are_never_loaded(dtype, npy, tmp_path):
    trap = tmp_path / "unpickled"
    array = np.zeros(10, dtype)
    array[0] = Unpickled(trap) if dtype is object else (3, Unpickled(trap))
    np.save(npy, array, allow_pickle=True)
    with pytest.raises(
        PredictionsError, match=r"resnet50\.npy: .*Python objects, which are never loaded; save labels as"
    ):
        read_path(npy, TEN)
    assert not trap.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("ending", list(CONTENTS))
def test_a_pickle_is_never_loaded_whatever_its_ending(protocol, ending, tmp_path):
    trap = tmp_path / "unpickled"
    content = pickle.dumps(Unpickled(trap), protocol)
    with pytest.raises(PredictionsError, match=rf"a\{ending}: "):
        read(tmp_path / f"a{ending}", content, TEN)
    assert not trap.exists()
    pickle.loads(content)  # noqa: S301 (the trap works)
    assert trap.exists()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "'''",
        "()",
        "{'descr': (), 'fortran_order': False, 'shape': (10,)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (-10,)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (True,)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000000000000,)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (100000000000000000,)}",
        "{'descr': '<i8', 'fortran_order': False}",
        "{'descr': 'int', 'fortran_order': 2, 'shape': (10,)}",
        "{1: 2, b'3': 4}",
        "-" * 5000 + "1",
        "(" * 3000,
    ],
)
def test_a_damaged_header_of_an_array_file_is_refused(header, npy):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(80)
    with pytest.raises(PredictionsError, match=r"resnet50\.npy: not a whole array file: "):
        read(npy, content, TEN)


# Any bytes at all


def read_or_refuse(path, content):
    """Read a file of any content; only the documented errors may come out of that."""
    path.write_bytes(content)
    try:
        predictions = read_path(path, TEN)
    except PredictionsError:
        pass
    else:
        assert isinstance(predictions, Predictions)
        assert predictions.labels.min() >= 0
        assert predictions.labels.max() <= 999
        assert predictions.images.shape == predictions.labels[0].shape


CELLS = st.sampled_from([
    *(A, B, f"x/{A}", f'"{B}"', "ILSVRC2012_val_00000001", "cat.jpg"),
    *("3", "4.0", "2.5", "-1", "1000", "nan", "inf", "9" * 40, "true"),
    *("", " ", '"', '""', "\ufeff", "é", "\0", "\x1b[2J", "\u2028", "#"),
])  # fmt: skip
LINES = st.lists(CELLS, max_size=4).map(",".join)
TABLES = st.tuples(
    st.sampled_from(["file_name,predicted_class", "file_name,index,label", "", "file_name", "a,a"]) | LINES,
    st.lists(LINES, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
).map(lambda table: table[2].join([table[0], *table[1]]).encode())

TOKENS = st.sampled_from([
    *("{", "}", "(", ")", "[", "]", ",", ":", "-", "L", "True", "False", "10", "(10,)", "(1,10)"),
    *("'descr'", "'shape'", "'fortran_order'", "'<i8'", "'<f2'", "'|O'"),
])  # fmt: skip
HEADERS = st.lists(TOKENS | st.text(max_size=3), max_size=14).map(
    lambda parts: "".join(parts).encode("latin-1", "replace")
)
ARRAYS = st.tuples(HEADERS, st.binary(max_size=100)).map(
    lambda parts: b"\x93NUMPY\x01\x00" + len(parts[0]).to_bytes(2, "little") + b"".join(parts)
)
NUMBERS = st.tuples(st.binary(min_size=80, max_size=80), st.sampled_from(["f8", "f4", "f2", "i8", "u1"])).map(
    lambda parts: npy_bytes(np.frombuffer(parts[0], parts[1])[:10])
)
FOOTERS = st.binary(max_size=100).map(lambda body: b"PAR1" + body + len(body).to_bytes(4, "little") + b"PAR1")


@pytest.mark.filterwarnings("ignore")  # NumPy's, about headers
@settings(deadline=None)
@given(content=st.binary(max_size=300) | TABLES | ARRAYS | FOOTERS)
@pytest.mark.parametrize("ending", list(READERS))
def test_any_file_is_read_or_refused(ending, content, tmp_path_factory):
    if ending not in CONTENTS:
        pytest.importorskip("torch")
    read_or_refuse(tmp_path_factory.getbasetemp() / f"fuzz{ending}", content)


@settings(deadline=None)
@given(TABLES)
def test_any_table_is_read_or_refused(tmp_path_factory, content):
    read_or_refuse(tmp_path_factory.getbasetemp() / "table.csv", content)


@pytest.mark.filterwarnings("ignore")  # NumPy's, about headers
@settings(deadline=None)
@given(ARRAYS | NUMBERS)
def test_any_array_is_read_or_refused(tmp_path_factory, content):
    read_or_refuse(tmp_path_factory.getbasetemp() / "array.npy", content)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(-1, 1001) | st.floats()), min_size=1, max_size=4))
def test_a_table_is_read_exactly_or_refused(tmp_path_factory, rows):
    text = HEADER + "".join(f"{name},{label!r}\n" for name, label in rows)
    expected = {int(name[15:23]): label for name, label in rows}
    good = all(label in range(1000) for _, label in rows)
    good = good and all(expected[int(name[15:23])] == label for name, label in rows)
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    if good:
        assert read(path, text) == expected
    else:
        with pytest.raises(PredictionsError, match=r"rows\.csv: "):
            read(path, text)


# What checkpoints are called


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["resnet50.csv"], ["resnet50"]),
        (["runs/resnet50.csv"], ["resnet50"]),
        (["/a/b/resnet50.v2.csv"], ["resnet50.v2"]),
        (["runs/a.csv", "runs/b.npy"], ["a", "b"]),
        (["a.csv", "a.npy"], ["a.csv", "a.npy"]),
        (["x/last.npy", "y/last.npy", "z/first.npy"], ["x/last.npy", "y/last.npy", "first"]),
        (["x/1/last.npy", "y/1/last.npy", "x/2/last.npy"], ["x/1/last.npy", "y/1/last.npy", "2/last.npy"]),
        (["a.csv", "x/a.csv"], ["a.csv", "x/a.csv"]),
        (["a.csv.npy", "a.csv", "a.npy"], ["a.csv.npy", "a.csv", "a.npy"]),
        (["/x/a.csv", "x/a.csv"], ["/x/a.csv", "x/a.csv"]),
        (["./a.csv", "../a.csv"], ["a.csv", "../a.csv"]),
        ([".csv"], [".csv"]),
        ([], []),
    ],
)
def test_a_checkpoint_is_called_by_its_file_as_short_as_is_unique(paths, names):
    assert checkpoint_names([Path(path) for path in paths]) == names


def test_the_same_file_twice_keeps_its_name_twice():
    assert checkpoint_names([Path("x/a.csv"), Path("x/a.csv")]) == ["x/a.csv", "x/a.csv"]


def test_a_name_that_is_no_text_becomes_text():
    assert checkpoint_names([Path(os.fsdecode(b"\xff.csv"))]) == ["?"]


@settings(deadline=None)
@given(st.lists(st.from_regex(r"\A([ab]/){0,2}[ab](\.csv|\.npy){1,2}\Z"), unique=True))
def test_different_files_have_different_names(paths):
    names = checkpoint_names([Path(path) for path in paths])
    assert len(set(names)) == len(paths)
