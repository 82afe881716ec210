"""What is known of images by their numbers: original labels, verdicts of experts, accepted labels."""

from __future__ import annotations

import numpy as np
import polars as pl

from ml_scorer.annotations import Annotations
from ml_scorer.imagenet import class_names, validation_labels
from ml_scorer.measures.rule import Rule
from ml_scorer.schema import NUM_CLASSES, Images, Labels


def original_labels(annotations: Annotations, images: Images) -> Labels:
    """The original label of each image, (images,) int16: the annotations', and ImageNet's for those not annotated."""
    labels = validation_labels().copy()
    labels[annotations.images] = annotations.original_labels
    return labels[images]


def named(labels: pl.Series) -> pl.Series:
    """Names of classes; null for a null."""
    return pl.Series(class_names(), dtype=pl.String).gather(labels)


def accepted_lists(annotations: Annotations, rule: Rule) -> pl.DataFrame:
    """The labels that a rule accepts for each of its images, as far as experts or ImageNet gave them.

    Under a rule that accepts all but some labels, these are the judged ones among them.

    Returns
    -------
    polars.DataFrame
        One row for each of the rule's images, in its order: `accepted_labels` list of uint16, ascending, and
        `accepted_names` list of str. Empty lists where none is accepted.
    """
    rows, labels = rule.pair_rows, rule.pair_labels.astype(np.int64)
    if rule.rejects:
        reviewed = annotations.images[annotations.reviewed_rows]
        here = np.isin(reviewed, rule.images)
        judged = np.searchsorted(rule.images, reviewed[here]) * NUM_CLASSES + annotations.reviewed_labels[here]
        rows, labels = np.divmod(np.setdiff1d(judged, rows * NUM_CLASSES + labels), NUM_CLASSES)
    pairs = pl.DataFrame({"row": rows, "accepted_labels": labels.astype(np.uint16)}).sort("row", "accepted_labels")
    lists = (
        pairs.with_columns(accepted_names=named(pairs["accepted_labels"]))
        .group_by("row", maintain_order=True)
        .agg(pl.all())
    )
    every = pl.DataFrame({"row": np.arange(rule.images.size)})
    return every.join(lists, on="row", how="left", maintain_order="left").select(
        pl.col("accepted_labels", "accepted_names").fill_null([])
    )
