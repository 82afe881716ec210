"""Results on a real MLflow server, with SQLite behind it."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from readme import code_blocks
from scores_of import MEASURES, SYNTHETIC, scores_of

pytest.importorskip("mlflow")

from ml_scorer.errors import TrackerError  # after what may be absent
from ml_scorer.imagenet import class_folder_order, validation_labels
from ml_scorer.trackers import Results, parse_tracker
from ml_scorer.trackers.metric_names import metric_name

pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning:mlflow",  # what it will change
    "ignore::DeprecationWarning:mlflow",
    "ignore::DeprecationWarning:google",  # protobuf
)

STARTING = 240
"""Seconds: the first start imports much and makes the tables."""


@contextmanager
def serving(folder):
    """The address of a server of its own; it and all its processes are gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", f"{folder}/artifacts"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "no_proxy": "*"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + STARTING
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"no MLflow server: {(folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.3)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def forwarding(address):
    """Another address of a server, which is dead afterwards, with all that was connected to it."""
    host, port = address.removeprefix("http://").split(":")
    open_ones = []

    def copy(source, target):
        with suppress(OSError):
            while part := source.recv(65536):
                target.sendall(part)

    def accept():
        with suppress(OSError):
            while True:
                one, _ = listener.accept()
                other = socket.create_connection((host, int(port)))
                open_ones.extend([one, other])
                for pair in ((one, other), (other, one)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    for one in open_ones:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def _answers(address):
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{address}/health", timeout=5) as page:
            return page.read() == b"OK"
    except OSError:
        return False


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(autouse=True)
def experiment(request, monkeypatch):
    """An experiment for each test."""
    monkeypatch.setenv("no_proxy", "*")
    name = f"test {request.node.name}"[:200].encode("ascii", "replace").decode().replace("\x00", "")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    return name


def log(address, scores):
    tracker = parse_tracker(f"mlflow={address}")
    tracker.check()
    return tracker.log(Results.of(scores))


def client(address):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=address)


def runs(address, experiment):
    """The runs of an experiment by their names."""
    asked = client(address)
    found = asked.search_runs([asked.get_experiment_by_name(experiment).experiment_id])
    names = [run.info.run_name for run in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, found, strict=True))


def history(address, run, name):
    return [(metric.step, metric.value) for metric in client(address).get_metric_history(run.info.run_id, name)]


def test_a_run_for_each_checkpoint_holds_every_number_to_the_bit(address, experiment):
    scores = scores_of(["a", "b"], confidence=0.95, ImageNetM_right=[3, 4], missing=[0, 7])
    log(address, scores)
    found = runs(address, experiment)
    assert set(found) == {"a", "b"}
    for row in scores.frame.iter_rows(named=True):
        run = found[row["checkpoint"]]
        assert run.info.status == "FINISHED"
        numbers = {
            metric_name(name): value for name, value in row.items() if name not in {"checkpoint", "ImageNetM_right"}
        }
        assert run.data.metrics == numbers
        tags = run.data.tags
        assert {tags[f"signature.{metric_name(name)}"] for name in MEASURES} == set(scores.signatures.values())
        assert tags["ml_scorer.annotations_fingerprint"] == scores.annotations.fingerprint
        assert tags["ml_scorer.annotations_status"] == "genuine"
        assert tags["ml_scorer.checkpoint"] == row["checkpoint"]
        assert "mlflow.note.content" not in tags


def test_a_training_run_is_one_run_with_steps(address, experiment):
    scores = scores_of(["sweep/base-00500", "sweep/base-00100", "sweep/base-01000"])
    log(address, scores)
    (run,) = runs(address, experiment).values()
    assert run.info.run_name == "sweep/base"
    first, second, third = scores.frame["MLA"]
    assert sorted(history(address, run, "MLA")) == [(100, second), (500, first), (1000, third)]


