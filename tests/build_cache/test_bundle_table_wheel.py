"""A table as a wheel: verified, the same bytes every time, and found by the scorer once it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from email import message_from_bytes
from hashlib import sha256
from zipfile import ZipFile

import pytest
from reassessed import made_up_lists, write_json
from tables import small_frame, write_sealed

from build_cache import build_real
from build_cache.bundle.table_wheel import table_wheel
from ml_scorer.annotations.kinds import ANNOTATIONS, REAL
from ml_scorer.errors import AnnotationsError, AnnotationsNotFoundError


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def small_table(tmp_path):
    return write_sealed(tmp_path / "mine.parquet", small_frame(), citation="Somebody,\nName: evil")


def metadata(wheel):
    with ZipFile(wheel.path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return message_from_bytes(archive.read(name))


def installed(wheel, folder):
    """The environment of a Python that has this wheel besides what the tests have."""
    if not folder.exists():
        shutil.unpack_archive(wheel.path, folder, "zip")  # all that pip does with a wheel without scripts
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def in_a_process(environment, code):
    # Away from the checkout, whose own table would be found first.
    code = f"from ml_scorer.annotations import find; find.checkout = lambda: None; {code}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]


def test_the_genuine_annotations_have_the_version_of_the_dataset(genuine_table, out):
    wheel, identity = table_wheel(ANNOTATIONS, genuine_table, out)
    assert wheel.path == out / "ml_scorer_annotations-3.0.0-py3-none-any.whl"
    assert identity.genuine
    said = metadata(wheel)
    assert (said["Name"], said["Version"]) == ("ml-scorer-annotations", "3.0.0")
    assert said["Classifier"] == "Private :: Do Not Upload"
    text = said.get_payload()
    assert "Status: genuine imagenet2012_multilabel/3.0.0\n" in text
    assert "Fingerprint: f2b50695b149647976667223395d8da4d384cbad435afc22aea6130c2de1e321\n" in text
    assert "Citation: Shankar et al., Evaluating Machine Accuracy on ImageNet" in text
    assert "not for a public registry" in text


def test_installed_it_is_found_through_its_entry_point(genuine_table, out, tmp_path):
    wheel, _ = table_wheel(ANNOTATIONS, genuine_table, out)
    options = ["--no-index", "--no-deps", "--disable-pip-version-check", "--target", str(tmp_path / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *options, str(wheel.path)], check=True)
    environment = installed(wheel, tmp_path / "site")
    found = in_a_process(environment, "print(find.find_annotations())")
    assert found == str(tmp_path / "site" / "ml_scorer_annotations" / "annotations.parquet")
    assert in_a_process(environment, "import ml_scorer; print(ml_scorer.load_annotations().identity)") == (
        "imagenet2012_multilabel/3.0.0@f2b50695"
    )


def test_the_reassessed_labels_likewise(out, tmp_path):
    table = build_real(write_json(tmp_path / "real.json", made_up_lists()), tmp_path / "real.parquet").output
    wheel, identity = table_wheel(REAL, table, out)
    assert wheel.name == "ml-scorer-real"
    assert str(wheel.version) == f"0+unverified.{identity.fingerprint[:8]}"
    environment = installed(wheel, tmp_path / "site")
    code = "from ml_scorer.annotations.kinds import REAL; print(find.find_table(REAL))"
    assert in_a_process(environment, code) == str(tmp_path / "site" / "ml_scorer_real" / "real.parquet")


def test_the_bytes_are_the_same_every_time(small_table, out, tmp_path, monkeypatch):
    first = table_wheel(ANNOTATIONS, small_table, out)[0].path.read_bytes()
    shutil.copy(small_table, tmp_path / "other name.parquet")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    monkeypatch.chdir(tmp_path)
    old = os.umask(0o077)
    try:
        second = table_wheel(ANNOTATIONS, tmp_path / "other name.parquet", out)[0].path.read_bytes()
    finally:
        os.umask(old)
    assert sha256(first).hexdigest() == sha256(second).hexdigest()


def test_the_table_in_it_is_the_table(small_table, out):
    wheel, _ = table_wheel(ANNOTATIONS, small_table, out)
    with ZipFile(wheel.path) as archive:
        assert archive.read("ml_scorer_annotations/annotations.parquet") == small_table.read_bytes()


def test_a_table_that_is_no_release_says_so_in_its_version(small_table, out):
    wheel, identity = table_wheel(ANNOTATIONS, small_table, out)
    assert str(wheel.version) == f"0+unverified.{identity.fingerprint[:8]}"
    said = metadata(wheel)
    assert said["Name"] == "ml-scorer-annotations"  # whatever a citation tries
    assert "Citation: Somebody, Name: evil\n" in said.get_payload()
    assert "genuine" not in said.as_string()


def test_a_synthetic_table_says_so_and_is_not_used_by_itself(synthetic_table, out, tmp_path):
    wheel, identity = table_wheel(ANNOTATIONS, synthetic_table, out)
    assert str(wheel.version) == f"0+synthetic.{identity.fingerprint[:8]}"
    environment = installed(wheel, tmp_path / "site")
    assert "this table is SYNTHETIC" in in_a_process(environment, "import ml_scorer; ml_scorer.load_annotations()")


def test_a_damaged_table_is_not_packed(synthetic_table, out, tmp_path):
    damaged = bytearray(synthetic_table.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    with pytest.raises(AnnotationsError, match=r"damaged\.parquet: "):
        table_wheel(ANNOTATIONS, tmp_path / "damaged.parquet", out)
    assert not list(out.iterdir())


def test_a_table_under_a_broken_seal_is_not_packed(out, tmp_path):
    table = write_sealed(tmp_path / "t.parquet", small_frame(), fingerprint="0" * 64)
    with pytest.raises(AnnotationsError, match="the file says 0000"):
        table_wheel(ANNOTATIONS, table, out)


def test_a_table_of_the_other_kind_is_named(small_table, out):
    with pytest.raises(AnnotationsError, match=r"It is an annotation table: name it with --annotations\."):
        table_wheel(REAL, small_table, out)


def test_no_table(out, tmp_path):
    with pytest.raises(AnnotationsNotFoundError, match=r"absent\.parquet: no such annotation table"):
        table_wheel(ANNOTATIONS, tmp_path / "absent.parquet", out)
