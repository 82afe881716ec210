"""Tables and data that many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_server import Server

from build_cache import SyntheticSource, TableSource, build
from ml_scorer import Annotations, load_annotations

DATA_VARIABLE = "ML_SCORER_TEST_DATA"
INTEGRATIONS = Path(__file__).parent / "integrations"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests of integrations unless they are named: they need heavy packages, a network and root."""
    named = any("integrations" in argument for argument in config.args)
    return True if collection_path == INTEGRATIONS and not named else None


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real annotations and predictions; tests that read it are skipped where it is not given."""
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        pytest.skip(f"{DATA_VARIABLE} is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def genuine_table(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real annotations, exported."""
    output = tmp_path_factory.mktemp("genuine") / "annotations.parquet"
    return build(TableSource(real_data / "imagenet2012_multilabel_v3.csv"), output).output


@pytest.fixture(scope="session")
def genuine(genuine_table: Path) -> Annotations:
    return load_annotations(genuine_table)


@pytest.fixture(scope="session")
def synthetic_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic annotations, exported."""
    output = tmp_path_factory.mktemp("synthetic") / "annotations.parquet"
    return build(SyntheticSource(0), output).output


@pytest.fixture(scope="session")
def synthetic(synthetic_table: Path) -> Annotations:
    return load_annotations(synthetic_table)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on the loopback interface, asked past any proxy of this machine."""
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_tables_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds a table that somebody keeps on this machine."""
    monkeypatch.delenv("ML_SCORER_ANNOTATIONS", raising=False)
    monkeypatch.delenv("ML_SCORER_REAL", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg-data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))
