"""Scoring on real Ray clusters: one of this machine, two nodes of which one is killed, and one with a token."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import ml_scorer
from ml_scorer import Scorer, score
from ml_scorer.cli import main
from ml_scorer.engines.ray import RayEngine
from ml_scorer.errors import EngineError, PredictionsError
from ml_scorer.imagenet import class_folder_order, validation_labels
from ml_scorer.schema import image_name
from ml_scorer.store import FRESH, Store

pytest.importorskip("ray")

# Ray leaves sockets and log files open when it ends, and tells of settings that it will change one day.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
]

FILES = 300
TOKEN = "a-token-of-this-test-0123456789abcdef"  # noqa: S105 (of clusters that end with the test)
CHECKOUT = Path(ml_scorer.__file__).parents[1]
POISON = "poison"

READERS = f"""
import os, time
from ml_scorer.predictions import Source
read = Source.read

def read_slowly(source, options):
    if "{POISON}" in (source.file or ""):
        os._exit(1)
    if "slow" in (source.file or ""):
        time.sleep(0.1)
    return read(source, options)

Source.read = read_slowly
"""
"""A module that Python imports when it starts: workers that read some files slowly, and die of others."""


WITHOUT_PROCESSORS = """
import sys, threading, warnings
import ray
from ray.cluster_utils import Cluster
from ml_scorer import load_annotations, score
from ml_scorer.engines import patience
from ml_scorer.engines import ray as ray_engine
from ml_scorer.errors import EngineError

patience.WARN_AFTER, patience.GIVE_UP_AFTER, ray_engine._LOOK_EVERY = 1.0, 3.0, 0.5
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
ray.init(cluster.address, log_to_driver=False, logging_level="error")
file, annotations = sys.argv[1], load_annotations(sys.argv[2])
engine = ray_engine.RayEngine(cluster.address)
told = []
warnings.showwarning = lambda message, *_: told.append(str(message))
warnings.simplefilter("always")
try:
    score(file, annotations, order="ilsvrc", engine=engine)
except EngineError as error:
    print(error)
print(len(told), told[0])

patience.GIVE_UP_AFTER = 600.0
warnings.showwarning = lambda message, *_: cluster.add_node(num_cpus=1)
print(score(file, annotations, order="ilsvrc", engine=engine).frame["MLA"][0])
ray.shutdown()
cluster.shutdown()
"""
"""A cluster that has no processors, and gets one when it is found out that it has none."""


AT_ONCE = """
import sys
from ml_scorer import Scorer, load_annotations
from ml_scorer.engines.ray import RayEngine
from ml_scorer.errors import EngineError

scorer, folder, engine = Scorer(load_annotations(sys.argv[2]), order="ilsvrc"), sys.argv[1], RayEngine(sys.argv[3])
refused = []

def meanwhile(done, total):
    try:
        scorer.score(folder, engine=engine)
    except EngineError as error:
        refused.append(str(error))

