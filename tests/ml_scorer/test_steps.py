"""Which training run a checkpoint is of, and which step of it."""

from __future__ import annotations

import pytest

from ml_scorer.steps import parsed_step_pattern, steps_of


@pytest.mark.parametrize(
    ("name", "run", "step"),
    [
        ("name-step-00500", "name", 500),
        ("name-00500", "name", 500),
        ("name-5000", "name", 5000),
        ("runs/a/epoch=3", "runs/a", 3),
        ("epoch=3", "run", 3),
        ("a/epoch=3-step=700", "a", 3),
        ("vit_global_step12", "vit", 12),
        ("resnet-50", None, None),
        ("ResNet50", None, None),
        ("seed-7", None, None),
        ("step", None, None),
    ],
)
def test_runs_and_steps_are_found_in_names(name, run, step):
    assert list(steps_of([name])) == [None if run is None else (run, step)]


@pytest.mark.parametrize("name", ["a-step-" + "9" * 19, "a-step-" + "9" * 5000])
def test_a_step_beyond_64_bits_is_none(name):
    assert list(steps_of([name])) == [None]


def test_a_step_that_is_no_number_is_none():
    assert list(steps_of(["a@b", "a@5"], r"(?P<run>.*)@(?P<step>.*)")) == [None, ("a", 5)]


def test_a_step_pattern_needs_its_groups():
    with pytest.raises(ValueError, match=r"has no group run and no group step. An example"):
        parsed_step_pattern(r"\d+")
    with pytest.raises(ValueError, match=r"no regular expression: .*\. An example"):
        parsed_step_pattern("(")
