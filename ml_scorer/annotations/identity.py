"""Which annotations a table holds, told from its content and not from what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

import polars as pl

from ml_scorer.annotations.fingerprint import column_fingerprints, fingerprint
from ml_scorer.schema import DATASET, REAL_DATASET, Images


@dataclass(frozen=True)
class Release:
    """A published release: its name, its version, and a hash of each of its columns (see `column_fingerprints`).

    `version` is None where what was published has none, and `columns` empty where one column is all there is.
    """

    name: str
    version: str | None
    columns: Mapping[str, str]


GENUINE: Final[dict[str, Release]] = {
    "f2b50695b149647976667223395d8da4d384cbad435afc22aea6130c2de1e321": Release(
        DATASET,
        "3.0.0",
        {
            "file_name": "5f527d8b3b2b7307",
            "original_label": "c6e3494e4677961a",
            "correct_multi_labels": "9daf53fee0c3187d",
            "wrong_multi_labels": "29c010a2a1ca3042",
            "unclear_multi_labels": "5835c6bf3c65d90b",
            "is_problematic": "e120a4ddea0d852a",
        },
    ),
}
"""Fingerprint of every known release. Made by `build-cache table` from the public table of version 3.0.0
(data/README.md names it); the published annotation file and TensorFlow Datasets' builder give the same."""

GENUINE_REAL: Final[dict[str, Release]] = {
    "81b3c1b406a3c1d5299afa33ba448a4d52a6a4c2acd4bc979b249157946fa866": Release(REAL_DATASET, None, {}),
}
"""Fingerprint of the reassessed labels of Beyer et al., Are we done with ImageNet?, arXiv:2006.07159. Made by
`build-cache real` from the wheel of timm 1.0.31; the wheel of imagenet-x 0.0.7 holds the same file."""

SYNTHETIC_IMAGES: Final = "ea6bf77e1bdd6667000206e9aef9e70da7d8c1fc8a95227c530af05c7c0ac9f3"
"""sha256 of the image numbers (ascending, little-endian 32-bit) of every synthetic table: `build-cache synthetic`
always annotates the same images, a choice that the dataset does not make: no re-export hides where they are from."""

Status = Literal["genuine", "unverified", "synthetic"]


@dataclass(frozen=True)
class Identity:
    """What a table is: its status, and the dataset's name and version as far as its content proves them.

    `claim` is what the metadata says without proof, None where it says nothing or where the proof is there.
    """

    status: Status
    name: str
    version: str | None
    fingerprint: str
    claim: str | None = None

    @property
    def genuine(self) -> bool:
        """Whether these are the published annotations, to the last label."""
        return self.status == "genuine"

    @property
    def release(self) -> str:
        """Name and version, such as `imagenet2012_multilabel/3.0.0`."""
        return f"{self.name}/{self.version}" if self.version else self.name

    def __str__(self) -> str:
        """The `data` part of a signature, such as `imagenet2012_multilabel/3.0.0@5f0c1d2e` or `SYNTHETIC@5f0c1d2e`."""
        return f"{self.release}@{self.fingerprint[:8]}"


def identify(
    digest: str, images: Images, metadata: Mapping[str, str], releases: Mapping[str, Release] = GENUINE
) -> Identity:
    """Tell what a table is from its fingerprint and its images (ascending); metadata only ever lowers the verdict."""
    if metadata.get("source") == "synthetic" or sha256(images.astype("<i4").tobytes()).hexdigest() == SYNTHETIC_IMAGES:
        return Identity("synthetic", "SYNTHETIC", None, digest)
    if digest in releases:
        release = releases[digest]
        return Identity("genuine", release.name, release.version, digest)
    claim = "/".join(metadata[key] for key in ("dataset", "version") if metadata.get(key)) or None
    return Identity("unverified", "UNVERIFIED", None, digest, claim)


def recorded_identity(digest: str, name: str, version: str | None) -> Identity:
    """Identity of the annotations of a result, from the fingerprint and from what stands beside it."""
    if digest in GENUINE:
        release = GENUINE[digest]
        return Identity("genuine", release.name, release.version, digest)
    return Identity("synthetic" if name == "SYNTHETIC" else "unverified", name, version, digest)


def differences(frame: pl.DataFrame) -> tuple[str, ...]:
    """In what the annotations differ from each known release, a sentence for each; empty where they are one.

    Parameters
    ----------
    frame : polars.DataFrame
        In the table's schema.
    """
    if fingerprint(frame) in GENUINE:
        return ()
    found = column_fingerprints(frame)
    sentences = []
    for release in GENUINE.values():
        differing = [name for name, digest in release.columns.items() if found[name] != digest]
        what = "the set of images" if "file_name" in differing else ", ".join(differing)
        sentences.append(f"differs from {release.name}/{release.version} in {what}")
    return tuple(sentences)
