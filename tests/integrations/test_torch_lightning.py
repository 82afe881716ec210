"""The metric in Lightning: logged like any other, through the sanity check, epochs, and on two ranks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in_images import import_torchvision

import_torchvision()
pytest.importorskip("torchmetrics")
pytest.importorskip("lightning")

RUN = Path(__file__).parents[1] / "lightning_run.py"


@pytest.mark.parametrize("devices", [1, 2])
def test_it_is_logged_like_any_other_metric(devices, genuine_table, real_data, tmp_path):
    shutil.copy(genuine_table, tmp_path / "annotations.parquet")
    shutil.copy(real_data / "predictions" / "DINO.csv", tmp_path / "predictions.csv")
    command = [sys.executable, RUN, str(devices), tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "lightning.json").read_text())
    expected = json.loads((real_data / "expected_scores.json").read_text())["DINO"]
    logged = {"val/MLA_epoch": expected["mla"], "all/MLA": expected["mla"], "all/Top1": expected["top1"]}
    assert found["validate"] == [[logged], [logged]]
    assert found["fit"] == {**logged, "val/MLA": expected["mla"]}
    assert found["distributed sampler"] == (devices > 1)
    tried, whole = [True, "missing:wrong"], [False, "missing:error"]
    assert found["unknown"] == [tried, *[whole] * 4, tried]  # sanity check, two epochs, two validations, a trial
