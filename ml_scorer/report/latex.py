r"""Documents as LaTeX: tables of the package booktabs, in ASCII that every engine takes.

What comes from a file is escaped so that it can neither end a cell nor run a command: a name of a checkpoint is typeset
as it reads.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ml_scorer.report.cells import Column, Shown, count_rows, shown
from ml_scorer.report.document import Document
from ml_scorer.report.intervals import TO

_NAMED: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    # These mean something else in the default encoding of fonts, ...
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\ttfamily\char34}",
    "`": r"\`{}",
    # ... these join with one of their kind, and these belong to the command before them, as in `\\[2pt]` and `\\*`.
    "-": "-{}",
    "'": "'{}",
    ",": ",{}",
    "?": "?{}",
    "!": "!{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{LEFT SINGLE QUOTATION MARK}": "`{}",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``{}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''{}",
    "…": r"\dots{}",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "µ": r"$\mu$",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
}
"""Characters that are written in another way."""

_ACCENTS: Final = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
"""The command of each accent that stands in the default encoding of fonts."""

_DOTLESS: Final = {"i": r"\i", "j": r"\j"}

_POWER: Final = re.compile(r"(?P<digits>-?\d(?:\.\d+)?)e(?P<power>[+-]\d+)")
_SIGN: Final = re.compile(r"(?<![\d.\w])-(?=\d)")


def latex(document: Document) -> str:
    r"""A `tabular` for each table, the best in bold; signatures and notes as comments below, for the caption.

    What must not be overlooked, that the annotations are made up or not known, stands in the table itself.
    """
    texts = shown(document)
    parts = ["% \\usepackage{booktabs}"]
    for place, (name, columns) in enumerate(texts.tables):
        parts += [f"% {_comment(name)}"] if place else []
        parts += _tabular(columns, texts)
    parts += [f"% {_comment(signature)}" for signature in texts.signatures]
    parts += [f"% {_comment(note)}" for note in texts.notes]
    parts += [f"% failed: {_comment(failure)}" for failure in texts.failures]
    return "\n".join(parts)


def escape(text: str) -> str:
    r"""A text as LaTeX typesets it, in ASCII; what has no command of its own stands by its number.

    >>> print(escape("R_50 [50%]"), escape("é"), escape("猫"))
    R\_50 {[}50\%{]} \'{e} {[}U+732B{]}
    """
    if text.isascii() and text.isalnum():
        return text
    return "".join(map(_character, " ".join(text.split())))


def _tabular(columns: tuple[Column, ...], texts: Shown) -> list[str]:
    if not count_rows(columns):
        return [*(rf"\textbf{{{escape(warning)}}}\par" for warning in texts.warnings), escape(texts.without_rows)]
    sides = "".join("l" if column.left or not place else "r" for place, column in enumerate(columns))
    cells = [_cells(column) for column in columns]
    warnings = [
        rf"  \multicolumn{{{len(columns)}}}{{p{{0.9\linewidth}}}}{{\textbf{{{escape(warning)}}}}} \\"
        for warning in texts.warnings
    ]
    return [
        rf"\begin{{tabular}}{{{sides}}}",
        r"  \toprule",
        *warnings,
        rf"  {' & '.join(escape(column.heading) for column in columns)} \\",
        r"  \midrule",
        *(rf"  {' & '.join(row)} \\" for row in zip(*cells, strict=True)),
        r"  \bottomrule",
        r"\end{tabular}",
    ]


def _cells(column: Column) -> list[str]:
    typeset = escape if column.kind == "text" else _number
    values = list(map(typeset, column.texts))
    behind = [_number(text) if text else "" for text in column.behind]
    return [
        (rf"\textbf{{{value}}}" if row in column.best else value) + after
        for row, (value, after) in enumerate(zip(values, behind, strict=True))
    ]


def _number(text: str) -> str:
    r"""A number of ours, with its minus sign, and its power of ten as such.

    >>> print(_number("85.08%"), _number("±0.48"), _number("-0.58 pp"), _number("1.2e-09"), _number("-"))
    85.08\% $\pm$0.48 $-$0.58 pp $1.2\times10^{-9}$ --
    >>> print(_number("1\N{EN DASH}3"), _number("[-0.27, +0.89]"))
    1--3 {[}$-$0.27, +0.89{]}
    """
    if text == "-":
        return "--"
    power = _POWER.search(text)
    if power:
        value = rf"${power['digits']}\times10^{{{int(power['power'])}}}$"
        return text[: power.start()].replace("<", "$<$") + value + text[power.end() :]
    text = _SIGN.sub("$-$", text).replace("<", "$<$")  # before a range gets its two hyphens
    return text.replace("%", r"\%").replace("[", "{[}").replace("]", "{]}").replace("±", r"$\pm$").replace(TO, "--")


def _character(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if character.isascii():
        return character
    base, *marks = list(unicodedata.normalize("NFD", character))
    if len(marks) == 1 and marks[0] in _ACCENTS and base.isascii():
        return rf"\{_ACCENTS[marks[0]]}{{{_DOTLESS.get(base, base)}}}"
    return f"{{[}}U+{ord(character):04X}{{]}}"


def _comment(text: str) -> str:
    """A text in one line: nothing of it gets out of the comment."""
    return " ".join(text.split())
