"""Made-up reassessed labels in the form of their published file."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import pytest

from build_cache.sources.real_labels import INSTALLED, RealSource
from ml_scorer.schema import VALIDATION_IMAGES

PINNED = "81b3c1b406a3c1d5299afa33ba448a4d52a6a4c2acd4bc979b249157946fa866"
"""Fingerprint of the published labels: in a shell, of the file that timm 1.0.31 holds,

    python -c "
    import hashlib, json
    lists = json.load(open('imagenet_real_labels.json'))
    print(hashlib.sha256(''.join(
        f'ILSVRC2012_val_{n:08d}.JPEG' + chr(9) + ','.join(map(str, sorted(set(labels)))) + chr(10)
        for n, labels in enumerate(lists, 1)).encode()).hexdigest())"
"""

SOURCE_SHA256 = "d83e9bff374c631aae8439eb064c7019acc56e1b3bc3f56b8380c2a710b0220b"
"""Of that file, by sha256sum."""


def made_up_lists(seed=0):
    """Labels of each image: none for some, else up to four, each once, in any order."""
    chance = random.Random(seed)
    return [chance.sample(range(1000), chance.choice((0, 1, 1, 1, 2, 4))) for _ in range(VALIDATION_IMAGES)]


def write_json(path, lists):
    path.write_text(json.dumps(lists))
    return path


def write_wheel(path, lists, member="timm/data/_info/imagenet_real_labels.json"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("timm/__init__.py", "raise ImportError('timm is not to be imported')")
        wheel.writestr(member, json.dumps(lists))
    return path


def installed_lists():
    """The published labels, read from an installed package by plain Python; skips where none has them."""
    try:
        path = Path(RealSource().export().where)
    except FileNotFoundError:
        pytest.skip(f"neither of {', '.join(INSTALLED)} is installed")
    return json.loads(path.read_text())
