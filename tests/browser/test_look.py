"""Colours by hand, all actions and keys, the browser's history, paper, and a network that is away or slow."""

import threading
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from .conftest import Site
from .page import PHONE, Browser

THEME = "return document.documentElement.dataset.theme ?? ''"
PAPER = "return getComputedStyle(document.body).backgroundColor"
FOCUS = "return document.activeElement.dataset.palette ?? document.activeElement.name ?? document.activeElement.id"
NIGHT, DAY, BLACK = "rgb(23, 25, 27)", "rgb(251, 250, 247)", "rgb(0, 0, 0)"


def _chord(browser: Browser, *keys: str) -> None:
    chain = webdriver.ActionChains(browser.driver)
    for key in keys[:-1]:
        chain.key_down(key)
    chain.send_keys(keys[-1])
    for key in reversed(keys[:-1]):
        chain.key_up(key)
    chain.perform()


def _system(browser: Browser, **features: str) -> None:
    named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})


def _do(browser: Browser, words: str) -> None:
    """An action of the palette, by keys alone."""
    _chord(browser, Keys.CONTROL, "k")
    browser.see("dialog.palette")
    browser.press(words, Keys.ENTER)
    browser.see_no("dialog.palette")


def test_colours_actions_and_keys(browser: Browser) -> None:
    _colours_are_the_systems_until_chosen(browser)
    browser.go()
    browser.see("docchat-composer")
    _actions_and_keys_are_found(browser)


def _colours_are_the_systems_until_chosen(browser: Browser) -> None:
    """By mouse and by keys; another tab and another page follow."""
    _system(browser, prefers_color_scheme="dark")
    assert browser.run(PAPER) == NIGHT
    _system(browser, prefers_color_scheme="dark", prefers_contrast="more")
    assert browser.run(PAPER) == BLACK
    first = browser.new_tab()
    second = browser.driver.current_window_handle
    browser.click("[data-look]")
    browser.click("docchat-look [value=light]")
    browser.click("docchat-look [data-close]")
    assert (browser.run(THEME), browser.run(PAPER)) == ("light", DAY)
    browser.to_tab(first)
    browser.wait(lambda: browser.run(THEME) == "light", "the other tab follows")
    assert browser.run(PAPER) == DAY
    browser.to_tab(second)
    _do(browser, "CONTRÁST")
    assert browser.run(THEME) == "contrast"
    browser.go("documents")
    browser.see("docchat-library")
    assert browser.run(THEME) == "contrast"
    browser.click("[data-look]")
    browser.press(Keys.ARROW_UP, Keys.ESCAPE)
    assert (browser.run(THEME), browser.run(PAPER)) == ("dark", NIGHT)
    _do(browser, "as the system")
    assert browser.run(THEME) == ""
    assert "docchat_theme" not in browser.run("return document.cookie")
    _system(browser, prefers_reduced_motion="reduce", forced_colors="active")
    assert browser.run("return getComputedStyle(document.querySelector('.side')).transitionDuration") == "0s"
    assert browser.run("return getComputedStyle(document.querySelector('[aria-current=page]')).outlineStyle") == "solid"
    browser.run("document.querySelector('.search input').focus()")
    assert browser.run("return getComputedStyle(document.querySelector('.search')).outlineStyle") == "solid"


