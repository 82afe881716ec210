"""Rows in the order that is asked for: `--sort` and `--top`."""

from __future__ import annotations

import click
import polars as pl
import pytest

from ml_scorer.cli.ordering import row_order

FRAME = pl.DataFrame(
    {"checkpoint": ["step-10", "step-2", "b", "a"], "MLA": [0.5, None, 0.9, 0.5], "Top1": [1, 4, 3, 2]}
)


@pytest.mark.parametrize(
    ("sort", "top", "rows"),
    [
        (None, None, None),
        ("none", None, None),
        ("none", 2, [0, 1]),
        (None, 2, [2, 0]),
        ("MLA", None, [2, 0, 3, 1]),
        ("Top1", None, [1, 2, 3, 0]),
        ("Top1", 1, [1]),
        ("name", None, [3, 2, 1, 0]),
        ("name", 9, [3, 2, 1, 0]),
    ],
)
def test_rows_are_ordered(sort, top, rows):
    assert row_order(FRAME, "checkpoint", ["MLA", "Top1"], sort, top) == rows


@pytest.mark.parametrize("sort", ["MLA", "name", "none"])
def test_no_rows_are_none(sort):
    assert row_order(FRAME.clear(), "checkpoint", ["MLA"], sort, 3) == []


def test_a_measure_that_is_not_there_is_misused():
    with pytest.raises(click.UsageError, match=r"--sort Top5: not among what is measured: MLA\. .* --measure 'Top5'"):
        row_order(FRAME, "checkpoint", ["MLA"], "Top5", None)
