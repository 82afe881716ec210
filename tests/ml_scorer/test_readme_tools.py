"""What the README shows under "With the tools around it" runs as it stands there."""

from __future__ import annotations

import pytest
from readme import code_blocks

from ml_scorer.measures.verdict_counts import VERDICT_COUNTS

SECTION = "With the tools around it"


@pytest.fixture(autouse=True)
def _predictions_here(real_data, genuine_table, monkeypatch, tmp_path):
    (tmp_path / "ResNet50.csv").symlink_to(real_data / "predictions" / "ResNet50.csv")
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(genuine_table))
    monkeypatch.chdir(tmp_path)


def test_the_notebook():
    pytest.importorskip("pandas")
    notebook, _ = code_blocks(SECTION, "python")
    found = {}
    exec(notebook, found)  # noqa: S102 (the README)
    assert found["frame"].attrs["signatures"] == found["scores"].signatures
    assert "85.08%" in found["scores"]._repr_html_()


def test_the_verdicts_in_polars():
    _, verdicts = code_blocks(SECTION, "python")
    found = {}
    exec(verdicts, found)  # noqa: S102 (the README)
    counts = ", ".join(f"{verdict} {number}" for verdict, number in found["counts"].iter_rows())
    assert found["counts"]["verdict"].to_list() == list(VERDICT_COUNTS)
    assert counts in verdicts
