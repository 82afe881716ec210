"""Scores in a notebook: the table that it shows, and the frame for pandas."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest
from scores_of import MEASURES, SYNTHETIC, scores_of

from ml_scorer.annotations import Identity
from ml_scorer.report.notebook import MOST_FAILURES, MOST_ROWS
from ml_scorer.report.plain import plain_text
from ml_scorer.report.scores import scores_document
from ml_scorer.scores import Failure

HARMLESS = {"div", "p", "table", "thead", "tbody", "tr", "th", "td", "b", "span", "pre"}


class Page(HTMLParser):
    """Tags, attributes, cells and text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.rows, self.text = set(), set(), [], ""
        self._in_cell = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        self._in_cell = self._in_cell and tag not in {"td", "th"}

    def handle_data(self, data):
        self.text += data + "\n"
        if self._in_cell:
            self.rows[-1][-1] += data


def page(scores):
    html = scores._repr_html_()
    found = Page(html)
    assert found.tags <= HARMLESS
    assert found.attributes <= {"style"}
    assert "url(" not in html
    assert not re.search("(?:background|[^-]color)", html)
    return found


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_the_texts_are_those_of_the_terminal(confidence):
    scores = scores_of(["a", "b", "c"], confidence=confidence, wrong=[1, None, 12345])
    plain = plain_text(scores_document(scores))
    found = page(scores)
    for heading, *row in zip(*found.rows, strict=True):
        assert heading in plain
        assert all(text in plain for text in row)
    assert found.rows[0] == ["checkpoint", *MEASURES, "correct", "unclear", "wrong", "unreviewed"]
    assert found.rows[2][-2] == "-"
    assert found.rows[3][-2] == "12,345"
    assert all(signature in found.text for signature in scores.signatures.values())
    assert ("95% intervals: Clopper-Pearson" in found.text) == (confidence is not None)


def test_a_share_is_a_percentage_with_its_interval():
    scores = scores_of(["a"], confidence=0.95, measures=["MLA"], MLA=[0.8508], MLA_low=[0.8456], MLA_high=[0.8560])
    assert page(scores).rows[1][1] == "85.08% ±0.52"


@pytest.mark.parametrize(
    ("identity", "warning"),
    [(SYNTHETIC, "SYNTHETIC annotations"), (Identity("unverified", "UNVERIFIED", None, "5f" * 32), "UNVERIFIED")],
)
def test_doubtful_annotations_are_said_first(identity, warning):
    assert page(scores_of(["a"], identity=identity)).text.startswith(warning)


def test_rows_and_failures_are_bounded_and_the_rest_is_counted():
    scores = scores_of([f"name-{number}" for number in range(1234)])
    scores = replace(scores, failed=tuple(Failure(f"f{n}", f"f{n}.csv: damaged") for n in range(MOST_FAILURES + 3)))
    found = page(scores)
    assert len(found.rows) == MOST_ROWS + 1
    assert "… and 1,214 more checkpoints, of 1,234 in all" in found.text
    assert found.text.count("damaged") == MOST_FAILURES
    assert "… and 3 more that failed" in found.text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;b&gt;", "{{x}}"])
def test_names_and_reasons_are_text(name):
    scores = replace(scores_of([name]), failed=(Failure("x", f"{name}: damaged"),), near_chance=(name,))
    found = page(scores)
    assert found.rows[1][0] == name
    assert f"failed: {name}: damaged" in found.text
    assert f"near chance, whatever order or class ids one tries: {name}." in found.text


def test_control_characters_and_endless_names_do_no_harm():
    found = page(scores_of(["a\x1b[31m\u202eb", "x" * 5000]))
    assert found.rows[1][0] == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b"
    assert found.rows[2][0] == "x" * 200 + "…"


def test_without_checkpoints_there_are_only_reasons():
    scores = replace(scores_of([]), failed=(Failure("a", "a.csv: damaged"),))
    found = page(scores)
    assert found.rows == []
    assert "failed: a.csv: damaged" in found.text


def test_the_best_is_bold():
    html = scores_of(["a", "b"], measures=["MLA"], MLA=[0.5, 0.75])._repr_html_()
    assert re.findall("<b>(.*?)</b>", html) == ["75.00%"]


class TestPandas:
    def test_every_value_and_type_is_kept(self):
        pd = pytest.importorskip("pandas")
        scores = scores_of(["a", "é⛵"], confidence=0.95, wrong=[1, None], ties=pl.Series([None, 2], dtype=pl.Int64))
        frame = scores.to_pandas()
        assert list(frame.columns) == scores.frame.columns
        assert list(frame["checkpoint"]) == ["a", "é⛵"]
        assert all(type(name) is str for name in frame["checkpoint"])
        for measure in MEASURES:
            assert frame[measure].dtype == np.float64
            assert frame[measure].to_list() == scores.frame[measure].to_list()
        for count in ("correct", "wrong", "ties"):
            assert frame[count].dtype == pd.Int64Dtype()
            assert [None if value is pd.NA else value for value in frame[count]] == scores.frame[count].to_list()
        assert frame.attrs["signatures"] == scores.signatures
        assert frame.attrs["confidence"] == 0.95
        assert frame.attrs["annotations"] == str(scores.annotations)

    def test_an_empty_one_has_the_same_types(self):
        pytest.importorskip("pandas")
        assert scores_of([]).to_pandas().dtypes.to_dict() == scores_of(["a"]).to_pandas().dtypes.to_dict()

    def test_what_is_not_known_is_nan(self):
        pytest.importorskip("pandas")
        assert math.isnan(scores_of(["a"], MLA=pl.Series([None], dtype=pl.Float64)).to_pandas()["MLA"][0])

    @pytest.mark.parametrize(("blocked", "sentence"), [("pandas", "pip install pandas"), ("pyarrow", None)])
    def test_pandas_is_needed_and_pyarrow_is_not(self, blocked, sentence):
        if blocked == "pyarrow":
            pytest.importorskip("pandas")
        code = (
            f"import sys; sys.modules[{blocked!r}] = None; sys.path += {sys.path!r}\n"
            "from scores_of import scores_of; scores_of(['a']).to_pandas()"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (result.returncode == 0) == (sentence is None)
        assert sentence is None or f"to_pandas needs pandas, which is not installed: {sentence}" in result.stderr
