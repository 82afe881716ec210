"""LaTeX: every name is typeset as it reads, and nothing in it is a command."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_scorer.annotations import Identity
from ml_scorer.report.document import Document, Table
from ml_scorer.report.latex import escape, latex

GENUINE = Identity("genuine", "imagenet2012_multilabel", "3.0.0", "f2" * 32)
SYNTHETIC = Identity("synthetic", "SYNTHETIC", None, "ab" * 32)

COMMANDS = re.compile(
    r"\\(?:textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|dots|ss|ae|AE|oe|OE|o|O|l|L)\{\}"
    r"|\\[{}$&#%_]|\\`\{\}|\{\\ttfamily\\char34\}|\\[`'^~=.\"](?:\{[A-Za-z]\}|\{\\[ij]\})|\\[uvcrH](?:\{[A-Za-z]\}|\{\\[ij]\})"
    r"|\$\\(?:pm|times|mu)\$|\{[\[\]*]\}|[-',?!`]\{\}|``\{\}|''\{\}|--\{?\}?-?"
)
"""All that may stand for a character; what is left of an escaped text is plain."""


def shown(name="a", annotations=GENUINE, **columns):
    frame = pl.DataFrame({"checkpoint": [name], "MLA": [0.5], **columns})
    return latex(Document((Table("scores", frame, {"MLA": "share"}),), annotations, {"MLA": "MLA|data"}))


def test_the_whole_table():
    frame = pl.DataFrame({
        "checkpoint": ["resnet_50", "dino"],
        "MLA": [0.8508, 0.8566],
        "MLA_low": [0.8460, 0.8516],
        "MLA_high": [0.8556, 0.8610],
        "change": [-0.0058, 0.0058],
        "p": [1.2e-9, 0.5],
        "images": [18692, None],
    })  # fmt: skip
    kinds = {"MLA": "share", "change": "points", "p": "p"}
    table = Table("scores", frame, kinds, {"MLA": ("MLA_low", "MLA_high")}, best=("MLA",))
    text = latex(Document((table,), GENUINE, {"MLA": "MLA|data:x@1"}, notes=("95% intervals: bootstrap.",)))
    assert text.splitlines() == [
        r"% \usepackage{booktabs}",
        r"\begin{tabular}{lrrrr}",
        r"  \toprule",
        r"  checkpoint & MLA & change & p & images \\",
        r"  \midrule",
        r"  resnet\_50 & 85.08\% {[}84.60, 85.56{]} & $-$0.58 pp & $1.2\times10^{-9}$ & 18,692 \\",
        r"  dino & \textbf{85.66\%} {[}85.16, 86.10{]} & +0.58 pp & 0.500 & -- \\",
        r"  \bottomrule",
        r"\end{tabular}",
        r"% MLA|data:x@1",
        r"% 95% intervals: bootstrap.",
    ]


def test_ranges_of_places_have_no_minus_sign():
    frame = pl.DataFrame({"checkpoint": ["a", "b"], "low": [1, 12], "high": [3, 12]})
    table = Table("scores", frame, {}, {"place": ("low", "high")})
    text = latex(Document((table,), GENUINE, {}))
    assert r"  a & 1--3 \\" in text.splitlines()
    assert r"  b & 12 \\" in text.splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resnet_50 & 100%", r"resnet\_50 \& 100\%"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("$x^2$ ~ #1", r"\$x\textasciicircum{}2\$ \textasciitilde{} \#1"),
        ("[2pt]*", r"{[}2pt{]}{*}"),
        ("a--b ?`", r"a-{}-{}b ?{}\`{}"),
        ("<b>|\"'", r"\textless{}b\textgreater{}\textbar{}{\ttfamily\char34}'{}"),
        ("é ñ ü ç Å š ï", r"\'{e} \~{n} \"{u} \c{c} \r{A} \v{s} " + '\\"{\\i}'),
        ("ß æ ø", r"\ss{} \ae{} \o{}"),
        ("猫 \U0001d54f", "{[}U+732B{]} {[}U+1D54F{]}"),
        ("ạ̈", r"{[}U+1EA1{]}{[}U+0308{]}"),
        ("a\nb\t c", "a b c"),
        ("", ""),
    ],
)
def test_a_name_is_typeset_as_it_reads(text, expected):
    assert escape(text) == expected


@settings(deadline=None)
@given(st.text())
def test_nothing_in_a_name_is_a_command(name):
    escaped = escape(name)
    assert escaped.isascii()
    left = COMMANDS.sub("", escaped)
    assert not re.search(r"[\\{}$&#%_^~<>|\"`\n]", left)


@settings(deadline=None)
@given(st.text())
def test_a_row_keeps_its_cells(name):
    lines = shown(name).splitlines()
    row = lines[5]
    assert len(re.findall(r"(?<!\\)&", row)) == 1
    assert row.endswith(r"& 50.00\% \\")
    assert len(lines) == 9


def test_a_name_that_could_belong_to_the_line_before_does_not():
    row = shown("[1cm]").splitlines()[5]
    assert row.lstrip().startswith("{[}")


def test_a_heading_is_escaped():
    assert r"a\_b\&c" in shown(**{"a_b&c": [1]})


def test_made_up_annotations_stand_in_the_table():
    lines = shown(annotations=SYNTHETIC).splitlines()
    assert lines[3].startswith(r"  \multicolumn{2}{p{0.9\linewidth}}{\textbf{SYNTHETIC annotations")
    assert lines[3].endswith(r"}} \\")


def test_a_comment_is_never_left():
    text = latex(Document((Table("t\n\\x", pl.DataFrame({"c": [1]})),) * 2, GENUINE, {}, notes=("a\r\n\\input{b}",)))
    assert r"\input" not in re.sub("(?m)^%.*$", "", text)


def test_it_parses():
    latexwalker = pytest.importorskip("pylatexenc.latexwalker")
    name = r"a_b\c{d}$e$%f&g#h~i^j[k]*<l>|m"
    nodes, _, _ = latexwalker.LatexWalker(shown(name), tolerant_parsing=False).get_latex_nodes()
    assert any(getattr(node, "environmentname", None) == "tabular" for node in nodes)
