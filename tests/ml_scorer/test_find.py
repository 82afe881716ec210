"""Where a table is looked for, in which order, and that a stand-in is never found."""

from __future__ import annotations

import shutil
import sys

import pytest
from tables import small_frame, write_sealed

from ml_scorer import load_annotations
from ml_scorer.annotations import find
from ml_scorer.annotations.find import find_annotations, user_table
from ml_scorer.errors import AnnotationsError, AnnotationsNotFoundError


@pytest.fixture(autouse=True)
def _no_checkout(monkeypatch):
    """A table that somebody built into this checkout is not found either."""
    monkeypatch.setattr(find, "checkout", lambda: None)


def put(path):
    """A small table at this path, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_sealed(path, small_frame())


class Places:
    """The four places, each of which a test can fill."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch = folder, monkeypatch

    def variable(self, table):
        self.monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(table))

    def checkout(self, table):
        target = self.folder / "checkout" / "data" / "annotations.parquet"
        target.parent.mkdir(parents=True)
        shutil.copy(table, target)
        self.monkeypatch.setattr(find, "checkout", lambda: self.folder / "checkout")

    def package(self, table):
        self.offer(f"from pathlib import Path\ntable = Path({str(table)!r})\n")

    def user(self, table):
        user_table().parent.mkdir(parents=True)
        shutil.copy(table, user_table())

    def offer(self, source, value="offered_table:table"):
        """Install a package whose entry point offers what its module says."""
        installed = self.folder / "site"
        about = installed / "offering_annotations-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: offering-annotations\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[ml_scorer.annotations]\nimagenet = {value}\n")
        (installed / "offered_table.py").write_text(source)
        self.monkeypatch.syspath_prepend(installed)
        self.monkeypatch.delitem(sys.modules, "offered_table", raising=False)


@pytest.fixture
def places(tmp_path, monkeypatch):
    return Places(tmp_path, monkeypatch)


@pytest.fixture
def table(tmp_path):
    return put(tmp_path / "tables" / "mine.parquet")


PLACES = ("variable", "checkout", "package", "user")


def test_nothing_found_says_how_to_get_one(tmp_path):
    with pytest.raises(AnnotationsNotFoundError) as caught:
        find_annotations()
    text = str(caught.value)
    assert "pip install 'ml-scorer[build]' && build-cache download" in text
    assert str(tmp_path / "xdg-data" / "ml_scorer" / "annotations.parquet") in text
    assert "--annotations FILE or ML_SCORER_ANNOTATIONS=FILE" in text


def test_nothing_found_is_a_file_that_is_not_found():
    with pytest.raises(FileNotFoundError, match="No annotation table found"):
        load_annotations()


@pytest.mark.parametrize("place", PLACES)
def test_a_table_is_found_in_each_place(places, table, place):
    getattr(places, place)(table)
    assert load_annotations().frame.equals(small_frame())


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_an_earlier_place_wins(places, table, first):
    for place in PLACES[first:]:
        getattr(places, place)(table)
    expected = {
        "variable": table,
        "checkout": places.folder / "checkout" / "data" / "annotations.parquet",
        "package": table,
        "user": user_table(),
    }
    assert find_annotations() == expected[PLACES[first]]


def test_a_checkout_without_a_table_is_passed_over(places, table, tmp_path, monkeypatch):
    monkeypatch.setattr(find, "checkout", lambda: tmp_path)
    places.user(table)
    assert find_annotations() == user_table()


def test_an_empty_variable_is_no_variable(places, table, monkeypatch):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", "")
    places.user(table)
    assert find_annotations() == user_table()


@pytest.mark.parametrize("name", ["absent.parquet", "tables"])
def test_a_variable_that_names_no_file_is_an_error_and_not_passed_over(places, table, tmp_path, name):
    places.user(table)
    places.variable(tmp_path / name)
    with pytest.raises(AnnotationsNotFoundError, match=rf"ML_SCORER_ANNOTATIONS names '.*{name}', which is not a file"):
        load_annotations()


def test_a_folder_by_the_name_of_the_table_is_not_found():
    user_table().mkdir(parents=True)
    with pytest.raises(AnnotationsNotFoundError, match="No annotation table found"):
        find_annotations()


@pytest.mark.parametrize(
    "source",
    ["table = {path!r}", "from pathlib import Path\ntable = Path({path!r})", "def table():\n    return {path!r}"],
    ids=["text", "path", "function"],
)
def test_a_package_offers_a_path_or_a_function(places, table, source):
    places.offer(source.format(path=str(table)))
    assert find_annotations() == table


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("table = '/no/such/file'", "/no/such/file is not a file"),
        ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named 'a_module_that_is_not_there'"),
        ("other = 1", "AttributeError"),
        ("table = None", "TypeError"),
        ("import sys\nsys.exit('no table')", "SystemExit: no table"),
        ("def table():\n    raise SystemExit", "SystemExit: "),
        ("def table():\n    raise FileNotFoundError('gone')", "FileNotFoundError: gone"),
    ],
)
def test_a_broken_offer_names_the_package(places, table, source, fault):
    places.user(table)
    places.offer(source)
    message = rf"^offering-annotations offers an annotation table \(.*offered_table:table\), but {fault}.*Repair or"
    with pytest.raises(AnnotationsNotFoundError, match=message):
        load_annotations()


@pytest.mark.parametrize("place", PLACES)
def test_a_synthetic_table_is_never_found(places, synthetic_table, place):
    getattr(places, place)(synthetic_table)
    with pytest.raises(AnnotationsError, match=r"this table is SYNTHETIC, .* not used unless you name it"):
        load_annotations()


def test_a_synthetic_table_does_not_hide_behind_other_metadata(places, synthetic, tmp_path):
    places.user(write_sealed(tmp_path / "renamed.parquet", synthetic.frame, source="table"))
    with pytest.raises(AnnotationsError, match="this table is SYNTHETIC"):
        load_annotations()


def test_a_synthetic_table_that_is_found_is_not_passed_over_for_a_later_one(places, table, synthetic_table):
    places.checkout(synthetic_table)
    places.user(table)
    with pytest.raises(AnnotationsError, match=r"checkout/data/annotations\.parquet: this table is SYNTHETIC"):
        load_annotations()


def test_a_synthetic_table_can_be_named(synthetic_table):
    assert load_annotations(synthetic_table).identity.status == "synthetic"
