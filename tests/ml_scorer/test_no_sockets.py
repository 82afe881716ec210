"""No code path of scoring opens a socket: every command runs where the kernel would kill it for one."""

from __future__ import annotations

import json
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tables import small_frame, write_sealed
from without_sockets import ARCHITECTURES, KILLED

from ml_scorer.cli import COMMANDS
from ml_scorer.imagenet import class_folder_order, validation_labels
from ml_scorer.schema import CORRECT, image_name

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ARCHITECTURES, reason="the kernel's filter is Linux's"
)

LAUNCHER = str(Path(__file__).parents[1] / "without_sockets.py")


def start(*arguments, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, LAUNCHER, *map(str, arguments)], **pipes, **options)


def run(*arguments, **options):
    process = start(*arguments, **options)
    stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


# That the filter works


OPENS_A_SOCKET = {
    "a socket": "import socket; socket.socket()",
    "another family": "import socket; socket.socket(socket.AF_UNIX)",
    "a name to look up": "import socket; socket.getaddrinfo('example.org', 80)",
    "an address to read": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
    "native code": "import ctypes; ctypes.CDLL(None).socket(2, 1, 0)",
    "a thread": "import socket, threading; t = threading.Thread(target=socket.socket); t.start(); t.join()",
    "Polars": "import polars; polars.scan_parquet('http://127.0.0.1:9/t.parquet').collect()",
}


@pytest.mark.parametrize("code", OPENS_A_SOCKET.values(), ids=OPENS_A_SOCKET)
def test_a_process_that_opens_a_socket_is_killed(code):
    assert run("-c", code).returncode == KILLED


def test_so_is_one_that_it_starts():
    code = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'import socket; socket.socket()']))"
    assert f"returncode={KILLED})" in run("-c", code).stdout


def test_a_process_that_opens_none_is_not():
    assert run("-c", "print(1)").stdout == "1\n"


# That scoring opens none


@pytest.fixture(scope="module")
def labels():
    """Labels of two checkpoints in the order of the class folders, a fifth of them wrong: (2, 50000) int16."""
    original = np.tile(validation_labels()[class_folder_order()], (2, 1))
    random = np.random.default_rng(0)
    wrong = random.random(original.shape) < 0.2
    return np.where(wrong, random.integers(0, 1000, original.shape), original).astype(np.int16)


@pytest.fixture(scope="module")
def files(labels, tmp_path_factory):
    """A folder with predictions in every kind of local file that needs no extra, and one with two checkpoints."""
    folder = tmp_path_factory.mktemp("files")
    every, two = folder / "every", folder / "two"
    every.mkdir()
    two.mkdir()
    table = pl.DataFrame({"file_name": map(image_name, class_folder_order().tolist()), "predicted_class": labels[0]})
    table.write_csv(every / "csv.csv")
    table.write_csv(every / "tsv.tsv", separator="\t")
    table.write_csv(every / "gz.csv.gz", compression="gzip")
    table.write_csv(every / "zst.csv.zst", compression="zstd")
    table.write_json(every / "json.json")
    table.write_ndjson(every / "jsonl.jsonl")
    table.write_parquet(every / "parquet.parquet")
    table.write_ipc(every / "arrow.arrow")
    (every / "hive" / "checkpoint=hive").mkdir(parents=True)
    table.write_parquet(every / "hive" / "checkpoint=hive" / "part-0.parquet")
    np.savez(every / "npz.npz", preds=labels[0])
    np.save(every / "logits.npy", np.eye(1000, dtype=np.float16)[labels[0]])
    header = {"preds": {"dtype": "I16", "shape": [50_000], "data_offsets": [0, 100_000]}}
    text = json.dumps(header).encode()
    (every / "safe.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + labels[0].tobytes())
    for number in (0, 1):
        np.save(two / f"run-step-{number}.npy", labels[number])
    (folder / "groups.json").write_text(json.dumps({"fish": [0, 1, 2]}))
    return folder


@pytest.fixture(scope="module")
def annotations(tmp_path_factory):
    """Annotations of two images of each class that are found without being named, as synthetic ones are not."""
    images = class_folder_order().reshape(1000, 50)[:, :2].ravel().tolist()
    own = np.repeat(np.arange(1000), 2).tolist()
    columns = {"file_name": map(image_name, images), "original_label": own, CORRECT: [[label] for label in own]}
    frame = small_frame(2000, **columns).sort("file_name")
    return write_sealed(tmp_path_factory.mktemp("annotations") / "annotations.parquet", frame)


@pytest.fixture
def environment(annotations, tmp_path, monkeypatch):
    """Where commands run: in an empty folder, with annotations that are found."""
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(annotations))
    monkeypatch.chdir(tmp_path)


