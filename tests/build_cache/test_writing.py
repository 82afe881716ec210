"""The file: small, the same every time, and at every moment whole."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from tables import sealed_metadata, small_frame

from build_cache import SyntheticSource, TableSource, build
from build_cache.writing import put_in_place, table_bytes
from ml_scorer import load_annotations
from ml_scorer.annotations.load import METADATA
from ml_scorer.errors import MissingExtraError
from ml_scorer.schema import COLUMNS, LABEL_LISTS

LIMIT = 195_000


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out" / "annotations.parquet"


# The bytes


def test_the_real_annotations_are_small(genuine_table):
    assert genuine_table.stat().st_size < LIMIT


def test_the_real_annotations_are_small_with_imagenet_m(genuine):
    marked = np.zeros(20_000, bool)
    marked[np.random.default_rng(0).choice(20_000, 68, replace=False)] = True
    frame = genuine.frame.with_columns(is_imagenet_m=pl.Series(marked))
    metadata = dict(genuine.metadata) | {"source": "download", "seal": "f" * 64}
    assert len(table_bytes(frame, metadata)) < LIMIT


def test_a_file_says_what_it_must_in_order(synthetic_table, synthetic):
    metadata = pq.read_schema(synthetic_table).metadata
    assert tuple(key.decode() for key in metadata) == METADATA
    assert {key.decode(): value.decode() for key, value in metadata.items()} == dict(synthetic.metadata)


def test_the_columns_are_read_alike_by_polars_and_pyarrow(synthetic_table, synthetic):
    assert dict(pl.read_parquet_schema(synthetic_table)) == COLUMNS
    assert pl.DataFrame(pq.read_table(synthetic_table)).equals(synthetic.frame)


def test_only_imagenet_m_may_be_null(synthetic_table):
    schema = pq.read_schema(synthetic_table)
    assert [field.name for field in schema if field.nullable] == ["is_imagenet_m"]
    assert not any(schema.field(name).type.value_field.nullable for name in LABEL_LISTS)


def test_a_file_holds_no_statistics_and_no_arrow_schema(synthetic_table):
    file = pq.ParquetFile(synthetic_table)
    assert b"ARROW:schema" not in (file.metadata.metadata or {})
    group = file.metadata.row_group(0)
    assert not any(group.column(index).is_stats_set for index in range(group.num_columns))


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_small_tables_come_back_as_they_were(tmp_path, rows):
    frame = small_frame(rows, is_imagenet_m=[row % 2 == 0 for row in range(rows)])
    (tmp_path / "t.parquet").write_bytes(table_bytes(frame, sealed_metadata(frame)))
    assert load_annotations(tmp_path / "t.parquet").frame.equals(frame)


def test_how_the_rows_lie_in_memory_does_not_matter(synthetic, synthetic_table):
    pieces = [synthetic.frame[start : start + 777] for start in range(0, 20_000, 777)]
    frame = pl.concat(pieces, rechunk=False)
    assert frame.n_chunks() > 1
    assert table_bytes(frame, {key: synthetic.metadata[key] for key in METADATA}) == synthetic_table.read_bytes()


def test_another_process_at_another_time_and_place_gives_the_same_bytes(synthetic_table, tmp_path):
    elsewhere = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "POLARS_MAX_THREADS": "1", "LC_ALL": "C", "USER": "x"}
    command = [sys.executable, "-m", "build_cache", "synthetic", "-o", str(tmp_path / "again.parquet")]
    subprocess.run(command, check=True, env={**os.environ, **elsewhere}, cwd=tmp_path, capture_output=True)
    assert (tmp_path / "again.parquet").read_bytes() == synthetic_table.read_bytes()


def test_the_same_source_gives_the_same_bytes_at_another_time(synthetic_table, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    assert build(SyntheticSource(0), tmp_path / "again.parquet").output.read_bytes() == synthetic_table.read_bytes()


def test_the_name_and_place_of_the_source_are_not_written(real_data, genuine_table, tmp_path):
    source = tmp_path / "renamed.csv"
    source.write_bytes((real_data / "imagenet2012_multilabel_v3.csv").read_bytes())
    os.utime(source, (0, 0))
    assert build(TableSource(source), tmp_path / "again.parquet").output.read_bytes() == genuine_table.read_bytes()


def test_a_missing_pyarrow_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"build-cache needs packages .*: pip install 'ml-scorer\[build\]'$"):
        table_bytes(small_frame(), {})


# Putting it in place


def test_a_file_is_written_with_its_folders(output):
    put_in_place(b"new", output)
    assert output.read_bytes() == b"new"
    assert list(output.parent.iterdir()) == [output]


def test_a_file_is_replaced(output):
    put_in_place(b"an older and longer one", output)
    put_in_place(b"new", output)
    assert output.read_bytes() == b"new"
    assert list(output.parent.iterdir()) == [output]


def test_a_path_without_a_folder_is_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_in_place(b"new", Path("annotations.parquet"))
    assert (tmp_path / "annotations.parquet").read_bytes() == b"new"


def test_readers_of_the_old_file_go_on_reading_it(output):
    put_in_place(b"old", output)
    with output.open("rb") as file:
        put_in_place(b"new", output)
        assert file.read() == b"old"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002, 0o000])
def test_permissions_follow_the_umask(output, mask):
    before = os.umask(mask)
    try:
        put_in_place(b"new", output)
        assert os.umask(mask) == mask  # and it is left as it was
    finally:
        os.umask(before)
    assert output.stat().st_mode & 0o777 == 0o666 & ~mask


class Crash(BaseException):
    """Stands for anything: a full disk, an interrupt, a bug."""


def crash(*_args, **_options):
    raise Crash


STEPS = {
    "opening": (os, "fdopen"),
    "flushing": (os, "fsync"),
    "permissions": (Path, "chmod"),
    "renaming": (Path, "replace"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("old", [b"old", None])
def test_a_crash_at_any_step_leaves_the_old_file_and_nothing_else(output, monkeypatch, step, old):
    output.parent.mkdir()
    if old:
        output.write_bytes(old)
    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], crash)
        with pytest.raises(Crash):
            put_in_place(b"new", output)
    assert list(output.parent.iterdir()) == ([output] if old else [])
    assert not old or output.read_bytes() == old


def test_a_full_disk_leaves_the_old_file_and_nothing_else(output):
    put_in_place(b"old", output)
    program = """
        import resource, signal, sys
        from pathlib import Path
        from build_cache.writing import put_in_place
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        put_in_place(bytes(5000), Path(sys.argv[1]))
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "OSError" in result.stderr
    assert output.read_bytes() == b"old"
    assert list(output.parent.iterdir()) == [output]


