"""Which files go to a worker together, and what travels there: without Ray."""

from __future__ import annotations

import os
import pickle
import sys

import numpy as np
import pytest

from ml_scorer import Scorer
from ml_scorer.engines.groups import MOST_BYTES, MOST_FILES, groups
from ml_scorer.errors import MissingExtraError
from ml_scorer.imagenet import validation_labels
from ml_scorer.predictions import Source
from ml_scorer.scoring.block import Block, Contents
from ml_scorer.scoring.engine import ThreadEngine
from ml_scorer.scoring.job import Job, Keep
from ml_scorer.store import FileState


def job_of(sizes, wanted=None):
    sources = [Source(str(index), f"/nowhere/{index}.npy") for index in range(len(sizes))]
    states = {index: FileState(f"/nowhere/{index}.npy", size, 0, settled=True) for index, size in enumerate(sizes)}
    return Job(sources, range(len(sizes)) if wanted is None else wanted, Keep(), states)


def test_small_files_go_together_up_to_a_number():
    found = list(groups(job_of([100_000] * 10_000), workers=2))
    assert [len(group) for group in found] == [MOST_FILES] * 39 + [16]
    assert [index for group in found for index in group] == list(range(10_000))


def test_large_files_go_together_up_to_so_many_bytes():
    sizes = [MOST_BYTES // 4] * 4000 + [2 * MOST_BYTES] + [1]
    found = list(groups(job_of(sizes), workers=1))
    assert {len(group) for group in found[:1000]} == {4}
    assert found[1000:] == [[4000], [4001]]


@pytest.mark.parametrize("workers", [0, 1, 2, 100])
def test_few_files_give_every_worker_several_groups(workers):
    found = list(groups(job_of([100] * 80), workers))
    assert len(found) >= min(80, 4 * workers)


def test_only_what_is_wanted_is_in_a_group():
    assert list(groups(job_of([1] * 10, wanted=[2, 3, 7]), 1)) == [[2], [3], [7]]
    assert list(groups(job_of([], wanted=[]), 1)) == []


def test_sizes_are_looked_up_where_nobody_knows_them_and_what_is_remote_goes_alone(tmp_path):
    large = tmp_path / "large.npy"
    with large.open("wb") as file:
        os.truncate(file.fileno(), MOST_BYTES)
    files = [str(large), str(tmp_path / "missing.npy"), "s3://bucket/a.npy", "s3://bucket/b.npy"]
    sources = [Source(name, name) for name in files * 10]
    found = list(groups(Job(sources, range(40), Keep()), 1))
    assert found[:4] == [[0, 1], [2], [3], [4, 5]]


def test_what_a_worker_needs_can_be_sent_and_gives_the_same(synthetic, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, validation_labels()[1:])
    scorer = Scorer(synthetic, order="ilsvrc", missing="wrong")
    changed = max(path.stat().st_mtime_ns, path.stat().st_ctime_ns)
    state = FileState(str(path), path.stat().st_size, changed, settled=True)
    task = Job([Source("a", str(path))], [0], Keep(labels=True), {0: state}).task([0])
    pipeline = scorer._pipeline  # noqa: SLF001 (what an engine is given)
    sent, there = pickle.loads(pickle.dumps((pipeline, task)))  # noqa: S301
    found, expected = sent.parts(there), pipeline.parts(task)
    assert [type(part) for part in found] == [Block, Contents]
    assert (found[0].sums == expected[0].sums).all()
    assert (found[0].labels == expected[0].labels).all()
    assert found[1].hashes == expected[1].hashes
    assert list(found[1].hashes) == [0]


def test_the_content_of_a_file_that_changed_since_it_was_looked_at_is_not_told(synthetic, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, validation_labels()[1:])
    state = FileState(str(path), path.stat().st_size, 1, settled=True)
    job = Job([Source("a", str(path))], [0], Keep(), {0: state})
    with ThreadEngine(1).run(Scorer(synthetic, order="ilsvrc")._pipeline, job) as run:  # noqa: SLF001
        ((number, parts),) = run
    assert number == 1
    assert [type(part) for part in parts] == [Block, Contents]
    assert parts[1].hashes == {}


def test_without_ray_the_extra_is_named(synthetic, monkeypatch, tmp_path):
    from ml_scorer.engines.ray import RayEngine

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"Scoring on a Ray cluster needs packages .*ml-scorer\[ray\]"):
        Scorer(synthetic, order="ilsvrc").score(tmp_path / "a.npy", engine=RayEngine())