def test_logging_again_doubles_nothing(address, experiment):
    for names in (["a-00001", "b"], ["a-00001", "b", "c"], ["a-00001", "a-00002", "b"]):
        log(address, scores_of(names, measures=["MLA"], MLA=[len(name) / 10 for name in names]))
    found = runs(address, experiment)
    assert set(found) == {"a", "b", "c"}
    assert history(address, found["a"], "MLA") == [(1, 0.7), (2, 0.7)]
    assert history(address, found["b"], "MLA") == [(0, 0.1)]
    assert len(history(address, found["b"], "correct")) == len({*history(address, found["b"], "correct")})


def test_a_checkpoint_that_has_changed_goes_on_in_its_run(address, experiment):
    for seed in (0, 1, 1):
        scores = scores_of(["a"], seed=seed)
        log(address, scores)
    (run,) = runs(address, experiment).values()
    assert run.data.metrics["MLA"] == scores.frame["MLA"][0]
    assert len(history(address, run, "MLA")) == 2


def test_more_measures_go_into_the_same_run_and_other_annotations_into_another(address, experiment):
    log(address, scores_of(["a"], measures=["MLA"]))
    log(address, scores_of(["a"], measures=["MLA", "Top1"]))
    log(address, scores_of(["a"], measures=["MLA"], identity=SYNTHETIC))
    log(address, scores_of(["a"], measures=["MLA"], identity=SYNTHETIC))
    asked = client(address)
    found = asked.search_runs([asked.get_experiment_by_name(experiment).experiment_id])
    statuses = Counter(run.data.tags["ml_scorer.annotations_status"] for run in found)
    assert statuses == {"genuine": 1, "synthetic": 1}
    notes = [run.data.tags.get("mlflow.note.content", "") for run in found]
    assert sorted(note[:21] for note in notes) == ["", "SYNTHETIC annotations"]


def test_what_is_measured_of_others_alone_changes_nothing(address, experiment):
    both = scores_of(["a", "b"], confidence=0.95, measures=["MLA", "Top1"])
    columns = [pl.when(checkpoint="a").then(name).alias(name) for name in ("MLA", "MLA_low", "MLA_high")]
    scores = replace(both, frame=both.frame.with_columns(columns))
    for mla in ("error", "wrong"):
        log(address, replace(scores, signatures={**scores.signatures, "MLA": f"MLA|data:x|missing:{mla}"}))
    asked = client(address)
    found = asked.search_runs([asked.get_experiment_by_name(experiment).experiment_id])
    assert Counter(run.info.run_name for run in found) == {"a": 2, "b": 1}
    (tags,) = (run.data.tags for run in found if run.info.run_name == "b")
    assert "signature.Top1" in tags
    assert "interval.Top1" in tags
    assert not [tag for tag in tags if "MLA" in tag]


def test_many_runs_are_found_again(address, experiment):
    scores = scores_of([f"m{number}" for number in range(22)], measures=["MLA"])
    log(address, scores)
    log(address, scores)
    found = runs(address, experiment)
    assert len(found) == 22
    assert {name: run.data.metrics["MLA"] for name, run in found.items()} == dict(
        scores.frame.select("checkpoint", "MLA").iter_rows()
    )


def test_more_numbers_than_one_call_takes(address, experiment):
    scores = scores_of([f"a-step-{step}" for step in range(120)], confidence=0.95)
    log(address, scores)
    log(address, scores)
    (run,) = runs(address, experiment).values()
    assert sorted(history(address, run, "Top1")) == list(enumerate(scores.frame["Top1"]))


def test_what_is_no_number_is_not_logged(address, experiment):
    log(address, scores_of(["a"], MLA=[math.nan], wrong=[None]))
    (run,) = runs(address, experiment).values()
    assert not {"MLA", "wrong"} & run.data.metrics.keys()
    assert "Top1" in run.data.metrics


@pytest.mark.parametrize("name", ["a", "a-00500"])
def test_numbers_that_come_back_are_the_latest_again(address, experiment, name):
    first, other = scores_of([name]), scores_of([name], seed=1)
    changed = ["a at step 500" if name == "a-00500" else "a"]
    for scores, told in ((first, []), (other, changed), (first, changed), (first, [])):
        assert log(address, scores) == told
        (run,) = runs(address, experiment).values()
        assert run.data.metrics["MLA"] == scores.frame["MLA"][0]
    assert len(history(address, run, "MLA")) == 3


