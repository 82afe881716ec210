"""`ml-scorer watch`: files are scored as they appear, once they are whole, until the command is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from click.testing import CliRunner

from ml_scorer import Scorer, score
from ml_scorer.cli import main
from ml_scorer.cli.arrival_names import ArrivalNames
from ml_scorer.cli.arrivals import PATIENCE, SETTLED, Arrivals
from ml_scorer.cli.watch import Watched
from ml_scorer.errors import TrackerError
from ml_scorer.schema import VALIDATION_IMAGES
from ml_scorer.store import FileState, Store, file_state, score_table

SETTLED_LONG_AGO = FileState("/a.npy", 10, 1, settled=True)
FRESH = FileState("/a.npy", 10, 1, settled=False)


class TestArrivals:
    def test_a_file_that_is_old_at_first_sight_is_scored_at_once(self):
        assert Arrivals().look({"a": SETTLED_LONG_AGO}, 100) == ["a"]

    def test_a_fresh_file_is_scored_once_it_has_settled(self):
        arrivals = Arrivals()
        assert arrivals.look({"a": FRESH}, 100) == []
        assert arrivals.next_due() == 100 + SETTLED
        assert arrivals.look({"a": FRESH}, 100 + SETTLED - 0.1) == []
        assert arrivals.look({"a": FRESH}, 100 + SETTLED) == ["a"]

    @pytest.mark.parametrize("change", [{"size": 11}, {"modified_ns": 2}])
    def test_a_file_that_grows_is_waited_for(self, change):
        arrivals = Arrivals()
        arrivals.look({"a": FRESH}, 100)
        grown = FRESH._replace(**change)
        assert arrivals.look({"a": grown}, 100 + SETTLED) == []
        assert arrivals.look({"a": grown}, 100 + 2 * SETTLED) == ["a"]

    def test_growing_old_is_no_change(self):
        arrivals = Arrivals()
        arrivals.look({"a": FRESH}, 100)
        assert arrivals.look({"a": FRESH._replace(settled=True)}, 100 + SETTLED) == ["a"]

    def test_a_scored_file_is_scored_again_when_it_changes_only(self):
        arrivals = Arrivals()
        arrivals.look({"a": SETTLED_LONG_AGO}, 100)
        arrivals.scored("a")
        assert arrivals.look({"a": SETTLED_LONG_AGO}, 200) == []
        assert arrivals.next_due() is None
        changed = SETTLED_LONG_AGO._replace(size=11)
        assert arrivals.look({"a": changed}, 300) == []
        assert arrivals.look({"a": changed}, 300 + SETTLED) == ["a"]

    def test_a_refused_file_is_tried_again_until_it_was_quiet_for_long_and_reported_once(self):
        arrivals = Arrivals()
        arrivals.look({"a": FRESH}, 100)
        arrivals.look({"a": FRESH}, 100 + SETTLED)
        assert not arrivals.refused("a", 100 + SETTLED)
        assert arrivals.look({"a": FRESH}, 100 + PATIENCE - 0.1) == []
        assert arrivals.next_due() == 100 + PATIENCE
        assert arrivals.look({"a": FRESH}, 100 + PATIENCE) == ["a"]
        assert arrivals.refused("a", 100 + PATIENCE)
        assert arrivals.look({"a": FRESH}, 10_000) == []

    def test_a_refused_file_that_changes_has_its_time_again(self):
        arrivals = Arrivals()
        arrivals.look({"a": SETTLED_LONG_AGO}, 100)
        arrivals.refused("a", 100)
        grown = SETTLED_LONG_AGO._replace(size=11)
        assert arrivals.look({"a": grown}, 100 + PATIENCE) == []
        assert arrivals.look({"a": grown}, 100 + PATIENCE + SETTLED) == ["a"]
        assert not arrivals.refused("a", 100 + PATIENCE + SETTLED)

    def test_a_file_that_goes_and_comes_back_is_new(self):
        arrivals = Arrivals()
        arrivals.look({"a": SETTLED_LONG_AGO}, 100)
        arrivals.scored("a")
        assert arrivals.look({}, 101) == []
        assert arrivals.look({"a": SETTLED_LONG_AGO}, 102) == ["a"]


def write_labels(path, seed=0, settled=True, images=VALIDATION_IMAGES):
    """An array of labels in a file, written long enough ago to be scored at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.random.default_rng(seed).integers(0, 1000, images).astype(np.int16))
    if settled:
        os.utime(path, ns=(1_700_000_000_000_000_000 + seed,) * 2)
    return path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "sweep"
    folder.mkdir()
    return folder


