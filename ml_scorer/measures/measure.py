"""Measures as values: they print without their defaults, parse back from that, and compare by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

from ml_scorer.annotations import Annotations
from ml_scorer.errors import MeasureError, faults_text
from ml_scorer.measures.rule import Rule


@dataclass(frozen=True)
class Measure(ABC):
    """Base of all measures. Every field is a string with a default; `choices` holds what a field may be."""

    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    reports_count: ClassVar[bool] = False
    """Whether a result also gives the number of images that were right: for a measure over a handful of images."""

    def __post_init__(self) -> None:
        """Raise MeasureError, naming every bad argument, unless each is one of its choices."""
        faults = [
            f"{name}={value!r} is not one of {', '.join(known)}"
            for name, known in self.choices.items()
            if (value := getattr(self, name)) not in known
        ]
        if faults:
            raise MeasureError(faults_text(type(self).__name__, faults))

    @abstractmethod
    def rule(self, annotations: Annotations) -> Rule:
        """Accepted labels and weights under these annotations.

        Raises
        ------
        MeasureError
            If the annotations cannot give this measure.
        """

    def __str__(self) -> str:
        given = [
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return type(self).__name__ + (f"({', '.join(given)})" if given else "")
