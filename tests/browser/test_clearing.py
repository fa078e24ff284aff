"""Clearing in the browser: the founding document's own call, two tabs, and every way a clear can fail."""

import sqlite3
from uuid import UUID

import pytest
from selenium.webdriver.common.keys import Keys

from .conftest import DEMO, Site
from .page import Browser

QUESTION = "What gifts are acceptable for government officials?"
OTHER = "Who may accept a winery tour?"

FOUNDING_CALL = """
const done = arguments[0];
fetch('/api/sessions/clear', {
method: 'POST',
headers: {
'Content-Type': 'application/json'
},
credentials: 'include'
})
.then(response => response.json())
.then(data => done(data));
"""


@pytest.fixture
def chat(browser: Browser) -> Browser:
    """A browser with one question answered."""
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    browser.see(".sources")
    return browser


def session_id(browser: Browser) -> UUID:
    return UUID(browser.driver.current_url.rpartition("/c/")[2])


def test_founding_call(chat: Browser) -> None:
    before = session_id(chat)
    assert chat.wait_for(FOUNDING_CALL) == {"success": True}
    current = chat.wait_for("fetch('/api/status').then(r => r.json()).then(s => arguments[0](s.current))")
    assert current != str(before)
    chat.go()
    chat.see(".welcome", text="Ask your documents.")
    assert QUESTION not in chat.text


def test_clear_in_the_older_tab_leaves_the_other_chat(chat: Browser) -> None:
    older = chat.new_tab()
    chat.see(".question", text=QUESTION)
    chat.see("[data-new-chat]").click()
    chat.see(".welcome")
    chat.ask(OTHER)
    newer = chat.driver.current_window_handle
    kept = chat.driver.current_url
    chat.to_tab(older)
    chat.clear()
    chat.see(".receipt", text="2 messages")
    chat.to_tab(newer)
    chat.see(".question", text=OTHER)
    chat.driver.refresh()
    chat.see(".question", text=OTHER)
    assert chat.driver.current_url == kept


def test_other_tab_of_the_same_chat_follows(chat: Browser) -> None:
    address = chat.driver.current_url
    first = chat.new_tab()
    chat.driver.get(address)
    chat.see(".sources")
    chat.click(".cite", text="1")
    second = chat.driver.current_window_handle
    chat.to_tab(first)
    chat.clear()
    chat.see(".receipt")
    chat.to_tab(second)
    chat.see(".welcome", text="This chat was cleared.")
    assert QUESTION not in chat.text
    assert not chat.all("docchat-source")
    chat.driver.get(address)
    chat.see(".welcome", text="This chat was cleared.")
    chat.click(".welcome button", text="Go to a new chat")
    chat.see(".welcome", text="Ask your documents.")


def test_clear_again_from_a_tab_that_is_behind(chat: Browser) -> None:
    # Cleared and gone on with elsewhere; this tab has not heard of it.
    chat.wait_for(
        """
        const [id, question, done] = arguments;
        const options = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
        fetch(`/api/sessions/${id}/clear`, options)
          .then((answer) => fetch(`/api/sessions/${answer.headers.get('Docchat-Successor')}/ask`,
            { ...options, body: JSON.stringify({ question }) }))
          .then((answer) => answer.text()).then(done);
        """,
        str(session_id(chat)),
        OTHER,
    )
    chat.clear()
    chat.see(".question", text=OTHER)
    chat.see("[data-clear]")
    assert QUESTION not in chat.text


def test_question_to_a_cleared_chat_comes_back(chat: Browser) -> None:
    # The tab does not hear of the clear, as on another device.
    chat.run("globalThis.BroadcastChannel = undefined")
    before = session_id(chat)
    chat.wait_for(f"fetch('/api/sessions/{before}/clear', {{method: 'POST'}}).then(arguments[0])")
    chat.type(OTHER + Keys.ENTER)
    chat.see(".composer .problem", text="cleared")
    chat.see(".welcome", text="This chat was cleared.")
    assert chat.draft == OTHER
    assert QUESTION not in chat.text


@pytest.mark.parametrize(("status", "words"), [(500, "Something went wrong"), (503, "busy"), (507, "full")])
def test_clear_that_fails_keeps_the_chat(chat: Browser, site: Site, status: int, words: str) -> None:
    path = f"/api/sessions/{session_id(chat)}/clear"
    site.faults.answers[path] = status
    chat.clear()
    chat.see("dialog .problem", text=words)
    chat.see("dialog .problem", text="The chat stays on this screen")
    del site.faults.answers[path]
    chat.click("dialog[open] [data-cancel]")
    chat.see(".question", text=QUESTION)
    chat.driver.refresh()
    chat.see(".question", text=QUESTION)


def test_clear_while_the_database_is_locked(chat: Browser, site: Site) -> None:
    with sqlite3.connect(site.services.settings.data_dir / "docchat.sqlite3", isolation_level=None) as lock:
        lock.execute("BEGIN IMMEDIATE")
        chat.clear()
        chat.see("dialog .problem", text="The chat stays on this screen")
        lock.execute("ROLLBACK")
    lock.close()
    chat.see(".question", text=QUESTION)
    chat.click("dialog[open] [data-go]", text="Try again")
    chat.see(".receipt")
    assert QUESTION not in chat.text


def test_clear_without_a_network(chat: Browser) -> None:
    chat.network(offline=True)
    chat.clear()
    chat.see("dialog .problem", text="You are offline. The chat stays on this screen")
    chat.see(".question", text=QUESTION)
    chat.network(offline=False)
    chat.click("dialog[open] [data-go]", text="Try again")
    chat.see(".receipt")


def test_clear_after_the_sign_in_ended(chat: Browser, site: Site) -> None:
    address = chat.driver.current_url
    chat.driver.delete_all_cookies()
    chat.clear()
    chat.see("dialog .problem", text="Your sign-in has ended, so nothing was cleared.")
    chat.click("dialog[open] [data-cancel]")
    chat.see(".question", text=QUESTION)
    assert chat.driver.current_url == address


def test_clear_asks_first(chat: Browser) -> None:
    chat.clear(confirm=False)
    dialogue = chat.see("dialog[open]").text
    assert "2 messages" in dialogue
    assert "Every document in your library." in dialogue
    assert "Out of reach" in dialogue
    chat.click("dialog[open] [data-cancel]")
    chat.see(".question", text=QUESTION)
