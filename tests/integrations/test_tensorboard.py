"""Results as TensorBoard itself reads them."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scores_of import MEASURES, SYNTHETIC, scores_of

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing import event_multiplexer, plugin_event_multiplexer  # after what may be absent
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from ml_scorer.errors import TrackerError
from ml_scorer.trackers import Results, parse_tracker
from ml_scorer.trackers.event_files import own_files
from ml_scorer.trackers.folders import folder_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(NumPy|np\\.|numpy).*:DeprecationWarning:tensorboard",  # of its stand-in for TensorFlow
)


def log(folder, scores, pattern=None):
    tracker = parse_tracker(f"tensorboard={folder}")
    tracker.check()
    return tracker.log(Results.of(scores) if pattern is None else Results.of(scores, pattern))


def curves(folder):
    """Every tag of a folder with its points (step, value), in the order in which TensorBoard draws them."""
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return {
        tag: [(event.step, tensor_util.make_ndarray(event.tensor_proto).item()) for event in found.Tensors(tag)]
        for tag in found.Tags()["tensors"]
    }


def test_every_number_is_read_back_in_32_bits(tmp_path):
    scores = scores_of(["base-00500", "base-00100", "other"], confidence=0.95, ImageNetM_right=[3, 4, 5])
    log(tmp_path, scores)
    first, second, other = scores.frame.rows(named=True)
    base = curves(tmp_path / "base")
    for name in (*MEASURES, *(f"{m}_low" for m in MEASURES), "Top1_high", "correct", "unreviewed"):
        assert base[name] == [(100, np.float32(second[name])), (500, np.float32(first[name]))]
        assert curves(tmp_path / "other")[name] == [(0, np.float32(other[name]))]
    (text,) = base["signatures"]
    assert all(f"    {signature}" in text[1].decode() for signature in scores.signatures.values())


def test_tensorboard_finds_all_runs(tmp_path):
    log(tmp_path, scores_of(["sweep/a-00001", "sweep/b", "é"]))
    found = event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    found.Reload()
    assert set(found.Runs()) == {"sweep/a", "sweep/b", "é"}
    plugins = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    plugins.Reload()
    assert plugins.PluginRunToTagToContent("scalars")["sweep/b"].keys() >= set(MEASURES)
    assert list(plugins.PluginRunToTagToContent("text")["sweep/b"]) == ["signatures"]


def test_the_command_gives_what_its_json_says(synthetic, synthetic_table, tmp_path):
    rows = zip(synthetic.frame["file_name"], synthetic.original_labels, strict=True)
    (tmp_path / "a.csv").write_text("file_name,prediction\n" + "".join(f"{name},{label}\n" for name, label in rows))
    arguments = ["a.csv", "--annotations", synthetic_table, "--log", "tensorboard", "--format", "json"]
    command = [sys.executable, "-m", "ml_scorer", "score", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    (row,) = json.loads(result.stdout)["scores"]
    found = curves(tmp_path / "runs" / "a")
    assert {name: points[0][1] for name, points in found.items() if name != "signatures"} == {
        name: np.float32(value) for name, value in row.items() if name != "checkpoint"
    }
    assert "SYNTHETIC annotations: made up" in found["signatures"][0][1].decode()


def test_logging_again_changes_nothing(tmp_path):
    scores = scores_of(["a-00001", "a-00002"])
    log(tmp_path, scores)
    (before,) = own_files(tmp_path / "a")
    content = before.read_bytes()
    log(tmp_path, scores)
    assert own_files(tmp_path / "a") == [before]
    assert before.read_bytes() == content


def test_later_steps_are_added_and_the_file_before_them_stays(tmp_path):
    scores = scores_of(["a-00001", "a-00002", "a-00003"])
    log(tmp_path, scores.rows([0, 1]))
    (before,) = own_files(tmp_path / "a")
    log(tmp_path, scores)
    assert len(own_files(tmp_path / "a")) == 2
    assert before.exists()
    assert [step for step, _ in curves(tmp_path / "a")["MLA"]] == [1, 2, 3]


def test_earlier_steps_and_other_numbers_draw_no_zigzag(tmp_path):
    log(tmp_path, scores_of(["a-00002", "a-00003"]))
    other = scores_of(["a-00001", "a-00003"], seed=1)
    log(tmp_path, other)
    assert len(own_files(tmp_path / "a")) == 1
    points = curves(tmp_path / "a")["MLA"]
    assert [step for step, _ in points] == [1, 2, 3]
    assert [points[0][1], points[2][1]] == other.frame["MLA"].cast(pl.Float32).to_list()


def test_other_numbers_of_one_name_are_told(tmp_path):
    names = ["checkpoint-500", "checkpoint-600", "b"]
    for _ in range(2):
        assert log(tmp_path, scores_of(names)) == []
    assert log(tmp_path, scores_of(names, seed=1)) == ["run at step 500", "run at step 600", "b"]
    assert log(tmp_path, scores_of([*names[:2], "checkpoint-700"], seed=1)) == []


def test_what_is_said_of_the_numbers_is_true_of_them(tmp_path):
    scores = scores_of(["a-00100", "a-00200"], confidence=0.95)
    log(tmp_path, replace(scores, near_chance=("a-00100",)))
    assert "Interval of `MLA`: confidence 0.95, Clopper-Pearson." in text_of(tmp_path / "a")
    assert "Near chance, is the model trained? At step 100." in text_of(tmp_path / "a")
    log(tmp_path, replace(scores_of(["a-00200"], confidence=0.5), near_chance=("a-00200",)))
    said = text_of(tmp_path / "a")
    assert "Interval of `MLA`: confidence 0.95, Clopper-Pearson; confidence 0.5, Clopper-Pearson." in said
    assert "At step 100, 200." in said
    log(tmp_path, scores_of(["a-00100", "a-00200"], confidence=0.5))
    said = text_of(tmp_path / "a")
    assert "Interval of `MLA(unclear=wrong, average=image)`: confidence 0.5, Clopper-Pearson." in said
    assert "0.95" not in said
    assert "chance" not in said
    assert all(f"    {signature}" in said for signature in scores.signatures.values())
    (before,) = own_files(tmp_path / "a")
    log(tmp_path, scores_of(["a-00100", "a-00200"], confidence=0.5))
    assert own_files(tmp_path / "a") == [before]


def text_of(folder):
    """What TensorBoard shows as text."""
    ((_, text),) = curves(folder)["signatures"]
    return text.decode()


def test_a_measure_that_is_asked_for_later_comes_in_beside(tmp_path):
    log(tmp_path, scores_of(["a-00001"], measures=["MLA"]))
    log(tmp_path, scores_of(["a-00001"], measures=["MLA", "Top1"]))
    found = curves(tmp_path / "a")
    assert len(found["MLA"]) == len(found["Top1"]) == 1


def test_what_is_measured_of_others_alone_changes_nothing(tmp_path):
    both = scores_of(["a", "b"], confidence=0.95, measures=["MLA", "Top1"])
    columns = [pl.when(checkpoint="a").then(name).alias(name) for name in ("MLA", "MLA_low", "MLA_high")]
    scores = replace(both, frame=both.frame.with_columns(columns))
    log(tmp_path, scores)
    before = own_files(tmp_path / "b")
    assert "MLA" not in text_of(tmp_path / "b")
    log(tmp_path, replace(scores.rows([1]), signatures={**scores.signatures, "MLA": "MLA|data:x|missing:wrong"}))
    assert own_files(tmp_path / "b") == before


def test_files_of_others_are_left_alone(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    theirs = folder / "events.out.tfevents.1700000000.host.1.0"
    theirs.write_bytes(b"theirs")
    log(tmp_path, scores_of(["a-00002"]))
    log(tmp_path, scores_of(["a-00001"]))
    assert theirs.read_bytes() == b"theirs"


def test_another_measurement_is_kept_apart(tmp_path):
    log(tmp_path, scores_of(["a"]))
    log(tmp_path, scores_of(["a"], measures=["ReaL"]))
    with pytest.raises(TrackerError, match=r"a: holds another measurement: MLA\|.*Name another folder"):
        log(tmp_path, scores_of(["a"], identity=SYNTHETIC))


def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path):
    scores = scores_of(["a-00001", "a-00002"])
    log(tmp_path, scores)
    (file,) = own_files(tmp_path / "a")
    file.write_bytes(file.read_bytes()[:-30])
    log(tmp_path, scores)
    assert sorted(set(curves(tmp_path / "a")["MLA"])) == list(
        zip([1, 2], scores.frame["MLA"].cast(pl.Float32), strict=True)
    )


def test_what_is_no_number_is_not_logged(tmp_path):
    log(tmp_path, scores_of(["a"], MLA=[math.nan], wrong=[None]))
    found = curves(tmp_path / "a")
    assert not {"MLA", "wrong"} & found.keys()
    assert "Top1" in found


@pytest.mark.parametrize("name", ["", "../a", "/a", "é⛵", "a\x1b[31m", "x" * 5000, "a\0b", "%2E", "tfevents"])
def test_any_name_has_a_run_inside_the_folder(name, tmp_path):
    runs = tmp_path / "runs"
    log(runs, scores_of([name]))
    assert curves(runs / folder_of(name))["MLA"]
    assert list(tmp_path.iterdir()) == [runs]
    found = event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(runs))
    found.Reload()
    assert list(found.Runs()) == [folder_of(name).as_posix()]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(TrackerError, match=r"file.*: cannot be written: .*Name another folder: tensorboard"):
        log(tmp_path / "file" / "runs", scores_of(["a"]))


def test_thousands_of_steps_keep_their_order(tmp_path):
    scores = scores_of([f"a-step-{step}" for step in reversed(range(2000))], measures=["MLA"])
    log(tmp_path, scores)
    points = curves(tmp_path / "a")["MLA"]
    assert points == list(enumerate(scores.frame["MLA"].reverse().cast(pl.Float32)))


STARTING = 120
"""Seconds."""


@contextmanager
def serving(folder, log):
    """The address of a TensorBoard of its own; it and its data server are gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield f"http://127.0.0.1:{port}/data/plugin"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def asked(address, until):
    """What TensorBoard answers, once there is something."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < until:
        try:
            with opener.open(address, timeout=10) as page:
                if found := json.load(page):
                    return found
        except OSError:
            pass
        time.sleep(0.3)
    pytest.fail(f"no answer: {address}")


def test_the_pages_of_tensorboard_show_it(tmp_path):
    runs = tmp_path / "runs"
    scores = scores_of(["sweep/base-00100", "sweep/base-00500", "é⛵"])
    log(runs, scores)
    with serving(runs, tmp_path / "log") as address:
        until = time.monotonic() + STARTING
        tags = asked(f"{address}/scalars/tags", until)
        assert set(tags) == {"sweep/base", folder_of("é⛵").as_posix()}
        assert set(tags["sweep/base"]) >= set(MEASURES)
        for measure in MEASURES:
            query = urllib.parse.urlencode({"run": "sweep/base", "tag": measure})
            points = asked(f"{address}/scalars/scalars?{query}", until)
            expected = [np.float32(share) for share in scores.frame[measure][:2]]
            assert [(step, np.float32(share)) for _, step, share in points] == list(
                zip([100, 500], expected, strict=True)
            )
        (text,) = asked(f"{address}/text/text?run=sweep/base&tag=signatures", until)
        assert scores.signatures["MLA"] in text["text"]
