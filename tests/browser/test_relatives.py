"""The relatives of the clear in the browser: history, memory, many chats, receipts, undo; and how they fail."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from selenium.webdriver.common.keys import Keys
from sqlalchemy import select

from docchat.db.schema import chat_session
from docchat.server.app import create_app
from docchat.sessions import bulk, sql_bulk
from docchat.types import Draft

from ..server.live import PASSWORD, SlowModel
from .conftest import DEMO, Site, served
from .page import PHONE, Browser

QUESTION = "What gifts are acceptable for government officials?"
OTHER = "Who may accept a winery tour?"
NEW_CHAT = """
const headers = { 'Content-Type': 'application/json' };
fetch('/api/sessions', { method: 'POST', headers, body: arguments[0] }).then(arguments[1]);
"""
LINE = "The model knows only what is below"


@pytest.fixture
def chat(browser: Browser) -> Browser:
    """A browser with one question answered."""
    return ask_first(browser)


@pytest.fixture(scope="module")
def undo_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose clears can be undone for a minute."""
    config = {"DOCCHAT_DATA_DIR": str(tmp_path_factory.mktemp("undo")), "DOCCHAT_CLEAR_UNDO_SECONDS": "60"}
    with served(create_app(config), "/") as site:
        yield site


@pytest.fixture
def undoable(open_browser: Callable[[str], Browser], undo_site: Site) -> Browser:
    """A browser at that server with one question answered."""
    browser = open_browser(undo_site.url)
    browser.go()
    browser.sign_in(undo_site.person(), PASSWORD)
    browser.see("docchat-composer")
    return ask_first(browser)


def ask_first(browser: Browser) -> Browser:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    browser.see(".sources")
    return browser


def session_id(browser: Browser) -> UUID:
    return UUID(browser.driver.current_url.rpartition("/c/")[2])


def menu(browser: Browser, action: str) -> None:
    browser.click("[data-menu] summary")
    browser.click(f"[data-do={action}]")


def clear_history(browser: Browser, *, confirm: bool = True) -> None:
    menu(browser, "history")
    browser.see("dialog[open]", text="Clear the history of this chat?")
    if confirm:
        browser.click("dialog[open] [data-go]")


def another_chat(browser: Browser, question: str) -> None:
    browser.click("[data-new-chat]")
    browser.see(".welcome")
    browser.ask(question)
    browser.see(".chat-link", text=question[:20])


def listed(browser: Browser) -> list[str]:
    return [link.text for link in browser.all(".chat-link")]


# history


def test_history_goes_and_the_chat_stays(chat: Browser) -> None:
    address = chat.driver.current_url
    clear_history(chat, confirm=False)
    assert "2 messages" in chat.see("dialog[open]").text
    assert f"its title “{QUESTION}”" in chat.see("dialog[open]").text
    chat.click("dialog[open] [data-go]")
    chat.see(".receipt", text="The history of this chat was cleared.")
    chat.see(".receipt", text="2 messages")
    assert chat.answers == 0
    assert chat.driver.current_url == address
    chat.see("[data-title]", text=QUESTION)
    chat.click("[data-menu] summary")
    assert not chat.see("[data-do=history]").is_enabled()
    chat.press(Keys.ESCAPE)
    chat.driver.refresh()
    chat.see(".welcome", text="Ask your documents.")
    chat.see(".chat-link", text=QUESTION)
    chat.ask(OTHER)
    assert chat.driver.current_url == address
    assert chat.answers == 1


def test_other_tab_of_the_chat_loses_its_history_too(chat: Browser) -> None:
    address = chat.driver.current_url
    first = chat.new_tab()
    chat.driver.get(address)
    chat.see(".sources")
    chat.click(".cite", text="1")
    second = chat.driver.current_window_handle
    chat.to_tab(first)
    clear_history(chat)
    chat.see(".receipt")
    chat.to_tab(second)
    chat.see(".welcome", text="Ask your documents.")
    assert chat.answers == 0
    assert chat.driver.current_url == address


