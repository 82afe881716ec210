"""From a wheel, a JSON file or an installed package to the table of reassessed labels."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from types import SimpleNamespace

import polars as pl
import pyarrow.parquet as pq
import pytest
from reassessed import PINNED, SOURCE_SHA256, installed_lists, made_up_lists, write_json, write_wheel

from build_cache import RealReport, build_real
from build_cache.cli import main
from build_cache.sources import real_labels
from build_cache.sources.real_labels import RealSource
from ml_scorer.annotations.find import user_table
from ml_scorer.annotations.kinds import REAL
from ml_scorer.annotations.load import METADATA
from ml_scorer.annotations.reassessed import load_real_labels
from ml_scorer.errors import AnnotationsError, MissingExtraError
from ml_scorer.schema import REAL_COLUMNS, REAL_LABELS, image_name


@pytest.fixture(scope="module")
def lists():
    return made_up_lists()


@pytest.fixture
def source(lists, tmp_path):
    return write_json(tmp_path / "real.json", lists)


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out" / "real.parquet"


@pytest.fixture
def run(capsys):
    """Run the command in this process."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["real", *map(str, arguments)], prog_name="build-cache")
        printed = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code, stdout=printed.out, stderr=printed.err)

    return run


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package that holds the labels, and that must not be imported."""

    def install(lists, name="timm", member="timm/data/_info/imagenet_real_labels.json", *, whole=True):
        site = tmp_path / f"site-{name}"
        about = site / f"{name.replace('-', '_')}-9.9.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
        (about / "RECORD").write_text(f"timm/__init__.py,,\n{member},,\n")
        (site / member).parent.mkdir(parents=True)
        (site / "timm").mkdir(exist_ok=True)
        (site / "timm" / "__init__.py").write_text("raise ImportError('timm is not to be imported')")
        if whole:
            write_json(site / member, lists)
        monkeypatch.syspath_prepend(site)
        return site / member

    return install


# What is written


def test_every_list_is_that_of_its_image(source, lists, output):
    report = build_real(source, output)
    assert isinstance(report, RealReport)
    assert (report.output, report.size) == (output, output.stat().st_size)
    assert report.labels.frame.rows() == [(image_name(number), labels) for number, labels in enumerate(lists, 1)]
    assert report.labels.frame.equals(load_real_labels(output).frame)


def test_metadata(source, output):
    metadata = build_real(source, output).labels.metadata
    assert tuple(key.decode() for key in pq.read_schema(output).metadata) == tuple(
        key for key in METADATA if key != "version"
    )
    assert (metadata["format"], metadata["dataset"], metadata["source"]) == (
        "ml_scorer.real/1",
        "imagenet2012_real",
        "real",
    )
    assert metadata["source_sha256"] == sha256(source.read_bytes()).hexdigest()
    assert metadata["rows"] == "50000"
    assert "Beyer" in metadata["citation"]
    assert metadata["tool"].startswith("ml_scorer ")


def test_the_columns_are_read_alike_by_polars_and_pyarrow(source, output):
    frame = build_real(source, output).labels.frame
    assert dict(pl.read_parquet_schema(output)) == REAL_COLUMNS
    assert pl.DataFrame(pq.read_table(output)).equals(frame)


def test_a_wheel_a_file_and_an_installed_package_give_the_same_bytes(source, lists, tmp_path, output, install):
    built = [build_real(source, output).output.read_bytes()]
    built.append(build_real(write_wheel(tmp_path / "timm-9.9-py3-none-any.whl", lists), output).output.read_bytes())
    install(lists)
    built.append(build_real(output=output).output.read_bytes())
    assert built[0] == built[1] == built[2]


def test_the_other_wheel_that_holds_them_is_read_too(lists, tmp_path, output):
    member = "imagenet_x/annotations/imagenet_real_labels.jsonl"
    wheel = write_wheel(tmp_path / "imagenet_x-0.0.7-py3-none-any.whl", lists, member)
    assert build_real(str(wheel), str(output)).labels.frame[REAL_LABELS].to_list() == lists


def test_an_installed_package_is_never_imported(lists, install, output):
    where = install(lists)
    assert RealSource().export().where == str(where)
    assert "timm" not in sys.modules
    assert build_real(output=output).labels.frame[REAL_LABELS].to_list() == lists


def test_an_installed_package_without_the_file_is_passed_over(lists, install, monkeypatch, output):
    install(lists, whole=False)
    second = install(lists, "another-package", "other/imagenet_real_labels.jsonl")
    monkeypatch.setattr(real_labels, "INSTALLED", ("timm", "not-there-at-all", "another-package"))
    assert RealSource().export().where == str(second)


def test_the_published_labels_are_known(output):
    lists = installed_lists()
    report = build_real(output=output)
    assert report.labels.identity.fingerprint == PINNED == next(iter(REAL.releases))
    assert report.labels.identity.genuine
    assert str(report.labels.identity) == f"imagenet2012_real@{PINNED[:8]}"
    assert report.labels.metadata["source_sha256"] == SOURCE_SHA256
    assert report.labels.images.size == sum(map(bool, lists)) == 46_837  # arXiv:2006.07159
    assert report.size < 115_000


# What is refused


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("real.json", b"[[1], [2", r"real\.json: not a whole JSON file"),
        ("real.json", b"", r"real\.json: not a whole JSON file"),
        ("real.json", b"\xff\xfe\x00", r"real\.json: not a whole JSON file"),
        ("real.json", b"[" * 100_000, r"real\.json: not a whole JSON file"),
        ("real.json", b'{"initial_annots": {}}', "expected a JSON list with the list of labels of each image"),
        ("real.json", b"[1, 2, 3]", "3 images have no list of labels: 1 at ILSVRC2012_val_00000001.JPEG"),
        ("real.json", b"[[1], null]", "1 images have no list of labels: None at ILSVRC2012_val_00000002.JPEG"),
        ("real.json", b"[]", r"labels of 0 images, expected 50,000"),
        ("real.json", b"[[1], [2, 3]]", r"labels of 2 images, expected 50,000"),
        ("timm.whl", b"not a zip", r"timm\.whl: the wheel is damaged or truncated: .*Download it again"),
        ("timm.whl", b"", r"timm\.whl: the wheel is damaged or truncated"),
    ],
)
def test_what_is_no_list_of_lists_is_refused(tmp_path, output, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AnnotationsError, match=message):
        build_real(tmp_path / name, output)
    assert not output.parent.exists()


@pytest.mark.parametrize("label", [1000, -1, 3.0, True, "5", None, [7], 10**30])
def test_what_is_no_class_index_is_refused_with_its_image(lists, tmp_path, output, label):
    lists = [[7, label] if number == 41 else labels for number, labels in enumerate(lists)]
    with pytest.raises(AnnotationsError, match=r"1 labels are no class index 0-999: .* at ILSVRC2012_val_00000042"):
        build_real(write_json(tmp_path / "real.json", lists), output)
    assert not output.parent.exists()


def test_all_faults_are_reported_together(lists, tmp_path, output):
    lists = [*lists[:-2], [1000], [2000, 7]][1:]
    with pytest.raises(
        AnnotationsError, match=r"2 problems\n.*49,999 images, expected 50,000\n.*2 labels are no class"
    ):
        build_real(write_json(tmp_path / "real.json", lists), output)


def test_a_label_twice_is_refused_with_its_image(lists, tmp_path, output):
    lists = [[7, 8, 7] if number == 41 else labels for number, labels in enumerate(lists)]
    with pytest.raises(AnnotationsError, match=r"real_labels has a label twice in 1 rows: ILSVRC2012_val_00000042"):
        build_real(write_json(tmp_path / "real.json", lists), output)


def test_a_file_without_any_label_is_refused(tmp_path, output):
    with pytest.raises(AnnotationsError, match="no image has a label"):
        build_real(write_json(tmp_path / "real.json", [[]] * 50_000), output)


def test_a_wheel_without_the_labels_is_refused(lists, tmp_path, output):
    wheel = write_wheel(tmp_path / "timm-0.4.whl", lists, "timm/other.json")
    with pytest.raises(AnnotationsError, match=r"no imagenet_real_labels\.json in this wheel\. .*pip download"):
        build_real(wheel, output)


def test_a_damaged_wheel_is_refused(lists, tmp_path, output):
    wheel = write_wheel(tmp_path / "timm-9.whl", lists)
    damaged = bytearray(wheel.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    wheel.write_bytes(damaged)
    with pytest.raises(AnnotationsError, match="the wheel is damaged or truncated"):
        build_real(wheel, output)


@pytest.mark.parametrize("name", ["real.json", "timm.whl"])
def test_a_file_that_is_far_too_large_is_refused_before_it_is_read(tmp_path, output, monkeypatch, name):
    monkeypatch.setattr(real_labels, "LARGEST", 100)
    write = write_json if name.endswith(".json") else write_wheel
    with pytest.raises(AnnotationsError, match=r"bytes, where the reassessed labels are under 400,000"):
        build_real(write(tmp_path / name, [[1]] * 100), output)


@pytest.mark.parametrize("name", ["absent.json", "absent.whl", "."])
def test_a_file_that_is_not_there_is_refused(tmp_path, output, name):
    with pytest.raises(FileNotFoundError, match=r"no such file\. .*pip download --no-deps timm"):
        build_real(tmp_path / name, output)


def test_without_a_source_and_without_a_package_it_says_what_to_do(monkeypatch, output):
    monkeypatch.setattr(real_labels, "INSTALLED", ("not-there-at-all",))
    message = r"not-there-at-all\)\. Get a wheel .*: pip download --no-deps timm, then build-cache real timm-\*\.whl"
    with pytest.raises(FileNotFoundError, match=message):
        build_real(output=output)


def test_a_folder_as_output_is_refused(source, tmp_path):
    with pytest.raises(AnnotationsError, match=r"is a folder\. Name the file to write, such as .*real\.parquet"):
        build_real(source, tmp_path)


def test_a_table_does_not_replace_its_source(source):
    before = source.read_bytes()
    with pytest.raises(AnnotationsError, match="would take the place of its own source"):
        build_real(source, source)
    assert source.read_bytes() == before


def test_a_refused_source_leaves_the_old_file(source, output):
    before = build_real(source, output).output.read_bytes()
    source.write_text("[]")
    with pytest.raises(AnnotationsError, match="expected 50,000"):
        build_real(source, output)
    assert output.read_bytes() == before
    assert list(output.parent.iterdir()) == [output]


def test_a_missing_pyarrow_names_its_extra(source, output, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ml-scorer\[build\]'"):
        build_real(source, output)


# The command


def test_the_command_says_what_it_wrote(run, source, lists):
    result = run(source)
    assert (result.status, result.stderr) == (0, "")
    table = user_table(REAL)
    assert result.stdout.splitlines() == [
        f"wrote {table} ({table.stat().st_size:,} bytes)",
        f"  50,000 images, {sum(map(bool, lists)):,} of them with a reassessed label",
        f"  UNVERIFIED, fingerprint {load_real_labels(table).identity.fingerprint}",
        "  ml-scorer finds it there",
    ]


def test_the_command_says_that_the_published_labels_are_genuine(run, output):
    installed_lists()
    result = run("-o", output)
    assert result.status == 0
    assert f"  genuine imagenet2012_real, fingerprint {PINNED}\n" in result.stdout
    assert "finds it there" not in result.stdout


def test_a_refused_source_is_one_message_and_status_1(run, tmp_path, output):
    (tmp_path / "real.json").write_text(json.dumps([[1]]))
    result = run(tmp_path / "real.json", "-o", output)
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr == f"Error: {tmp_path / 'real.json'}: labels of 1 images, expected 50,000\n"
