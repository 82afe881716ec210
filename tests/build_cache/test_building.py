"""From a source to a table in its place, or to nothing at all."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from hashlib import sha256

import polars as pl
import pytest
from tables import sealed_metadata, set_cell, small_frame

from build_cache import SyntheticSource, TableSource, build, building
from build_cache.building import source_of
from build_cache.sources import SOURCES, Export
from build_cache.writing import table_bytes
from ml_scorer import load_annotations
from ml_scorer.annotations.find import user_table
from ml_scorer.annotations.fingerprint import fingerprint, seal
from ml_scorer.annotations.load import FORMAT, METADATA
from ml_scorer.errors import AnnotationsError, MissingExtraError
from ml_scorer.schema import UNCLEAR


@dataclass(frozen=True)
class Given:
    """A source that gives what it was given."""

    made: Export
    kind = "given"

    def export(self):
        return self.made


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out" / "annotations.parquet"


@pytest.fixture
def real_csv(real_data):
    return real_data / "imagenet2012_multilabel_v3.csv"


def test_a_report_of_the_real_annotations(real_csv, output):
    report = build(TableSource(real_csv), output)
    assert report.output == output
    assert report.size == output.stat().st_size
    assert report.identity.genuine
    assert report.differences == ()
    assert report.annotations.frame.equals(load_annotations(output).frame)


def test_metadata_of_the_real_annotations(real_csv, output):
    metadata = build(real_csv, output).annotations.metadata
    assert set(metadata) == set(METADATA)
    assert metadata["format"] == FORMAT
    assert (metadata["dataset"], metadata["version"]) == ("imagenet2012_multilabel", "3.0.0")
    assert (metadata["source"], metadata["rows"]) == ("table", "20000")
    assert metadata["source_sha256"] == sha256(real_csv.read_bytes()).hexdigest()
    assert "Shankar" in metadata["citation"]
    assert "Vasudevan" in metadata["citation"]
    assert metadata["tool"].startswith("ml_scorer ")


def test_fingerprint_and_seal_are_those_of_the_rows(synthetic):
    annotations = synthetic
    assert annotations.metadata["fingerprint"] == fingerprint(annotations.frame)
    assert annotations.metadata["seal"] == seal(annotations.frame, annotations.metadata)


@pytest.mark.parametrize("as_given", [str, lambda path: path])
def test_a_path_is_a_source_and_an_output(synthetic_table, output, as_given):
    report = build(as_given(synthetic_table), as_given(output))
    assert report.annotations.metadata["source"] == "synthetic"
    assert output.is_file()


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl", "a.ndjson", "A.CSV"])
def test_a_table_is_told_by_its_ending(tmp_path, name):
    assert source_of(tmp_path / name) == TableSource(tmp_path / name)


def test_every_source_is_registered_under_its_kind():
    assert SOURCES["table"] is TableSource
    assert SOURCES["synthetic"] is SyntheticSource
    assert all(source.kind == kind for kind, source in SOURCES.items())


def test_rows_are_sorted_by_name_and_lists_stay_as_they_are(synthetic, output):
    lists = synthetic.frame.with_columns(pl.col(UNCLEAR).list.concat(UNCLEAR))
    made = Export(lists.sample(fraction=1, shuffle=True, seed=0), "here", "0" * 64)
    assert build(Given(made), output).annotations.frame.equals(lists)


def test_a_synthetic_export_says_so_whatever_its_source(synthetic, output):
    made = Export(synthetic.frame, "here", "0" * 64, version="3.0.0", synthetic=True)
    report = build(Given(made), output)
    assert report.annotations.metadata["source"] == "synthetic"
    assert report.differences == ()


def test_other_annotations_are_written_with_what_differs(genuine, output):
    frame = set_cell(genuine.frame, 3, UNCLEAR, [1, 2, 3])
    report = build(Given(Export(frame, "here", "0" * 64, version="2.0.0")), output)
    assert report.identity.status == "unverified"
    assert report.identity.claim == "imagenet2012_multilabel/2.0.0"
    assert report.differences == ("differs from imagenet2012_multilabel/3.0.0 in unclear_multi_labels",)


def test_genuine_annotations_have_their_version_whatever_the_source_claims(genuine, output):
    made = Export(genuine.frame, "here", "0" * 64, version="1.0.0")
    assert build(Given(made), output).annotations.metadata["version"] == "3.0.0"


def test_without_an_output_it_is_the_users_table(real_csv, monkeypatch):
    report = build(real_csv)
    assert report.output == user_table()
    monkeypatch.setattr("ml_scorer.annotations.find.checkout", lambda: None)
    assert load_annotations().identity.genuine


def test_a_source_may_be_its_own_output(synthetic, synthetic_table, tmp_path):
    table = tmp_path / "table.parquet"
    shutil.copy(synthetic_table, table)
    assert build(table, table).annotations.frame.equals(synthetic.frame)


@pytest.fixture
def refused(synthetic):
    """A source whose annotations are not the whole dataset."""
    part = synthetic.frame.filter("is_imagenet_m").vstack(synthetic.frame.filter(is_imagenet_m=False)[1:])
    return Given(Export(part, "part.csv", "0" * 64))


def test_a_refused_source_leaves_no_output(refused, output):
    with pytest.raises(AnnotationsError, match=r"^part\.csv: 19,999 images, expected 20,000"):
        build(refused, output)
    assert not output.parent.exists()


def test_a_refused_source_leaves_the_old_file(refused, synthetic_table, output):
    build(synthetic_table, output)
    before, written = output.read_bytes(), output.stat().st_mtime_ns
    with pytest.raises(AnnotationsError, match="19,999 images"):
        build(refused, output)
    assert (output.read_bytes(), output.stat().st_mtime_ns) == (before, written)
    assert list(output.parent.iterdir()) == [output]


def test_a_folder_as_output_is_refused_before_the_source_is_read(tmp_path):
    with pytest.raises(
        AnnotationsError, match=r"is a folder\. Name the file to write, such as .*annotations\.parquet\.$"
    ):
        build(tmp_path / "absent.csv", tmp_path)


def test_a_source_that_is_not_there_is_refused(tmp_path, output):
    with pytest.raises(FileNotFoundError, match=r"absent\.csv: no such file"):
        build(tmp_path / "absent.csv", output)
    assert not output.parent.exists()


def test_a_missing_pyarrow_leaves_no_output(monkeypatch, synthetic_table, output):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ml-scorer\[build\]'"):
        build(synthetic_table, output)
    assert not output.parent.exists()


def test_a_table_that_reads_back_otherwise_is_not_put_in_place(monkeypatch, synthetic_table, output):
    write = building.table_bytes

    def miswrite(frame, metadata):
        return write(set_cell(frame, 0, UNCLEAR, [1, 2, 3]), metadata)

    monkeypatch.setattr(building, "table_bytes", miswrite)
    with pytest.raises(AnnotationsError, match="the seal does not fit"):
        build(synthetic_table, output)
    assert not output.parent.exists()


def test_a_table_that_reads_back_whole_but_as_another_is_not_put_in_place(monkeypatch, synthetic_table, output):
    other = small_frame()
    monkeypatch.setattr(building, "table_bytes", lambda *_: table_bytes(other, sealed_metadata(other)))
    with pytest.raises(
        AnnotationsError, match="the table read back is not the table written; nothing was put in place"
    ):
        build(synthetic_table, output)
    assert not output.parent.exists()


def test_a_table_does_not_replace_a_source_of_another_kind(tmp_path, synthetic):
    source = tmp_path / "table.jsonl"
    synthetic.frame.write_ndjson(source)
    with pytest.raises(AnnotationsError, match="would take the place of its own source"):
        build(source, source)


def test_synthetic_annotations_are_not_put_where_scorers_look(synthetic_table):
    with pytest.raises(AnnotationsError, match="SYNTHETIC annotations are not put where scorers look"):
        build(SyntheticSource(0))
    with pytest.raises(AnnotationsError, match="SYNTHETIC annotations are not put where scorers look"):
        build(synthetic_table)
    assert not user_table().exists()