class Session:
    """A folder that is watched in this process; each step is what happens between two looks."""

    def __init__(self, folder, annotations, monkeypatch):
        self.said, self.complained = [], []
        self.stop = Event()
        self.store = Store(folder / "store")
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("ml_scorer.cli.watch.file_state", self.state)  # nobody can make a file look old otherwise
        scorer = Scorer(annotations, "MLA", order="imagefolder")
        self._watched = Watched(folder, self.store, scorer, self.said.append, self.complained.append)

    @staticmethod
    def state(path):
        return file_state(path)._replace(settled=Path(path).stat().st_mtime_ns < time.time_ns() - 10**10)

    def run(self, *steps):
        def changes():
            for seconds, step in steps:
                self.now += seconds
                if step is not None:
                    step()
                yield step is not None

        self._watched.run(changes(), self.stop)

    @property
    def names(self):
        return [line.split("  ")[0] for line in self.said]


@pytest.fixture
def session(folder, synthetic, monkeypatch):
    return Session(folder, synthetic, monkeypatch)


def test_files_that_are_there_are_scored_first(session, folder, synthetic):
    paths = [write_labels(folder / f"run{seed}" / "last.npy", seed) for seed in range(3)]
    session.run()
    assert session.names == ["run0/last", "run1/last", "run2/last"]
    expected = score(paths, synthetic, "MLA", order="imagefolder").frame["MLA"].to_list()
    assert score_table(session.store.latest(), "store").frame["MLA"].to_list() == expected
    assert session.said[0].startswith(f"run0/last  MLA {expected[0]:.2%}")
    assert session.complained == []


def test_a_file_that_appears_is_scored(session, folder):
    session.run((1, lambda: write_labels(folder / "a.npy")), (1, lambda: write_labels(folder / "deep" / "b.npy")))
    assert session.names == ["a", "deep/b"]


def test_a_file_that_is_being_written_is_scored_when_it_is_whole(session, folder):
    whole = write_labels(folder.parent / "whole.npy").read_bytes()
    growing = folder / "a.npy"
    session.run(
        (1, lambda: growing.write_bytes(whole[:1000])),
        (1, lambda: growing.write_bytes(whole[:50_000])),
        (SETTLED + 0.5, None),  # looks whole, and is refused
        (1, lambda: growing.write_bytes(whole)),
        (SETTLED + 0.5, None),
        (PATIENCE + 1, None),
    )
    assert session.names == ["a"]
    assert session.complained == []


def test_a_file_that_stays_broken_is_reported_once(session, folder):
    write_labels(folder / "good.npy", 1)
    whole = write_labels(folder.parent / "whole.npy").read_bytes()
    session.run(
        (1, lambda: (folder / "broken.npy").write_bytes(whole[:1000])),
        (SETTLED + 0.5, None),
        (PATIENCE, None),
        (PATIENCE, None),
        (60, None),
    )
    assert session.names == ["good"]
    assert len(session.complained) == 1
    assert session.complained[0].startswith(f"Error: {folder / 'broken.npy'}: ")


def test_a_file_that_changes_is_scored_again(session, folder):
    write_labels(folder / "a.npy", 0)
    session.run((1, lambda: write_labels(folder / "a.npy", 1)), (SETTLED + 0.5, None))
    assert session.names == ["a", "a"]
    assert session.store.frame()["content"].n_unique() == 2
    assert session.store.latest().height == 1