def test_a_clock_that_is_slow_hides_no_number(address, experiment, monkeypatch):
    log(address, scores_of(["a-00500", "b"]))
    monkeypatch.setattr("ml_scorer.trackers.mlflow_runs.time_ns", lambda: 10**18)
    later = scores_of(["a-00500", "b"], MLA=[0.0, 0.0])
    assert log(address, later) == ["a at step 500", "b"]
    assert log(address, later) == []
    assert [run.data.metrics["MLA"] for run in runs(address, experiment).values()] == [0, 0]


def test_what_is_said_of_the_numbers_is_true_of_them(address, experiment):
    def tags():
        (run,) = runs(address, experiment).values()
        return run.data.tags

    scores = scores_of(["a-00100", "a-00200"], confidence=0.95)
    log(address, replace(scores, near_chance=("a-00100",)))
    assert tags()["interval.MLA unclear:wrong average:image"] == "confidence 0.95, Clopper-Pearson"
    assert tags()["ml_scorer.near_chance"] == "at step 100"
    log(address, replace(scores_of(["a-00200"], confidence=0.5), near_chance=("a-00200",)))
    assert tags()["interval.MLA"] == "confidence 0.95, Clopper-Pearson; confidence 0.5, Clopper-Pearson"
    assert tags()["ml_scorer.near_chance"] == "at step 100, 200"
    log(address, scores_of(["a-00100", "a-00200"], confidence=0.5))
    assert tags()["interval.MLA"] == "confidence 0.5, Clopper-Pearson"
    assert tags()["ml_scorer.near_chance"] == "no"


def test_a_checkpoint_without_intervals_says_nothing_of_them(address, experiment):
    log(address, scores_of(["a"]))
    (run,) = runs(address, experiment).values()
    assert not [tag for tag in run.data.tags if tag.startswith("interval.") or "chance" in tag]
    for confidence in (0.95, 0.5):
        log(address, scores_of(["a"], confidence=confidence))
        (run,) = runs(address, experiment).values()
        assert run.data.tags["interval.MLA"] == f"confidence {confidence}, Clopper-Pearson"


@pytest.mark.parametrize("name", ["", "é⛵", "a\x1b[31m\nb", "x" * 5000, "'; DROP TABLE runs; --`", "../a", "a\0b"])
def test_any_name_is_logged_once(address, experiment, name):
    for _ in range(2):
        log(address, scores_of([name], measures=["MLA"]))
    (run,) = runs(address, experiment).values()
    assert run.info.run_name.isprintable()
    assert len(history(address, run, "MLA")) == 1


def test_the_command_gives_what_its_json_says(address, experiment, synthetic, synthetic_table, tmp_path):
    rows = zip(synthetic.frame["file_name"], synthetic.original_labels, strict=True)
    (tmp_path / "a.csv").write_text("file_name,prediction\n" + "".join(f"{name},{label}\n" for name, label in rows))
    arguments = ["a.csv", "--annotations", synthetic_table, "--log", "mlflow", "--format", "json"]
    command = [sys.executable, "-m", "ml_scorer", "score", *map(str, arguments)]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": address}
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    (row,) = json.loads(result.stdout)["scores"]
    (run,) = runs(address, experiment).values()
    assert run.data.metrics == {metric_name(name): value for name, value in row.items() if name != "checkpoint"}
    assert result.stderr.startswith("Warning: 100% top-1")
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("ml*"))


def test_the_readme_runs_as_it_stands_there(address, experiment, genuine_table, tmp_path):
    pytest.importorskip("tensorboard")
    (commands,) = code_blocks("With the tools around it", "sh")
    (tmp_path / "sweep").mkdir()
    for step in (500, 1000):
        np.save(tmp_path / "sweep" / f"base-{step:05d}.npy", validation_labels()[class_folder_order()])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": address, "ML_SCORER_ANNOTATIONS": str(genuine_table)}
    subprocess.run(["bash", "-ec", commands], check=True, cwd=tmp_path, env={**environment, "PATH": path})  # noqa: S607 (whichever bash)
    (run,) = runs(address, experiment).values()
    rows = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    assert [(row["run"], row["step"]) for row in rows] == [("base", 500), ("base", 1000)]
    assert history(address, run, "MLA") == [(row["step"], row["measures"]["MLA"]) for row in rows]
    assert len(list((tmp_path / "runs" / "base").iterdir())) == 1


