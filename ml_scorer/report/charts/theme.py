"""How charts look, by day and by night: colours, fonts, sizes, a quiet grid.

The colours are those of Okabe and Ito, "Color Universal Design" (2008, https://jfly.uni-koeln.de/color/), which people
with any common colour vision tell apart; where one has less than 3:1 contrast with the ground (WCAG 2.2, 1.4.11), it is
darkened by day or lightened by night. No chart tells anything by colour alone.

A chart names what a mark is (a style such as `interval`), never a colour, so that one chart serves both themes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

ThemeName: TypeAlias = Literal["light", "dark"]

FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Fonts of one set of widths: the first comes with the renderer, one of the others with every system."""

WIDTH: Final = 640
"""Pixels of a plot, axes not counted, where no page says how wide it is."""

INTERVAL: Final = "interval"
REFERENCE: Final = "reference"
TIE: Final = "tie"
MUTED: Final = "muted"
FAINT: Final = "faint"
BOUND: Final = "bound"


@dataclass(frozen=True)
class Palette:
    """The colours of a theme.

    Attributes
    ----------
    surface : str
        The ground; a page that shows charts should have it behind them.
    ink, muted, line, grid : str
        Text; lesser text and marks; axes; grid.
    series : tuple of str
        Colours of things of one kind, the first also of all that stand alone.
    verdicts : tuple of str
        Of correct, unclear, unreviewed and wrong predictions, and of missing ones.
    """

    surface: str
    ink: str
    muted: str
    line: str
    grid: str
    series: tuple[str, ...]
    verdicts: tuple[str, str, str, str, str]


PALETTES: Final[dict[ThemeName, Palette]] = {
    "light": Palette(
        surface="#ffffff",
        ink="#1c2126",
        muted="#5b6570",
        line="#aab2ba",
        grid="#e8ebee",
        series=("#0072b2", "#d55e00", "#00875f", "#b4568c", "#946500", "#2f86b8", "#4d4d4d", "#7a5cc0"),
        verdicts=("#0072b2", "#7cc4ee", "#f4dc6b", "#d55e00", "#858d95"),
    ),
    "dark": Palette(
        surface="#14171a",
        ink="#e8ebee",
        muted="#9ba5af",
        line="#5d6771",
        grid="#2a3036",
        series=("#56b4e9", "#f08a45", "#35c796", "#e39ac4", "#e6b422", "#8fc7ff", "#c8ccd0", "#b69df0"),
        verdicts=("#3a9bdc", "#a9d8f5", "#e6cf5a", "#e8743b", "#6b7580"),
    ),
}


def theme(name: ThemeName) -> dict[str, Any]:
    """The `config` of a Vega-Lite specification."""
    palette = PALETTES[name]
    axis = {
        "labelColor": palette.muted,
        "titleColor": palette.ink,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelPadding": 6,
        "domainColor": palette.line,
        "tickColor": palette.line,
        "tickSize": 4,
        "gridColor": palette.grid,
    }
    legend = {
        "labelColor": palette.ink,
        "titleColor": palette.muted,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "orient": "top",
        "direction": "horizontal",
        "labelLimit": 0,
        "symbolStrokeWidth": 1.5,
        "padding": 0,
        "offset": 12,
    }
    accent = palette.series[0]
    return {
        # A screen reader has the summary of a chart, rather than hundreds of its marks one by one.
        "aria": False,
        "background": None,
        "font": FONT,
        "padding": 8,
        "view": {"stroke": None, "continuousWidth": WIDTH, "continuousHeight": 380},
        "title": {
            "color": palette.ink,
            "subtitleColor": palette.muted,
            "fontSize": 15,
            "fontWeight": 600,
            "anchor": "start",
            "offset": 16,
        },
        "axis": axis,
        "axisX": {"labelSeparation": 10},
        "axisY": {"titleAnchor": "end", "titleAngle": 0, "titleAlign": "left", "titleY": -14, "titleX": 0},
        "legend": legend,
        "range": {"category": list(palette.series), "ordinal": list(palette.verdicts)},
        "mark": {"color": accent},
        "rule": {"color": palette.line},
        "point": {"size": 48, "filled": True, "opacity": 1, "strokeWidth": 1.5},
        "line": {"strokeWidth": 2, "strokeJoin": "round"},
        "area": {"opacity": 0.15},
        "text": {"color": palette.ink, "fontSize": 11},
        "style": {
            INTERVAL: {"color": accent, "strokeWidth": 2, "opacity": 0.45},
            FAINT: {"color": palette.muted, "strokeWidth": 1, "opacity": 0.45},
            REFERENCE: {"color": palette.muted, "strokeWidth": 1, "strokeDash": [4, 3]},
            TIE: {"fill": palette.surface, "stroke": accent},
            MUTED: {"color": palette.muted},
            BOUND: {"color": palette.ink, "opacity": 1},
        },
    }
