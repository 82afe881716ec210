"""`ml-scorer scores`: a store as the table that scoring gives, of scores that compare."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner
from stored_results import SETTINGS, measured, put, results, write_file

from ml_scorer import score
from ml_scorer.annotations import Identity
from ml_scorer.cli import main
from ml_scorer.errors import StoreError
from ml_scorer.report import FORMATS
from ml_scorer.report.scores import scores_document
from ml_scorer.schema import VALIDATION_IMAGES
from ml_scorer.store import Store, score_table


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="ml-scorer")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(result, *sentences):
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    for sentence in sentences:
        assert sentence in result.stderr


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def files(tmp_path):
    return [write_file(tmp_path / f"{name}.npy", name.encode()) for name in "abc"]


@pytest.fixture
def sweep(tmp_path):
    """Predictions of four checkpoints in two folders, two of the same name."""
    generator = np.random.default_rng(0)
    paths = []
    for name in ("one/first", "one/last", "two/last", "two/other"):
        path = tmp_path / "sweep" / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, generator.integers(0, 1000, VALIDATION_IMAGES).astype(np.int16))
        paths.append(path)
    return paths


def test_a_store_shows_what_scoring_gave(sweep, synthetic, tmp_path):
    scored = score(sweep, synthetic, order="imagefolder", store=tmp_path / "store")
    shown = score_table(Store(tmp_path / "store").latest(), "store")
    assert shown.frame.equals(scored.frame)
    assert dict(shown.signatures) == dict(scored.signatures)
    assert dict(shown.denominators) == dict(scored.denominators)
    assert shown.annotations == scored.annotations
    assert set(shown.near_chance) == set(scored.near_chance)
    for name in scored.signatures:
        assert shown.exact(name) == scored.exact(name)
    for text in FORMATS.values():
        assert text(scores_document(shown)) == text(scores_document(scored))


def test_checkpoints_of_the_same_name_scored_apart_are_told_apart(sweep, synthetic, tmp_path):
    for path in sweep:
        score(path, synthetic, "MLA", order="imagefolder", store=tmp_path / "store")
    names = score_table(Store(tmp_path / "store").latest(), "store").frame["checkpoint"].to_list()
    assert names == ["first", "one/last.npy", "two/last.npy", "other"]


def test_checkpoints_of_one_name_in_sources_of_several_are_told_apart(store, tmp_path):
    paths = [write_file(tmp_path / f"{name}.parquet", name.encode()) for name in "ab"]
    put(store, results(paths, checkpoints=2, names=["x", "y", "y", "z"], named=np.ones(4, bool)))
    names = score_table(store.latest(), "store").frame["checkpoint"].to_list()
    assert names == ["x", "a/y", "b/y", "z"]


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format(store, files, format_, tmp_path):
    put(store, results(files))
    printed = run("scores", store.folder, "--format", format_)
    assert printed.exit_code == 0
    written = run("scores", store.folder, "--format", format_, "-o", tmp_path / "out")
    assert written.exit_code == 0
    assert (tmp_path / "out").read_text() == printed.stdout


def test_the_best_come_first_with_top(store, files):
    put(store, results(files))
    table = json.loads(run("scores", store.folder, "--top", 2, "--format", "json").stdout)
    assert [(row["checkpoint"], row["MLA"]) for row in table["scores"]] == [("c", 0.04), ("b", 0.02)]


def test_measures_are_chosen_and_come_in_that_order(store, files):
    put(store, results(files))
    rows = list(csv.DictReader(run("scores", store.folder, "--format", "csv", "--measure", "Top1").stdout.splitlines()))
    assert list(rows[0])[:2] == ["checkpoint", "Top1"]
    table = json.loads(
        run("scores", store.folder, "--format", "json", "--measure", "Top1", "--measure", "MLA()").stdout
    )
    assert list(table["signatures"]) == ["Top1", "MLA"]


def test_default_measures_come_first(store, files):
    names = ["Top5", "ImageNetM", "Top1", "MLA"]
    put(
        store,
        results(files[:1], measures=4, numerators=np.array([[1.0, 60, 3, 4]])),
        measures=[measured(name) for name in names],
    )
    shown = score_table(store.latest(), "store")
    assert shown.frame.columns[:6] == ["checkpoint", "MLA", "Top1", "ImageNetM", "ImageNetM_right", "Top5"]
    assert shown.frame["ImageNetM_right"].to_list() == [60]


def test_a_measure_that_some_checkpoints_lack_is_empty_there(store, files):
    put(store, results(files[:2]))
    put(store, results(files[2:], measures=1), measures=[measured("MLA")])
    shown = score_table(store.latest(), "store")
    assert shown.frame["Top1"].to_list() == [0.01, 0.03, None]
    assert shown.exact("MLA") == [Fraction(0), Fraction(2, 100), Fraction(0)]
    with pytest.raises(KeyError, match="Top1"):
        shown.exact("Top1")
    assert run("scores", store.folder).exit_code == 0


def test_rescoring_in_another_order_shows_the_new_scores(store, files):
    put(store, results(files))
    put(store, results(files, first=50, order="ilsvrc"), settings=replace(SETTINGS, order="ilsvrc"))
    result = run("scores", store.folder, "--format", "json")
    assert [row["MLA"] for row in json.loads(result.stdout)["scores"]] == [0.5, 0.52, 0.54]
    assert result.stderr == ""
    old = run("scores", store.folder, "--format", "json", "--signature", "order:imagefolder")
    assert [row["MLA"] for row in json.loads(old.stdout)["scores"]] == [0, 0.02, 0.04]


def test_files_in_different_orders_stand_in_one_table_with_a_warning(store, files):
    put(store, results(files[:1], order="names"), results(files[1:]))
    result = run("scores", store.folder)
    assert "order:imagefolder+names|" in result.stdout
    assert result.stderr == ""
    put(store, results(files[2:], order="ilsvrc"), settings=replace(SETTINGS, order="ilsvrc"))
    result = run("scores", store.folder)
    assert result.exit_code == 0
    assert "order:ilsvrc+imagefolder+names|" in result.stdout
    assert "different orders: ilsvrc (1 checkpoints), imagefolder (1 checkpoints)" in result.stderr
    assert "`--signature order:ilsvrc` shows one of them" in result.stderr


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"scorer": "1.1"}, "ml_scorer:1.1"),
        ({"missing": "wrong"}, "missing:wrong"),
        ({"annotations": Identity("synthetic", "SYNTHETIC", None, "5e" * 32)}, f"data:SYNTHETIC@{'5e' * 4}"),
    ],
)
def test_scores_that_do_not_compare_are_refused_until_some_are_chosen(store, files, change, part):
    put(store, results(files[:2]))
    put(store, results(files[2:], first=50), settings=replace(SETTINGS, **change))
    result = run("scores", store.folder)
    refused(result, "scores that do not compare", f"{part} (1 checkpoints)", f"--signature {part}")
    chosen = run("scores", store.folder, "--signature", part, "--format", "json")
    assert [row["checkpoint"] for row in json.loads(chosen.stdout)["scores"]] == ["c"]


def test_other_annotations_are_refused_even_where_no_measure_is_shared(store, files):
    put(store, results(files[:1], measures=1), measures=[measured("MLA")])
    other = replace(SETTINGS, annotations=Identity("synthetic", "SYNTHETIC", None, "5e" * 32))
    put(store, results(files[1:2], measures=1), settings=other, measures=[measured("Top1", settings=other)])
    with pytest.raises(StoreError, match="@5f5f5f5f, @5e5e5e5e"):
        score_table(store.latest(), "store")


def test_scores_of_made_up_annotations_say_so(store, files):
    put(store, results(files))
    assert "SYNTHETIC annotations" in run("scores", store.folder).stdout


def test_scores_of_unknown_annotations_say_so(store, files):
    put(store, results(files), settings=replace(SETTINGS, annotations=Identity("unverified", "UNVERIFIED", None, "1")))
    assert "UNVERIFIED annotations" in run("scores", store.folder).stdout


def test_missing_images_and_ties_are_shown_where_they_were_counted(store, files):
    put(store, results(files, missing=np.array([4, 0, 1]), ties=np.array([7, -1, -1])))
    frame = score_table(store.latest(), "store").frame
    assert frame["missing"].to_list() == [4, 0, 1]
    assert frame["ties"].to_list() == [7, None, None]


def test_checkpoints_near_chance_are_named(store, files):
    put(store, results(files, near_chance=np.array([True, False, False])))
    assert score_table(store.latest(), "store").near_chance == ("a",)


def test_an_empty_store_says_how_to_fill_it(store):
    refused(run("scores", store.folder), "no scores in this store yet", "--store")


def test_nothing_chosen_says_what_there_is(store, files):
    put(store, results(files))
    refused(
        run("scores", store.folder, "--measure", "MLA(k=5)", "--signature", "order:tfds"),
        "no scores of MLA(k=5) with order:tfds",
        "Measures: MLA, Top1.",
        "order:imagefolder",
    )


def test_a_folder_that_is_no_store_is_refused(tmp_path, files):
    refused(run("scores", tmp_path), "not a store of results")
    refused(run("scores", tmp_path / "nothing"), "no such folder")
    refused(run("scores", files[0]), "a file, and a store of results is a folder")


def test_a_damaged_store_is_refused(store, files):
    put(store, results(files))
    for part in store.folder.iterdir():
        part.write_bytes(b"PAR1")
    refused(run("scores", store.folder), "damaged")


def test_wrong_usage(store, files):
    put(store, results(files))
    result = run("scores", store.folder, "-o", store.folder / "out.csv")
    assert result.exit_code == 2
    assert "would lie in the store" in result.stderr
    result = run("scores", store.folder, "--measure", "MLB")
    assert result.exit_code == 2
    assert "unknown measure 'MLB'" in result.stderr
