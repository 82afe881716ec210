"""Charts inside a page: the scripts that draw them, their specifications, and how both get along with a strict policy.

A page may forbid `unsafe-eval` and every connection: with `EMBED_OPTIONS`, expressions are interpreted rather than
compiled (`ast`), no styles are injected, and nothing links to elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ml_scorer.errors import MissingExtraError
from ml_scorer.report.charts.theme import ThemeName, theme

if TYPE_CHECKING:
    import altair as alt

VEGA_LITE: Final = "6.4"
"""Version of Vega-Lite that the specifications are written for."""

EMBED_OPTIONS: Final[dict[str, Any]] = {
    "mode": "vega-lite",
    "ast": True,
    "renderer": "svg",
    "defaultStyle": False,
    "tooltip": {"disableDefaultStyle": True},
    "actions": {"export": {"svg": True, "png": True}, "source": False, "compiled": False, "editor": False},
    "scaleFactor": {"svg": 1, "png": 2},
}
"""Options of `vegaEmbed`."""

_SUBTITLE: Final = 11
"""Size of a line below the title, in pixels: that of Vega."""

CHART_STYLE: Final = """\
.vega-embed { position: relative; width: 100%; }
.vega-embed svg, .vega-embed canvas { max-width: 100%; }
.vega-embed .vega-actions { display: flex; gap: 1rem; font-size: 0.75rem; }
#vg-tooltip-element {
  visibility: hidden; position: fixed; z-index: 1000; max-width: min(24rem, 90vw); padding: 0.5rem 0.65rem;
  border: 1px solid var(--line, #aab2ba); border-radius: 4px; box-shadow: 0 2px 10px rgb(0 0 0 / 15%);
  background: var(--surface, #fff); color: var(--ink, #1c2126); font: 12px/1.4 system-ui, sans-serif;
  overflow-wrap: anywhere; pointer-events: none;
}
#vg-tooltip-element.visible { visibility: visible; }
#vg-tooltip-element td.key {
  padding-right: 0.5rem; color: var(--muted, #5b6570); text-align: right; vertical-align: top; white-space: nowrap;
}
#vg-tooltip-element td.value { font-variant-numeric: tabular-nums; }
@media print { .vega-embed .vega-actions { display: none; } }
"""
"""In place of the styles that Vega-Embed would inject. A page may give `--surface`, `--ink`, `--muted` and `--line`."""


@cache
def vega_script() -> str:
    """Vega, Vega-Lite and Vega-Embed with its interpreter, as one script that sets `window.vegaEmbed`; about 900 kB.

    Raises
    ------
    MissingExtraError
        If vl-convert is not installed.
    """
    try:
        from vl_convert import javascript_bundle
    except ImportError as error:
        raise MissingExtraError("a chart in a page", "report") from error
    script: str = javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE)
    return script


def spec(
    chart: alt.LayerChart,
    theme_name: ThemeName | None = "light",
    *,
    responsive: bool = True,
    heading: Sequence[str] = (),
) -> dict[str, Any]:
    """The Vega-Lite specification of a chart.

    Parameters
    ----------
    chart : altair.LayerChart
        From `ChartKind.build`.
    theme_name : "light", "dark" or None
        Its colours; None leaves `config` out, for a page that holds one specification and both of `theme("light")` and
        `theme("dark")`, and passes one of these as the option `config` of `vegaEmbed`.
    responsive : bool
        As wide as the element that it is in, rather than of the chart's own width.
    heading : sequence of str
        Lines inside the picture, above the chart; the first is its title, and empty where it has none.
    """
    drawn: dict[str, Any] = chart.to_dict(validate=False)
    drawn.pop("config", None)
    drawn["$schema"] = f"https://vega.github.io/schema/vega-lite/v{VEGA_LITE.partition('.')[0]}.json"
    if theme_name is not None:
        drawn["config"] = theme(theme_name)
    if responsive:
        drawn["width"] = "container"
        drawn["autosize"] = {"type": "fit-x", "contains": "padding"}
    if heading and heading[0]:
        drawn["title"] = {"text": heading[0], "subtitle": list(heading[1:])}
    elif heading:  # Vega draws no subtitle where there is no title
        drawn["title"] = {"text": list(heading[1:]), "fontSize": _SUBTITLE, "fontWeight": "normal"}
    return drawn
