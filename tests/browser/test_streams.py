"""Answers while they run: reload, stop, a lost connection, and a clear in the middle."""

import threading

import pytest
from selenium.webdriver.common.keys import Keys

from ..server.live import SlowModel
from .conftest import DEMO, Site
from .looking import shifted, watch_shifts
from .page import Browser

MOST_SHIFT = 0.02
FOLLOWED = "return document.querySelector('docchat-conversation').scrollTop > 0"
QUESTION = "What gifts are acceptable for government officials? SECRETWORD"


def length(browser: Browser) -> int:
    return len(browser.see(".answer").text)


def grows(browser: Browser) -> None:
    before = length(browser)
    browser.wait(lambda: length(browser) > before + 100, "more text")


def test_answer_goes_on_after_a_reload(slow_browser: Browser) -> None:
    slow_browser.screen(1000, 500)
    watch_shifts(slow_browser)
    slow_browser.ask(QUESTION, wait=False)
    slow_browser.see(".answer", text="SECRETWORD says more.")
    slow_browser.wait(lambda: slow_browser.run(FOLLOWED), "the conversation to follow what comes")
    grows(slow_browser)
    assert shifted(slow_browser) <= MOST_SHIFT
    before = length(slow_browser)
    slow_browser.driver.refresh()
    slow_browser.wait(lambda: length(slow_browser) >= before, "the text from before")
    grows(slow_browser)
    text = slow_browser.see(".answer").text
    assert text.startswith("SECRETWORD says more. SECRETWORD says more.")
    assert text.count("SECRETWORD") * len("SECRETWORD says more. ") >= len(text) - 30
    slow_browser.see("textarea[name=question]").send_keys(Keys.ESCAPE)
    slow_browser.see(".stopped", text="Stopped.")
    slow_browser.see_no("[data-stop]")
    slow_browser.driver.refresh()
    slow_browser.see(".stopped", text="Stopped.")


def test_answer_goes_on_after_a_lost_connection(slow_browser: Browser, slow_site: Site) -> None:
    slow_browser.ask(QUESTION, wait=False)
    slow_browser.see(".answer", text="SECRETWORD says more.")
    slow_site.faults.down = True
    slow_browser.see("[data-waiting]", text="The connection is lost.", seconds=30)
    slow_site.faults.down = False
    slow_browser.see_no("[data-waiting]")
    grows(slow_browser)
    text = slow_browser.see(".answer").text
    assert "says more. says" not in text
    assert "SECRETWORD SECRETWORD" not in text
    slow_browser.click("[data-stop]")
    slow_browser.see(".stopped")


def test_new_chat_has_its_title_before_the_answer_ends(slow_browser: Browser) -> None:
    slow_browser.ask(QUESTION, wait=False)
    slow_browser.see(".title-button", text="What gifts are acceptable", seconds=4)
    slow_browser.see(".chat-link", text="What gifts are acceptable", seconds=4)
    slow_browser.click("[data-stop]")
    slow_browser.see(".stopped")


def test_answer_goes_on_when_the_store_pauses(slow_browser: Browser, slow_site: Site) -> None:
    slow_browser.ask(QUESTION, wait=False)
    slow_browser.see(".answer", text="SECRETWORD says more.")
    slow_site.faults.last_words += [b'event: error\ndata: {"error": "Busy.", "code": "store_unavailable"}\n\n'] * 3
    slow_browser.wait(lambda: not slow_site.faults.last_words, "the stream to be cut three times")
    grows(slow_browser)
    assert "says more. says" not in slow_browser.see(".answer").text
    assert not slow_browser.all(".message .problem")
    slow_browser.click("[data-stop]")
    slow_browser.see(".stopped")


def test_clear_in_the_middle_of_an_answer(slow_browser: Browser, slow_site: Site, model: SlowModel) -> None:
    slow_browser.ask(QUESTION, wait=False)
    slow_browser.see(".answer", text="SECRETWORD says more.")
    path = slow_browser.driver.current_url.rpartition("/c/")[2]
    # From somewhere else: only the stream can tell this tab.
    slow_browser.wait_for(f"fetch('/api/sessions/{path}/clear', {{method: 'POST'}}).then(arguments[0])")
    slow_browser.see(".welcome", text="This chat was cleared.", seconds=3)
    assert "SECRETWORD" not in slow_browser.text
    slow_browser.wait(lambda: model.talking == 0, "the model to fall silent")


@pytest.mark.parametrize("state", ["done", "stopped"])
def test_answer_that_was_cut_off_says_so_calmly(browser: Browser, state: str) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    browser.see(".sources")
    browser.run(
        "const answer = [...document.querySelectorAll('docchat-message')].at(-1);"
        "answer.show({ ...answer.message, state: arguments[0], error: 'The answer was cut off.' });",
        state,
    )
    browser.see(".message .soft", text="The answer was cut off.")
    browser.see(".message-foot")
    assert not browser.all(".message .problem")


