"""How long a run waits for a cluster without processors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from click.testing import CliRunner

from ml_scorer.cli import main
from ml_scorer.engines import patience
from ml_scorer.engines.ray import RayEngine
from ml_scorer.errors import EngineError
from ml_scorer.imagenet import validation_labels
from ml_scorer.scoring.engine import ThreadEngine


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes when it is told to."""
    time = [1000.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: time[0])
    return time


def test_it_warns_once_and_gives_up_in_the_end(clock):
    waiting = patience.Patience()
    waiting.wait(0)
    clock[0] += 29
    waiting.wait(0)
    clock[0] += 1
    with pytest.warns(UserWarning, match=r"no processors, .* Start a node .* waits for 600 seconds in all"):
        waiting.wait(0)
    clock[0] += 569
    waiting.wait(0)
    clock[0] += 1
    with pytest.raises(EngineError, match=r"has had no processors for 600 seconds, .* Start a node .* score again"):
        waiting.wait(0)


@pytest.mark.parametrize("renewed", [lambda waiting: waiting.wait(1), lambda waiting: waiting.renew()])
def test_processors_and_results_make_it_patient_again(renewed, clock):
    waiting = patience.Patience()
    for _ in range(100):
        waiting.wait(0)
        clock[0] += 29
        waiting.wait(0)
        renewed(waiting)
        clock[0] += 1000


def test_busy_processors_are_waited_for_as_long_as_it_takes(clock):
    waiting = patience.Patience()
    for _ in range(100):
        waiting.wait(1)
        clock[0] += 1000


def test_the_command_says_why_it_waits(synthetic_table, tmp_path, monkeypatch):
    def run(_, pipeline, job):
        warnings.warn("the cluster has no processors", UserWarning, stacklevel=1)
        return ThreadEngine(1).run(pipeline, job)

    monkeypatch.setattr(RayEngine, "run", run)
    np.save(tmp_path / "a.npy", validation_labels()[1:])
    options = ["--annotations", str(synthetic_table), "--order", "ilsvrc", "--engine", "ray"]
    shown = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = CliRunner().invoke(main, ["score", str(tmp_path / "a.npy"), *options])
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: the cluster has no processors\n")
    assert warnings.showwarning is shown
