"""ReaL: the table of reassessed labels is verified and found as the annotations are, and scores are those of a loop."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from reassessed import PINNED, installed_lists, made_up_lists, write_json

from build_cache import build_real
from build_cache.building import sealed_metadata
from build_cache.writing import table_bytes
from ml_scorer import Annotations, Scorer, load_annotations, score
from ml_scorer.annotations import find, reassessed
from ml_scorer.annotations.find import find_table, user_table
from ml_scorer.annotations.kinds import REAL
from ml_scorer.annotations.reassessed import RealLabels, load_real_labels, with_real_labels
from ml_scorer.cli import main
from ml_scorer.errors import AnnotationsError, AnnotationsNotFoundError, MeasureError, PredictionsError
from ml_scorer.imagenet import validation_labels
from ml_scorer.measures import ReaL, parse_measure
from ml_scorer.schema import REAL_COLUMNS, REAL_LABELS, image_name
from ml_scorer.scoring.pipeline import Pipeline

LISTS = made_up_lists()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    return build_real(write_json(folder / "real.json", LISTS), folder / "real.parquet").output


@pytest.fixture(scope="module")
def labels(table):
    return load_real_labels(table)


def frame_of(lists):
    names = [image_name(number + 1) for number in range(len(lists))]
    return pl.DataFrame({"file_name": names, REAL_LABELS: lists}, schema=REAL_COLUMNS)


def write_sealed(path, frame, **changes):
    """A table that is whole, whatever its metadata say."""
    about = {"dataset": "imagenet2012_real", "source": "real", "source_sha256": "0" * 64, "citation": "c", **changes}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table_bytes(frame, sealed_metadata(frame, REAL, about)))
    return path


def predicted(lists, right, seed=0):
    """A label of each image in ILSVRC order: where there is a reassessed label, it is among them so often."""
    chance = np.random.default_rng(seed)
    originals = validation_labels()[1:].tolist()
    drawn = chance.random(len(lists)) < right
    return np.array(
        [
            labels[-1] if labels and good else original
            for labels, good, original in zip(lists, drawn, originals, strict=True)
        ],
        np.int16,
    )


def by_loop(lists, predictions, images=range(1, 50_001)):
    """ReaL by its definition: of the images with a reassessed label the share whose prediction is one of them."""
    judged = [number for number in images if lists[number - 1]]
    return Fraction(sum(predictions[number] in lists[number - 1] for number in judged), len(judged))


# The table


def test_a_table_is_read_as_it_was_written(table, labels):
    assert labels.frame.equals(frame_of(LISTS))
    assert labels.images.tolist() == [number for number, found in enumerate(LISTS, 1) if found]
    assert labels.pair_images.tolist() == [number for number, found in enumerate(LISTS, 1) for _ in found]
    assert labels.pair_labels.tolist() == [label for found in LISTS for label in found]
    assert repr(labels) == f"<RealLabels {labels.identity}: {labels.images.size:,} images with labels>"
    assert labels.identity.status == "unverified"
    assert labels.identity.claim == "imagenet2012_real"


def test_rows_and_labels_in_any_order_are_the_same_labels(tmp_path, labels):
    shuffled = frame_of([found[::-1] for found in LISTS]).sample(fraction=1, shuffle=True, seed=0)
    other = load_real_labels(write_sealed(tmp_path / "real.parquet", shuffled))
    assert other.identity == labels.identity
    assert other.images.tolist() == labels.images.tolist()
    assert other.frame["file_name"].to_list() == labels.frame["file_name"].to_list()


def test_the_published_labels_are_genuine_and_others_are_not():
    lists = installed_lists()
    assert RealLabels.from_frame(frame_of(lists)).identity.genuine
    changed = RealLabels.from_frame(frame_of([[1], *lists[1:]]))
    assert changed.identity.status == "unverified"
    assert str(changed.identity).startswith("UNVERIFIED@")


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([*LISTS[:-1], [3, 1000]], r"real_labels has a label outside 0-999 in 1 rows: ILSVRC2012_val_00050000\.JPEG"),
        ([*LISTS[:-1], [3, 4, 3]], r"real_labels has a label twice in 1 rows: ILSVRC2012_val_00050000\.JPEG"),
        ([*LISTS[:-1], [3, None]], r"real_labels has a null in 1 rows: ILSVRC2012_val_00050000\.JPEG"),
        ([*LISTS[:-1], None], r"real_labels is null in 1 rows: ILSVRC2012_val_00050000\.JPEG"),
        (LISTS[:-1], r"49,999 images, expected all 50,000 of the validation set"),
        ([[1]], r"1 images, expected all 50,000"),
        ([], "no rows"),
        ([[]] * 50_000, "no image has a label"),
        ([[3, 3]], r"2 problems\n.*1 images, expected all 50,000.*\n.*a label twice"),
    ],
)
def test_what_cannot_be_the_labels_is_refused(lists, message):
    with pytest.raises(AnnotationsError, match=message):
        RealLabels.from_frame(frame_of(lists), where="here")


def test_an_image_twice_is_refused():
    frame = frame_of(LISTS)
    with pytest.raises(AnnotationsError, match=r"here: file_name is repeated in 2 rows: ILSVRC2012_val_00000001\.JPEG"):
        RealLabels.from_frame(pl.concat([frame[:1], frame[:-1]]), where="here")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (frame_of([[1]]).drop(REAL_LABELS), r"no column 'real_labels' \(List\(UInt16\)\)\n.*`build-cache real FILE"),
        (frame_of([[1]]).cast({REAL_LABELS: pl.List(pl.Int64)}), r"column 'real_labels' is List\(Int64\), expected"),
    ],
)
def test_other_columns_are_refused(frame, message):
    with pytest.raises(AnnotationsError, match=message):
        RealLabels.from_frame(frame)


def test_a_damaged_file_is_refused(table, tmp_path):
    content = table.read_bytes()
    for offset in range(4, len(content) - 600, len(content) // 10):
        damaged = bytearray(content)
        damaged[offset] ^= 255
        (tmp_path / "real.parquet").write_bytes(damaged)
        with pytest.raises(AnnotationsError, match=r"real\.parquet: "):
            load_real_labels(tmp_path / "real.parquet")


def test_a_truncated_file_is_refused(table, tmp_path):
    (tmp_path / "real.parquet").write_bytes(table.read_bytes()[:-100])
    with pytest.raises(AnnotationsError, match="the file is damaged or truncated"):
        load_real_labels(tmp_path / "real.parquet")


def test_a_changed_table_is_refused(tmp_path):
    frame = frame_of(LISTS)
    metadata = sealed_metadata(frame_of([[1], *LISTS[1:]]), REAL, {})
    (tmp_path / "real.parquet").write_bytes(table_bytes(frame, metadata))
    with pytest.raises(AnnotationsError, match="the seal does not fit"):
        load_real_labels(tmp_path / "real.parquet")


def test_a_fingerprint_of_other_labels_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("build_cache.building.fingerprint", lambda *_: PINNED)
    file = write_sealed(tmp_path / "real.parquet", frame_of(LISTS))
    with pytest.raises(AnnotationsError, match=f"the file says {PINNED[:16]}…: it was changed after it was made"):
        load_real_labels(file)


def test_a_table_of_the_other_kind_is_told(synthetic_table, table):
    with pytest.raises(
        AnnotationsError, match=r"not a table of reassessed labels .*It is an annotation table: name it "
    ):
        load_real_labels(synthetic_table)
    with pytest.raises(
        AnnotationsError, match=r"not an annotation table .*reassessed labels \(ReaL\): name it with --r"
    ):
        load_annotations(table)


def test_no_such_file(tmp_path):
    with pytest.raises(
        AnnotationsNotFoundError, match=r"no such table of reassessed labels .*`build-cache real --help`"
    ):
        load_real_labels(tmp_path / "absent.parquet")


# Where it is found


@pytest.fixture
def _no_checkout(monkeypatch):
    monkeypatch.setattr(find, "checkout", lambda: None)


def offer(table, folder, monkeypatch):
    about = folder / "site" / "offering_real-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: offering-real\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[ml_scorer.real]\nreal = offered_real:table\n")
    (folder / "site" / "offered_real.py").write_text(f"table = {str(table)!r}\n")
    monkeypatch.syspath_prepend(folder / "site")
    monkeypatch.delitem(sys.modules, "offered_real", raising=False)


@pytest.mark.usefixtures("_no_checkout")
def test_nothing_found_says_how_to_get_one():
    message = (
        r"^No table of reassessed labels \(ReaL\) found\.(.|\n)*build-cache real timm-\*\.whl\n.*xdg-data.*"
        r"real\.parquet(.|\n)*--real FILE or ML_SCORER_REAL=FILE\.$"
    )
    with pytest.raises(AnnotationsNotFoundError, match=message):
        load_real_labels()


def test_each_place_is_looked_at_in_its_turn(table, tmp_path, monkeypatch):
    user = user_table(REAL)
    user.parent.mkdir(parents=True)
    shutil.copy(table, user)
    monkeypatch.setattr(find, "checkout", lambda: None)
    assert find_table(REAL) == user
    offer(table, tmp_path, monkeypatch)
    assert find_table(REAL) == table
    checkout = tmp_path / "checkout" / "data" / "real.parquet"
    checkout.parent.mkdir(parents=True)
    shutil.copy(table, checkout)
    monkeypatch.setattr(find, "checkout", lambda: tmp_path / "checkout")
    assert find_table(REAL) == checkout
    monkeypatch.setenv("ML_SCORER_REAL", str(tmp_path / "named.parquet"))
    with pytest.raises(AnnotationsNotFoundError, match=r"ML_SCORER_REAL names '.*named\.parquet', which is not a file"):
        find_table(REAL)
    shutil.copy(table, tmp_path / "named.parquet")
    assert find_table(REAL) == tmp_path / "named.parquet"


@pytest.mark.usefixtures("_no_checkout")
def test_a_broken_offer_names_the_package(tmp_path, monkeypatch):
    offer(tmp_path / "absent.parquet", tmp_path, monkeypatch)
    with pytest.raises(
        AnnotationsNotFoundError, match=r"^offering-real offers a table of reassessed labels .*Repair or"
    ):
        load_real_labels()


@pytest.mark.usefixtures("_no_checkout")
def test_a_synthetic_table_is_used_only_where_it_is_named(tmp_path):
    file = write_sealed(user_table(REAL), frame_of(LISTS), source="synthetic")
    with pytest.raises(AnnotationsError, match=r"this table is SYNTHETIC, .* Name it with --real"):
        load_real_labels()
    assert str(load_real_labels(file).identity).startswith("SYNTHETIC@")


# The measure


def test_the_measure_is_a_value():
    assert str(ReaL()) == "ReaL"
    assert parse_measure("ReaL( images = annotated )") == ReaL(images="annotated")
    with pytest.raises(MeasureError, match="images='all' is not one of validation, annotated"):
        ReaL(images="all")


def test_a_rule_needs_the_labels(synthetic):
    assert synthetic.real is None
    with pytest.raises(MeasureError, match="these annotations come without the reassessed labels"):
        ReaL().rule(synthetic)


def test_scores_are_those_of_the_definition(synthetic, labels, table):
    several = {f"step-{step}": predicted(LISTS, 0.2 * step, step) for step in range(4)}
    scores = score(several, synthetic, ["ReaL", "ReaL(images=annotated)"], real=table, order="ilsvrc")
    annotated = synthetic.images[~synthetic.is_problematic].tolist()
    for step, found in enumerate(several.values()):
        numbered = dict(enumerate(found.tolist(), 1))
        assert scores.exact("ReaL")[step] == by_loop(LISTS, numbered)
        assert scores.exact("ReaL(images=annotated)")[step] == by_loop(LISTS, numbered, annotated)
    images = labels.images.size
    both = np.isin(annotated, labels.images).sum()
    assert f"|data:{labels.identity}|images:{images}|classes:1000|" in scores.signatures["ReaL"]
    assert f"|data:{labels.identity}+{synthetic.identity}|images:{both}|" in scores.signatures["ReaL(images=annotated)"]


def test_real_predictions_have_the_scores_of_a_loop(genuine, real_data, tmp_path):
    lists = installed_lists()
    table = build_real(output=tmp_path / "real.parquet").output
    files = [real_data / "predictions" / f"{name}.csv" for name in ("ResNet50", "DINO")]
    scores = score(files, genuine, "ReaL", real=table)
    expected = []
    for path in files:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        expected.append(by_loop(lists, {int(row["file_name"][-13:-5]): int(row["predicted_class"]) for row in rows}))
    assert scores.exact("ReaL") == expected == [Fraction(38855, 46837), Fraction(38781, 46837)]
    assert f"|data:imagenet2012_real@{PINNED[:8]}|images:46837|classes:1000|" in scores.signatures["ReaL"]


def test_images_without_a_reassessed_label_need_no_prediction(synthetic, labels):
    found = predicted(LISTS, 0.5)
    whole = score(found, synthetic, "ReaL", real=labels, order="ilsvrc")
    judged = {image_name(number): int(found[number - 1]) for number in labels.images.tolist()}
    assert score(judged, synthetic, "ReaL", real=labels).exact("ReaL") == whole.exact("ReaL")
    absent, _ = judged.popitem()
    with pytest.raises(PredictionsError, match=absent):
        score(judged, synthetic, "ReaL", real=labels)
    without = score(judged, synthetic, "ReaL", real=labels, missing="wrong")
    numbered = dict(enumerate(found.tolist(), 1)) | {labels.images[-1]: -1}
    assert without.exact("ReaL") == [by_loop(LISTS, numbered)]
    assert without.frame["missing"].to_list() == [1]


def test_no_annotated_image_with_a_label_is_an_error(synthetic, labels):
    frame = synthetic.frame.filter(
        ~pl.col("file_name").is_in(labels.frame.filter(pl.col(REAL_LABELS).list.len() > 0)["file_name"].implode())
    )
    bare = with_real_labels(Annotations.from_frame(frame), labels)
    with pytest.raises(MeasureError, match=r"ReaL\(images=annotated\): none of the annotated images has a reassessed"):
        ReaL(images="annotated").rule(bare)


def test_one_row_shows_the_five_ways_to_count(synthetic, synthetic_table, table, tmp_path, capsys):
    assert synthetic.is_imagenet_m.sum() == 68
    found = predicted(LISTS, 0.5)
    np.save(tmp_path / "x.npy", found)
    names = ["Top1(images=validation)", "ReaL", "MLA", "MLA(unclear=wrong)", "ImageNetM"]
    asked = [part for name in names for part in ("--measure", name)]
    files = ["--annotations", str(synthetic_table), "--real", str(table), "-o", str(tmp_path / "s.json")]
    with pytest.raises(SystemExit) as ended:
        main(["score", str(tmp_path / "x.npy"), "--order", "ilsvrc", "--trust-order", *asked, *files])
    assert ended.value.code == 0, capsys.readouterr().err
    document = json.loads((tmp_path / "s.json").read_text())
    (row,) = document["scores"]
    alone = score(found, synthetic, names, real=table, order="ilsvrc", trust_order=True).frame
    assert {name: row[name] for name in names} == alone.select(names).row(0, named=True)
    assert row["Top1(images=validation)"] == np.mean(found == validation_labels()[1:])


# When the table is looked for


def test_other_measures_never_look_for_it(synthetic, monkeypatch):
    monkeypatch.setattr(reassessed, "with_real_labels", lambda *_: pytest.fail("looked for"))
    assert Scorer(synthetic, ["MLA"], real="no/such/file").annotations is synthetic


def test_a_run_of_other_measures_does_not_even_import_its_module():
    code = "import sys, ml_scorer, ml_scorer.measures; sys.exit('ml_scorer.annotations.reassessed' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("_no_checkout")
def test_a_measure_that_needs_it_finds_it_or_says_how_to_get_it(synthetic, table):
    with pytest.raises(AnnotationsNotFoundError, match="No table of reassessed labels"):
        Scorer(synthetic, ["MLA", "ReaL"])
    user_table(REAL).parent.mkdir(parents=True)
    shutil.copy(table, user_table(REAL))
    assert Scorer(synthetic, ["MLA", "ReaL"]).annotations.real.frame.equals(frame_of(LISTS))


def test_annotations_that_have_it_are_taken_as_they_are(synthetic, labels):
    annotations = replace(synthetic, real=labels)
    assert Scorer(annotations, "ReaL").annotations is annotations
    assert with_real_labels(synthetic, labels).real is labels


# Stores


def test_other_reassessed_labels_are_another_result_in_a_store(synthetic, table, tmp_path):
    np.save(tmp_path / "x.npy", predicted(LISTS, 0.5))
    os.utime(tmp_path / "x.npy", (1_500_000_000, 1_500_000_000))
    others = write_sealed(tmp_path / "other.parquet", frame_of(made_up_lists(1)))
    kept = {"order": "ilsvrc", "store": tmp_path / "store", "trust_order": True}
    first = score(tmp_path / "x.npy", synthetic, ["ReaL"], real=table, **kept)
    second = score(tmp_path / "x.npy", synthetic, ["ReaL"], real=others, **kept)
    again = score(tmp_path / "x.npy", synthetic, ["ReaL"], real=table, **kept)
    assert first.exact("ReaL") == again.exact("ReaL") != second.exact("ReaL")
    assert first.signatures == again.signatures != second.signatures


def test_results_of_other_measures_are_known_whatever_reassessed_labels_are_at_hand(
    synthetic, labels, tmp_path, monkeypatch
):
    np.save(tmp_path / "x.npy", predicted(LISTS, 0.5))
    os.utime(tmp_path / "x.npy", (1_500_000_000, 1_500_000_000))
    kept = {"order": "ilsvrc", "store": tmp_path / "store", "trust_order": True}
    first = score(tmp_path / "x.npy", synthetic, ["MLA"], **kept)
    read, parts = [], Pipeline.parts

    def watched(self, task, *others):
        read.extend(task.indices)
        return parts(self, task, *others)

    monkeypatch.setattr(Pipeline, "parts", watched)
    again = score(tmp_path / "x.npy", replace(synthetic, real=labels), ["MLA"], **kept)
    assert again.frame.equals(first.frame)
    assert read == []


# `ml-scorer annotations`


@pytest.fixture
def last_line(synthetic_table, capsys):
    def last_line():
        with pytest.raises(SystemExit) as ended:
            main(["annotations", str(synthetic_table)])
        assert ended.value.code == 0
        return capsys.readouterr().out.splitlines()[-1]

    return last_line


@pytest.mark.usefixtures("_no_checkout")
def test_the_command_says_which_labels_it_finds(last_line, table, labels, monkeypatch, tmp_path):
    assert last_line() == (
        "ReaL          No table of reassessed labels (ReaL) found. `build-cache real --help` tells how to get one."
    )
    monkeypatch.setenv("ML_SCORER_REAL", str(table))
    line = last_line()
    assert line.startswith(f"ReaL          {table}: UNVERIFIED annotations: not a release that is known here.")
    assert line.endswith(f"fingerprint {labels.identity.fingerprint}, labels for {labels.images.size:,} images")
    monkeypatch.setenv("ML_SCORER_REAL", str(tmp_path / "absent.parquet"))
    assert "ML_SCORER_REAL names" in last_line()
    (tmp_path / "absent.parquet").write_bytes(b"PAR1")
    assert "the file is damaged or truncated" in last_line()


def test_the_command_says_that_the_published_labels_are_genuine(last_line, monkeypatch, tmp_path):
    installed_lists()
    monkeypatch.setenv("ML_SCORER_REAL", str(build_real(output=tmp_path / "real.parquet").output))
    assert f"real.parquet: genuine imagenet2012_real, fingerprint {PINNED}, labels for 46,837 images" in last_line()
