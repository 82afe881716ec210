"""Charts as files: SVG, PNG and PDF, drawn without a browser and without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml_scorer.errors import MissingExtraError
from ml_scorer.report.charts.embedding import VEGA_LITE, spec
from ml_scorer.report.charts.theme import PALETTES, ThemeName
from ml_scorer.writing import write_output

if TYPE_CHECKING:
    import altair as alt

ENDINGS: Final = (".svg", ".png", ".pdf")
SCALE: Final = 2
"""Pixels of a PNG for each of the chart's own, so that it is sharp on paper and fine screens."""


def save(
    chart: alt.LayerChart,
    path: str | Path,
    *,
    theme_name: ThemeName = "light",
    heading: Sequence[str] = (),
    description: str = "",
) -> Path:
    """Write a chart; the ending of the path says as what.

    Parameters
    ----------
    chart : altair.LayerChart
    path : path
    theme_name : "light" or "dark"
    heading : sequence of str
        Lines above the chart; the first is its title, and empty where it has none.
    description : str
        What the chart shows, in words: the alternative text of an SVG.

    Returns
    -------
    The path.

    Raises
    ------
    ValueError
        If the ending is none of `ENDINGS`.
    MissingExtraError
        If vl-convert is not installed.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(
            f"{path}: a chart is written as {', '.join(ENDINGS)}, not {ending or 'a file without ending'!r}"
        )
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtraError("a chart as a file", "report") from error
    drawn = spec(chart, theme_name, responsive=False, heading=heading)
    drawn["background"] = PALETTES[theme_name].surface
    options: dict[str, Any] = {"vl_version": VEGA_LITE, "allowed_base_urls": []}
    if ending == ".png":
        write_output(vl_convert.vegalite_to_png(drawn, scale=SCALE, **options), path)
    elif ending == ".pdf":
        write_output(vl_convert.vegalite_to_pdf(drawn, **options), path)
    else:
        picture: str = vl_convert.vegalite_to_svg(drawn, **options)
        # What reads a picture out reads the element that stands first in it.
        write_output(picture.replace(">", f"><desc>{escape(description)}</desc>", 1).encode(), path)
    return path
