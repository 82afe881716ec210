"""The report: what it says, that names do no harm in it, and how large it is."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import fields
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest
from pages import made_outcomes

pytest.importorskip("altair")
pytest.importorskip("jinja2")
pytest.importorskip("scipy")
pytest.importorskip("vl_convert")

from ml_scorer.measures import MEASURES, MLA, ImageNetM, ReaL, Top1  # after what may be absent
from ml_scorer.report.page.bits import comparable_measure, comparison_data, open_labels
from ml_scorer.report.page.build import report_page
from ml_scorer.report.page.data import best_outcomes, leaderboard_frame, training_frame
from ml_scorer.report.page.leaderboard import leaderboard_of
from ml_scorer.report.page.meanings import meaning
from ml_scorer.report.page.policy import content_policy, json_for_html, script_for_html
from ml_scorer.report.page.sources import citations, other_data
from ml_scorer.report.page.words import headline, terms
from ml_scorer.scoring import Scorer

HOSTILE = "</script><img src=x onerror=alert(1)>&amp;\u2028'\"{{ 7 * 7 }}"


class Page(HTMLParser):
    """What a browser finds in a page: its elements, the texts of its scripts, and the leaderboard's cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.data: dict[str, str] = {}
        self.text: list[str] = []
        self._inside: str | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self._id = dict(attrs).get("id")

    def handle_endtag(self, _):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            if self._id:
                self.data[self._id] = data
            else:
                self.scripts.append(data)
        elif self._inside != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def outcomes(synthetic):
    return made_outcomes(synthetic, ["run-step-100", "run-step-200", HOSTILE, "other"])


@pytest.fixture(scope="module")
def page(outcomes):
    return report_page(outcomes)


def test_the_leaderboard_holds_the_scores_and_is_sorted_by_the_first_measure(outcomes):
    frame = leaderboard_frame(outcomes)
    assert frame["checkpoint"].to_list() == ["other", HOSTILE, "run-step-200", "run-step-100"]
    scores = outcomes.scores.frame
    assert frame.sort("MLA")["Top1"].to_list() == scores.sort("MLA")["Top1"].to_list()
    assert frame["place_low"].to_list() == [1, 2, 3, 4]
    assert (frame["MLA_low"] < frame["MLA"]).all()
    assert (frame["MLA"] < frame["MLA_high"]).all()
    assert best_outcomes(outcomes, 2).names == ("other", HOSTILE)


def test_a_leaderboard_without_intervals_is_refused(synthetic):
    with pytest.raises(ValueError, match=r"needs intervals: ask for the outcomes with confidence=0\.95"):
        leaderboard_frame(made_outcomes(synthetic, ["a"], confidence=None))


def test_training_runs_have_several_steps_in_order():
    frame = training_frame(
        pl.DataFrame({"checkpoint": ["a-step-10", "a-step-9", "b-step-1", "c"], "MLA": [4.0, 3, 2, 1]})
    )
    assert frame.select("checkpoint", "run", "step").rows() == [("a-step-9", "a", 9), ("a-step-10", "a", 10)]
    assert training_frame(frame.clear()).is_empty()


def test_the_headline_says_what_the_images_can_tell():
    frame = pl.DataFrame(
        {
            "checkpoint": ["a", "b", "c"],
            "place_low": [1, 1, 3],
            "MLA": [0.9, 0.8, 0.7],
            "MLA_low": 0.6,
            "MLA_high": 0.95,
        }
    )
    leads = "a has the highest MLA: 90.00% (60.00% to 95.00%)."
    assert headline(frame, "MLA") == (
        f"{leads} Of the 3 checkpoints 2 may be in first place, as far as the images tell."
    )
    apart = frame.with_columns(place_low=pl.Series([1, 2, 3]))
    assert headline(apart, "MLA").endswith("The images tell it from all others.")
    assert headline(apart.head(2), "MLA").endswith("The images tell it from the other one.")
    assert headline(frame.head(2), "MLA") == f"{leads} Either of the two may be in first place."
    assert headline(frame.with_columns(place_low=1), "MLA").endswith("Of the 3 checkpoints any may be in first place, "
                                                                     "as far as the images tell.")  # fmt: skip
    assert headline(frame.head(1), "MLA") == "a has an MLA of 90.00% (60.00% to 95.00%)."


