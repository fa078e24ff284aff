"""Every page and state in light and dark: no violation of WCAG 2.2 A and AA that axe-core finds; sizes, first paint."""

import gzip
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from docchat.server.accounts import Accounts

from ..server.live import PASSWORD
from .conftest import DEMO, Site
from .page import PHONE, Browser

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
QUESTION = "What is the highest value of a gift that may be accepted?"
MOST_SCRIPT_BYTES = 150_000
MOST_SHIFT = 0.02


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core's source. The package that brings it is only looked for: imported it would want Playwright."""
    found = find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


class Check:
    """Runs axe-core on what is on the screen, in both colour schemes."""

    def __init__(self, browser: Browser, axe: str) -> None:
        self.browser = browser
        self.axe = axe
        self.found: list[tuple[str, str, str, list[str]]] = []

    def look(self, state: str) -> None:
        """Note what is wrong with this state."""
        for scheme in ("light", "dark"):
            features = [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]
            self.browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            self.browser.run(f"if (!window.axe) {{ {self.axe} }}")
            violations = self.browser.wait_for(
                "const end = arguments[1];"
                "axe.run(document, { runOnly: arguments[0], resultTypes: ['violations'] })"
                ".then(({ violations }) => end(violations.map((v) => [v.id, v.nodes.map((one) => one.html)])));",
                WCAG,
            )
            self.found += [(state, scheme, rule, nodes) for rule, nodes in violations]


@pytest.fixture
def admin(open_browser: Callable[[str], Browser], site: Site) -> Browser:
    """A browser of an administrator who is not signed in yet, at the sign-in page."""
    Accounts(site.services.database, min_length=12).add(name="root-of-axe", password=PASSWORD, admin=True)
    browser = open_browser(site.url)
    browser.go()
    return browser


def test_nothing_violates_wcag(admin: Browser, axe: str) -> None:
    browser, check = admin, Check(admin, axe)
    browser.see("[name=username]")
    check.look("sign-in")
    browser.sign_in("root-of-axe", PASSWORD)
    browser.see("[data-welcome]", text="Ask your documents")
    browser.see("[data-welcome] .button", text="Add documents")
    check.look("empty chat")
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    browser.click(".answer .cite")
    browser.see(".page-text mark")
    check.look("chat, answer and source")
    browser.click("[data-clear]")
    browser.see("dialog[open]", text="Clear this chat?")
    check.look("clear dialogue")
    browser.click("dialog[open] [data-go]")
    browser.see(".receipt", text="This chat was cleared.")
    check.look("cleared chat")
    for page, sign in (
        ("documents", ".document"),
        ("mine", "docchat-mine"),
        ("operate", "docchat-operate"),
        ("models", "docchat-models"),
    ):
        browser.go(page)
        browser.see(sign)
        check.look(page)
    assert check.found == []


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser) -> None:
    browser.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 1, "mobile": True},
    )
    for page in ("", "documents", "mine"):
        browser.go(page)
        browser.see("main")
        assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0], page


def test_the_page_is_small_and_stands_still(browser: Browser, site: Site) -> None:
    browser.go()
    browser.see("[data-welcome]", text="Ask your documents")
    shift, paint, scripts = browser.wait_for("""
        const end = arguments[0];
        let shift = 0;
        const add = (one) => (shift += one.hadRecentInput ? 0 : one.value);
        const watch = new PerformanceObserver((list) => list.getEntries().forEach(add));
        watch.observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => end([
          shift,
          performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
          performance.getEntriesByType("resource").map((one) => one.name).filter((name) => name.endsWith(".js")),
        ])));
    """)
    assert shift <= MOST_SHIFT
    assert paint is not None
    assert sum(_gzipped(site.app, url) for url in set(scripts)) <= MOST_SCRIPT_BYTES


def _gzipped(app: Flask, url: str) -> int:
    answer: Any = app.test_client().get(urlsplit(url).path)
    assert answer.status_code == 200
    return len(gzip.compress(answer.data))
