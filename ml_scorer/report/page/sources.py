"""What a report rests on, and what to cite with it: as much of it as was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ml_scorer.annotations import Identity
from ml_scorer.measures import MLA, ImageNetM, Measure, ReaL
from ml_scorer.measures.class_sets import ALL
from ml_scorer.measures.rule import LABELS


def citations(measures: Sequence[Measure]) -> list[str]:
    """Works that a report on these measures rests on, each with what is theirs."""
    with_imagenet_m = any(isinstance(measure, ImageNetM) for measure in measures)
    theirs = "version 3.0.0 of the annotations" + (", and ImageNet-M" if with_imagenet_m else "")
    multilabel = [measure for measure in measures if isinstance(measure, MLA)]
    works = [
        "Shankar et al., Evaluating Machine Accuracy on ImageNet, ICML 2020: the annotations, MLA.",
        f"Vasudevan et al., When does dough become a bagel?, NeurIPS 2022, arXiv:2205.04596: {theirs}.",
    ]
    if any(isinstance(measure, ReaL) for measure in measures):
        works.append("Beyer et al., Are we done with ImageNet?, 2020, arXiv:2006.07159: the reassessed labels (ReaL).")
    if any(measure.k == LABELS for measure in multilabel):
        works.append("Anzaku et al., 2024, arXiv:2412.18409: as many predictions as accepted labels (k=labels).")
    if any(measure.membership == "any" and measure.classes != ALL for measure in multilabel):
        works.append("Peychev et al., NeurIPS 2023, arXiv:2401.02430: images by any accepted label (membership=any).")
    works.append("Mogstad et al., Inference for Ranks, Review of Economic Studies 2024: the places.")
    return works


def other_data(signatures: Mapping[str, str], annotations: Identity) -> list[str]:
    """Which labels were measured against other than the annotations, and for which measures: sentences.

    Parameters
    ----------
    signatures : mapping of str to str
        Of each measure by its printed name; their `data` parts say it.
    annotations : Identity
    """
    measures: dict[str, list[str]] = {}
    for measure, signature in signatures.items():
        data = next(part.removeprefix("data:") for part in signature.split("|") if part.startswith("data:"))
        for labels in data.split("+"):
            if labels != str(annotations):
                measures.setdefault(labels, []).append(measure)
    return [f"{', '.join(names)}: by the labels {labels}." for labels, names in measures.items()]
