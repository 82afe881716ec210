"""How long a report takes to make, how large it is, and how soon Chromium shows it: 5,000 checkpoints."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import print_table

sys.path.insert(0, str(Path(__file__).parent.parent))

from browser import Browser
from pages import made_labels

from build_cache import SyntheticSource, build
from ml_scorer import load_annotations
from ml_scorer.report.page.build import report_page
from ml_scorer.scoring import Scorer

CHECKPOINTS = 5_000
ROUNDS = 3
DRAWN = "[...document.querySelectorAll('[data-chart]')].every(figure => figure.dataset.drawn)"
SHOWN = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
SORTED = (
    "(start => (document.querySelectorAll('#scores thead button')[6].click(), (performance.now() - start) / 1000))"
    "(performance.now())"
)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        annotations = load_annotations(build(SyntheticSource(0), Path(folder) / "annotations.parquet").output)
        shares = (0.9 - 0.6 * np.exp(-np.arange(CHECKPOINTS) / 800)).tolist()
        labels = made_labels(annotations, shares)
        names = [f"run-{number % 5}-step-{number:06d}" for number in range(CHECKPOINTS)]
        start = time.perf_counter()
        outcomes = Scorer(annotations, order="annotations").outcomes(
            dict(zip(names, labels, strict=True)), confidence=0.95
        )
        scored = time.perf_counter()
        text = report_page(outcomes)
        made = time.perf_counter()
        page = Path(folder) / "report.html"
        page.write_text(text, encoding="utf-8")
        size = page.stat().st_size / 1e6
        opened = [opening(page, Path(folder) / f"profile-{number}") for number in range(ROUNDS)]
        shown, loaded, drawn, ordered = np.median(opened, axis=0)
    rows = [
        ("score and keep predictions", f"{scored - start:.1f} s", "", ""),
        ("make the report", f"{made - scored:.1f} s", "", ""),
        ("size", f"{size:.2f} MB", "", "< 6 MB"),
        ("first contents on the screen", f"{shown:.2f} s", "", ""),
        ("opened (load event)", f"{loaded:.2f} s", "", "< 2 s"),
        ("all charts drawn", f"{drawn:.2f} s", "", ""),
        ("sorted by another column", f"{1000 * ordered:.0f} ms", "", ""),
    ]
    print_table(f"a report of {CHECKPOINTS:,} checkpoints", rows)


def opening(page: Path, profile: Path) -> tuple[float, float, float, float]:
    """Seconds until something is shown, until it is loaded, until all is drawn; and for sorting. A fresh browser."""
    browser = Browser(profile)
    try:
        browser.driver.get("about:blank")
        start = time.perf_counter()
        browser.driver.get(page.as_uri())
        browser.wait(DRAWN)
        drawn = time.perf_counter() - start
        return browser.run(SHOWN), browser.run(LOADED), drawn, browser.run(SORTED)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
