"""Scores as data: JSON and CSV, shares in [0, 1] to the last bit."""

from __future__ import annotations

import json
from dataclasses import asdict

import polars as pl

from ml_scorer.scores import Scores


def json_text(scores: Scores) -> str:
    """One JSON object: `signatures`, `annotations`, `scores` (one object a checkpoint), `failed`, `near_chance`.

    In ASCII, so that a name reaches its reader through any encoding, and steers no terminal on the way.
    """
    identity = scores.annotations
    document = {
        "signatures": dict(scores.signatures),
        "annotations": {
            "name": identity.name,
            "version": identity.version,
            "fingerprint": identity.fingerprint,
            "genuine": identity.genuine,
        },
        "scores": scores.frame.to_dicts(),
        "failed": [asdict(failure) for failure in scores.failed],
        "near_chance": list(scores.near_chance),
    }
    return json.dumps(document, indent=2)


def csv_text(scores: Scores) -> str:
    """The frame as CSV, each measure's signature in a column of its own, so that it goes where the number goes."""
    signatures = [pl.lit(text).alias(f"{name} signature") for name, text in scores.signatures.items()]
    return scores.frame.with_columns(signatures).write_csv().rstrip("\n")