def test_a_running_answer_ends_with_its_history(slow_browser: Browser, model: SlowModel) -> None:
    browser = slow_browser
    browser.ask(QUESTION, wait=False)
    browser.see("[data-stop]")
    address = browser.driver.current_url
    # As on another device: this tab hears of it by its stream alone.
    browser.run("globalThis.BroadcastChannel = undefined")
    path = f"/api/sessions/{session_id(browser)}/history/clear"
    browser.wait_for(f"fetch('{path}', {{method: 'POST'}}).then(arguments[0])")
    browser.see_no(".question")
    browser.see(".welcome", text="Ask your documents.")
    browser.see_no("[data-stop]")
    assert browser.driver.current_url == address
    assert browser.answers == 0


def test_a_running_answer_ends_with_its_chat(slow_browser: Browser, model: SlowModel) -> None:
    browser = slow_browser
    browser.ask(QUESTION, wait=False)
    browser.see("[data-stop]")
    browser.wait_for(f"fetch('/api/sessions/{session_id(browser)}', {{method: 'DELETE'}}).then(arguments[0])")
    browser.see(".welcome", text="This chat was cleared.")
    assert QUESTION not in browser.text


@pytest.mark.parametrize(("status", "words"), [(500, "Something went wrong"), (503, "busy"), (507, "full")])
def test_history_that_cannot_be_cleared_stays_shown(chat: Browser, site: Site, status: int, words: str) -> None:
    path = f"/api/sessions/{session_id(chat)}/history/clear"
    site.faults.answers[path] = status
    clear_history(chat)
    chat.see("dialog .problem", text=words)
    chat.see("dialog .problem", text="The chat stays on this screen")
    del site.faults.answers[path]
    chat.click("dialog[open] [data-cancel]")
    chat.see(".question", text=QUESTION)
    chat.driver.refresh()
    chat.see(".question", text=QUESTION)


def test_history_without_a_network(chat: Browser) -> None:
    chat.network(offline=True)
    clear_history(chat)
    chat.see("dialog .problem", text="You are offline. The chat stays on this screen")
    chat.see(".question", text=QUESTION)
    chat.network(offline=False)
    chat.click("dialog[open] [data-go]", text="Try again")
    chat.see(".receipt", text="The history of this chat was cleared.")


# memory


def test_memory_line_survives_a_reload(chat: Browser) -> None:
    menu(chat, "memory")
    chat.see(".memory-line", text=LINE)
    chat.see(".notice", text="Nothing was deleted.")
    assert chat.answers == 1
    chat.driver.refresh()
    chat.see(".memory-line", text=LINE)
    chat.ask(OTHER)
    order = "return [...document.querySelectorAll('.messages > li')].map((item) => item.textContent)"
    assert [chat.run(order).index(LINE), len(chat.run(order))] == [2, 5]
    chat.driver.refresh()
    chat.see(".question", text=OTHER)
    assert chat.run(order).index(LINE) == 2
    menu(chat, "memory")
    chat.wait(lambda: chat.run(order)[-1] == LINE, "the line at the end")
    assert len(chat.all(".memory-line")) == 1


def test_memory_line_in_a_long_chat(browser: Browser, site: Site) -> None:
    browser.wait_for("fetch('/api/sessions', {method: 'POST'}).then(arguments[0])")
    browser.go()
    browser.see("docchat-composer")
    found = session_id(browser)
    store = site.services.store
    owner = store_owner(site, found)
    store.append(owner=owner, session_id=found, drafts=[Draft("user", f"before {number}") for number in range(60)])
    site.services.clearing.clear_memory(owner=owner, session_id=found)
    store.append(owner=owner, session_id=found, drafts=[Draft("user", f"after {number}") for number in range(60)])
    browser.driver.refresh()
    browser.see(".question", text="after 59")
    assert not browser.all(".memory-line")  # it stands further up, where it is not loaded yet
    browser.click("[data-earlier]")
    browser.see(".question", text="before 50")
    browser.see(".memory-line")
    before = "return document.querySelector('.memory-line').previousElementSibling.textContent"
    assert "before 59" in browser.run(before)


def store_owner(site: Site, found: UUID) -> str:
    with site.services.database.read() as connection:
        return str(connection.execute(select(chat_session.c.owner).where(chat_session.c.id == found)).scalar_one())


def test_memory_that_cannot_be_cleared_draws_no_line(chat: Browser, site: Site) -> None:
    path = f"/api/sessions/{session_id(chat)}/memory/clear"
    site.faults.answers[path] = 503
    menu(chat, "memory")
    chat.see(".notice", text="The model may still know what is above.")
    assert not chat.all(".memory-line")
    del site.faults.answers[path]