def test_a_deleted_experiment_is_named(address, experiment):
    asked = client(address)
    asked.delete_experiment(asked.create_experiment(experiment))
    with pytest.raises(TrackerError, match=r"is deleted in MLflow. Restore it, or name another"):
        parse_tracker(f"mlflow={address}").check()


def test_an_experiment_that_cannot_be_made_is_told_with_the_reason(address, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "x" * 600)
    reason = r"^the experiment 'x{100}…' cannot be made in MLflow: .*500 characters.*\. Name another one with MLFLOW"
    with pytest.raises(TrackerError, match=reason) as told:
        parse_tracker(f"mlflow={address}").check()
    assert len(str(told.value)) < 500
    assert "\n" not in str(told.value)


class TestNoServer:
    @pytest.mark.parametrize(
        ("uri", "reason"),
        [
            ("http://127.0.0.1:9", "Connection refused"),
            ("htp://x", "unsupported URI 'htp://x'"),
            ("{address}/nothing", "404"),
            ("127.0.0.1:9", r"an address starts with http:// or https://\. Name http://127\.0\.0\.1:9\.$"),
            ("localhost", r"Name http://localhost\.$"),
            ("tracking.example.org/mlflow", r"Name http://tracking\.example\.org/mlflow\.$"),
        ],
    )
    def test_a_wrong_address_is_one_sentence_at_once(self, address, uri, reason):
        start = time.monotonic()
        with pytest.raises(TrackerError, match=reason) as told:
            parse_tracker(f"mlflow={uri.format(address=address)}").check()
        assert time.monotonic() - start < 30
        assert "cannot be reached" in str(told.value)
        assert "\n" not in str(told.value)

    def test_without_an_address_the_ways_to_name_one_are_said(self, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tracker = parse_tracker("mlflow")
        monkeypatch.setattr(tracker, "_client", None)
        said = r"MLflow at its default cannot be reached: .* No address is named: .*--log mlflow=URI or MLFLOW_TRACKING"
        with pytest.raises(TrackerError, match=said):
            tracker.check()

    def test_a_server_that_does_not_answer_is_not_waited_for(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            start = time.monotonic()
            with pytest.raises(TrackerError, match="cannot be reached: no answer in time"):
                parse_tracker(f"mlflow=http://127.0.0.1:{silent.getsockname()[1]}").check()
            assert time.monotonic() - start < 40

    @pytest.mark.parametrize("secret", ["secret", "sec@ret", "s/ec@r/et", "sec#ret"])
    @pytest.mark.parametrize("scheme", ["http", "postgresql", "htp"])
    def test_a_password_is_not_shown(self, scheme, secret):
        place = re.escape(f"MLflow at {scheme}://127.0.0.1:9 cannot be reached")
        with pytest.raises(TrackerError, match=place) as told:
            parse_tracker(f"mlflow={scheme}://me:{secret}@127.0.0.1:9").check()
        assert not re.search(r"sec|ret(?!r)|@", str(told.value).partition(" Name its address")[0])

    def test_settings_of_the_environment_are_as_before(self, address, monkeypatch):
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
        before = dict(os.environ)
        log(address, scores_of(["a"]))
        assert dict(os.environ) == before

    def test_a_server_that_dies_between_loses_nothing_that_is_logged_again(self, address, experiment):
        scores = scores_of(["a", "b"], measures=["MLA"])
        log(address, scores.rows([0]))
        with forwarding(address) as dying:
            tracker = parse_tracker(f"mlflow={dying}")
            tracker.check()
        start = time.monotonic()
        with pytest.raises(TrackerError, match=r"stopped: .*0 of 2 checkpoints are logged. Log again later"):
            tracker.log(Results.of(scores))
        assert time.monotonic() - start < 60
        log(address, scores)
        found = runs(address, experiment)
        assert set(found) == {"a", "b"}
        assert all(len(history(address, run, "MLA")) == 1 for run in found.values())
