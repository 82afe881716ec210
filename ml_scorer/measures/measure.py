"""Measures as values: they print without their defaults, parse back from that, and compare by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from ml_scorer.annotations import Annotations
from ml_scorer.errors import MeasureError, faults_text
from ml_scorer.measures.rule import Rule


@dataclass(frozen=True)
class Notation:
    """How an argument is written that is more than one of a few words.

    Attributes
    ----------
    text : callable
        Gives the one written form of a value, or raises MeasureError.
    forms : tuple of str
        What it may be, in words.
    """

    text: Callable[[Any], str]
    forms: tuple[str, ...]


@dataclass(frozen=True)
class Measure(ABC):
    """Base of all measures. Every field is kept as a string and has a default."""

    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    """What a field may be, where that is one of a few words."""
    notations: ClassVar[dict[str, Notation]] = {}
    """How the other fields are written."""
    reports_count: ClassVar[bool] = False
    """Whether a result also gives the number of images that were right: for a measure over a handful of images."""
    needs_real_labels: ClassVar[bool] = False
    """Whether the annotations must have the reassessed labels, which are a table of their own."""

    def __post_init__(self) -> None:
        """Bring every argument into its one written form; raise MeasureError, naming every bad one."""
        faults = [
            f"{name}={value!r} is not one of {', '.join(known)}"
            for name, known in self.choices.items()
            if (value := getattr(self, name)) not in known
        ]
        for name, notation in self.notations.items():
            try:
                object.__setattr__(self, name, notation.text(getattr(self, name)))
            except MeasureError as error:
                faults.append(str(error))
        if faults:
            raise MeasureError(faults_text(type(self).__name__, faults))

    @classmethod
    def may_be(cls, argument: str) -> tuple[str, ...]:
        """What an argument may be, in words."""
        return cls.choices[argument] if argument in cls.choices else cls.notations[argument].forms

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