# receipts


def test_receipt_is_shown_copied_and_saved(chat: Browser, tmp_path: Path) -> None:
    chat.clear()
    chat.click(".receipt [data-receipt]")
    dialogue = chat.see("docchat-receipt dialog[open]", text="the keys are destroyed").text
    assert "A chat was cleared" in dialogue
    assert "2 messages, 1 title" in dialogue
    assert not chat.all("docchat-receipt [data-undo] button")
    chat.click("docchat-receipt [data-save]")
    chat.wait(lambda: list(tmp_path.glob("receipt-*.json")), "the file")
    saved = json.loads(next(tmp_path.glob("receipt-*.json")).read_text())
    assert saved["id"] in dialogue
    assert saved["state"] == "done"
    chat.press(Keys.ESCAPE)
    chat.see_no("docchat-receipt dialog[open]")


# many chats


def test_many_are_counted_asked_for_and_cleared(chat: Browser) -> None:
    another_chat(chat, OTHER)
    another_chat(chat, "What is a facilitation payment?")
    current = chat.driver.current_url
    chat.click("[data-many]")
    chat.see("docchat-many [data-count]", text="Nothing is chosen yet.")
    assert not chat.see("docchat-many [data-go]").is_enabled()
    for title in (QUESTION, "What is a facilitation payment?"):
        chat.click("docchat-many .pick", text=title)
    chat.see("docchat-many [data-count]", text="2 chats with 4 messages would be cleared.")
    chat.click("docchat-many [data-go]")
    chat.see("docchat-confirm dialog[open]", text="Clear 2 chats?")
    assert chat.see("docchat-confirm dialog[open]").text.count("4 messages") == 1
    chat.click("docchat-confirm [data-go]")
    chat.see("docchat-receipt dialog[open]", text="2 chats, 4 messages")
    chat.click("docchat-receipt [data-close]")
    # The one on the screen was among them.
    chat.see(".receipt", text="This chat was cleared.")
    assert QUESTION not in chat.text
    assert listed(chat) == [OTHER]
    chat.driver.refresh()
    chat.see(".welcome", text="Ask your documents.")
    chat.driver.get(current)
    chat.see(".welcome", text="This chat was cleared.")


def test_all_and_old_ones(chat: Browser) -> None:
    chat.click("[data-many]")
    chat.click("docchat-many .choice", text="All of them")
    chat.see("docchat-many [data-count]", text="with 2 messages")
    days = chat.see("docchat-many [name=days]")
    days.clear()
    days.send_keys("3")
    chat.see("docchat-many [data-count]", text="No chat is among these.")
    assert not chat.see("docchat-many [data-go]").is_enabled()
    chat.click("docchat-many [data-cancel]")
    chat.see(".question", text=QUESTION)


def test_second_thoughts_keep_the_choice(chat: Browser) -> None:
    chat.click("[data-many]")
    chat.click("docchat-many .pick", text=QUESTION)
    chat.see("docchat-many [data-count]", text="1 chat with 2 messages")
    chat.click("docchat-many [data-go]")
    chat.click("docchat-confirm [data-cancel]")
    chat.see("docchat-many [data-count]", text="1 chat with 2 messages")
    chat.click("docchat-many [data-cancel]")
    assert listed(chat) == [QUESTION]


def test_many_that_cannot_be_cleared_stay_listed(chat: Browser, site: Site) -> None:
    chat.click("[data-many]")
    chat.click("docchat-many .pick", text=QUESTION)
    chat.see("docchat-many [data-count]", text="1 chat")
    site.faults.answers["/api/sessions/bulk/clear"] = 507
    chat.click("docchat-many [data-go]")
    chat.click("docchat-confirm [data-go]")
    chat.see("docchat-confirm .problem", text="The disk of the server is full. Nothing was taken off your list")
    del site.faults.answers["/api/sessions/bulk/clear"]
    chat.see(".question", text=QUESTION)
    chat.click("docchat-confirm [data-go]", text="Try again")
    chat.see("docchat-receipt dialog[open]", text="1 chat, 2 messages")


