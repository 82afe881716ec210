"""A headless Chromium that keeps a record of what pages ask for and complain about."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


class Browser:
    """Opens pages from files; skips the test where Chromium, its driver or Selenium is not installed."""

    def __init__(self, profile: Path) -> None:
        webdriver = pytest.importorskip("selenium.webdriver")
        if CHROMIUM is None or DRIVER is None:
            pytest.skip("Chromium or ChromeDriver is not installed")
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        quiet = ("background-networking", "component-update", "sync", "gpu", "quic")
        for flag in ("headless", "no-sandbox", "no-first-run", *(f"disable-{what}" for what in quiet)):
            options.add_argument(f"--{flag}")
        options.add_argument(f"--user-data-dir={profile}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver: Any = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.command("Page.addScriptToEvaluateOnNewDocument", source=_VIOLATIONS)

    def command(self, name: str, **arguments: object) -> Any:
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def open(self, page: Path, *, width: int = 1440, scheme: str = "light", scripts: bool = True) -> None:
        """Open a page and wait until its charts are drawn; the records start anew."""
        self.command("Emulation.setScriptExecutionDisabled", value=not scripts)
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.command("Emulation.setDeviceMetricsOverride", **screen)
        preferred = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in preferred.items()]
        self.command("Emulation.setEmulatedMedia", media="", features=features)
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(page.as_uri())
        if scripts:
            self.wait("[...document.querySelectorAll('[data-chart]')].every(figure => figure.dataset.drawn)")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self.driver.execute_script(f"return {script}")

    def wait(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"never came true: {condition}"
            time.sleep(0.05)

    def complaints(self) -> list[str]:
        """What the console says, and which rules of the policy were broken."""
        said = [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]
        return said + list(self.run("window.violations"))

    def requests(self) -> list[str]:
        """Every address that was asked for since the page was opened, but for data in the page itself."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("data:", "blob:", "about:"))]

    def close(self) -> None:
        """End it."""
        self.driver.quit()
