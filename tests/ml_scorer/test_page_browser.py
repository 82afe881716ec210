"""The report in headless Chromium: charts draw, the table sorts and searches, the comparison is that of Python."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from browser import Browser
from pages import made_labels, made_outcomes

pytest.importorskip("altair")
pytest.importorskip("jinja2")
pytest.importorskip("scipy")
pytest.importorskip("selenium")
pytest.importorskip("vl_convert")

from ml_scorer.comparison.pairs import pairs  # after what may be absent
from ml_scorer.measures import MLA, Top1
from ml_scorer.report.charts.theme import theme
from ml_scorer.report.page.build import report_page
from ml_scorer.scoring import Scorer

HOSTILE = "</script><img src=x onerror=alert(1)>"
NAMES = [f"{run}-step-{step:05d}" for step in (500, 1000, 1500) for run in ("base", "aug")] + [
    HOSTILE,
    "datum['x'] {{1}}",
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def outcomes(synthetic):
    return made_outcomes(synthetic, NAMES)


@pytest.fixture(scope="module")
def page(outcomes, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report_page(outcomes), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def large(synthetic, tmp_path_factory):
    names = [f"run-{number % 3}-step-{number:05d}" for number in range(320)]
    path = tmp_path_factory.mktemp("page") / "large.html"
    path.write_text(report_page(made_outcomes(synthetic, names), comparable=3), encoding="utf-8")
    return path


def names_shown(browser):
    return browser.run("[...document.querySelectorAll('#scores tbody th')].map(cell => cell.textContent.trim())")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 820, 1440])
def test_charts_draw_at_every_width_and_nothing_complains_or_is_loaded(browser, page, width, scheme):
    browser.open(page, width=width, scheme=scheme)
    figures = browser.run("[...document.querySelectorAll('[data-chart]')].map(f => [f.dataset.chart, f.dataset.drawn])")
    charts = ("leaderboard", "mla-against-top1", "training", "verdicts", "classes", "confusions", "groups")
    assert figures == [[f"chart-{name}", scheme] for name in charts]
    assert browser.run("[...document.querySelectorAll('[data-chart]')].every(f => f.querySelector('svg path, canvas'))")
    assert browser.run("[...document.querySelectorAll('[data-chart]')].every(f => f.matches('[role=img][aria-label]'))")
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.run("document.querySelectorAll('img').length") == 0


def test_the_theme_can_be_switched_and_charts_follow(browser, page):
    browser.open(page)
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    browser.run("document.getElementById('theme').click()")
    browser.wait("[...document.querySelectorAll('[data-chart]')].every(figure => figure.dataset.drawn === 'dark')")
    assert browser.run("getComputedStyle(document.body).backgroundColor") != ground
    assert browser.run("document.getElementById('theme').getAttribute('aria-label')") == "Switch to light colours"
    browser.run("document.getElementById('theme').click()")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == ground
    assert browser.complaints() == []


def test_headings_sort_by_mouse_and_by_keyboard(browser, page):
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    first = names_shown(browser)
    assert browser.run("document.querySelector('#scores th[aria-sort]').textContent") == "MLA"
    headings = browser.driver.find_elements("css selector", "#scores thead button")
    headings[1].send_keys(Keys.ENTER)
    assert browser.run("document.querySelectorAll('#scores thead th')[1].getAttribute('aria-sort')") == "ascending"
    by_name = names_shown(browser)
    assert by_name[1:4] == ["aug-step-00500", "aug-step-01000", "aug-step-01500"]
    headings[1].send_keys(Keys.SPACE)
    assert names_shown(browser) == by_name[::-1]
    headings[2].click()
    assert names_shown(browser) == first
    assert browser.run("document.getElementById('sorted').textContent") == "Sorted by MLA, descending."
    headings[2].click()
    assert names_shown(browser) == first[::-1]
    assert browser.run("document.querySelectorAll('#scores th[aria-sort]').length") == 1
    headings[3].click()
    assert browser.run("document.getElementById('sorted').textContent") == "Sorted by MLA unclear=wrong, descending."


@pytest.mark.parametrize("which", ["page", "large"])
def test_the_table_can_be_searched(browser, which, request):
    browser.open(request.getfixturevalue(which))
    everything = names_shown(browser)
    search = browser.driver.find_element("id", "search")
    search.send_keys("STEP 0150" if which == "page" else "run-1 0031")
    wanted = 2 if which == "page" else 5
    browser.wait(f"document.getElementById('found').textContent.startsWith('{wanted} of')")
    assert len(names_shown(browser)) == wanted
    search.clear()
    search.send_keys("nothing is called this")
    browser.wait("document.getElementById('found').textContent.startsWith('0 of')")
    assert names_shown(browser) == []
    search.clear()
    search.send_keys(" ")
    browser.wait("document.getElementById('found').textContent.endsWith(' checkpoints')")
    assert names_shown(browser) == everything
    assert browser.complaints() == []


def test_a_large_table_keeps_its_columns_in_line_and_its_rows_in_order(browser, large):
    browser.open(large)
    lefts = "[...document.querySelectorAll('#scores tr')].map(r => Math.round(r.cells[2].getBoundingClientRect().left))"
    assert len(set(browser.run(lefts))) == 1
    shown = names_shown(browser)
    assert len(shown) == 320
    browser.driver.find_elements("css selector", "#scores thead button")[2].click()
    assert names_shown(browser) == shown[::-1]
    assert browser.complaints() == []


def test_a_large_table_is_cut_on_paper(browser, large):
    browser.open(large)
    browser.command("Emulation.setEmulatedMedia", media="print", features=[])
    visible = "[...document.querySelectorAll('#scores tbody tr')].filter(row => row.checkVisibility()).length"
    assert browser.run(visible) == 200
    assert browser.run("document.querySelector('.print-only').checkVisibility()")
    assert not browser.run("document.getElementById('search').checkVisibility()")


def test_without_scripts_the_leaderboard_is_whole_and_the_rest_says_so(browser, page):
    browser.open(page, scripts=False)
    shown = " ".join(browser.driver.find_element("tag name", "body").text.split())
    assert all(name in shown for name in NAMES)
    assert "The chart is drawn by a script; its data are in the table below." in shown
    assert "The chart is drawn by a script; its data are in the leaderboard above." in shown
    assert "This comparison needs scripts" in shown
    assert "Switch" not in shown
    assert not browser.driver.find_element("id", "search").is_displayed()


@pytest.mark.parametrize(
    "measures",
    [
        None,
        [Top1()],
        [MLA(average="image")],
        [MLA(classes="dog")],
        [MLA(unclear="wrong")],
        [MLA(unreviewed="correct")],
    ],
    ids=str,
)
def test_the_comparison_is_that_of_python(browser, synthetic, outcomes, page, measures, tmp_path):
    if measures is not None:
        outcomes = made_outcomes(synthetic, NAMES[:4], measures, confidence=0.995)
        page = tmp_path / "report.html"
        page.write_text(report_page(outcomes), encoding="utf-8")
    browser.open(page)
    browser.wait("document.getElementById('compared').dataset.result")
    options = browser.run("[...document.getElementById('first').options].map(option => option.value)")
    confidence = outcomes.scores.confidence
    for a, b in ((0, 1), (1, 0), (len(options) - 1, 0), (2, 2)):
        browser.run(f"first.value = '{a}', second.value = '{b}', second.dispatchEvent(new Event('change'))")
        found = json.loads(browser.run("document.getElementById('compared').dataset.result"))
        row, baseline = outcomes.names.index(found["a"]), outcomes.names.index(found["b"])
        if row == baseline:
            assert (found["difference"], found["onlyA"], found["onlyB"], found["p"]) == (0, 0, 0, 1)
            continue
        wanted = pairs(outcomes, baseline=baseline, checkpoints=[row], confidence=confidence).row(0, named=True)
        assert found["difference"] == pytest.approx(wanted["difference"], rel=1e-12)
        assert found["low"] == pytest.approx(wanted["low"], rel=1e-9)
        assert found["high"] == pytest.approx(wanted["high"], rel=1e-9)
        for end in ("lowest", "highest"):
            assert (found[end] is None) == (wanted[end] is None)
            assert found[end] is None or found[end] == pytest.approx(wanted[end], abs=1e-12)
        said = browser.run("document.getElementById('verdict').textContent")
        open_ends = wanted["lowest"] is not None and wanted["lowest"] < 0 < wanted["highest"]
        assert ("it is open which is better" in said) == open_ends
        assert f"({100 * confidence:g}% interval" in said
        assert found["onlyA"] == wanted["only_checkpoint_right"]
        assert found["onlyB"] == wanted["only_baseline_right"]
        assert found["p"] == pytest.approx(wanted["p_mcnemar"], rel=1e-9, abs=1e-300)
        assert found["kappa"] == pytest.approx(wanted["agreement"], rel=1e-9)
    assert browser.complaints() == []


@pytest.mark.parametrize(
    ("shares", "said"),
    [((0.0, 0.99), "p < 10−300"), ((0.5, 0.55), " × 10−"), ((0.5, 0.5), "p = ")],  # noqa: RUF001
)
def test_small_p_values_are_powers_of_ten(browser, synthetic, tmp_path, shares, said):
    first, second = made_labels(synthetic, list(shares))
    outcomes = Scorer(synthetic, [Top1()], order="annotations").outcomes({"a": first, "b": second}, confidence=0.999_9)
    path = tmp_path / "report.html"
    path.write_text(report_page(outcomes), encoding="utf-8")
    browser.open(path)
    browser.wait("document.getElementById('compared').dataset.result")
    shown = browser.run("document.querySelector('#compared .quiet').textContent")
    assert said in shown
    assert "e-" not in shown
    assert "p = 0.0 " not in shown
    if "10" in said:
        assert browser.run("document.querySelector('#compared sup').textContent").startswith("−")  # noqa: RUF001
    assert "(99.99% interval" in browser.run("document.getElementById('verdict').textContent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_saved_by_keyboard_and_readable_on_white(browser, page, scheme, tmp_path):
    from selenium.webdriver.common.keys import Keys

    browser.open(page, scheme=scheme)
    browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    buttons = browser.driver.find_elements("css selector", "#chart-verdicts .save button")
    assert [button.get_attribute("aria-label") for button in buttons] == [
        "Save as SVG: Verdicts and bounds",
        "Save as PNG: Verdicts and bounds",
    ]
    for button in buttons:
        button.send_keys(Keys.ENTER)
    svg, png = tmp_path / "verdicts.svg", tmp_path / "verdicts.png"
    end = time.monotonic() + 20
    while not (svg.exists() and png.exists()) and time.monotonic() < end:
        time.sleep(0.05)
    text = svg.read_text(encoding="utf-8")
    assert 'fill="white"' in text
    assert theme("light")["axis"]["labelColor"] in text
    assert theme("dark")["axis"]["labelColor"] not in text
    assert png.read_bytes().startswith(b"\x89PNG")
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.run("document.querySelectorAll('.vega-actions').length") == 0


def test_the_heading_of_the_leaderboard_is_on_every_page_of_paper(browser, large):
    browser.open(large)
    browser.driver.find_elements("css selector", "#scores thead button")[1].send_keys("\ue007")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("document.querySelectorAll('#scores thead button').length") == 0
    assert browser.run("document.querySelector('#scores thead').innerText").startswith("Place")
    browser.command("Emulation.setEmulatedMedia", media="print", features=[])
    assert browser.run("getComputedStyle(document.querySelector('#scores thead')).display") == "table-header-group"
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run("document.activeElement.textContent") == "Checkpoint"
    browser.driver.find_elements("css selector", "#scores thead button")[1].click()
    assert browser.run("document.querySelectorAll('#scores thead th')[1].getAttribute('aria-sort')") == "descending"


def test_charts_keep_their_shape_on_paper(browser, page):
    browser.open(page)
    browser.command("Emulation.setDeviceMetricsOverride", width=500, height=900, deviceScaleFactor=1, mobile=False)
    browser.command("Emulation.setEmulatedMedia", media="print", features=[])
    shapes = browser.run(
        "[...document.querySelectorAll('.chart svg.marks')].map(svg => [svg.clientWidth / svg.clientHeight,"
        " svg.viewBox.baseVal.width / svg.viewBox.baseVal.height])"
    )
    assert shapes
    assert all(shown == pytest.approx(drawn, rel=0.02) for shown, drawn in shapes)


@pytest.mark.parametrize("which", ["page", "large"])
def test_targets_are_large_enough_for_fingers(browser, which, request):
    browser.open(request.getfixturevalue(which), width=360)
    heights = browser.run(
        "[...document.querySelectorAll('nav a, summary, button, select, input')].filter(e => e.checkVisibility())"
        ".map(e => [e.textContent.slice(0, 30), e.getBoundingClientRect().height])"
    )
    assert heights
    assert [target for target in heights if target[1] < 24] == []


def test_on_a_phone_places_leave_room_for_the_scores(browser, large):
    widths = []
    for width in (1440, 360):
        browser.open(large, width=width)
        widths.append(browser.run("document.querySelector('#scores td').getBoundingClientRect().width"))
    assert widths[1] <= 0.25 * 360
    assert browser.run(
        "[...document.querySelectorAll('#scores td:first-child')].every(e => e.scrollWidth <= e.clientWidth)"
    )


@pytest.mark.parametrize("width", [360, 1440])
def test_a_long_name_takes_three_lines(browser, synthetic, tmp_path, width):
    path = tmp_path / "report.html"
    path.write_text(report_page(made_outcomes(synthetic, ["x" * 500, "word " * 100, "short"])), encoding="utf-8")
    browser.open(path, width=width)
    rows = browser.run("[...document.querySelectorAll('#scores tbody tr')].map(r => r.getBoundingClientRect().height)")
    assert max(rows) < 90


def test_landmarks_have_names_of_their_own_and_only_the_verdict_is_spoken(browser, page):
    browser.open(page)
    names = browser.run(
        "[...document.querySelectorAll('section, nav, [role=region]')].map(e => e.getAttribute('aria-label') ||"
        " document.getElementById(e.getAttribute('aria-labelledby')).textContent)"
    )
    assert len(names) == len(set(names))
    assert browser.run("document.getElementById('verdict').ariaLive") == "polite"
    assert browser.run("document.getElementById('compared').closest('[aria-live]')") is None


def test_two_checkpoints_can_be_swapped(browser, page):
    browser.open(page)
    browser.wait("document.getElementById('compared').dataset.result")
    before = json.loads(browser.run("document.getElementById('compared').dataset.result"))
    browser.driver.find_element("id", "swap").click()
    after = json.loads(browser.run("document.getElementById('compared').dataset.result"))
    assert (after["a"], after["b"]) == (before["b"], before["a"])
    assert after["difference"] == -before["difference"]
    assert (after["onlyA"], after["p"]) == (before["onlyB"], before["p"])


def test_everything_has_a_name_and_focus_can_be_seen(browser, page):
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    assert browser.run("document.documentElement.lang") == "en"
    levels = browser.run("[...document.querySelectorAll('h1, h2, h3')].map(heading => Number(heading.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    nameless = (
        "[...document.querySelectorAll('input, select, button')].filter(control => "
        "!(control.labels?.length || control.textContent.trim() || control.getAttribute('aria-label'))).length"
    )
    assert browser.run(nameless) == 0
    browser.driver.find_element("tag name", "body").send_keys(Keys.TAB)
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(browser, page, scheme):
    browser.open(page, scheme=scheme)
    colours = (
        "[...document.querySelectorAll('p, a, th, td, td i, small, summary, dt, dd, label, button, li, h1, h2, pre')]"
        ".map(e => [getComputedStyle(e).color,"
        " getComputedStyle(e.closest('.warning, .signatures') || document.body).backgroundColor])"
    )
    for colour, ground in {tuple(pair) for pair in browser.run(colours)}:
        assert contrast(colour, ground) >= 4.5, (colour, ground)


def contrast(colour, ground):
    """Contrast ratio of two CSS colours (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((luminance(colour), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