def _actions_and_keys_are_found(browser: Browser) -> None:
    """By mouse and by keys; keys rest while somebody types."""
    browser.type("what? ")
    assert browser.draft == "what? "
    assert not browser.all("dialog[open]")
    _chord(browser, Keys.CONTROL, "k")
    names = [item.text.split("\n")[0] for item in browser.all(".palette-item")]
    assert {"Dark colours", "Print, or save as PDF", "Sign out", "New chat"} <= set(names)
    chosen = "document.querySelector('.palette-item[aria-selected=true]').id"
    selected = f"return {chosen} === document.activeElement.getAttribute('aria-activedescendant')"
    browser.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert browser.run(selected)
    browser.press("nothing is called so")
    browser.see(".palette-none", text="No action")
    browser.press(Keys.ESCAPE)
    browser.see_no("dialog.palette")
    assert browser.run(FOCUS) == "question"
    # By mouse: the palette, and all keys from its foot.
    browser.click("[data-palette]")
    browser.click("dialog.palette [data-keys]")
    rows = browser.see("docchat-help dialog").text
    assert "All actions" in rows
    assert "Send the question" in rows
    browser.click("docchat-help [name=single]")
    browser.press(Keys.ESCAPE)
    browser.see_no("dialog[open]")
    browser.run("document.querySelector('#content').focus()")
    browser.press("?")
    assert not browser.all("dialog[open]")
    _do(browser, "all keys")
    browser.click("docchat-help [name=single]")
    browser.click("docchat-help [data-close]")
    browser.run("document.querySelector('#content').focus()")
    browser.press("?")
    browser.see("docchat-help dialog")
    browser.press(Keys.ESCAPE)
    _do(browser, "go to documents")
    browser.see("docchat-library")
    browser.screen(*PHONE)
    _do(browser, "list of chats")
    browser.see(".side.open")


def test_history_paper_and_networks(browser: Browser, site: Site) -> None:
    _the_network_is_told_of_while_it_is_away_or_slow(browser, site)
    browser.run("document.querySelector('textarea').select()")
    browser.press(Keys.DELETE)
    _history_and_paper_have_the_chat(browser)


def _history_and_paper_have_the_chat(browser: Browser) -> None:
    """And the title of a chat stands in neither title nor history."""
    browser.ask("Is the elderflower secret?")
    first = browser.driver.current_url
    _chord(browser, Keys.CONTROL, Keys.SHIFT, "o")
    browser.wait(lambda: browser.driver.current_url != first, "a new chat")
    browser.ask("Is the gooseberry secret?")
    browser.see("[data-title]", text="gooseberry")
    browser.driver.back()
    browser.see(".question", text="elderflower")
    assert browser.driver.current_url == first
    browser.driver.forward()
    browser.see(".question", text="gooseberry")
    browser.go("documents")
    browser.see("docchat-library")
    assert browser.driver.title == "Documents · docchat"
    browser.driver.back()
    browser.see(".question", text="gooseberry")
    assert browser.driver.title == "Chat · docchat"
    browser.run(
        "window.print = () => document.body.dataset.printed = document.querySelectorAll('docchat-message').length"
    )
    _chord(browser, Keys.CONTROL, "p")
    browser.wait(lambda: browser.run("return document.body.dataset.printed") == "2", "the whole chat printed")
    _system(browser, prefers_color_scheme="dark")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    assert browser.all(".question")
    assert browser.all(".answer")
    assert not browser.all(".side, .composer, .bar-actions, .message-foot button")
    assert browser.run("return document.body.scrollHeight >= document.querySelector('.messages').scrollHeight")


def _the_network_is_told_of_while_it_is_away_or_slow(browser: Browser, site: Site) -> None:
    """Offline, a server that is away, and one that is slow; the page stays usable."""
    browser.network(offline=True)
    browser.see(".offline-line", text="You are offline")
    browser.network(offline=False)
    browser.see_no(".offline-line")
    site.faults.down = True
    try:
        _come_back_until(browser, "cannot be reached")
    finally:
        site.faults.down = False
    browser.click("[data-again]")
    browser.see_no(".offline-line")
    held: Any = site.faults.held
    held["/api/status"] = threading.Event()
    try:
        _come_back_until(browser, "slow to answer")
        # It does not stand in the way of writing.
        browser.type("Still here")
        assert browser.draft == "Still here"
    finally:
        held.pop("/api/status").set()
    browser.see_no(".offline-line")


def _come_back_until(browser: Browser, words: str) -> None:
    """Look at the page again and again, as a page that is still asking does not ask twice."""

    def told() -> bool:
        browser.run("document.dispatchEvent(new Event('visibilitychange'))")
        return any(words in line.text for line in browser.all(".offline-line"))

    browser.wait(told, f"a line that says {words}")
