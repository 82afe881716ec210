"""Scoring on a Ray cluster: workers against threads, what the driver costs, and what that means for large sweeps.

    python tests/benchmarks/cluster.py [--nodes 100] [--cores 16] [--network 1250] [--storage 50000] …

Labels (`.npy` of 50,000 int16 and int64) and logits (50,000 x 1,000 float16, 100 MB) are scored by this process and by
one and two Ray workers on this machine. The files are hard links to a few, and lie in the page cache: what is measured
is the processor's part; a disk's part is an assumption, and an option. The driver is this process: its processor time
is taken once with a file a task and once with groups, which tells what a task costs and what a file costs.

The model. Of F files of B bytes, on N nodes of C processors:

    storage    F B / S          S bytes a second from the storage, all nodes together
    network    F B / (N W)      W bytes a second into a node
    workers    F t / (N C)      t seconds of a processor for a file, from memory
    driver     F d + F g / G    d seconds of the driver for a file (found, answered, stored, put into the table),
                                g for a task, G files in a task

They go on at the same time, so the longest is what the run takes, and what must change.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from files import annotations
from timing import print_table

from ml_scorer import Scorer
from ml_scorer.engines import groups
from ml_scorer.engines.ray import RayEngine
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions import prediction_sources
from ml_scorer.scoring.engine import Engine, ThreadEngine
from ml_scorer.store import FileState, Measured, Results, Settings, Store

DISTINCT = 40
FILES = {"int16": 20_000, "int64": 10_000, "float16 logits": 100}
BYTES = {"int16": 100_128, "int64": 400_128, "float16 logits": 100_000_128}
STORED = (40_000, 80_000, 160_000)  # of fewer, no parts are merged yet
FOUND = (10_000, 100_000)
MEASURES = 5


@dataclass(frozen=True)
class Costs:
    """Seconds, measured here."""

    files: dict[str, float]  # of a processor, by kind
    task: float
    answer: float  # a file
    stored: float  # a file
    found: float  # a file


def write_files(folder: Path) -> None:
    """Files of every kind, hard links to a few."""
    random = np.random.default_rng(0)
    original = validation_labels()[1:]
    for kind, number in FILES.items():
        (folder / kind).mkdir()
        for index in range(number):
            path = folder / kind / f"step-{index:05d}.npy"
            distinct = 2 if "logits" in kind else DISTINCT
            if index >= distinct:
                os.link(folder / kind / f"step-{index % distinct:05d}.npy", path)
                continue
            labels = np.where(random.random(original.size) < 0.2, random.integers(0, 1000, original.size), original)
            if "logits" in kind:
                logits = random.standard_normal((original.size, 1000), np.float32).astype(np.float16)
                logits[np.arange(original.size), labels] = 9
                np.save(path, logits)
            else:
                np.save(path, labels.astype(kind))


@contextmanager
def workers(number: int) -> Iterator[RayEngine]:
    """An engine of so many workers on this machine, warm."""
    import ray

    ray.init(
        address="local",
        num_cpus=number,
        object_store_memory=100 << 20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )
    try:
        yield RayEngine()
    finally:
        ray.shutdown()


def measure_throughput(folder: Path, scorer: Scorer) -> dict[str, float]:
    """Print seconds a file for every kind and engine; processor seconds of one thread of this process come out."""
    taken: dict[str, dict[str, float]] = {kind: {} for kind in FILES}
    spent: dict[str, float] = {}

    def measure(name: str, engine: Engine) -> None:
        for kind, number in FILES.items():
            scorer.score(sorted((folder / kind).iterdir())[: max(2, number // 8)], engine=engine)
            before = time.process_time()
            times = [timed(lambda kind=kind: scorer.score(folder / kind, engine=engine)) for _ in range(3)]
            taken[kind][name] = min(times) / number
            spent.setdefault(kind, (time.process_time() - before) / len(times) / number)

    for threads in (1, 2):
        measure(f"{threads} thread{'s' * (threads > 1)} of this process", ThreadEngine(threads))
    for number in (1, 2):
        with workers(number) as engine:
            measure(f"{number} Ray worker{'s' * (number > 1)}", engine)
    for kind, times in taken.items():
        first = next(iter(times.values()))
        print_table(
            f"{kind}: {FILES[kind]:,} files of {BYTES[kind] / 1e6:,.1f} MB in the page cache; time a file, best of 3",
            [
                *((name, f"{time_ * 1e6:,.0f} µs", f"{time_ / first:.2f} x", "") for name, time_ in times.items()),
                ("processor time by one thread", f"{spent[kind] * 1e6:,.0f} µs", f"{spent[kind] / first:.2f} x", ""),
            ],
        )
    return spent


def measure_driver(folder: Path, scorer: Scorer) -> tuple[float, float]:
    """Processor seconds of the driver for a task, and for a file: from runs with one file a task, and with many."""
    most, number = groups.MOST_FILES, FILES["int16"]
    seconds = {}
    with workers(1) as engine:
        scorer.score(folder / "int16", engine=engine)
        for size in (1, most):
            groups.MOST_FILES = size  # type: ignore[misc]
            start = time.process_time()
            scorer.score(folder / "int16", engine=engine)
            seconds[size] = time.process_time() - start
        groups.MOST_FILES = most  # type: ignore[misc]
    tasks = max(4, number // most)
    task = max(0.0, seconds[1] - seconds[most]) / (number - tasks)
    answer = max(0.0, seconds[most] - tasks * task) / number
    print_table(
        "the driver, processor time",
        [
            ("a task", f"{task * 1e6:,.0f} µs", "", ""),
            ("a file and its row, found to table", f"{answer * 1e6:,.1f} µs", "", ""),
        ],
    )
    return task, answer


def measure_store(folder: Path) -> float:
    """Print what writing, merging and looking up cost a checkpoint, by how many there are; writing comes out."""
    rows, last, first = [], 0.0, 0.0
    for number in STORED:
        store = Store(folder / f"store-{number}")
        measured = [
            Measured(f"MLA(classes={index})", 232_792_560, lambda order: f"MLA|{order}") for index in range(MEASURES)
        ]
        settings = Settings(
            "ilsvrc", "error", "imagenet", None, trusted=False, annotations=annotations().identity, required="x"
        )
        states = [
            FileState(f"/sweep/run/step-{index:09d}.npy", 100_128, 10**18 + index, settled=True)
            for index in range(number)
        ]

        def write(states: list[FileState] = states, store: Store = store) -> None:
            with store.writer(settings, measured, flush_seconds=1e9) as writer:  # noqa: B023
                for start in range(0, len(states), groups.MOST_FILES):
                    writer.add(made_up_results(states[start : start + groups.MOST_FILES]))

        last = timed(write) / number
        found = timed(lambda: store.known(settings, measured, states)) / number  # noqa: B023
        first = first or last
        rows.append((f"{number:,}", f"{last * 1e6:,.1f} µs, {found * 1e6:,.1f} µs", f"{last / first:.2f} x", "1.5"))
    print_table(f"a store: writing with merging, and looking up, a checkpoint of {MEASURES} measures", rows)
    return last


def made_up_results(states: list[FileState]) -> Results:
    """Results of one checkpoint a file."""
    number = len(states)
    none = np.full(number, -1)
    return Results(
        states=states,
        contents=[f"{state.modified_ns:032x}" for state in states],
        orders=["ilsvrc"] * number,
        sources=np.arange(number),
        names=[state.source[-18:-4] for state in states],
        named=np.zeros(number, bool),
        numerators=np.random.default_rng(0).integers(0, 1 << 27, (number, MEASURES)).astype(float),
        counts=np.zeros((number, 4), np.int64),
        missing=none,
        ties=none,
        near_chance=np.zeros(number, bool),
    )


def measure_finding(folder: Path) -> float:
    """Print what it costs to find files in a folder and to name them; seconds a file come out."""
    rows, last, first = [], 0.0, 0.0
    for number in FOUND:
        sweep = folder / f"found-{number}"
        for index in range(number):
            path = sweep / f"run-{index // 1000:05d}" / f"step-{index:09d}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        before = resident()
        start = time.perf_counter()
        sources = prediction_sources(str(sweep))
        last = (time.perf_counter() - start) / number
        size = (resident() - before) / len(sources)
        first = first or last
        rows.append((f"{number:,}", f"{last * 1e6:,.1f} µs, {size:,.0f} bytes", f"{last / first:.2f} x", "1.5"))
    print_table("finding and naming the files of a folder, a file", rows)
    return last


def project(costs: Costs, options: argparse.Namespace) -> None:
    """Print what each term of the model takes for the three sweeps, and which is the longest."""
    a_file = costs.found + costs.answer + costs.stored
    cases = [
        ("100,000 checkpoints of labels (int16), 1 node", "int16", 10**5, 1),
        ("10,000 of float16 logits, 1 TB, 1 node", "float16 logits", 10**4, 1),
        (f"10 million of float16 logits, 1 PB, {options.nodes} nodes", "float16 logits", 10**7, options.nodes),
    ]
    assumed = (
        f"projection: {options.cores} processors a node; MB/s: network {options.network:,} a node, storage "
        f"{options.storage:,} for all nodes, {options.driver_storage:,} for one node alone"
    )
    print(f"\n{assumed}")  # noqa: T201
    for title, kind, files, nodes in cases:
        storage = (options.storage if nodes > 1 else options.driver_storage) * 1e6
        size = files * BYTES[kind]
        in_task = max(1, min(groups.MOST_FILES, groups.MOST_BYTES // BYTES[kind]))
        terms = {
            "storage F B / S": size / storage,
            "network F B / (N W)": size / (nodes * options.network * 1e6),
            "workers F t / (N C)": files * costs.files[kind] / (nodes * options.cores),
            "driver F d + F g / G": files * a_file + files / in_task * costs.task,
        }
        longest = max(terms.values())
        rows = [(name, f"{taken:,.0f} s", f"{taken / longest:.2f} x", "") for name, taken in terms.items()]
        print_table(f"{title}: bound by {max(terms, key=lambda name: terms[name])}", rows)


def timed(work) -> float:
    """Seconds that a work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def main() -> None:
    """Measure, print, and project."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--cores", type=int, default=16, help="processors of a node")
    parser.add_argument("--network", type=int, default=1_250, help="MB/s into a node (10 Gbit/s)")
    parser.add_argument("--storage", type=int, default=50_000, help="MB/s from the storage to all nodes together")
    parser.add_argument("--driver-storage", type=int, default=500, help="MB/s from the storage to one node alone")
    options = parser.parse_args()
    scorer = Scorer(annotations(), order="ilsvrc")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder)
        found = measure_finding(folder)
        stored = measure_store(folder)
        files = measure_throughput(folder, scorer)
        task, answer = measure_driver(folder, scorer)
    project(Costs(files, task, answer, stored, found), options)


if __name__ == "__main__":
    main()