def test_quotes_are_offered_beside_the_model(slow_browser: Browser) -> None:
    slow_browser.see("docchat-composer", text="Answers are written by slow")
    slow_browser.click("select[name=mode] option", text="Quotes only")
    slow_browser.ask(QUESTION)
    slow_browser.see(".message-foot", text="Quoted from your documents")


def test_chat_left_before_the_answer_begins(browser: Browser, site: Site) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask("Who may accept a winery tour?")
    browser.see(".chat-link", text="Who may accept")
    browser.click("[data-new-chat]")
    browser.see(".welcome")
    gate = site.faults.held["/ask"] = threading.Event()
    try:
        browser.ask(QUESTION, wait=False)
        browser.see(".looking")
        browser.click(".chat-link", text="Who may accept")
        browser.see(".question", text="winery tour")
        assert browser.draft == ""
        browser.type("And what of a chocolate box?")
        assert browser.see("[data-send]").is_enabled()
    finally:
        gate.set()
        del site.faults.held["/ask"]
    browser.press(Keys.ENTER)
    browser.wait(lambda: browser.answers == 2, "the second answer")
    browser.see_no("[data-stop]")


FIRST_EVENTS = {
    "error": b'event: error\ndata: {"error": "Something broke.", "code": "internal"}\n\n',
    "cleared": b'event: cleared\ndata: {"successor": null}\n\n',
}


@pytest.mark.parametrize("event", FIRST_EVENTS)
def test_first_event_that_ends_the_answer(browser: Browser, site: Site, event: str) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    site.faults.swapped["/ask"] = FIRST_EVENTS[event]
    try:
        browser.type(QUESTION + Keys.ENTER)
        # The chat itself lives, so what is in it is shown.
        browser.see(".question", text=QUESTION)
        browser.see(".sources")
    finally:
        del site.faults.swapped["/ask"]
    assert browser.draft == ""
    browser.type("Who may accept a winery tour?")
    assert browser.see("[data-send]").is_enabled()


def test_first_event_of_a_cleared_chat(browser: Browser, site: Site) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask("Who may accept a winery tour?")
    chat = f"/api/sessions/{browser.driver.current_url.rpartition('/c/')[2]}"
    gate = site.faults.held[chat] = threading.Event()
    site.faults.swapped["/ask"] = FIRST_EVENTS["cleared"]
    try:
        browser.type(QUESTION + Keys.ENTER)
        # Nothing of it stays on the screen while the page asks what is left of the chat.
        browser.see(".welcome", text="Looking what is left")
        assert browser.answers == 0
        browser.wait_for(f"fetch('{chat}/clear', {{method: 'POST'}}).then(arguments[0])")
        gate.set()
        browser.see(".welcome", text="This chat was cleared.")
    finally:
        gate.set()
        del site.faults.swapped["/ask"], site.faults.held[chat]
    assert browser.draft == ""
    assert "winery" not in browser.text


def test_question_that_arrived_is_not_asked_again(browser: Browser, site: Site) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    site.faults.swapped["/ask"] = b""
    try:
        browser.type(QUESTION + Keys.ENTER)
        browser.see(".question", text=QUESTION)
        browser.see(".sources")
    finally:
        del site.faults.swapped["/ask"]
    assert browser.draft == ""
    assert not browser.all(".composer .problem")
    assert browser.answers == 1


def test_question_in_doubt_is_looked_for_before_it_is_sent(browser: Browser, site: Site) -> None:
    other = "Who may accept a winery tour?"
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    chat = browser.driver.current_url.rpartition("/c/")[2]
    site.faults.swapped["/ask"] = b""
    site.faults.answers[chat] = 502
    browser.type(other + Keys.ENTER)
    browser.see(".composer .problem", text="Your question may not have been sent")
    assert browser.draft == other
    site.faults.swapped.clear()
    site.faults.answers.clear()
    browser.see("textarea[name=question]").send_keys(Keys.ENTER)
    browser.see(".question", text=other)
    browser.see_no("[data-stop]")
    assert browser.draft == ""
    assert not browser.all(".composer .problem")
    browser.driver.refresh()
    browser.see(".question", text=other)
    assert sum(other in question.text for question in browser.all(".question")) == 1


def test_question_that_did_not_arrive_comes_back(browser: Browser, site: Site) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    site.faults.answers["/ask"] = 502
    browser.type(QUESTION + Keys.ENTER)
    browser.see(".composer .problem", text="Your question was not sent; it is still below.")
    assert browser.draft == QUESTION
    site.faults.answers.clear()
    browser.see("textarea[name=question]").send_keys(Keys.ENTER)
    browser.see(".sources")
    assert browser.answers == 1
