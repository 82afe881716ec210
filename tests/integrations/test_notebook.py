"""Scores as the last value of a cell, in a kernel of Jupyter."""

from __future__ import annotations

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

CELLS = [
    "import ml_scorer\nscores = ml_scorer.score('a.csv', annotations='annotations.parquet')\nscores",
    "scores.to_pandas().attrs['signatures']['MLA']",
]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client", "ignore::DeprecationWarning:zmq")


def test_a_cell_shows_a_table_with_signatures(synthetic, synthetic_table, tmp_path):
    pytest.importorskip("pandas")
    rows = zip(synthetic.frame["file_name"], synthetic.original_labels, strict=True)
    (tmp_path / "a.csv").write_text("file_name,prediction\n" + "".join(f"{name},{label}\n" for name, label in rows))
    (tmp_path / "annotations.parquet").symlink_to(synthetic_table)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    warned, shown = notebook.cells[0].outputs
    assert "DoubtfulWarning: 100% top-1: a. Are these the original labels" in warned.text
    assert "<td" in shown.data["text/html"]
    assert "SYNTHETIC annotations" in shown.data["text/html"]
    assert "MLA|data:SYNTHETIC@" in shown.data["text/html"]
    assert "<Scores of 1 checkpoint" in shown.data["text/plain"]
    (signature,) = notebook.cells[1].outputs
    assert signature.data["text/plain"].startswith("'MLA|data:SYNTHETIC@")
