"""Annotations in the form of the published annotation file."""

from __future__ import annotations

import json

from ml_scorer.imagenet import classes
from ml_scorer.schema import CORRECT, UNCLEAR, WRONG


def annotation_json(frame):
    """What the published annotation file says of these images, to be changed and written.

    Lists that are empty are left out, as they are there; so is `imagenet_m` where the frame does not say it.
    """
    wordnet_ids = classes()["wordnet_id"].to_list()
    annotated = {}
    for row in frame.iter_rows(named=True):
        lists = {"correct": row[CORRECT], "wrong": row[WRONG], "unclear": row[UNCLEAR]}
        verdicts = {verdict: [wordnet_ids[label] for label in labels] for verdict, labels in lists.items() if labels}
        annotated[row["file_name"]] = verdicts
    content = {
        "initial_annots": annotated,
        "problematic_images": {name: {"reason": "two objects"} for name in named(frame, "is_problematic")},
    }
    if not frame["is_imagenet_m"].null_count():
        content["imagenet_m"] = named(frame, "is_imagenet_m")
    return content


def named(frame, column):
    """Names of the images for which a column is true."""
    return frame.filter(frame[column])["file_name"].to_list()


def written(content, path, **options):
    """Write content as JSON, and return the path."""
    path.write_text(json.dumps(content, **options), encoding="utf-8")
    return path