def test_changes_that_nobody_tells_of_are_found_after_a_while(session, folder):
    session.run((1, None), (1, lambda: None), (0, lambda: write_labels(folder / "a.npy")), (0.1, None), (31, None))
    assert session.names == ["a"]


def test_other_files_and_the_store_itself_are_left_alone(session, folder):
    write_labels(folder / "a.npy")
    (folder / "notes.txt").write_text("mine")
    (folder / ".hidden.npy").write_bytes(b"")
    (folder / "half.npy.tmp").write_bytes(b"")
    session.run((1, lambda: None), (40, None))
    assert session.names == ["a"]
    assert session.complained == []


def test_files_that_differ_in_their_ending_alone_keep_it(session, folder):
    write_labels(folder / "a.npy")
    (folder / "a.csv").write_text("file_name,predicted_class\n")
    os.utime(folder / "a.csv", ns=(1, 1))
    session.run()
    assert session.names == ["a.npy"]


def test_a_file_that_comes_later_has_a_name_of_its_own(session, folder):
    table = folder.parent / "a.csv"
    rows = (f"ILSVRC2012_val_{number:08d}.JPEG,{number % 1000}\n" for number in range(1, VALIDATION_IMAGES + 1))
    table.write_text("file_name,predicted_class\n" + "".join(rows))
    os.utime(table, ns=(1, 1))
    write_labels(folder / "a.npy", 1)
    again = (1, lambda: write_labels(folder / "a.npy", 2))
    session.run((1, lambda: table.rename(folder / "a.csv")), again, (SETTLED + 0.5, None))
    assert session.names == ["a", "a.csv", "a"]
    assert set(session.store.latest()["checkpoint"]) == {"a", "a.csv"}


class TestNames:
    @staticmethod
    def names(*looks):
        """The names of the files of all looks, in the order of the last one."""
        names = ArrivalNames(Path("sweep"))
        for look in looks:
            names.look([f"sweep/{name}" for name in look])
        return [names[f"sweep/{name}"] for name in looks[-1]]

    def test_an_ending_stays_where_it_tells_files_apart(self):
        assert self.names(["a.npy", "deep/a.npy", "b.npy"]) == ["a", "deep/a", "b"]
        assert self.names(["a.csv", "a.npy", "b.npy"]) == ["a.csv", "a.npy", "b"]
        assert self.names(["a.npy"], ["a.csv", "a.npy"], ["a.csv", "a.npy", "a.pt"]) == ["a.csv", "a", "a.pt"]

    def test_a_name_stays_that_of_its_file(self):
        assert self.names(["a.npy"], [], ["a.csv"]) == ["a.csv"]
        assert self.names(["a.npy"], ["b.npy"], ["a.npy"]) == ["a"]

    @pytest.mark.parametrize("names", list(permutations(["a", "a.npy", "a.npy.csv", "a.csv"])))
    def test_in_whatever_order_they_come_no_two_have_the_same(self, names):
        assert len(set(self.names(*([*names[:number]] for number in range(1, 5))))) == 4
        assert len(set(self.names(names))) == 4

    def test_a_folder_may_be_one_file(self):
        names = ArrivalNames(Path("sweep"))
        names.look(["sweep"])
        assert names["sweep"] == "sweep"


def test_a_file_with_an_unreadable_name_is_reported_once(session, folder):
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff.npy")).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes no such names")
    session.run((40, None), (40, None))
    assert len(session.complained) == 1
    assert "not Unicode text" in session.complained[0]


def test_nothing_is_scored_after_the_stop(session, folder):
    session.run((1, session.stop.set), (1, lambda: write_labels(folder / "a.npy")))
    assert session.names == []


