"""The metric on several ranks: real processes that talk by gloo."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from stand_in_images import import_torchvision

import ml_scorer

import_torchvision()
pytest.importorskip("torchmetrics")

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def expected(real_data):
    return json.loads((real_data / "expected_scores.json").read_text())["ResNet50"]


@pytest.fixture(scope="module")
def not_needed(genuine):
    """An image that no measure needs: without it, the number of images is odd."""
    return next(number for number in range(1, 50_001) if number not in set(genuine.images.tolist()))


@pytest.fixture(scope="module")
def ranks(genuine_table, real_data, not_needed, tmp_path_factory):
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("ranks")
    shutil.copy(genuine_table, folder / "annotations.parquet")
    table = pl.read_csv(real_data / "predictions" / "ResNet50.csv")
    table.filter(pl.col("file_name") != ml_scorer.schema.image_name(not_needed)).write_csv(folder / "predictions.csv")
    processes = [
        subprocess.Popen(
            [sys.executable, TESTS / "metric_ranks.py", str(rank), folder], stderr=subprocess.PIPE, text=True
        )
        for rank in (0, 1)
    ]
    try:
        for process in processes:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
    finally:
        for process in processes:
            process.kill()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_a_sampler_that_repeats_images_counts_none_twice(ranks, expected):
    scores = {"MLA": expected["mla"], "Top1": expected["top1"]}
    for found in ranks:
        assert found["padded length"] == 50_000  # of 49,999
        assert found["sampler, shuffle False"] == scores
        assert found["sampler, shuffle True"] == scores


@pytest.mark.parametrize(
    "case", ["uneven", "idle rank", "all on both", "missing, then given", "contradiction, then reset", "gathered"]
)
def test_every_way_to_deal_images_out_gives_the_same(case, ranks, expected):
    assert [found[case] for found in ranks] == [expected["mla"]] * 2


def test_a_collection_on_ranks(ranks, expected):
    assert [found["collection"] for found in ranks] == [{"MLA": expected["mla"], "Top1": expected["top1"]}] * 2


def test_every_rank_has_the_same_signature_however_it_knew_its_images(ranks):
    assert ranks[0]["signature"] == ranks[1]["signature"]
    assert "order:list@" in ranks[0]["signature"]
    assert "+names" in ranks[0]["signature"]


def test_computing_leaves_each_rank_its_own_part(ranks):
    assert [found["seen here afterwards"] for found in ranks] == [25_000, 25_000]


def test_what_is_wrong_anywhere_is_an_error_everywhere(ranks):
    assert ranks[0]["missing"] == ranks[1]["missing"]
    assert "have no prediction" in ranks[0]["missing"]
    assert ranks[0]["contradiction"] == ranks[1]["contradiction"]
    assert "1 images were given again with another prediction" in ranks[0]["contradiction"]
