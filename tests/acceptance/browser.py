"""A real Chromium, and the dashboard built for it.

Both are programs of the system; where one is missing its tests are skipped on a laptop and fail where CI=true.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from scripts import frontend, npm

NAMES = ("chromium", "chromium-browser", "google-chrome")
ONLY_HERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
SLOWEST_MS = 40_000  # two cores that others work on too
AXE = frontend.FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map(
    ({id, nodes}) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`
)"""


def _missing(message: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        _missing("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[ONLY_HERE])
        yield browser
        browser.close()


def open_page(browser: Browser, **context: Any) -> Page:
    """A page of somebody who has not been here before."""
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(SLOWEST_MS)
    return page


def build_dashboard() -> None:
    """Afterwards every krai that starts serves it."""
    if not npm.node_is_there():
        _missing("node is not installed")
    frontend.build()


def findings(page: Page) -> list[str]:
    """What axe finds that somebody with a keyboard or a screen reader would stumble over."""
    page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(FINDINGS)
    return found
