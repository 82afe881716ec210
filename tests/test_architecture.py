"""Arrows between modules point one way: what may import what."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import build_cache
import ml_scorer

SCORER = Path(ml_scorer.__file__).parent
EXPORTER = Path(build_cache.__file__).parent

LAYERS = (
    ("addresses", "errors", "extras", "schema", "version", "writing"),
    ("imagenet", "steps"),
    ("annotations",),
    ("measures",),
    ("kernel",),
    ("statistics",),
    ("predictions",),
    ("signature",),
    ("scores",),
    ("store",),
    ("scoring",),
    ("arrays", "engines", "polars", "comparison", "breakdowns"),
    ("torch", "report"),
    ("trackers",),
    ("cli",),
)
"""The parts of the scorer from the ground up; a part imports only from those before it, and from itself."""

EXPORT_ONLY = {"pyarrow", "tensorflow", "tensorflow_datasets", "msgspec", "array_record"}


def modules(package):
    return sorted(package.rglob("*.py"))


def imported(path):
    """Every module that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def part_of(path):
    return path.relative_to(SCORER).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(SCORER), ids=lambda path: str(path.relative_to(SCORER.parent)))
def test_the_scorer_imports_neither_the_exporter_nor_what_only_that_needs(path):
    roots = {name.partition(".")[0] for name in imported(path)}
    assert not roots & ({"build_cache"} | EXPORT_ONLY)


@pytest.mark.parametrize("path", modules(SCORER), ids=lambda path: str(path.relative_to(SCORER.parent)))
def test_no_import_runs_back_up(path):
    heights = {part: height for height, parts in enumerate(LAYERS) for part in parts}
    part = part_of(path)
    if part in {"__init__", "__main__"}:
        return
    own = heights[part]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "ml_scorer" and len(parts) > 1 and parts[1] in heights and parts[1] != part:
            assert heights[parts[1]] < own, f"{part} imports {name}"


def test_every_part_has_its_layer():
    known = {part for parts in LAYERS for part in parts} | {"__init__", "__main__"}
    assert {part_of(path) for path in modules(SCORER)} <= known


def test_the_exporter_takes_no_measure_and_no_prediction_from_the_scorer():
    for path in modules(EXPORTER):
        parts = {name.split(".")[1] for name in imported(path) if name.startswith("ml_scorer.")}
        assert not parts & {"measures", "kernel", "predictions", "signature", "scores", "scoring", "report"}, path


def test_importing_the_scorer_imports_nothing_heavy():
    code = "import sys, ml_scorer, ml_scorer.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & (EXPORT_ONLY | {"build_cache", "pandas", "scipy", "rich", "torch"})


def test_the_root_exports_at_most_ten_names():
    assert len(ml_scorer.__all__) <= 10
    assert all(hasattr(ml_scorer, name) for name in ml_scorer.__all__)


def test_the_command_that_scores_imports_no_tracker():
    code = (
        "import sys, ml_scorer.cli.score, ml_scorer.cli.watch, ml_scorer.cli.scores; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & {"mlflow", "tensorboard", "tensorflow", "torch", "pandas", "scipy"}
