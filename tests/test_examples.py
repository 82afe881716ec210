"""The examples in docstrings and in the README do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import build_cache
import ml_scorer


def module_names():
    for package in (ml_scorer, build_cache):
        yield package.__name__
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                yield module.name


@pytest.mark.parametrize("name", list(module_names()))
def test_examples_in_docstrings(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0
