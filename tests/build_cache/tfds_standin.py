"""The real dataset, prepared by its own builder from one-byte images; and its export, in a process of its own.

    python tfds_standin.py prepare ANNOTATIONS.parquet FOLDER array_record|tfrecord all|annotated
    python tfds_standin.py export FOLDER TABLE.parquet [PACKAGE THAT IS NOT THERE]

Both print one JSON object as their last line.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
from importlib.machinery import PathFinder
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import polars as pl

from ml_scorer.imagenet import classes
from ml_scorer.schema import VALIDATION_IMAGES, image_name

SHARDS = 3
ANNOTATION_FILE = (
    "imagenet2012_multilabel/brai-car-data_imag-mist_huma_accu_v3.0.01bK2ER_J7-oWquvSG8WkAdFq0YKF0_2ZY12LMuvbYoc.json"
)
"""Where the builder looks for a file that it has downloaded before."""


def archive(path, names):
    """The archive of the validation images, a byte for each."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, BytesIO(b"x"))


def annotation_file(path, frame):
    """The annotations in the form of the published file; like that, it has images of ImageNetV2, too."""
    wordnet_ids = classes()["wordnet_id"].to_list()
    annotated = {"0a1b2c3d.jpeg": {"correct": [wordnet_ids[0]]}}
    for row in frame.iter_rows(named=True):
        lists = {verdict: row[f"{verdict}_multi_labels"] for verdict in ("correct", "wrong", "unclear")}
        annotated[row["file_name"]] = {
            verdict: [wordnet_ids[label] for label in labels] for verdict, labels in lists.items() if labels
        }
    content = {
        "initial_annots": annotated,
        "problematic_images": {name: {} for name in frame.filter(frame["is_problematic"])["file_name"]},
        "imagenet_m": frame.filter(frame["is_imagenet_m"])["file_name"].to_list(),
    }
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    path.with_name(f"{path.name}.INFO").touch()


def hide(package):
    """Make this process one in which a package is not installed."""

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return None if name.split(".")[0] == package else PathFinder.find_spec(name, path, target)

    sys.meta_path[:] = [Finder if finder is PathFinder else finder for finder in sys.meta_path]


def open_files_without_tensorflow():
    """Spare the builder TensorFlow where it only opens files with it: no need to install it, and much faster."""
    from tensorflow_datasets.core.download import extractor
    from tensorflow_datasets.datasets.imagenet2012 import imagenet_common
    from tensorflow_datasets.datasets.imagenet2012_multilabel import imagenet2012_multilabel_dataset_builder as builder

    files = SimpleNamespace(gfile=SimpleNamespace(GFile=open, exists=os.path.exists))
    for module in (extractor, imagenet_common, builder):
        module.tf = SimpleNamespace(io=files)


def prepare(annotations, folder, shards, images):
    """Prepare the dataset under a folder; give the folder of its version."""
    frame = pl.read_parquet(annotations)
    manual = Path(folder) / "manual"
    manual.mkdir(parents=True)
    everything = map(image_name, range(1, VALIDATION_IMAGES + 1))
    archive(manual / "ILSVRC2012_img_val.tar", everything if images == "all" else frame["file_name"])
    annotation_file(Path(folder) / "downloads" / ANNOTATION_FILE, frame)
    if shards == "array_record":
        hide("tensorflow")
    open_files_without_tensorflow()
    import tensorflow_datasets as tfds

    builder = tfds.builder("imagenet2012_multilabel", data_dir=Path(folder) / "data", file_format=shards)
    how = tfds.download.DownloadConfig(manual_dir=manual, try_download_gcs=False, num_shards=SHARDS)
    builder.download_and_prepare(download_dir=Path(folder) / "downloads", download_config=how)
    shutil.rmtree(manual)
    return {"folder": str(builder.data_dir)}


def export(folder, table, missing_package=None):
    """Export into a plain table; tell what came with it, or the error."""
    from build_cache.sources.tfds_directory import read_directory

    if missing_package:
        hide(missing_package)
    try:
        exported = read_directory(Path(folder))
    except (ValueError, ImportError) as error:
        return {"error": type(error).__name__, "message": str(error)}
    status = Path("/proc/self/status")
    # The peak that getrusage gives would include that of the process which started this one.
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    exported.frame.write_parquet(table)
    return {
        "version": exported.version,
        "sha256": exported.sha256,
        "synthetic": exported.synthetic,
        "tensorflow": "tensorflow" in sys.modules,
        "peak_mib": int(peak[1]) / 1024 if peak else None,
    }


if __name__ == "__main__":
    print(json.dumps({"prepare": prepare, "export": export}[sys.argv[1]](*sys.argv[2:])))  # noqa: T201
