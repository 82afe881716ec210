"""The two small tables in data/ are those that their command makes from the tensorflow-datasets wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import build_cache
from build_cache.label_tables import DATASETS, class_names, group, write_tables
from ml_scorer.imagenet import classes

LABEL_FILES = ("imagenet2012/labels.txt", "imagenet2012/validation_labels.txt", "siscore/labels.py")
TABLES = ("classes.csv", "validation_labels.csv")


def shipped(name):
    """A table of data/, in the checkout or where the wheel has it."""
    packages = Path(build_cache.__file__).parent.parent
    return next(path for path in (packages / "data" / name, packages / "ml_scorer" / "data" / name) if path.is_file())


@pytest.fixture
def wheel(tmp_path):
    """A wheel with the label files of the installed tensorflow-datasets, which is not imported for that."""
    found = find_spec("tensorflow_datasets")
    if found is None:
        pytest.skip("tensorflow-datasets is not installed (extra tfds)")
    installed = Path(found.submodule_search_locations[0]).parent
    path = tmp_path / "tensorflow_datasets.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in LABEL_FILES:
            archive.write(installed / DATASETS / name, f"{DATASETS}/{name}")
    return path


@pytest.fixture
def small_wheel(tmp_path):
    """A wheel with three classes and four images."""
    path = tmp_path / "small.whl"
    names = ["cat", 'the "big" dog', "fish, red"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{DATASETS}/imagenet2012/labels.txt", "n1\nn2\nn3\n")
        archive.writestr(f"{DATASETS}/imagenet2012/validation_labels.txt", "n3\nn1\nn1\nn2\n")
        archive.writestr(f"{DATASETS}/siscore/labels.py", f"IMAGENET_LABELS_LIST = {names!r}\n")
    return path


@pytest.mark.parametrize("table", TABLES)
def test_the_shipped_tables_are_made_again_byte_for_byte(wheel, tmp_path, table):
    write_tables(wheel, tmp_path)
    assert (tmp_path / table).read_bytes() == shipped(table).read_bytes()


def test_the_command_that_the_datasheet_names(small_wheel, tmp_path):
    command = [sys.executable, "-m", "build_cache.label_tables", str(small_wheel), str(tmp_path)]
    subprocess.run(command, check=True)
    assert (tmp_path / "classes.csv").read_text() == (
        "index,wordnet_id,name,group\n"
        "0,n1,cat,organism-not-dog\n"
        '1,n2,"the ""big"" dog",organism-not-dog\n'
        '2,n3,"fish, red",organism-not-dog\n'
    )
    assert (tmp_path / "validation_labels.csv").read_text() == "original_label\n2\n0\n0\n1\n"


def test_the_command_without_arguments_says_how_to_use_it():
    command = [sys.executable, "-m", "build_cache.label_tables"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "python -m build_cache.label_tables tensorflow_datasets-" in result.stderr


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (0, "organism-not-dog"),
        (150, "organism-not-dog"),
        (151, "dog"),
        (268, "dog"),
        (269, "organism-not-dog"),
        (397, "organism-not-dog"),
        (398, "object"),
        (980, "object"),
        (981, "organism-not-dog"),
        (984, "object"),
        (985, "organism-not-dog"),
        (987, "object"),
        (997, "organism-not-dog"),
        (998, "object"),
        (999, "object"),
    ],
)
def test_groups_begin_and_end_where_the_paper_says(label, expected):
    assert group(label) == expected
    assert classes()["group"][label] == expected


def test_class_names_are_read_without_running_the_file():
    source = "import not_there\nOTHER = [1]\nIMAGENET_LABELS_LIST = ['a', 'b' 'c']\nraise SystemExit\n"
    assert class_names(source) == ["a", "bc"]


def test_another_wheel_is_refused():
    with pytest.raises(ValueError, match=r"no IMAGENET_LABELS_LIST .* try tensorflow-datasets 4\.9\.10"):
        class_names("LABELS = ['a']\n")