ORDER = ["--order", "imagefolder"]
RUNS = {
    "score": [
        ["{files}/every", *ORDER, "-o", "s.json"],
        ["@list.txt", *ORDER, "--confidence", "0.95", "--rank", "--format", "csv"],
        ["{files}/two", *ORDER, "--group-by", "(.+)-step-.+", "--format", "latex"],
        ["{files}/two", *ORDER, "--store", "store", "--fail-under", "MLA=0.1", "-o", "s.parquet"],
        ["{files}/two/run-step-0.npy", *ORDER, "--baseline", "{files}/two/run-step-1.npy", "--bootstrap", "100"],
    ],
    "scores": [["store"]],
    "merge": [["part-1.parquet", "part-2.parquet"]],
    "compare": [["{files}/two", *ORDER, "--agreement"]],
    "classes": [["{files}/two", *ORDER]],
    "mistakes": [["{files}/two", *ORDER, "--confusions"]],
    "review": [["{files}/two", *ORDER, "-o", "queue.csv"]],
    "groups": [["{files}/two", *ORDER, "--groups", "{files}/groups.json"]],
    "report": [["{files}/two", *ORDER, "-o", "r.html"]],
    "chart": [["verdicts", "{files}/two", *ORDER, "-o", f"c.{ending}"] for ending in ("svg", "png", "pdf")],
    "annotations": [[]],
    "doctor": [[]],
    "measures": [[]],
    "demo": [[]],
    "completion": [["bash"]],
}
"""Arguments of runs of each command that follow one another; `watch`, which has no end, is tried below."""

NEEDED = {"report": "altair", "chart": "altair"}
"""Packages of an extra that the tests' own does not bring."""


def test_every_command_is_tried():
    assert {*RUNS, "watch"} == set(COMMANDS)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("command", RUNS)
def test_the_command_opens_no_socket(command, files):
    pytest.importorskip(NEEDED.get(command, "polars"))
    Path("list.txt").write_text(f"{files}/two/run-step-0.npy\n{files}/two/run-step-1.npy\n")
    before = {
        "scores": [["score", *RUNS["score"][3]]],
        "merge": [["score", "{files}/two", *ORDER, "--shard", f"{n}/2", "-o", f"part-{n}.parquet"] for n in (1, 2)],
    }
    for arguments in [*before.get(command, []), *([command, *arguments] for arguments in RUNS[command])]:
        ran = run("-m", "ml_scorer", *(argument.format(files=files) for argument in arguments))
        assert ran.returncode == 0, (arguments, ran.returncode, ran.stderr)
    if command == "score":
        assert {row["checkpoint"] for row in json.loads(Path("s.json").read_text())["scores"]} == {
            *("csv", "tsv", "gz", "zst", "json", "jsonl", "parquet", "arrow", "hive", "npz", "logits", "safe"),
        }


@pytest.mark.usefixtures("environment")
def test_watching_opens_no_socket(files, tmp_path):
    pytest.importorskip("watchfiles")
    shutil.copytree(files / "two", tmp_path / "watched")
    process = start("-m", "ml_scorer", "watch", "watched", "--store", "store", *ORDER)
    try:
        assert "MLA" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, stderr


@pytest.mark.usefixtures("environment")
def test_torch_files_open_no_socket(labels, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.from_numpy(labels[0]), tmp_path / "t.pt")
    ran = run("-m", "ml_scorer", "score", "t.pt", *ORDER)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.usefixtures("environment")
def test_a_remote_address_is_what_it_takes(tmp_path):
    """The one thing that goes to the network, when it is asked to."""
    pytest.importorskip("s3fs")
    assert run("-m", "ml_scorer", "score", "s3://bucket/x.csv").returncode == KILLED
