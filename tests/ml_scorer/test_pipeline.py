"""Many sources at once: their order, their threads, and the ones that cannot be scored."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import polars as pl
import pytest

from ml_scorer import Scorer, score
from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions import Predictions, Source
from ml_scorer.schema import image_name
from ml_scorer.scoring.threads import usable_processors

CHECKPOINTS = 70  # more than two stacks


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Files of labels in ILSVRC order, better and better, as several integer types."""
    folder = tmp_path_factory.mktemp("sweep")
    random = np.random.default_rng(0)
    original = validation_labels()[1:]
    paths = []
    for step in range(CHECKPOINTS):
        wrong = random.random(original.size) < 0.9 - 0.01 * step
        labels = np.where(wrong, random.integers(0, 1000, original.size), original)
        paths.append(folder / f"step-{step}.npy")
        np.save(paths[-1], labels.astype([np.int16, np.int64, np.uint16][step % 3 if step > 40 else 0]))
    return paths


def one_at_a_time(annotations, paths):
    scorer = Scorer(annotations, order="ilsvrc", threads=1)
    return pl.concat([scorer.score([path]).frame for path in paths])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_neither_threads_nor_company_change_a_bit(synthetic, sweep, threads):
    together = Scorer(synthetic, order="ilsvrc", threads=threads).score(sweep)
    assert together.frame.equals(one_at_a_time(synthetic, sweep))
    assert together.near_chance == ()


@pytest.mark.parametrize("threads", [1, 3])
def test_one_matrix_of_many_checkpoints_gives_the_same(synthetic, sweep, threads):
    matrix = np.stack([np.load(path).astype(np.int16) for path in sweep])
    found = Scorer(synthetic, order="ilsvrc", threads=threads).score({"sweep": matrix})
    assert found.frame.drop("checkpoint").equals(one_at_a_time(synthetic, sweep).drop("checkpoint"))
    assert found.frame["checkpoint"].to_list() == [f"sweep[{index}]" for index in range(CHECKPOINTS)]


def test_files_of_other_kinds_between_keep_their_place(synthetic, sweep, tmp_path):
    table = tmp_path / "table.csv"
    names = [image_name(number) for number in range(1, 50_001)]
    pl.DataFrame({"image": names, "prediction": np.load(sweep[0])}).write_csv(table)
    mixed = [*sweep[:3], table, *sweep[3:40]]
    scores = Scorer(synthetic, order="ilsvrc", threads=2).score(mixed)
    assert scores.frame["checkpoint"].to_list() == [path.stem for path in mixed]
    assert scores.frame["MLA"][3] == scores.frame["MLA"][0]
    assert "order:ilsvrc+names" in scores.signatures["MLA"]


def test_bad_files_among_many_are_listed_in_their_order_and_the_others_scored(synthetic, sweep, tmp_path):
    short, text = tmp_path / "short.npy", tmp_path / "text.npy"
    short.write_bytes(sweep[0].read_bytes()[:-10])
    text.write_text("image,prediction\n")
    mixed = [*sweep[:20], short, *sweep[20:40], text, *sweep[40:]]
    scores = Scorer(synthetic, order="ilsvrc", threads=2).score(mixed, on_error="skip")
    assert [failure.checkpoint for failure in scores.failed] == ["short", "text"]
    assert scores.frame.equals(one_at_a_time(synthetic, sweep))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_first_bad_file_stops_the_work(synthetic, sweep, tmp_path, threads):
    bad = [tmp_path / "first.npy", tmp_path / "second.npy"]
    for path in bad:
        path.write_bytes(b"nothing")
    with pytest.raises(PredictionsError, match=r"first\.npy"):
        Scorer(synthetic, order="ilsvrc", threads=threads).score([*sweep, bad[0], *sweep[:1], bad[1]])


def test_a_file_that_changes_while_it_is_read_is_refused(synthetic, sweep, tmp_path, monkeypatch):
    path = tmp_path / "growing.npy"
    path.write_bytes(sweep[0].read_bytes())

    read = Source.read

    def slowly(source, options):
        yield from read(source, options)
        os.utime(path, ns=(1, 1))

    monkeypatch.setattr(Source, "read", slowly)
    with pytest.raises(PredictionsError, match=r"growing\.npy: changed while it was read\. Score it again"):
        score(path, synthetic, order="ilsvrc")


def test_progress_tells_how_many_are_done(synthetic, sweep):
    told = []
    Scorer(synthetic, order="ilsvrc").score(sweep, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (CHECKPOINTS, CHECKPOINTS)
    assert told == sorted(told)


def test_checkpoints_of_one_name_in_two_sources_are_told_apart(synthetic):
    images = np.arange(1, 50_001, dtype=np.int32)
    labels = validation_labels()[1:][None]
    run = Predictions(images, np.repeat(labels, 2, axis=0), "names", names=("best", "last"))
    alone = score({"run-1": run}, synthetic)
    assert alone.frame["checkpoint"].to_list() == ["best", "last"]
    both = score({"run-1": run, "run-2": run}, synthetic)
    assert both.frame["checkpoint"].to_list() == ["run-1/best", "run-1/last", "run-2/best", "run-2/last"]


def test_processors_are_those_that_this_process_may_use():
    assert 1 <= usable_processors() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("threads", [0, -1])
def test_less_than_one_thread_is_refused(threads, synthetic):
    with pytest.raises(ValueError, match=f"threads={threads}: expected None or a whole number from 1 on"):
        Scorer(synthetic, threads=threads)


def test_labels_in_sixteen_bits_of_another_kind_and_masked_ones_are_refused(synthetic, tmp_path):
    header = b'{"preds":{"dtype":"BF16","shape":[50000],"data_offsets":[0,100000]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(100_000)
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(PredictionsError, match=r"labels as bfloat16, which holds whole numbers only up to 256"):
        score(tmp_path / "a.safetensors", synthetic, order="ilsvrc")
    masked = np.ma.masked_equal(validation_labels()[1:], 7)
    with pytest.raises(PredictionsError, match="a mask says that some of its values are none"):
        score(masked, synthetic, order="ilsvrc")


def test_the_best_leave_out_what_is_near_chance(synthetic):
    random = np.random.default_rng(0).integers(0, 1000, 50_000)
    scores = score({"bad": random, "good": validation_labels()[1:]}, synthetic, order="ilsvrc")
    assert scores.near_chance == ("bad",)
    assert scores.best(1).near_chance == ()
    assert scores.best(2).near_chance == ("bad",)


def test_refused_files_hold_no_memory(synthetic, tmp_path):
    for index in range(40):
        np.save(tmp_path / f"bad-{index}.npy", np.full((20, 50_000), 1000, np.int64))
    tracemalloc.start()
    scores = Scorer(synthetic, order="ilsvrc", threads=2).score(tmp_path, on_error="skip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(scores.failed) == 40
    assert peak < 100e6