def test_a_clear_that_takes_long_is_watched(chat: Browser, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        chat.wait_for(NEW_CHAT, json.dumps({"title": f"chat {number}"}))
    chat.driver.refresh()
    monkeypatch.setattr(bulk, "BUDGET_SECONDS", 0.0)
    monkeypatch.setattr(sql_bulk, "_BATCH", 3)
    chat.click("[data-many]")
    chat.click("docchat-many .choice", text="All of them")
    chat.see("docchat-many [data-count]", text="9 chats with 2 messages")
    chat.click("docchat-many [data-go]")
    chat.click("docchat-confirm [data-go]")
    chat.see("docchat-confirm [data-progress]", text="3 of 9")
    chat.see("docchat-receipt dialog[open]", text="9 chats, 2 messages", seconds=30)
    assert not listed(chat)


def test_many_by_keyboard_on_a_phone(chat: Browser) -> None:
    chat.screen(*PHONE)
    chat.driver.refresh()
    chat.click("[data-side-open]")
    chat.see("[data-many]")
    chat.run("document.querySelector('[data-many]').focus()")
    chat.press(Keys.ENTER)
    chat.see("docchat-many .pick")
    assert chat.run("return document.activeElement.name") == "which"
    chat.press(Keys.TAB, Keys.SPACE)  # past the group of choices to the first box
    chat.see("docchat-many [data-count]", text="1 chat with 2 messages")
    box = chat.see("docchat-many dialog[open]").rect
    assert 0 <= box["x"] <= PHONE[0] - box["width"]
    chat.wait(lambda: chat.see("docchat-many [data-go]").is_enabled(), "the button")
    chat.press(Keys.ENTER)
    chat.see("docchat-confirm dialog[open]")
    chat.press(Keys.TAB, Keys.ENTER)
    chat.see("docchat-receipt dialog[open]", text="1 chat, 2 messages")
    assert chat.run("return document.activeElement.textContent") == "Close"
    chat.press(Keys.ENTER)
    chat.see_no("docchat-receipt dialog[open]")


# undo


def test_undo_from_the_receipt(undoable: Browser) -> None:
    address = undoable.driver.current_url
    undoable.clear(confirm=False)
    undoable.see("dialog[open]", text="It can be undone for 60 seconds")
    undoable.click("dialog[open] [data-go]")
    undoable.see(".receipt", text="This chat was cleared.")
    assert QUESTION not in undoable.text
    undoable.click(".receipt [data-receipt]")
    undoable.see("docchat-receipt dialog[open]", text="It can be undone until the keys are destroyed.")
    undoable.see("docchat-receipt [data-undo] button", text=" s)")
    undoable.click("docchat-receipt [data-undo] button")
    undoable.see(".question", text=QUESTION)
    assert undoable.driver.current_url == address
    undoable.see(".chat-link", text=QUESTION)


def test_undo_of_a_history_and_of_many(undoable: Browser) -> None:
    clear_history(undoable)
    undoable.click(".receipt [data-undo]")
    undoable.see(".question", text=QUESTION)
    undoable.click("[data-many]")
    undoable.click("docchat-many .pick", text=QUESTION)
    undoable.see("docchat-many [data-count]", text="1 chat")
    undoable.click("docchat-many [data-go]")
    undoable.see("docchat-confirm dialog[open]", text="It can be undone for 60 seconds")
    undoable.click("docchat-confirm [data-go]")
    undoable.click("docchat-receipt [data-undo] button")
    undoable.see(".chat-link", text=QUESTION).click()
    undoable.see(".question", text=QUESTION)


def test_an_undo_that_comes_too_late_says_so(undoable: Browser, undo_site: Site) -> None:
    undoable.clear()
    undoable.see(".receipt [data-undo]")
    undo_site.services.clearing._settling.settle_all()
    undoable.click(".receipt [data-undo]")
    undoable.see(".notice", text="cannot be undone any more. Nothing was taken back.")
    assert QUESTION not in undoable.text
    undoable.click(".receipt [data-receipt]")
    undoable.see("docchat-receipt dialog[open]", text="the keys are destroyed")
    assert not undoable.all("docchat-receipt [data-undo] button")


def test_the_receipt_follows_while_it_is_open(undoable: Browser, undo_site: Site) -> None:
    undoable.clear()
    undoable.click(".receipt [data-receipt]")
    undoable.see("docchat-receipt [data-undo] button")
    undo_site.services.clearing._settling.settle_all()
    undoable.see("docchat-receipt dialog[open]", text="the keys are destroyed")
    undoable.see_no("docchat-receipt [data-undo] button")
