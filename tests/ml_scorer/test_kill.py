"""Runs that are killed (SIGKILL) at any moment: they lose what was in flight at most, and go on where they were."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from stored_results import MEASURES, SETTINGS

from ml_scorer.schema import VALIDATION_IMAGES
from ml_scorer.store import FRESH, FileState, Store
from ml_scorer.store.parts import list_parts

CHECKPOINTS = 3000
KILLS = 5


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Thousands of files of predictions: hard links to a few, so that they take no room."""
    folder = tmp_path_factory.mktemp("sweep")
    generator = np.random.default_rng(0)
    for index in range(CHECKPOINTS):
        path = folder / f"{index:05d}.npy"
        if index < 40:
            np.save(path, generator.integers(0, 1000, VALIDATION_IMAGES).astype(np.int16))
        else:
            os.link(folder / f"{index % 40:05d}.npy", path)
    time.sleep(1.1 * FRESH / 1e9)  # results of files as fresh as that are recorded once more
    return folder


@pytest.fixture(scope="module")
def command(sweep, synthetic_table):
    paths = sorted(map(str, sweep.iterdir()))
    options = ["--annotations", str(synthetic_table), "--order", "imagefolder", "--format", "json"]
    return [sys.executable, "-m", "ml_scorer", "score", *paths, *options]


class Run:
    """The command in a process of its own; what it prints goes to files, for a full pipe would hold it up."""

    def __init__(self, command, folder, *options):
        self._files = [folder / f"{time.monotonic_ns()}.{name}" for name in ("out", "err")]
        with self._files[0].open("wb") as out, self._files[1].open("wb") as err:
            self.process = subprocess.Popen([*command, *map(str, options)], stdout=out, stderr=err)

    def finished(self):
        """What it printed, once it has ended well."""
        assert self.process.wait(timeout=120) == 0, self._files[1].read_text()
        return self._files[0].read_bytes()


@pytest.fixture(scope="module")
def undisturbed(command, tmp_path_factory):
    """What a run without a store prints."""
    return Run(command, tmp_path_factory.mktemp("undisturbed")).finished()


@pytest.fixture
def start(command, tmp_path):
    """Starts a run on the store of this test."""
    return lambda: Run(command, tmp_path, "--store", tmp_path / "store")


def killed(run, folder, seconds):
    """Kill a run so many seconds after it has written its next part; whether it was still running."""
    before = set(folder.glob("*.parquet"))
    while run.process.poll() is None and not set(folder.glob("*.parquet")) - before:
        time.sleep(0.001)
    time.sleep(seconds)
    was_running = run.process.poll() is None
    run.process.kill()
    run.process.wait()
    return was_running


def recorded(folder):
    """Every row in the parts of a store, repeated ones, too; each part must be whole."""
    # A kill while parts are merged leaves their rows twice, in all alike; they count once.
    return pl.concat([pl.read_parquet(part) for part in list_parts(folder)]).unique()


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(start, undisturbed, tmp_path):
    folder = tmp_path / "store"
    generator = random.Random(0)
    kills = 0
    for _ in range(KILLS):
        kills += killed(start(), folder, generator.uniform(0, 0.05))
        rows = recorded(folder)
        assert Store(folder, create=False).frame().height == rows.height
    assert kills
    assert start().finished() == undisturbed
    rows = recorded(folder)
    assert rows.height == CHECKPOINTS * rows["measure"].n_unique()  # nothing that was kept was scored twice
    assert rows.select("source", "measure").is_unique().all()


def test_a_kill_loses_no_more_than_the_batch_in_flight(start, undisturbed, tmp_path):
    assert killed(start(), tmp_path / "store", 0)
    kept = recorded(tmp_path / "store")
    assert kept.height  # a batch, or on a slow machine what a second gave
    assert start().finished() == undisturbed
    assert kept.join(recorded(tmp_path / "store"), on=kept.columns, how="anti", nulls_equal=True).is_empty()


def test_two_runs_at_once_give_what_one_gives(start, undisturbed, tmp_path):
    runs = [start(), start()]
    assert [run.finished() for run in runs] == [undisturbed] * 2
    assert start().finished() == undisturbed
    assert Store(tmp_path / "store").frame()["source"].n_unique() == CHECKPOINTS


def test_a_kill_of_one_of_two_runs_leaves_the_other_one_right(start, undisturbed, tmp_path):
    first, second = start(), start()
    killed(first, tmp_path / "store", 0.01)
    assert second.finished() == undisturbed


WRITER = """
import sys
from pathlib import Path
import numpy as np
from ml_scorer.store import FRESH, FileState, Store
from stored_results import MEASURES, SETTINGS, results

first, last = map(int, sys.argv[2:])
with Store(sys.argv[1]).writer(SETTINGS, MEASURES, flush_checkpoints=1) as writer:
    for index in range(first, last):
        state = FileState(f"/sweep/{index}.npy", 1, 1, True)
        writer.add(results([], states=[state], contents=["0"], orders=["imagefolder"], sources=np.zeros(1, int),
            names=[str(index)], named=np.zeros(1, bool), numerators=np.full((1, 2), index),
            counts=np.zeros((1, 4), int), missing=np.zeros(1, int), ties=np.zeros(1, int),
            near_chance=np.zeros(1, bool)))
        print(index, flush=True)
"""
"""Writes a part for each result, so that parts are merged all the time, and says what is on disk."""


def test_what_was_written_survives_kills_while_parts_are_merged(tmp_path):
    folder = tmp_path / "store"
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent.parent}:{os.environ.get('PYTHONPATH', '')}"}
    generator = random.Random(1)
    written = []
    for kill in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, folder, str(1000 * kill), str(1000 * kill + 1000)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        written.append(int(process.stdout.readline()))
        time.sleep(generator.uniform(0.1, 0.4))
        process.kill()
        written += [int(line) for line in process.communicate()[0].split("\n") if line.endswith(tuple("0123456789"))]
        states = [FileState(f"/sweep/{index}.npy", 1, 1, settled=True) for index in written]
        known = Store(folder, create=False).known(SETTINGS, MEASURES, states)
        assert [int(name) for name in known.names] == written
        assert known.numerators[:, 0].tolist() == written
    assert len(written) > KILLS
