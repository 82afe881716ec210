"""The store: what is kept is found again, under the same conditions only, whatever happens to the folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_results import IDENTITY, MEASURES, OLD, SETTINGS, measured, put, results, write_file

from ml_scorer.annotations import Identity
from ml_scorer.errors import MissingExtraError, PredictionsError, StoreError
from ml_scorer.store import (
    FileState,
    Store,
    content_hash,
    file_state,
    images_fingerprint,
    is_part,
    unchanged,
)
from ml_scorer.store.columns import COLUMNS
from ml_scorer.store.merging import MOST_PARTS
from ml_scorer.store.parts import list_parts, write_part
from ml_scorer.store.rows import results_of, rows_of, whole_numbers


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def files(tmp_path):
    """Three files, old enough to be known by their time of change."""
    return [write_file(tmp_path / f"{name}.npy", name.encode() * 9) for name in "abc"]


def found(store, paths, settings=SETTINGS, measures=MEASURES):
    """Names of the files that are known, with the numerators of each."""
    known = store.known(settings, measures, [file_state(path) for path in paths])
    return {
        Path(state.source).stem: known.numerators[known.sources == index].tolist()
        for index, state in enumerate(known.states)
    }


def parts(store):
    return sorted(path.name for path in store.folder.iterdir())


def same(one, other):
    """Whether two results are equal, field by field."""
    return all(
        np.array_equal(np.asarray(left, object), np.asarray(right, object))
        for left, right in zip(vars(one).values(), vars(other).values(), strict=True)
    )


def test_an_empty_store_knows_nothing(store, files):
    assert found(store, files) == {}
    assert store.frame().height == 0
    assert store.latest().height == 0
    assert dict(store.frame().schema) == COLUMNS


def test_results_come_back_as_they_went_in(store, files):
    given_ = results(files, checkpoints=2)
    put(store, given_)
    known = store.known(SETTINGS, MEASURES, [file_state(path) for path in files])
    assert same(known, given_)


def test_results_come_in_the_order_in_which_they_are_asked_for(store, files):
    put(store, results(files))
    assert found(store, files[::-1]) == {"c": [[4, 5]], "b": [[2, 3]], "a": [[0, 1]]}
    assert found(store, [files[1], files[1]]) == {"b": [[2, 3]]}


def test_measures_come_in_the_order_in_which_they_are_asked_for(store, files):
    put(store, results(files))
    assert found(store, files[:1], measures=MEASURES[::-1]) == {"a": [[1, 0]]}
    assert found(store, files[:1], measures=MEASURES[1:]) == {"a": [[1]]}


@pytest.mark.parametrize(
    "change",
    [
        {"order": "ilsvrc"},
        {"order": None},
        {"missing": "wrong"},
        {"class_ids": "one-based"},
        {"key": "logits"},
        {"trusted": True},
        {"annotations": Identity("synthetic", "SYNTHETIC", None, "5e" * 32)},
        {"required": "4@0123456789abcdef"},
        {"scorer": "1.1"},
    ],
    ids=str,
)
def test_a_result_is_known_only_under_the_settings_that_it_was_scored_with(store, files, change):
    put(store, results(files))
    assert found(store, files, settings=replace(SETTINGS, **change)) == {}
    assert found(store, files, settings=replace(SETTINGS)).keys() == {"a", "b", "c"}


def test_a_measure_that_was_not_scored_is_not_known(store, files):
    put(store, results(files))
    assert found(store, files, measures=[*MEASURES, measured("MLA(k=5)")]) == {}


def test_measures_of_several_runs_make_up_one_result(store, files):
    put(store, results(files, measures=1), measures=MEASURES[:1])
    put(store, results(files, measures=1, first=50), measures=MEASURES[1:])
    assert found(store, files) == {"a": [[0, 50]], "b": [[1, 51]], "c": [[2, 52]]}


def test_a_file_of_another_size_is_not_known(store, files):
    put(store, results(files))
    write_file(files[0], b"more than before", OLD)
    assert found(store, files).keys() == {"b", "c"}


def test_a_file_of_the_same_size_and_other_content_is_not_known(store, files):
    put(store, results(files))
    write_file(files[0], b"z" * 9, OLD + 1)
    assert found(store, files).keys() == {"b", "c"}


@pytest.fixture
def settled(monkeypatch):
    """No file is too fresh for its time to tell its versions apart."""
    monkeypatch.setattr("ml_scorer.store.files.FRESH", 0)


def test_a_touched_file_is_known_by_its_content_and_from_then_on_by_its_new_time(store, files, settled, monkeypatch):
    put(store, results(files))
    os.utime(files[0], ns=(OLD + 5, OLD + 5))
    assert found(store, files) == {"a": [[0, 1]], "b": [[2, 3]], "c": [[4, 5]]}
    monkeypatch.setattr("ml_scorer.store.store.content_hash", lambda _: pytest.fail("read again"))
    assert found(store, files) == {"a": [[0, 1]], "b": [[2, 3]], "c": [[4, 5]]}
    assert store.frame().height == 6


def test_content_is_read_only_where_size_and_settings_agree(store, files, settled, monkeypatch):
    put(store, results(files))
    os.utime(files[0], ns=(OLD + 5, OLD + 5))
    write_file(files[1], b"longer than before", OLD + 5)
    read = []
    monkeypatch.setattr("ml_scorer.store.store.content_hash", lambda source: read.append(source) or "other")
    assert found(store, files).keys() == {"c"}
    assert read == [str(files[0])]
    assert found(store, files, settings=replace(SETTINGS, order="ilsvrc")) == {}
    assert len(read) == 1


def test_a_file_that_went_away_is_not_known(store, files):
    put(store, results(files))
    states = [file_state(path)._replace(modified_ns=1) for path in files]
    files[0].unlink()
    assert len(store.known(SETTINGS, MEASURES, states).states) == 2


def test_a_file_scored_while_it_was_fresh_is_compared_by_content_next_time(store, tmp_path):
    fresh = write_file(tmp_path / "fresh.npy", b"first", time.time_ns())
    put(store, results([fresh]))
    assert store.frame()["modified_ns"].null_count() == 2
    same_time = fresh.stat().st_mtime_ns
    write_file(fresh, b"other", same_time)  # as a file system with coarse times would show it
    assert found(store, [fresh]) == {}
    write_file(fresh, b"first", same_time)
    assert found(store, [fresh]) == {"fresh": [[0, 1]]}


def test_rows_of_part_of_a_source_count_as_none(store, files):
    rows = rows_of(results(files[:1], checkpoints=3), SETTINGS, MEASURES, datetime.now(UTC))
    write_part(store.folder, rows.head(4))
    assert found(store, files) == {}
    write_part(store.folder, rows.tail(2))
    assert found(store, files) == {"a": [[0, 1], [2, 3], [4, 5]]}


def test_integers_beyond_64_bits_come_back_whole(store, files):
    large = np.array([[2**80 + 1, 7]], object)
    put(store, results(files[:1], numerators=large), measures=[measured("MLA", 2**81), measured("Top1")])
    known = store.known(SETTINGS, MEASURES, [file_state(files[0])])
    assert known.numerators.tolist() == large.tolist()
    assert store.frame()["score"].to_list() == [(2**80 + 1) / 2**81, 0.07]


def test_unknown_counts_are_null_in_the_table(store, files):
    put(store, results(files[:1], counts=np.full((1, 4), -1)))
    assert store.frame().select("correct", "missing_images", "ties").row(0) == (None, None, None)
    known = store.known(SETTINGS, MEASURES, [file_state(files[0])])
    assert known.counts.tolist() == [[-1] * 4]


def test_the_latest_of_several_results_is_the_result(store, files):
    put(store, results(files), results(files, first=50))
    assert found(store, files[:1]) == {"a": [[50, 51]]}
    assert store.frame().height == 6


def test_two_contents_that_look_alike_from_outside_are_told_apart_by_time(store, files):
    put(store, results(files, first=50, contents=["x", "y", "z"]), results(files))
    assert found(store, files[:1]) == {"a": [[0, 1]]}


def test_scoring_again_as_before_makes_the_known_result_the_latest(store, files, settled):
    put(store, results(files[:1]))
    put(store, results(files[:1], first=50, order="ilsvrc"), settings=replace(SETTINGS, order="ilsvrc"))
    assert store.latest()["numerator"].to_list() == ["50", "51"]
    assert found(store, files[:1]) == {"a": [[0, 1]]}
    assert store.latest()["numerator"].to_list() == ["0", "1"]
    before = parts(store)
    assert found(store, files[:1]) == {"a": [[0, 1]]}
    assert parts(store) == before


def test_the_latest_of_a_source_leaves_out_older_content_and_other_readings(store, files):
    put(store, results(files[:1], checkpoints=3))
    write_file(files[0], b"changed", OLD + 1)
    put(store, results(files[:1], measures=1), measures=MEASURES[:1])
    assert store.latest().select("row", "measure").rows() == [(0, "MLA")]
    assert store.latest(measures=["Top1"]).height == 0
    put(store, results(files[:1], order="ilsvrc"), settings=replace(SETTINGS, order="ilsvrc"))
    assert store.latest()["order"].to_list() == ["ilsvrc"] * 2
    assert store.latest(signature=["order:imagefolder"])["measure"].to_list() == ["MLA"]
    assert store.latest(signature=["order:imagefolder", "missing:wrong"]).height == 0


def test_the_parts_are_one_table_for_polars_and_duckdb(store, files):
    put(store, *(results([path]) for path in files))
    table = pl.read_parquet(str(store.folder / "*.parquet"))
    assert dict(table.schema) == COLUMNS
    assert table.height == 6
    assert table["score"].to_list() == [0, 0.01] * 3
    duckdb = pytest.importorskip("duckdb")
    assert duckdb.read_parquet(f"{store.folder}/*.parquet").aggregate("count(*), max(score)").fetchall() == [(6, 0.01)]


def test_many_parts_become_few_and_nothing_is_lost(store, tmp_path):
    files = [write_file(tmp_path / f"{index}.npy") for index in range(2 * MOST_PARTS)]
    put(store, *(results([path], first=index) for index, path in enumerate(files)))
    assert len(parts(store)) <= MOST_PARTS
    assert found(store, files) == {str(index): [[index, index + 1]] for index in range(len(files))}
    assert store.latest().height == 2 * len(files)


def test_merging_keeps_the_latest_row_of_each_result_only(store, files):
    put(store, *(results(files, first=index) for index in range(MOST_PARTS + 1)))
    assert pl.read_parquet(list_parts(store.folder)).height == 6
    assert found(store, files[:1]) == {"a": [[MOST_PARTS, MOST_PARTS + 1]]}


def test_a_reader_lists_again_when_a_part_vanishes(store, files, monkeypatch):
    put(store, *(results([path]) for path in files))
    gone = list_parts(store.folder)[1]
    content = gone.read_bytes()
    gone.unlink()
    listings = iter([[*list_parts(store.folder), gone], list_parts(store.folder)])
    monkeypatch.setattr("ml_scorer.store.parts.list_parts", lambda _: next(listings))
    assert store.frame().height == 4
    assert content


def test_a_store_of_which_parts_vanish_forever_is_given_up(store, files, monkeypatch):
    put(store, results(files))
    monkeypatch.setattr("ml_scorer.store.parts.list_parts", lambda folder: [folder / "gone"])
    with pytest.raises(StoreError, match="vanish again and again"):
        store.frame()


def test_parts_are_written_at_once_after_enough_checkpoints_or_time(store, files):
    with store.writer(SETTINGS, MEASURES, flush_checkpoints=2, flush_seconds=1000) as writer:
        for number, path in enumerate(files):
            writer.add(results([path]))
            assert len(parts(store)) == (number + 1) // 2
    assert len(parts(store)) == 2
    with store.writer(SETTINGS, MEASURES, flush_checkpoints=1000, flush_seconds=0) as writer:
        writer.add(results(files[:1]))
        assert len(parts(store)) == 3


def test_what_was_added_before_an_error_is_kept(store, files):
    def fail():
        with store.writer(SETTINGS, MEASURES) as writer:
            writer.add(results(files))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert found(store, files).keys() == {"a", "b", "c"}


def test_a_part_that_cannot_be_written_leaves_nothing_behind(store, files, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=rf"{store.folder}: this store .* written: No space left .* Make room"):
        put(store, results(files))
    assert parts(store) == []


def test_a_store_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=rf"{tmp_path}/file/store: this store of results cannot be written: Not a dir"):
        Store(tmp_path / "file" / "store")


def test_left_over_partial_files_are_not_read_and_go_when_they_are_old(store, files):
    put(store, results(files))
    partial = store.folder / ".scores-20260101T000000000000-0123456789abcdef.parquet.01234567.partial"
    partial.write_bytes(b"PAR1 half a part")
    assert found(Store(store.folder), files).keys() == {"a", "b", "c"}
    assert partial.exists()
    write_file(partial, b"PAR1 half a part")
    Store(store.folder, create=False)
    assert partial.exists()
    Store(store.folder)
    assert not partial.exists()


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"\0" * 5000])
def test_a_damaged_part_is_named(store, files, damage):
    put(store, results(files))
    part = list_parts(store.folder)[0]
    part.write_bytes(damage)
    with pytest.raises(StoreError, match=rf"{part.name}: damaged: .* Remove the file"):
        store.frame()
    with pytest.raises(StoreError, match="damaged"):
        found(store, files)


@settings(max_examples=50, deadline=None)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_is_seen(place, bit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("flipped")
    path = write_file(folder / "a.npy")
    store = Store(folder / "store")
    put(store, results([path]))
    part = list_parts(store.folder)[0]
    content = bytearray(part.read_bytes())
    content[place % len(content)] ^= 1 << bit
    part.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        store.frame()


def test_parquet_files_of_others_are_named(store, files):
    put(store, results(files))
    (store.folder / "export.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"export\.parquet: not written by ml-scorer"):
        store.frame()
    with pytest.raises(StoreError, match="Move it elsewhere"):
        found(store, files)


def test_a_part_of_another_version_is_named(store):
    write_part(store.folder, pl.DataFrame({"source": ["a"]}))
    with pytest.raises(StoreError, match="written by another version of ml-scorer"):
        store.frame()


def test_a_folder_of_other_things_is_no_store(tmp_path, files):
    for create in (True, False):
        with pytest.raises(StoreError, match=r"not a store of results, but a folder of other things \(a\.npy"):
            Store(tmp_path, create=create)
    assert sorted(tmp_path.iterdir()) == files


def test_a_file_is_no_store(files):
    with pytest.raises(StoreError, match=r"a\.npy: a file, and a store of results is a folder"):
        Store(files[0])


def test_a_store_that_is_only_read_must_be_there(tmp_path):
    with pytest.raises(StoreError, match="no such folder"):
        Store(tmp_path / "nothing", create=False)
    assert not (tmp_path / "nothing").exists()


def test_a_store_may_hold_other_files_beside_its_parts(store, files):
    put(store, results(files))
    (store.folder / "notes.txt").write_text("mine")
    assert found(Store(store.folder), files).keys() == {"a", "b", "c"}


def test_a_part_is_told_by_its_name(store, files):
    put(store, results(files))
    assert is_part(list_parts(store.folder)[0])
    assert not is_part(Path("scores.parquet"))


def test_several_processes_write_at_once(store, tmp_path):
    """Each process writes many small parts, so that all of them merge at the same time, too."""
    code = (
        "import sys; from pathlib import Path; from stored_results import *; from ml_scorer.store import Store\n"
        "paths = [Path(path) for path in sys.argv[2:]]\n"
        "for path in paths: put(Store(sys.argv[1]), results([path], first=int(path.stem)))\n"
    )
    files = [write_file(tmp_path / f"{index}.npy") for index in range(120)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    running = [
        subprocess.Popen([sys.executable, "-c", code, store.folder, *files[start::3]], env=environment)
        for start in range(3)
    ]
    while any(process.poll() is None for process in running):
        assert store.frame().height <= 240  # readers see whole parts, at any time
    assert [process.returncode for process in running] == [0, 0, 0]
    assert found(store, files) == {str(index): [[index, index + 1]] for index in range(120)}


def test_many_sources_are_looked_up_together(store):
    states = [FileState(f"/sweep/{index}.npy", 100_128, OLD + index, True) for index in range(20_000)]
    many = len(states)
    made = results(
        [],
        states=states,
        contents=[f"{index:032x}" for index in range(many)],
        orders=["imagefolder"] * many,
        sources=np.arange(many),
        names=[str(index) for index in range(many)],
        named=np.zeros(many, bool),
        numerators=np.arange(2 * many).reshape(many, 2),
        counts=np.zeros((many, 4), int),
        missing=np.full(many, -1),
        ties=np.zeros(many, int),
        near_chance=np.zeros(many, bool),
    )
    put(store, made)
    assert same(store.known(SETTINGS, MEASURES, states), made)


def test_the_state_of_a_file(tmp_path):
    path = write_file(tmp_path / "a.npy", b"12345")
    changed = path.stat().st_ctime_ns  # which nobody sets back
    assert file_state(path) == (str(path), 5, changed, False)
    assert file_state(write_file(path, b"12345", changed + 10**9)).modified_ns == changed + 10**9
    assert file_state(os.path.relpath(path)) == file_state(path)
    assert not file_state(write_file(tmp_path / "b.npy", modified_ns=time.time_ns())).settled
    with pytest.raises(FileNotFoundError, match="nothing"):
        file_state(tmp_path / "nothing")


def test_a_file_is_unchanged_until_size_or_time_change(tmp_path):
    path = write_file(tmp_path / "a.npy", b"12345")
    state = file_state(path)
    assert unchanged(path, state)
    write_file(path, b"12345", OLD + 1)
    assert not unchanged(path, state)
    write_file(path, b"123456")
    assert not unchanged(path, state)
    path.unlink()
    assert not unchanged(path, state)


@pytest.mark.parametrize("change", ["content", "name", "time", "more"])
def test_a_folder_changes_with_any_file_in_it(tmp_path, change):
    folder = tmp_path / "table"
    (folder / "part=0").mkdir(parents=True)
    first = write_file(folder / "part=0" / "a.parquet", b"1")
    write_file(folder / "b.parquet", b"2", OLD + 100)
    state, content = file_state(folder), content_hash(folder)
    assert state.size == 2
    assert unchanged(folder, state)
    if change == "content":
        write_file(first, b"3", OLD + 50)
    elif change == "name":
        first.rename(first.with_name("c.parquet"))
    elif change == "time":
        write_file(first, b"1", OLD + 50)
    else:
        write_file(folder / "c.parquet", b"")
    assert not unchanged(folder, state)
    assert (content_hash(folder) == content) is (change == "time")


def test_a_file_in_a_folder_that_was_replaced_and_kept_its_time_is_another(tmp_path):
    folder = tmp_path / "table"
    (folder / "step=1").mkdir(parents=True)
    file = write_file(folder / "step=1" / "a.parquet", b"old")
    state = file_state(folder)
    assert not state.settled  # the file is new, whatever its time says
    time.sleep(0.02)
    write_file(tmp_path / "b.parquet", b"new").replace(file)
    assert file_state(folder).size == state.size
    assert not unchanged(folder, state)


def test_content_is_hashed_as_xxhash_does(tmp_path):
    """The digests are those of xxhash 4.1.0."""
    assert content_hash(write_file(tmp_path / "empty", b"")) == "99aa06d3014798d86001c324468d497f"
    assert content_hash(write_file(tmp_path / "abc", b"abc")) == "06b05ab6733a618578af5f94892f3950"
    large = bytes(range(256)) * 10_000
    assert content_hash(write_file(tmp_path / "large", large)) != content_hash(
        write_file(tmp_path / "other", large[:-1] + b"\0")
    )


def test_a_name_that_is_no_text_is_refused(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.npy"
    try:
        Path(os.fsdecode(path)).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes no such names")
    with pytest.raises(PredictionsError, match=r"not Unicode text\. Rename it"):
        file_state(os.fsdecode(path))


def test_without_xxhash_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xxhash", None)
    with pytest.raises(MissingExtraError, match=r"ml-scorer\[store\]"):
        content_hash(write_file(tmp_path / "a.npy"))


def test_a_set_of_images_has_a_fingerprint():
    images = np.array([1, 5, 50_000], np.int32)
    assert images_fingerprint(images).startswith("3@")
    assert images_fingerprint(images) == images_fingerprint(images.astype(np.int64))
    assert images_fingerprint(images) != images_fingerprint(images + 1)


@given(st.lists(st.integers(-(2**70), 2**70), max_size=5))
def test_integers_are_the_same_as_text_and_back(numbers):
    assert whole_numbers(pl.Series([str(number) for number in numbers], dtype=pl.String)).tolist() == numbers


def test_settings_are_told_apart_by_their_fingerprint():
    assert SETTINGS.fingerprint() == replace(SETTINGS).fingerprint()
    assert SETTINGS.fingerprint() != replace(SETTINGS, order="None").fingerprint()
    assert replace(SETTINGS, order=None).fingerprint() != replace(SETTINGS, order="None").fingerprint()
    assert replace(SETTINGS, required="other").fingerprint() == SETTINGS.fingerprint()
    assert IDENTITY.fingerprint in SETTINGS.columns().values()


def test_results_of_no_rows_are_none(store):
    empty = results_of(pl.DataFrame(schema={**COLUMNS, "position": pl.Int64(), "place": pl.Int32()}), [], len(MEASURES))
    assert len(empty.states) == 0
    assert empty.numerators.shape == (0, 2)
