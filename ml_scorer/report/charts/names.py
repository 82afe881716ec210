"""Names from files as data of a chart: cut, printable, and never part of an expression or of a field's name.

Vega has an expression language, reads dots and brackets in the names of fields as paths, and shows tooltips as HTML,
which it escapes. Here columns have plain names, and rows of a chart are numbered: the axis looks each number's text up.
"""

from __future__ import annotations

from collections.abc import Sequence
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, Final

from ml_scorer.report.printable import printable

if TYPE_CHECKING:
    import altair as alt

LONGEST_LABEL: Final = 34
LONGEST_ON_A_PHONE: Final = 15
LONGEST_IN_A_TOOLTIP: Final = 120

_IS_NARROW: Final = "containerSize()[0] < 520"  # pixels of the element that the chart is in
_NAMES: Final = "names"
_SHORT_NAMES: Final = "short_names"


def cut(name: str, longest: int = LONGEST_LABEL) -> str:
    """A name, printable, of so many characters at most: its middle is left out, since runs differ at the end.

    >>> cut("resnet50", 8), cut("resnet50-lr-0.1-step-00500", 15)
    ('resnet50', 'resnet5…p-00500')
    """
    shown = printable(name)
    if len(shown) <= longest:
        return shown
    end = (longest - 1) // 2
    return f"{shown[: longest - 1 - end]}…{shown[len(shown) - end :]}"


def distinct(names: Sequence[str], longest: int) -> list[str]:
    """Names, each cut to so many characters; without what they all begin with, where they would look the same else.

    >>> distinct(["vit_large_6_laion", "vit_large_7_laion"], 10)
    ['…6_laion', '…7_laion']
    """
    labels = [cut(name, longest) for name in names]
    if len(set(labels)) == len(set(names)):
        return labels
    alike = len(commonprefix(list(names)))  # noqa: RUF071 (character by character is meant)
    return [f"…{cut(name[alike:], longest - 1)}" for name in names] if alike else labels


def narrow(then: object, otherwise: object) -> alt.ExprRef:
    """One value in a narrow chart, another in a wide one, and where no page says how wide it is."""
    import altair as alt

    return alt.ExprRef(f"{_IS_NARROW} ? {then} : {otherwise}")


def tooltip_name(name: str) -> str:
    """A name as a tooltip shows it."""
    return cut(name, LONGEST_IN_A_TOOLTIP)


def row_axis(**options: Any) -> alt.Axis:  # noqa: ANN401 (Altair's own)
    """An axis whose values are row numbers; the chart needs `with_names`."""
    import altair as alt

    plain = {"title": None, "ticks": False, "domain": False, "grid": False, "labelPadding": 8, "labelLimit": 300}
    expression = f"({_IS_NARROW} ? {_SHORT_NAMES} : {_NAMES})[datum.value]"
    return alt.Axis(labelExpr=expression, **{**plain, **options})


def row_legend() -> alt.Legend:
    """A legend whose values are row numbers; the chart needs `with_names`."""
    import altair as alt

    return alt.Legend(
        title=None,
        labelExpr=f"{_NAMES}[datum.value]",
        columns=narrow(1, 2),
        symbolType="stroke",
        symbolSize=700,
        symbolStrokeWidth=2,
        offset=36,
    )


def with_names(
    chart: alt.LayerChart, names: Sequence[str], short_names: Sequence[str] | None = None, longest: int = LONGEST_LABEL
) -> alt.LayerChart:
    """The chart with the texts of its numbered rows, and shorter ones for where it is narrow; None cuts the names."""
    import altair as alt

    if short_names is None:
        short_names = distinct(names, LONGEST_ON_A_PHONE)
    return chart.add_params(
        alt.param(name=_NAMES, value=distinct(names, longest)),
        alt.param(name=_SHORT_NAMES, value=list(short_names)),
    )
