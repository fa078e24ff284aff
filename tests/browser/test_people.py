"""Signing in and out in the browser: drafts survive an ended sign-in, and nothing of one person reaches the next."""

from collections.abc import Callable

from selenium.webdriver.common.keys import Keys

from ..server.live import PASSWORD
from .conftest import DEMO, Site
from .page import Browser

QUESTION = "What gifts are acceptable for government officials?"
STORED = "return JSON.stringify([{...localStorage}, {...sessionStorage}])"


def test_ended_sign_in_keeps_the_draft(browser: Browser, site: Site) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    name = browser.see(".who").text
    browser.driver.delete_all_cookies()
    browser.type("And what may a customer be given?" + Keys.ENTER)
    browser.see(".composer .problem", text="Your sign-in has ended.")
    browser.see(".notice", text="Your sign-in has ended.")
    assert browser.draft == "And what may a customer be given?"
    assert browser.answers == 1
    left = browser.driver.current_window_handle
    browser.click(".notice a")
    browser.wait(lambda: len(browser.driver.window_handles) == 2, "another tab")
    browser.to_tab(next(handle for handle in browser.driver.window_handles if handle != left))
    browser.sign_in(name, PASSWORD)
    browser.see("docchat-composer")
    browser.to_tab(left)
    browser.see(".notice", text="You are signed in again.")
    assert browser.draft == "And what may a customer be given?"
    browser.see("textarea[name=question]").send_keys(Keys.ENTER)
    browser.wait(lambda: browser.answers == 2, "the second answer")
    browser.see_no("[data-stop]")


def test_nothing_of_one_person_is_left_for_the_next(browser: Browser, site: Site) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    browser.type("a secret draft")
    mine = browser.driver.current_url
    name = browser.see(".who").text
    other_tab = browser.new_tab()
    browser.driver.get(mine)
    browser.see(".question", text=QUESTION)
    browser.click("[data-sign-out] button")
    browser.sign_in(site.person(), PASSWORD)
    browser.see(".welcome", text="There are none yet.")
    browser.see(".chats-list", text="Your chats will be listed here.")
    here = browser.driver.current_window_handle
    for handle in (here, other_tab):
        browser.to_tab(handle)
        browser.see("docchat-composer, [name=password]")
        browser.wait(lambda: name not in browser.text, "the first person to be gone")
        assert QUESTION not in browser.text
        assert "a secret draft" not in browser.run(
            "return [...document.querySelectorAll('textarea')].map(t => t.value)"
        )
        assert browser.run(STORED) == "[{},{}]"
    browser.driver.get(mine)
    browser.see("h1", text="There is nothing here.")
    assert QUESTION not in browser.text
    browser.driver.back()
    browser.see("docchat-composer")
    assert QUESTION not in browser.text


def test_another_person_in_another_tab_empties_this_one(browser: Browser, site: Site) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    browser.driver.delete_all_cookies()
    first = browser.new_tab()
    browser.sign_in(site.person(), PASSWORD)
    browser.see("docchat-composer")
    browser.to_tab(first)
    browser.see(".welcome", text="Ask your documents.")
    assert QUESTION not in browser.text


def test_title_of_a_chat_stays_out_of_the_browsers_history(browser: Browser) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    browser.see(".title-button", text=QUESTION[:20])
    assert browser.driver.title == "Chat · docchat"


def test_change_of_password(browser: Browser) -> None:
    name = browser.see(".who").text
    browser.click("a[title='Change your password']")
    browser.see("[name=current]").send_keys(PASSWORD)
    browser.see("[name=new]").send_keys("another long password")
    browser.see("[name=again]").send_keys("another long password" + Keys.ENTER)
    browser.see("[role=status]", text="Your password was changed.")
    browser.click("a", text="Back to your chats")
    browser.click("[data-sign-out] button")
    browser.sign_in(name, "another long password")
    browser.see("docchat-composer")


def test_cookies_that_are_off_are_said(open_browser: Callable[[str], Browser], site: Site) -> None:
    browser = open_browser(site.url)
    browser.go()
    browser.see_no("[data-cookies-off]")
    browser.driver.execute_cdp_cmd("Emulation.setDocumentCookieDisabled", {"disabled": True})
    browser.driver.refresh()
    browser.see("[data-cookies-off]", text="docchat needs one cookie")