def test_every_name_is_escaped(page):
    found = Page(page)
    assert not [tag for tag, _ in found.tags if tag == "img"]
    assert not [attributes for _, attributes in found.tags if any(name.startswith("on") for name in attributes)]
    shown = HOSTILE.replace("\u2028", "\N{REPLACEMENT CHARACTER}")
    assert any(shown in text for text in found.text)
    assert json.loads(found.data["comparison-data"])["names"][1] == shown
    assert "\u2028" not in page
    for text in found.data.values():
        assert not re.search("[<>&]", text)


def test_the_policy_allows_just_the_scripts_and_styles_of_the_page(page):
    found = Page(page)
    policy = next(a["content"] for tag, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == "'none'"
    assert "unsafe" not in policy
    hashes = {f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in found.scripts}
    assert len(found.scripts) == 5
    assert set(parts["script-src"].split()) == hashes
    assert not [a for _, a in found.tags if "style" in a]  # which the policy would not apply
    sources = [value for _, a in found.tags for name, value in a.items() if name in {"src", "href"}]
    assert all(source.startswith(("#", "data:")) for source in sources)


def test_what_ends_a_script_never_stands_in_one():
    assert json_for_html(["</script>", "a\u2028&"]) == r'["\u003c/script\u003e","a\u2028\u0026"]'
    with pytest.raises(ValueError, match="a script of the page holds </script"):
        script_for_html("'</SCRIPT>'")
    with pytest.raises(ValueError, match="Out of range float"):
        json_for_html([float("nan")])
    assert content_policy(["a"], []).startswith("default-src 'none'; script-src 'sha256-")


def test_synthetic_annotations_are_called_so_first(page):
    text = Page(page).text
    warning = next(at for at, part in enumerate(text) if part.startswith("SYNTHETIC annotations"))
    title = next(at for at, part in enumerate(text) if part == "ml-scorer report")
    assert warning < title


def test_signatures_citations_and_methods_stand_in_the_page(page, outcomes):
    text = " ".join(Page(page).text)
    for signature in outcomes.scores.signatures.values():
        assert signature in text
    for words in ("stratified Korn-Graubard", "Clopper-Pearson", "McNemar", "ICML 2020", "arXiv:2205.04596"):
        assert words in text


def test_one_checkpoint_gives_a_report_without_what_needs_two(synthetic):
    page = report_page(made_outcomes(synthetic, ["alone"]))
    found = Page(page)
    sections = {attributes.get("id") for tag, attributes in found.tags if tag == "section"}
    assert {"leaderboard", "chart-verdicts", "chart-classes", "chart-groups", "method"} <= sections
    assert not {"chart-leaderboard", "chart-mla-against-top1", "chart-training", "compare"} & sections
    text = " ".join(found.text)
    for sentence in (
        "Comparison of two checkpoints: it needs two",
        "MLA against top-1: it needs",
        "Course of training: no run",
    ):
        assert sentence in text


def test_measures_without_the_images_of_mla_leave_sections_out(synthetic):
    outcomes = made_outcomes(synthetic, ["a", "b"], [MLA(classes="dog", average="image"), Top1()])
    assert "Leaderboard" in report_page(outcomes)


def test_what_is_left_out_says_what_it_needs(synthetic):
    text = " ".join(Page(report_page(made_outcomes(synthetic, ["a", "b"], [Top1()]))).text)
    for title in ("Classes", "Confusions"):
        assert f"{title}: it needs MLA with k=1 among the measures, in any form." in text
    assert "MLA against top-1: it needs two checkpoints and, among the measures, MLA and Top1" in text
    assert "no prediction is wrong" not in text


def test_an_unreadable_chart_points_to_where_its_data_are(page):
    pointers = {a["data-chart"]: a["data-instead"] for _, a in Page(page).tags if "data-chart" in a}
    assert pointers["chart-classes"] == "its data are in the table below"
    assert pointers["chart-verdicts"] == "its data are in the leaderboard above"


def every_measure():
    """Every measure, and every argument of each with every value (of those that are sets, one)."""
    given = {"classes": ("dog", "0-9+15"), "k": ("5", "labels")}
    for kind in MEASURES.values():
        yield kind()
        for field in fields(kind):
            for value in given.get(field.name) or kind.choices[field.name]:
                if field.name == "membership":
                    yield kind(average="image", classes="dog", membership=value)
                elif value != field.default:
                    yield kind(**{field.name: value})


def test_every_argument_of_every_measure_is_put_into_words():
    measures = list(every_measure())
    sentences = [meaning(measure) for measure in measures]
    assert len(set(sentences)) == len(set(measures))
    assert not [sentence for sentence in sentences if "=" in sentence or "ml-scorer measures" in sentence]
    strict = meaning(MLA(unclear="wrong", unreviewed="correct"))
    assert strict.startswith("a prediction is right when it is a label that experts judged correct, or that nobody")
    assert "on all 50,000 validation images" in meaning(Top1(images="validation"))
    assert "on the images of MLA" not in meaning(Top1(images="validation"))
    assert "only images whose original label is a dog" in meaning(MLA(classes="dog"))
    assert "of the classes 0-9+15" in meaning(MLA(classes="0-9+15"))
    assert "any of its first 5 predictions" in meaning(MLA(k=5))


def test_counts_say_of_which_images_they_are():
    said = dict(terms([Top1(images="validation")], ["correct", "unclear", "wrong", "unreviewed", "missing"], 18_692))
    assert said["correct, unclear, wrong, unreviewed"] == "counts of the 18,692 images of MLA, whatever is measured"
    assert list(said)[-1] == "missing"
    assert list(dict(terms([Top1()], ["Top1"], 18_692))) == ["Top1"]


def test_works_are_cited_for_what_was_measured():
    def cited(*measures):
        return " ".join(citations(measures))

    assert "2205.04596: version 3.0.0 of the annotations." in cited(MLA())
    assert "ImageNet-M" not in cited(MLA())
    assert "and ImageNet-M." in cited(ImageNetM())
    for works in (cited(MLA()), cited(ReaL())):
        assert works.count("ICML 2020") == works.count("the places") == 1
    assert "arXiv:2006.07159" in cited(ReaL())
    assert "2006.07159" not in cited(MLA())
    assert "2412.18409" in cited(MLA(k="labels"))
    assert "2401.02430" in cited(MLA(average="image", classes="dog", membership="any"))


def test_other_labels_than_the_annotations_are_identified(synthetic):
    identity = synthetic.identity
    signatures = {
        "MLA": f"MLA|data:{identity}|images:1",
        "ReaL": "ReaL|data:real/1@0123|images:1",
        "ReaL(images=annotated)": f"ReaL(images=annotated)|data:real/1@0123+{identity}|images:1",
    }
    assert other_data(signatures, identity) == ["ReaL, ReaL(images=annotated): by the labels real/1@0123."]
    assert other_data({"MLA": signatures["MLA"]}, identity) == []


def test_models_near_chance_are_named(synthetic, outcomes, page):
    assert "Near chance" not in page
    assert outcomes.scores.doubts == ()
    labels = np.random.default_rng(0).integers(0, 1000, len(synthetic), dtype=np.int16)
    untrained = Scorer(synthetic, order="annotations").outcomes({HOSTILE: labels}, confidence=0.95)
    found = Page(report_page(untrained))
    shown = HOSTILE.replace("\u2028", "\N{REPLACEMENT CHARACTER}")
    sentence = f"Near chance, whatever order or class ids one tries: {shown}. Is the model trained?"
    assert sentence in "".join(found.text)
    assert not [tag for tag, _ in found.tags if tag == "img"]


def test_unreviewed_labels_of_an_image_are_told_apart(synthetic):
    outcomes = made_outcomes(synthetic, ["a", "b", "c", "d"])
    opened = open_labels(outcomes, "MLA")
    images = outcomes.rules["MLA"].images
    labels = outcomes.top1[:, np.searchsorted(outcomes.images, images)].T
    rows = np.searchsorted(synthetic.images, images)
    judged = set(zip(synthetic.reviewed_rows.tolist(), synthetic.reviewed_labels.tolist(), strict=True))
    for row, known, numbers in zip(rows.tolist(), labels.tolist(), opened.tolist(), strict=True):
        assert [number > 0 for number in numbers] == [label >= 0 and (row, label) not in judged for label in known]
        for first in range(4):
            for second in range(4):
                if numbers[first] and numbers[second]:
                    assert (numbers[first] == numbers[second]) == (known[first] == known[second])
    assert opened.dtype == np.uint8
    assert opened.max() <= 4
    assert open_labels(outcomes, "MLA(unreviewed=correct)") is None
    assert open_labels(outcomes, "Top1") is None


def test_more_unreviewed_labels_of_an_image_than_a_byte_counts(synthetic):
    drawn = np.random.default_rng(0).integers(0, 1000, (400, len(synthetic)), dtype=np.int16)
    labels = {f"{number}": row for number, row in enumerate(drawn)}
    outcomes = Scorer(synthetic, [MLA(average="image")], order="annotations").outcomes(labels)
    opened = open_labels(outcomes, "MLA(average=image)")
    assert opened.dtype == np.dtype("<u2")
    assert opened.max() > 255


def test_a_long_name_is_clamped_and_whole_in_its_title(synthetic):
    name = "a<b" + "x" * 500
    page = report_page(made_outcomes(synthetic, [name, "short"]))
    titles = [a.get("title") for tag, a in Page(page).tags if tag == "th" and a.get("scope") == "row"]
    assert titles == [None, name]
    assert f"<span>a&lt;b{'x' * 500}</span>" in page


def test_no_checkpoint_is_no_report(synthetic, outcomes):
    empty = best_outcomes(outcomes, 0)
    with pytest.raises(ValueError, match="at least one checkpoint"):
        report_page(empty)


def test_the_bits_are_the_images_that_are_right(outcomes):
    data = comparison_data(outcomes, "MLA")
    packed = np.frombuffer(gzip.decompress(base64.b64decode(data["bits"])), np.uint8).reshape(len(outcomes.names), -1)
    bits = np.unpackbits(np.bitwise_xor.accumulate(packed, axis=0), axis=1)
    rule = outcomes.rules["MLA"]
    order = np.lexsort((np.arange(rule.images.size), rule.strata))
    assert (bits[:, : rule.images.size] == outcomes.values("MLA")[:, order]).all()
    assert sum(size for _, _, size in data["classes"]) == rule.images.size
    shares = bits[:, : rule.images.size] @ np.repeat(data["weights"], [size for _, _, size in data["classes"]])
    assert shares == pytest.approx(data["scores"], abs=1e-12)


def test_shares_of_an_image_cannot_be_compared_in_bits(synthetic):
    scorer_measures = [MLA(k="labels"), MLA()]
    labels = {"a": np.argsort(np.random.default_rng(0).random((len(synthetic), 30)), axis=1).astype(np.int16)}
    outcomes = Scorer(synthetic, scorer_measures, order="annotations").outcomes(labels, confidence=0.95)
    assert comparable_measure(outcomes) == "MLA"


def test_a_large_table_is_cut_into_chunks():
    rows = 701
    frame = pl.DataFrame(
        {
            "checkpoint": [f"c{row}" for row in range(rows)],
            "place_low": range(1, rows + 1),
            "place_high": [rows] * rows,
            "MLA": np.linspace(0.9, 0.1, rows),
            "MLA_low": np.linspace(0.9, 0.1, rows) - 0.01,
            "MLA_high": np.linspace(0.9, 0.1, rows) + 0.01,
            "correct": [None, *range(1, rows)],
        }
    )
    leaderboard = leaderboard_of(frame, ["MLA"])
    assert leaderboard.large
    assert [len(chunk) for chunk in leaderboard.chunks] == [50] * 14 + [1]
    assert leaderboard.rows[0] == ("1–701", "c0", [("90.00", "±1.00")], ["-"])  # noqa: RUF001
    assert leaderboard.numbers[2][0] == 900_000
    assert leaderboard.numbers[3][0] is None
    assert leaderboard.numbers[0][:2] == [702 + 701, 2 * 702 + 701]  # by the first place, then by the last
    assert leaderboard.place_width == "10ch"
    assert leaderboard.narrow_place_width == "9ch"
    assert leaderboard.cut == "On paper: the first 200 of 701 checkpoints."


def test_five_thousand_checkpoints_take_less_than_six_megabytes(synthetic):
    # What is shown of the best alone does not grow with their number; the rest is linear in it.
    sizes = [len(report_page(made_outcomes(synthetic, [f"run-{n % 7}-step-{n:05d}" for n in range(number)])).encode())
             for number in (300, 600)]  # fmt: skip
    assert sizes[1] + (5_000 - 600) * (sizes[1] - sizes[0]) / 300 < 6e6
