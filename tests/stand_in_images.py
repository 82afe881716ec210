"""Stand-in images for loops over ImageNet, and torchvision beside a torch for which no compiled torchvision exists."""

from __future__ import annotations

import io
import os
import runpy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from ml_scorer.imagenet import classes, validation_labels
from ml_scorer.schema import image_name, image_numbers


@cache
def import_torchvision():
    """Make torchvision importable, and with it torchmetrics, timm and lightning, which import it where it is installed.

    Skips the module, by name, where torch is not installed, or it is not known how.
    """
    if find_spec("torchvision") is None:
        return None
    pytest.importorskip("torch")
    data = os.environ.get("ML_SCORER_TEST_DATA")
    if not data:
        pytest.skip("ML_SCORER_TEST_DATA is not set", allow_module_level=True)
    # What it declares goes when its globals go: the cache keeps them.
    return runpy.run_path(str(Path(data).parent / "tools" / "torchvision_stand_in.py"))


def one_image_a_class(annotations):
    """The annotations of one image of each class, as a frame: the least that MLA can be computed on."""
    frame = annotations.frame
    return (
        frame.filter(~frame["is_problematic"])
        .unique("original_label", keep="first", maintain_order=True)
        .sort("file_name")
    )


def write_images(root, frame):
    """Tiny pictures under the names of annotated images, in the folders of their classes, as ImageFolder has them."""
    from PIL import Image

    pictures = []
    for shade in range(7):
        buffer = io.BytesIO()
        Image.new("RGB", (32, 32), (40 * shade, 255 - 30 * shade, 17 * shade)).save(buffer, "JPEG")
        pictures.append(buffer.getvalue())
    wordnet_ids = classes()["wordnet_id"].to_list()
    for number in image_numbers(frame["file_name"]).tolist():
        folder = root / wordnet_ids[validation_labels()[number]]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / image_name(number)).write_bytes(pictures[number % len(pictures)])
    return root