def test_a_folder_that_cannot_be_flushed_is_no_failure(output, monkeypatch):
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: crash_on_folders(number, flush))
    put_in_place(b"new", output)
    assert output.read_bytes() == b"new"


def crash_on_folders(number, flush):
    """What some network file systems do."""
    if stat.S_ISDIR(os.fstat(number).st_mode):
        raise OSError(22, "Invalid argument")
    flush(number)


def test_an_output_below_a_file_is_refused_with_its_path(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        put_in_place(b"new", tmp_path / "file" / "annotations.parquet")


HANGING = """
    import os, sys, time
    from pathlib import Path
    from build_cache.writing import put_in_place

    def hang(*_):
        print("hanging", flush=True)
        time.sleep(60)

    {step} = hang
    put_in_place(bytes(1_000_000), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("step", ["os.fsync", "Path.replace"])
def test_a_killed_process_leaves_the_old_file_whole(output, synthetic_table, step):
    content = synthetic_table.read_bytes()
    put_in_place(content, output)
    command = [sys.executable, "-c", textwrap.dedent(HANGING.format(step=step)), str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"hanging\n"
        assert len(list(output.parent.iterdir())) == 2  # it was in the middle of writing
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert load_annotations(output).identity.status == "synthetic"
    put_in_place(b"new", output)  # what was left over is not in the way
    assert output.read_bytes() == b"new"