def test_a_folder_that_goes_away_ends_the_watch(session, folder):
    with pytest.raises(FileNotFoundError, match=r"the folder that was watched is gone"):
        session.run((1, lambda: folder.rename(folder.parent / "elsewhere")))


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="ml-scorer")


def test_a_folder_that_is_not_there_is_refused(tmp_path, synthetic_table):
    result = run("watch", tmp_path / "nothing", "--store", tmp_path / "s", "--annotations", synthetic_table)
    assert result.exit_code == 1
    assert "no such folder to watch" in result.stderr
    assert not (tmp_path / "s").exists()


def test_a_store_that_is_something_else_is_refused(folder, synthetic_table):
    write_labels(folder / "a.npy")
    result = run("watch", folder, "--store", folder, "--annotations", synthetic_table)
    assert result.exit_code == 1
    assert "not a store of results" in result.stderr


def test_without_a_store_the_command_is_misused(folder):
    result = run("watch", folder)
    assert result.exit_code == 2
    assert "--store" in result.stderr


def test_without_watchfiles_the_extra_is_named(folder, synthetic_table, monkeypatch):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    result = run("watch", folder, "--store", folder / "store", "--annotations", synthetic_table)
    assert result.exit_code == 1
    assert "pip install 'ml-scorer[watch]'" in result.stderr


@contextmanager
def watching(folder, store, table):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "ml_scorer", "watch", folder, "--store", store, "--annotations", table]
    command += ["--order", "imagefolder", "--measure", "MLA"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_command_cleanly(folder, tmp_path, synthetic, synthetic_table, number):
    pytest.importorskip("watchfiles")
    write_labels(folder / "first.npy", 1)
    with watching(folder, tmp_path / "store", synthetic_table) as process:
        assert process.stdout.readline().startswith("first  MLA ")
        write_labels(folder / "second.npy", 2, settled=False)
        assert process.stdout.readline().startswith("second  MLA ")
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert (out, err) == ("", "")
    shown = score_table(Store(tmp_path / "store", create=False).latest(), "store").frame
    paths = [folder / "first.npy", folder / "second.npy"]
    expected = score(paths, synthetic, "MLA", order="imagefolder").frame
    assert shown["MLA"].to_list() == expected["MLA"].to_list()


def test_a_second_watch_scores_nothing_anew(folder, tmp_path, synthetic_table):
    pytest.importorskip("watchfiles")
    write_labels(folder / "first.npy", 1)
    for _ in range(2):
        with watching(folder, tmp_path / "store", synthetic_table) as process:
            assert process.stdout.readline().startswith("first  MLA ")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
    assert len(list((tmp_path / "store").iterdir())) == 1


def test_what_is_scored_is_logged_and_a_tracker_that_fails_does_not_end_the_watch(folder, synthetic, monkeypatch):
    # nobody can make a file look old otherwise
    monkeypatch.setattr("ml_scorer.cli.watch.file_state", lambda path: file_state(path)._replace(settled=True))
    write_labels(folder / "a-00500.npy")
    logged, complained = [], []

    def log(scores):
        logged.append(scores.frame["checkpoint"].to_list())
        raise TrackerError("gone.")

    store = Store(folder / "store")
    scorer = Scorer(synthetic, "MLA", order="imagefolder", trust_order=True)
    Watched(folder, store, scorer, lambda _: None, complained.append, log).run([], Event())
    assert logged == [["a-00500"]]
    assert complained == [f"Error: gone. `ml-scorer scores {store.folder} --log …` logs what is missing."]
    assert store.latest().height == 1


def test_no_log_lies_in_the_folder_that_is_watched(folder, synthetic_table):
    arguments = [folder, "--store", folder / "store", "--annotations", synthetic_table, "--log", f"jsonl={folder}/log"]
    result = CliRunner().invoke(main, ["watch", *map(str, arguments)])
    assert result.exit_code == 2
    assert "would lie in the folder that is watched" in result.stderr
    assert not (folder / "log").exists()
