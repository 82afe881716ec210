"""Charts in headless Chromium, in a page that allows nothing but its own scripts and styles, known by their hashes."""

from __future__ import annotations

import html
import json
import shutil
from base64 import b64encode
from hashlib import sha256

import pytest
from chart_frames import HOSTILE, frames_of

from ml_scorer.report.charts import CHARTS
from ml_scorer.report.charts.embedding import CHART_STYLE, EMBED_OPTIONS, spec, vega_script
from ml_scorer.report.charts.theme import theme

pytest.importorskip("altair", reason="Altair is not installed")
pytest.importorskip("vl_convert", reason="vl-convert is not installed")
webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed")

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium or ChromeDriver is not installed")

FLAGS = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "window-size=1000,900",
)

DRAW = """
"use strict";
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
window.alert = () => { window.alerted = true; };
window.draw = async (mode) => {
  const { charts, options, configs } = JSON.parse(document.getElementById("data").textContent);
  for (const [name, spec] of Object.entries(charts))
    await vegaEmbed(document.getElementById(name), spec, { ...options, config: configs[mode] });
  return Object.keys(charts).length;
};
"""


def hash_of(text):
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def page_of(charts):
    data = {"charts": charts, "options": EMBED_OPTIONS, "configs": {mode: theme(mode) for mode in ("light", "dark")}}
    text = json.dumps(data).replace("<", "\\u003c")
    scripts = [vega_script(), DRAW]
    hashes = " ".join(map(hash_of, scripts))
    policy = f"default-src 'none'; script-src {hashes}; style-src {hash_of(CHART_STYLE)}; img-src data:"
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>charts</title>',
            f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">',
            f"<style>{CHART_STYLE}</style>",
            *(f'<div id="{name}"></div>' for name in charts),
            f'<script id="data" type="application/json">{text}</script>',
            *(f"<script>{script}</script>" for script in scripts),
        ]
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def drawn(browser, tmp_path_factory):
    """The browser with a page of all charts, drawn by day and again by night, of checkpoints with hostile names."""
    frames = frames_of(HOSTILE)
    charts = {name: spec(kind.build(frames[kind.frame]), None) for name, kind in CHARTS.items()}
    page = tmp_path_factory.mktemp("page") / "charts.html"
    page.write_text(page_of(charts), encoding="utf-8")
    browser.get(page.as_uri())
    for mode in ("light", "dark"):
        script = "const done = arguments[1]; window.draw(arguments[0]).then(done, (error) => done(String(error)))"
        assert browser.execute_async_script(script, mode) == len(charts)
    return browser


def messages(browser):
    for entry in browser.get_log("performance"):
        yield json.loads(entry["message"])["message"]


@pytest.mark.parametrize("name", CHARTS)
def test_charts_are_drawn_as_wide_as_the_page(drawn, name):
    width, marks = drawn.execute_script(
        "const svg = document.querySelector(`#${arguments[0]} svg.marks`);"
        "return [svg.getBoundingClientRect().width, svg.querySelectorAll('path, text').length]",
        name,
    )
    assert 900 < width <= 1000
    assert marks > 20


def test_names_are_texts(drawn):
    texts = drawn.execute_script("return [...document.querySelectorAll('#leaderboard text')].map((t) => t.textContent)")
    assert HOSTILE[0] in texts
    assert HOSTILE[1] in texts
    assert HOSTILE[2].replace("\n", "\N{REPLACEMENT CHARACTER}") in texts
    assert drawn.execute_script("return document.querySelectorAll('img').length") == 0


def test_tooltips_show_names_as_text(drawn):
    drawn.execute_script("document.documentElement.scrollTop = 0")
    points = drawn.find_elements("css selector", "#leaderboard svg .mark-symbol path")
    seen = ""
    for point in points:
        webdriver.ActionChains(drawn).move_to_element(point).perform()
        seen += drawn.execute_script("return document.querySelector('#vg-tooltip-element').textContent")
    assert HOSTILE[0] in seen
    assert HOSTILE[4] in seen
    assert drawn.execute_script("return document.querySelectorAll('#vg-tooltip-element img').length") == 0


def test_nothing_is_forbidden_logged_or_run(drawn):
    assert drawn.execute_script("return [window.violations, window.alerted ?? false]") == [[], False]
    assert drawn.get_log("browser") == []


def test_nothing_is_asked_of_a_network(drawn):
    asked = [
        message["params"]["request"]["url"]
        for message in messages(drawn)
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith(("file:", "data:", "chrome:"))] == []
    assert any(url.endswith("charts.html") for url in asked)


def test_no_link_leads_elsewhere(drawn):
    links = drawn.execute_script("return [...document.querySelectorAll('.vega-actions a')].map((link) => link.href)")
    assert links
    assert all(link.endswith("#") or link.startswith("data:") for link in links)
