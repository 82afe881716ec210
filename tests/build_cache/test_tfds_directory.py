"""The dataset as TensorFlow Datasets prepares it: read whole, without TensorFlow where possible, or refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from build_cache import SyntheticSource, TableSource, build
from build_cache.sources.tfds_directory import INFO, TfdsSource, read_directory
from ml_scorer.errors import AnnotationsError, MissingExtraError
from ml_scorer.schema import DATASET, IMAGENET_M_IMAGES

STANDIN = Path(__file__).with_name("tfds_standin.py")
VALIDATION_SHARD = f"{DATASET}-validation.{{}}-00001-of-00003"


def standin(*arguments):
    """What `tfds_standin.py` prints; in a process of its own, since TensorFlow stays in the one that imports it."""
    ran = subprocess.run([sys.executable, STANDIN, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def need(*packages):
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install 'ml-scorer[tfds]' tensorflow-cpu")


def exported(folder, tmp_path, *missing_package):
    """The exported frame by name, and what came with it."""
    facts = standin("export", folder, tmp_path / "table.parquet", *missing_package)
    assert "error" not in facts, facts
    return pl.read_parquet(tmp_path / "table.parquet").sort("file_name"), facts


@pytest.fixture(scope="module")
def annotations():
    """What the prepared datasets hold: the real annotations where they are given; 68 images are chosen here."""
    real = os.environ.get("ML_SCORER_TEST_DATA")
    if not real:
        return SyntheticSource(0).export().frame.sort("file_name")
    frame = TableSource(Path(real) / "imagenet2012_multilabel_v3.csv").export().frame.sort("file_name")
    chosen = frame["file_name"].filter(~frame["is_problematic"]).gather_every(270).head(IMAGENET_M_IMAGES)
    return frame.with_columns(is_imagenet_m=pl.col("file_name").is_in(chosen.to_list()))


@pytest.fixture(scope="module")
def prepared(annotations, tmp_path_factory):
    """Prepare the dataset, once for each kind of shards and of archive."""
    folder = tmp_path_factory.mktemp("tfds")
    annotations.write_parquet(folder / "annotations.parquet")
    done = {}

    def prepare(shards, images="all"):
        if (shards, images) not in done:
            target = folder / f"{shards}-{images}"
            done[shards, images] = standin("prepare", folder / "annotations.parquet", target, shards, images)
        return Path(done[shards, images]["folder"])

    return prepare


@pytest.fixture(scope="module")
def array_record(prepared):
    need("tensorflow_datasets", "importlib_resources", "array_record")
    return prepared("array_record")


@pytest.fixture(scope="module")
def tfrecord(prepared):
    need("tensorflow_datasets", "importlib_resources", "tensorflow")
    return prepared("tfrecord")


@pytest.fixture
def copy(array_record, tmp_path):
    """A copy of the dataset to damage."""
    return Path(shutil.copytree(array_record, tmp_path / DATASET / "3.0.0"))


def change_info(folder, **changes):
    file = folder / INFO
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def splits(folder):
    return json.loads((folder / INFO).read_text())["splits"]


def described(folder, **info):
    """A folder with nothing but a description, which needs no package to be refused."""
    folder.mkdir(parents=True)
    (folder / INFO).write_text(json.dumps({"name": DATASET, **info}))
    return folder


# The images are no JPEG files: to decode one would be an error.


def test_array_record_gives_the_annotations_in_little_memory(array_record, annotations, tmp_path):
    frame, facts = exported(array_record, tmp_path)
    assert frame.equals(annotations)
    assert not facts["tensorflow"]
    assert (facts["version"], facts["synthetic"]) == ("3.0.0", False)
    assert facts["sha256"] == sha256((array_record / INFO).read_bytes()).hexdigest()
    assert facts["peak_mib"] is None or facts["peak_mib"] < 150


def test_array_record_where_tensorflow_is_not_installed(array_record, annotations, tmp_path):
    frame, _ = exported(array_record, tmp_path, "tensorflow")
    assert frame.equals(annotations)


def test_tfrecord_gives_the_same(tfrecord, annotations, tmp_path):
    frame, facts = exported(tfrecord, tmp_path)
    assert frame.equals(annotations)
    assert facts["tensorflow"]


def test_errors_come_back_from_the_process_that_reads(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        TfdsSource(tmp_path / "nowhere").export()
    with pytest.raises(AnnotationsError, match="Found: an empty folder"):
        TfdsSource(tmp_path).export()


def test_the_whole_command_stays_in_little_memory(array_record, tmp_path):
    status = Path("/proc/self/status")
    if not status.exists():
        return
    code = (
        "import sys; from build_cache import build, TfdsSource; build(TfdsSource(sys.argv[1]), sys.argv[2]);"
        "print(open('/proc/self/status').read())"
    )
    command = [sys.executable, "-c", code, array_record, tmp_path / "table.parquet"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def megabytes(field):
        return int(printed.partition(f"{field}:")[2].split()[0]) * 1024 / 1e6

    # Without pages of libraries: how many the kernel maps around each depends on how the files lie on disk.
    assert megabytes("VmHWM") - megabytes("RssFile") < 150


def test_table(array_record, annotations, tmp_path):
    report = build(TfdsSource(array_record), tmp_path / "table.parquet")
    assert report.annotations.frame.equals(annotations)
    assert report.annotations.metadata["source"] == "tfds"
    assert report.differences == ()


def test_table_of_the_real_annotations_is_genuine(real_data, array_record, tmp_path):
    assert build(TfdsSource(array_record), tmp_path / "table.parquet").identity.genuine


def test_dataset_from_a_repacked_archive_is_refused(prepared, array_record, tmp_path):
    repacked = prepared("array_record", "annotated")
    # The original labels of 19,978 of the really annotated images become wrong; of other 20,000, about as many.
    with pytest.raises(AnnotationsError, match=r"19,9\d\d original labels are not those of ImageNet: .* repacked"):
        build(TfdsSource(repacked), tmp_path / "table.parquet")
    assert not (tmp_path / "table.parquet").exists()


def test_version_without_imagenet_m(copy, annotations):
    change_info(copy, version="2.0.0", splits=splits(copy)[:1])
    export = read_directory(copy)
    assert export.version == "2.0.0"
    assert export.frame["is_imagenet_m"].null_count() == 20_000
    assert export.frame.drop("is_imagenet_m").sort("file_name").equals(annotations.drop("is_imagenet_m"))


@pytest.mark.parametrize("levels", [1, 2])
def test_folder_above_the_only_version(array_record, annotations, levels):
    above = array_record.parents[levels - 1]
    (above / "incomplete.ABC123_3.0.0").mkdir(exist_ok=True)
    export = read_directory(above)
    assert export.where == str(array_record)
    assert export.frame.sort("file_name").equals(annotations)


def test_several_versions_are_refused(tmp_path):
    for version in ("2.0.0", "3.0.0"):
        described(tmp_path / DATASET / version)
    with pytest.raises(AnnotationsError, match=rf"2 versions: {DATASET}/2.0.0, {DATASET}/3.0.0. Pass one, such as /"):
        read_directory(tmp_path)
    with pytest.raises(AnnotationsError, match=r"2 versions: 2.0.0, 3.0.0. Pass one, such as .*/3.0.0"):
        read_directory(tmp_path / DATASET)


def test_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(AnnotationsError, match=r"Found: an empty folder\. Pass the folder of one version"):
        read_directory(tmp_path)
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(AnnotationsError, match=rf"nothing that .* prepared: no {INFO} .* Found: holiday\.jpg\."):
        read_directory(tmp_path)


def test_file_is_refused(tmp_path):
    folder = described(tmp_path / "3.0.0")
    with pytest.raises(AnnotationsError, match=r"is a file\. Pass the folder of one version"):
        read_directory(folder / INFO)


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"nowhere: no such folder. Pass .* {DATASET}/3.0.0"):
        read_directory(tmp_path / "nowhere")


def test_other_dataset_is_refused(tmp_path):
    folder = described(tmp_path / "imagenet2012" / "5.1.0", name="imagenet2012")
    with pytest.raises(AnnotationsError, match=f"5.1.0: the dataset 'imagenet2012', expected '{DATASET}'"):
        read_directory(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\xff"])
def test_unreadable_description_is_refused(tmp_path, content):
    (tmp_path / INFO).write_text(content, encoding="latin-1")
    with pytest.raises(AnnotationsError, match=f"{INFO} cannot be read .* prepare the dataset again"):
        read_directory(tmp_path)


@pytest.mark.parametrize("changes", [{"version": "three"}, {"version": "3.0.0", "no such field": 1}])
def test_description_that_tensorflow_datasets_cannot_read_is_refused(tmp_path, changes):
    need("tensorflow_datasets", "importlib_resources")
    with pytest.raises(AnnotationsError, match=r"cannot be opened: .* prepare the dataset again"):
        read_directory(described(tmp_path / "3.0.0", **changes))


def test_all_that_is_missing_is_named(copy):
    features = json.loads((copy / "features.json").read_text())
    del features["featuresDict"]["features"]["is_problematic"]
    (copy / "features.json").write_text(json.dumps(features))
    change_info(copy, splits=splits(copy)[1:])
    (copy / f"{DATASET}-imagenet_m.array_record-00002-of-00003").unlink()
    with pytest.raises(AnnotationsError) as raised:
        read_directory(copy)
    assert str(raised.value).startswith(f"{copy}: 3 problems\n")
    assert "no split 'validation'; the splits are 'imagenet_m'" in str(raised.value)
    assert "no feature 'is_problematic'; the features are" in str(raised.value)
    assert f"1 of 3 shards are missing: {DATASET}-imagenet_m.array_record-00002-of-00003" in str(raised.value)


def test_missing_shard(copy):
    (copy / VALIDATION_SHARD.format("array_record")).unlink()
    with pytest.raises(AnnotationsError, match=r"1 of 6 shards are missing: .*-00001-of-00003\nCopy the folder again"):
        read_directory(copy)


@pytest.mark.parametrize("size", [0, 100_000, -10])
def test_truncated_shard(copy, size):
    shard = copy / VALIDATION_SHARD.format("array_record")
    os.truncate(shard, size if size >= 0 else shard.stat().st_size + size)
    with pytest.raises(AnnotationsError, match=r"3.0.0: the examples cannot be read: .* Copy the folder again"):
        read_directory(copy)


def test_damaged_shard(copy):
    shard = copy / VALIDATION_SHARD.format("array_record")
    content = bytearray(shard.read_bytes())
    content[500_000:500_008] = bytes(byte ^ 255 for byte in content[500_000:500_008])
    shard.write_bytes(content)
    with pytest.raises(AnnotationsError, match="the examples cannot be read: Corrupted"):
        read_directory(copy)


def test_truncated_tfrecord_shard(tfrecord, tmp_path):
    folder = Path(shutil.copytree(tfrecord, tmp_path / "3.0.0"))
    os.truncate(folder / VALIDATION_SHARD.format("tfrecord"), 100_000)
    refused = standin("export", folder, tmp_path / "table.parquet")
    assert refused["error"] == "AnnotationsError"
    assert refused["message"].startswith(f"{folder}: the examples cannot be read: truncated record at ")
    assert "[Op" not in refused["message"]


def test_images_of_imagenet_m_that_are_not_in_validation_are_refused(copy):
    validation, imagenet_m = splits(copy)
    first = validation["shardLengths"][:1]
    (copy / f"{DATASET}-validation.array_record-00000-of-00003").rename(
        copy / f"{DATASET}-validation.array_record-00000-of-00001"
    )
    change_info(copy, splits=[validation | {"shardLengths": first}, imagenet_m])
    with pytest.raises(AnnotationsError, match=r"images of the split 'imagenet_m' are not in 'validation': ILSVRC"):
        read_directory(copy)


def test_other_shards_are_refused(copy):
    for shard in copy.glob("*.array_record-*"):
        shard.rename(str(shard).replace("array_record", "riegeli"))
    change_info(copy, fileFormat="riegeli")
    with pytest.raises(AnnotationsError, match="the shards are 'riegeli', expected 'array_record' or 'tfrecord'"):
        read_directory(copy)


def test_tfrecord_where_tensorflow_is_not_installed(copy, tmp_path):
    for shard in copy.glob("*.array_record-*"):
        shard.rename(str(shard).replace("array_record", "tfrecord"))
    change_info(copy, fileFormat="tfrecord")
    refused = standin("export", copy, tmp_path / "table.parquet", "tensorflow")
    assert refused["error"] == "MissingTensorFlowError"
    assert "tfrecord shards need TensorFlow: pip install tensorflow" in refused["message"]
    assert "file_format='array_record'" in refused["message"]


def test_array_record_where_its_reader_is_not_installed(copy, tmp_path):
    refused = standin("export", copy, tmp_path / "table.parquet", "array_record")
    assert refused["error"] == "MissingExtraError"
    assert "pip install 'ml-scorer[tfds]'" in refused["message"]


@pytest.mark.parametrize("package", ["tensorflow_datasets", "importlib_resources"])
def test_missing_package_names_the_extra(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"build-cache tfds needs .* pip install 'ml-scorer\[tfds\]'"):
        read_directory(described(tmp_path / "3.0.0", version="3.0.0"))
