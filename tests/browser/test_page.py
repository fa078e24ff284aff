"""Browsers that go from test to test: nothing of one is left for the next."""

from collections.abc import Callable
from pathlib import Path

from ..server.live import PASSWORD
from .conftest import Site
from .page import PHONE, Browser, Drivers, chromium

KEPT = "return [localStorage.length, sessionStorage.length, document.cookie.length, innerWidth, navigator.onLine]"


def test_a_used_browser_is_as_good_as_new(
    open_browser: Callable[[str], Browser], drivers: Drivers, site: Site, tmp_path: Path
) -> None:
    browser = open_browser(site.url)
    browser.go()
    browser.see("[name=username]")
    fresh = browser.run(KEPT)
    browser.sign_in(site.person(), PASSWORD)
    browser.see("docchat-composer")
    browser.run("localStorage.left = 'left'; sessionStorage.left = 'left'; document.cookie = 'left=left';")
    browser.new_tab("documents")
    browser.screen(*PHONE)
    browser.network(offline=True)
    drivers.take_back()
    paths = chromium()
    assert paths is not None
    again = Browser(drivers.lend(*paths, tmp_path), site.url)
    assert again.driver is browser.driver
    again.go()
    again.see("[name=username]")
    assert again.run(KEPT) == fresh
    assert len(again.driver.window_handles) == 1