first = scorer.score(folder, engine=engine, progress=meanwhile)
print(refused[0])
print(first.frame.height)
print(scorer.score(folder, engine=engine).frame.height)
"""
"""A run that begins before another one has ended, and one after that."""


@pytest.fixture(scope="module", autouse=True)
def workers_environment(tmp_path_factory):
    """What nodes and workers that are started here see: this checkout, the readers above, a token, an empty home."""
    from ray._private.authentication_test_utils import reset_auth_token_state  # Ray read the environment when imported

    folder = tmp_path_factory.mktemp("environment")
    (folder / "sitecustomize.py").write_text(READERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(CHECKOUT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("HOME", str(folder))
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", TOKEN)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        # A lost node shows after 5 x 3 seconds without this, which Ray's own tests set as well.
        patch.setenv("RAY_health_check_period_ms", "500")
        patch.setenv("RAY_health_check_failure_threshold", "4")
        reset_auth_token_state()
        yield folder


@pytest.fixture(scope="module")
def cluster(workers_environment):
    """Two nodes on this machine, with a processor each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def engine(cluster):
    """An engine of these two nodes; this process joins them once."""
    import ray

    ray.init(cluster.address, log_to_driver=False, logging_level="error")
    yield RayEngine(cluster.address)
    ray.shutdown()


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Files of labels in ILSVRC order, of two integer types."""
    folder = tmp_path_factory.mktemp("sweep")
    random = np.random.default_rng(0)
    original = validation_labels()[1:]
    for step in range(FILES):
        wrong = random.random(original.size) < 0.7 - 0.002 * step
        labels = np.where(wrong, random.integers(0, 1000, original.size), original)
        np.save(folder / f"step-{step}.npy", labels.astype([np.int16, np.int64][step % 2]))
    time.sleep(1.1 * FRESH / 1e9)
    return folder


def same(found, expected):
    assert found.frame.equals(expected.frame)
    assert found.signatures == expected.signatures
    assert found.failed == expected.failed
    assert found.near_chance == expected.near_chance
    for measure in expected.signatures:
        assert found.exact(measure) == expected.exact(measure)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost", "nonsense:port", ":1", "ray:1:2", "[::1:2", "a..b:1"])
def test_a_wrong_address_is_told_at_once(address, synthetic, sweep):
    with pytest.raises(EngineError, match=r"no Ray cluster answers at|not the address of a Ray cluster"):
        score(sweep, synthetic, order="ilsvrc", engine=RayEngine(address))


@pytest.mark.parametrize("address", ["ray://me:se@cr/et@127.0.0.1:1", "ray://me:se@cr/et@localhost"])
def test_a_secret_in_an_address_is_not_shown(address, synthetic, sweep):
    place = address.rpartition("@")[2]
    with pytest.raises(EngineError, match=rf"ray://{place}") as told:
        score(sweep, synthetic, order="ilsvrc", engine=RayEngine(address))
    assert "me:" not in str(told.value)
    assert "cr/et" not in str(told.value)


@pytest.mark.parametrize("address", ["ray://localhost:10001", "http://localhost:8265"])
def test_the_address_of_another_service_is_told_at_once(address, synthetic, sweep, monkeypatch):
    monkeypatch.setattr("socket.create_connection", None)
    with pytest.raises(EngineError, match=rf"^{address}: the address of Ray Client or of another .* Name HOST:PORT"):
        score(sweep, synthetic, order="ilsvrc", engine=RayEngine(address))


@pytest.mark.parametrize("address", ["", " "])
def test_an_empty_address_is_refused(address, synthetic, synthetic_table, sweep):
    with pytest.raises(EngineError, match=r"the address of the Ray cluster is empty\. Name HOST:PORT, or leave"):
        score(sweep, synthetic, order="ilsvrc", engine=RayEngine(address))
    options = ["--annotations", str(synthetic_table), "--order", "ilsvrc", "--engine", "ray", "--address", address]
    result = CliRunner().invoke(main, ["score", str(sweep), *options])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: the address of the Ray cluster is empty.")


def test_hundreds_of_files_give_the_same_bits_and_progress(engine, synthetic, sweep):
    scorer, told = Scorer(synthetic, order="ilsvrc"), []
    found = scorer.score(sweep, engine=engine, progress=lambda done, total: told.append((done, total)))
    same(found, scorer.score(sweep))
    assert told == sorted(told)
    assert len(told) > 4
    assert told[-1] == (FILES, FILES)


def test_real_predictions_in_several_kinds_of_files_give_the_same_bits(engine, genuine, real_data, tmp_path):
    order = class_folder_order()
    names = [image_name(number) for number in order]
    for model in ("ResNet50", "DINO"):
        table = pl.read_csv(real_data / "predictions" / f"{model}.csv")
        labels = dict(zip(table["file_name"], table["predicted_class"], strict=True))
        frame = pl.DataFrame({"image": names, "prediction": [labels[name] for name in names]})
        frame.write_parquet(tmp_path / f"{model}.parquet")
        frame.write_ipc(tmp_path / f"{model}.arrow")
        frame.write_ndjson(tmp_path / f"{model}.jsonl")
        array = frame["prediction"].to_numpy()
        np.save(tmp_path / f"{model}-array.npy", array.astype(np.int64))
        np.savez_compressed(tmp_path / f"{model}-zip.npz", predictions=array)
        logits = np.zeros((50_000, 1000), np.float16)
        logits[np.arange(50_000), array] = 1
        np.save(tmp_path / f"{model}-logits.npy", logits)
    inputs = [tmp_path, real_data / "predictions"]
    scorer = Scorer(genuine, order="imagefolder")
    same(scorer.score(inputs, engine=engine, confidence=0.95), scorer.score(inputs, confidence=0.95))
    found, expected = scorer.outcomes(tmp_path, engine=engine), scorer.outcomes(tmp_path)
    same(found.scores, expected.scores)
    assert (found.labels == expected.labels).all()


def test_predictions_in_memory_travel(engine, synthetic):
    labels = {"a": validation_labels()[1:], "b": np.zeros(50_000, np.int16)}
    scorer = Scorer(synthetic, order="ilsvrc", trust_order=True)
    same(scorer.score(labels, engine=engine), scorer.score(labels))


def test_refused_files_are_refused_in_the_same_words(engine, synthetic, sweep, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text.npy").write_text("image,prediction\n")
    Path("ünicode.csv").write_text("image\n")
    inputs = ["missing.npy", "text.npy", sweep, "ünicode.csv"]
    scorer = Scorer(synthetic, order="ilsvrc")
    found = scorer.score(inputs, engine=engine, on_error="skip")
    same(found, scorer.score(inputs, on_error="skip"))
    assert len(found.failed) == 3
    with pytest.raises(PredictionsError, match=r"^text\.npy: "):
        scorer.score(["text.npy"], engine=engine)


def test_a_file_that_only_this_machine_sees_is_told_from_a_missing_one(engine, synthetic, sweep, tmp_path, monkeypatch):
    path = tmp_path / "here.npy"
    np.save(path, np.load(sweep / "step-0.npy"))
    lexists = os.path.lexists
    monkeypatch.setattr(os.path, "lexists", lambda given: given == str(tmp_path / "gone.npy") or lexists(given))
    with pytest.raises(FileNotFoundError, match=r"on the node .+, and there is one here\. Every node must see"):
        score([path, tmp_path / "gone.npy"], synthetic, order="ilsvrc", engine=engine)


def test_a_file_that_kills_its_worker_fails_alone(engine, synthetic, sweep, tmp_path):
    for index in range(12):
        name = f"{POISON}-{index}.csv" if index == 5 else f"step-{index}.csv"
        names = [image_name(number) for number in range(1, 50_001)]
        labels = np.load(sweep / f"step-{index}.npy")
        pl.DataFrame({"image": names, "prediction": labels}).write_csv(tmp_path / name)
    found = score(tmp_path, synthetic, engine=engine, on_error="skip", store=tmp_path / "store")
    (failure,) = found.failed
    assert failure.checkpoint == f"{POISON}-5"
    assert "the process that read this file died 3 times" in failure.error
    others = list(tmp_path.glob("step-*.csv"))
    assert sorted(found.frame["MLA"]) == sorted(score(others, synthetic).frame["MLA"])
    with pytest.raises(PredictionsError, match=rf"{POISON}-5\.csv: the process that read this file died"):
        score(tmp_path / f"{POISON}-5.csv", synthetic, engine=engine)


def test_another_version_on_the_nodes_is_refused(engine, synthetic, sweep, monkeypatch):
    monkeypatch.setattr("ml_scorer.engines.ray.tool_version", lambda: "9.9")
    with pytest.raises(EngineError, match=r"has version .+ of ml-scorer, and this run is of version 9\.9: install"):
        score(sweep / "step-0.npy", synthetic, order="ilsvrc", engine=engine)


def test_the_command_reaches_it_by_address_with_the_token_and_is_resumed(cluster, sweep, synthetic_table, tmp_path):
    common = ["--annotations", synthetic_table, "--order", "ilsvrc", "--format", "csv"]
    remote = ["--engine", "ray", "--address", cluster.address, "--store", tmp_path / "store"]
    first = ran("score", sweep, *common, *remote)
    assert first.returncode == 0
    assert first.stderr == ""
    assert first.stdout == ran("score", sweep, *common).stdout
    again = ran("score", sweep, *common, *remote[:3], "127.0.0.1:1", *remote[4:])  # nobody is asked for what is known
    assert (again.returncode, again.stdout) == (0, first.stdout)


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "another-one"}, "wants a token: that of this run is missing or"),
        ({"RAY_AUTH_MODE": "token"}, "wants a token, and none is set here"),
        ({"RAY_AUTH_MODE": "disabled"}, "wants a token: that of this run is missing or wrong"),
    ],
    ids=["wrong", "missing", "disabled"],
)
def test_without_the_token_nobody_gets_in(token, fault, cluster, sweep, synthetic_table, tmp_path):
    options = ["--annotations", synthetic_table, "--order", "ilsvrc", "--engine", "ray", "--address", cluster.address]
    refused = ran("score", sweep, *options, environment={"HOME": str(tmp_path), **token})
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith(f"Error: the Ray cluster at {cluster.address} {fault}")
    assert refused.stderr.count("\n") == 1


def test_a_node_that_is_killed_in_mid_run_loses_nothing(cluster, engine, synthetic, sweep, tmp_path):
    folder = tmp_path / "slow"
    folder.mkdir()
    for step in range(60):
        # Tables are read one by one, so that the run lasts some seconds.
        names = [image_name(number) for number in range(1, 50_001)]
        labels = np.load(sweep / f"step-{step}.npy")
        pl.DataFrame({"image": names, "prediction": labels}).write_parquet(folder / f"step-{step}.parquet")
    node = cluster.add_node(num_cpus=1)
    killed = threading.Event()

    def kill(done, total):
        if not killed.is_set() and done < total // 2:
            killed.set()
            cluster.remove_node(node, allow_graceful=False)

    scorer = Scorer(synthetic)
    found = scorer.score(folder, engine=engine, store=tmp_path / "store", progress=kill)
    assert killed.is_set()
    same(found, scorer.score(folder))
    assert Store(tmp_path / "store").frame()["source"].n_unique() == 60
    told = []
    same(scorer.score(folder, engine=RayEngine("127.0.0.1:1"), store=tmp_path / "store", progress=told.append), found)
    assert told == []


def test_a_process_that_is_connected_joins_no_other_cluster(engine, synthetic, sweep):
    with pytest.raises(EngineError, match=r"connected to the Ray cluster at .+ already, and not to 10\.0\.0\.1:6379"):
        score(sweep, synthetic, order="ilsvrc", engine=RayEngine("10.0.0.1:6379"))


def test_a_connection_holds_under_every_name_of_this_machine(cluster, engine, synthetic, sweep):
    host, port = cluster.address.split(":")
    expected = score(sweep / "step-0.npy", synthetic, order="ilsvrc")
    for name in (host, "localhost", "127.0.0.1"):
        same(score(sweep / "step-0.npy", synthetic, order="ilsvrc", engine=RayEngine(f"{name}:{port}")), expected)
    for other in (f"localhost:{int(port) + 1}", f"10.0.0.1:{port}", "nowhere"):
        with pytest.raises(EngineError, match=rf"connected to the Ray cluster at .+ already, and not to {other}"):
            score(sweep, synthetic, order="ilsvrc", engine=RayEngine(other))


def test_runs_at_once_share_the_connection_that_their_caller_made(engine, synthetic, sweep):
    scorer = Scorer(synthetic, order="ilsvrc")
    expected = scorer.score(sweep)
    with ThreadPoolExecutor(2) as threads:
        for found in [threads.submit(scorer.score, sweep, engine=engine) for _ in range(2)]:
            same(found.result(), expected)


def test_a_run_that_connects_is_the_only_one(cluster, sweep, synthetic_table):
    command = [sys.executable, "-c", AT_ONCE, sweep, synthetic_table, cluster.address]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    refused, first, second = run.stdout.splitlines()
    assert refused.startswith("another run of this process has joined a Ray cluster for itself, and there is room for")
    assert first == second == str(FILES)


def test_an_interrupt_keeps_what_was_scored(cluster, sweep, synthetic_table, tmp_path):
    folder, store = tmp_path / "slow", tmp_path / "store"
    folder.mkdir()
    names = [image_name(number) for number in range(1, 50_001)]
    table = pl.DataFrame({"image": names, "prediction": np.load(sweep / "step-0.npy")})
    for step in range(200):
        table.write_parquet(folder / f"step-{step}.parquet")
    options = ["--annotations", synthetic_table, "--store", store, "--engine", "ray", "--address", cluster.address]
    command = [sys.executable, "-m", "ml_scorer", "score", folder, *options]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and not list(store.glob("*.parquet")):
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        output, said = run.communicate(timeout=60)
    assert (run.returncode, output, said.strip()) == (1, "", "Aborted!")
    assert 0 < Store(store).frame()["source"].n_unique() < 200


def test_a_cluster_without_processors_is_not_waited_for_without_a_word(synthetic, synthetic_table, sweep):
    file = sweep / "step-0.npy"
    command = [sys.executable, "-c", WITHOUT_PROCESSORS, file, synthetic_table]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    error, told, found = run.stdout.splitlines()
    assert error.startswith("the Ray cluster has had no processors for 3 seconds, and nothing is scored without. Start")
    assert told.startswith("1 the Ray cluster has no processors, and nothing is scored until it has.")
    assert float(found) == score(file, synthetic, order="ilsvrc").frame["MLA"][0]


def test_without_an_address_a_cluster_is_started_and_stopped(sweep, synthetic_table):
    options = ["--annotations", synthetic_table, "--order", "ilsvrc", "--format", "csv"]
    found = ran("score", sweep, *options, "--engine", "ray", environment={"RAY_ADDRESS": ""})
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == ran("score", sweep, *options).stdout


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--address", "here:1"], "Say --engine ray with it"),
        (["--engine", "ray", "--threads", "2"], "Leave it out"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(options, fault, sweep):
    result = CliRunner().invoke(main, ["score", str(sweep), *options])
    assert result.exit_code == 2
    assert fault in result.output


def ran(*arguments, environment=None):
    """The command in a process of its own."""
    own = {name: value for name, value in os.environ.items() if not (environment and name.startswith("RAY_AUTH"))}
    command = [sys.executable, "-m", "ml_scorer", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**own, **(environment or {})}
    )
