"""What a chart is: a title, the frame that it draws, its text alternative, and the way it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import polars as pl

from ml_scorer.errors import MissingExtraError

if TYPE_CHECKING:
    import altair as alt

FrameName: TypeAlias = Literal["leaderboard", "training", "classes", "confusions", "groups"]


@dataclass(frozen=True)
class ChartKind:
    """One kind of chart.

    Attributes
    ----------
    title : str
        Its heading.
    frame : str
        Which frame it draws.
    summarise : callable
        From the frame to what the chart shows, in words, for those who cannot see it.
    draw : callable
        From the frame to a chart; None where these rows cannot make one. It may import Altair.
    """

    title: str
    frame: FrameName
    summarise: Callable[[pl.DataFrame], str]
    draw: Callable[[pl.DataFrame], alt.LayerChart | None]

    def summary(self, frame: pl.DataFrame) -> str:
        """What the chart shows, in about two sentences made from the data; plain text, to be escaped as such."""
        return self.summarise(frame)

    def build(self, frame: pl.DataFrame) -> alt.LayerChart | None:
        """The chart of a frame; None where its rows cannot make one (no steps in the names, no measure of that kind).

        Raises
        ------
        MissingExtraError
            If Altair is not installed.
        """
        try:
            import altair as alt  # noqa: F401 (that it is there)
        except ImportError as error:
            raise MissingExtraError("a chart", "report") from error
        return None if frame.is_empty() else self.draw(frame)
