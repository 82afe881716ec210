"""The examples in docstrings and in the README do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
from stand_in_images import import_torchvision

import build_cache
import ml_scorer
from ml_scorer.errors import MissingExtraError

import_torchvision()


def module_names():
    for package in (ml_scorer, build_cache):
        yield package.__name__
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                yield module.name


@pytest.mark.parametrize("name", list(module_names()))
def test_examples_in_docstrings(name):
    try:
        module = importlib.import_module(name)
    except MissingExtraError:
        return  # its examples run where the extra is installed
    results = doctest.testmod(module)
    assert results.failed == 0
