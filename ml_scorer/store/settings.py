"""What a result depends on besides the file: how the run was told to read and to measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from ml_scorer.annotations import Identity
from ml_scorer.schema import Images
from ml_scorer.version import tool_version


@dataclass(frozen=True)
class Settings:
    """How a run scores.

    Attributes
    ----------
    order : str or None
        Name of the order that was said; of a list of images, its `list@…` with the hash of the list.
    missing : str
        "error" or "wrong".
    class_ids : str
        Name of the numbering of the classes.
    key : str or None
        Array or column that was said to hold the predictions.
    trusted : bool
        Whether predictions are scored even where another order fits better.
    annotations : Identity
    required : str
        `images_fingerprint` of the images that some measure of the run needs: the counts of missing images and of
        ties are over these, so that they change with the measures that are asked for together.
    marked : str
        `images_fingerprint` of the images that are marked as ImageNet-M, which the fingerprint of the annotations
        leaves out; empty where the annotations do not say.
    real : str
        Fingerprint of the reassessed labels, where a measure of the run needs them; else empty.
    scorer : str
        Version of this package.
    """

    order: str | None
    missing: str
    class_ids: str
    key: str | None
    trusted: bool
    annotations: Identity
    required: str
    marked: str = ""
    real: str = ""
    scorer: str = field(default_factory=tool_version)

    def columns(self) -> dict[str, str | bool | None]:
        """The value of each of the columns `SETTINGS`."""
        identity = self.annotations
        return {
            "order_said": self.order,
            "missing": self.missing,
            "class_ids": self.class_ids,
            "key": self.key,
            "trusted": self.trusted,
            "annotations": identity.fingerprint,
            "dataset": f"{identity.name}/{identity.version}" if identity.version else identity.name,
            "scorer": self.scorer,
        }

    def fingerprint(self) -> str:
        """A short text that stands for all of this but `required`."""
        return blake2b(json.dumps([self.columns(), self.marked, self.real]).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Measured:
    """A measure of a run.

    Attributes
    ----------
    name : str
        As it prints.
    denominator : int
        What its integer sums are divided by.
    signature : callable
        From how the images of a source were known (`names`, `imagefolder`, …) to the signature.
    """

    name: str
    denominator: int
    signature: Callable[[str], str]


def images_fingerprint(images: Images) -> str:
    """A short text that stands for a set of images, given ascending."""
    return f"{images.size}@{blake2b(images.astype('<i4').tobytes(), digest_size=8).hexdigest()}"
