"""The list of chats, what is begun in them, and a long conversation: by mouse and by keyboard alone."""

import threading
from uuid import UUID

from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from docchat.server.accounts import Accounts
from docchat.types import Draft

from ..server.live import SlowModel
from .conftest import Site
from .page import PHONE, Browser
from .test_streams import QUESTION, grows

GROUPS = """
  const titles = (list) => [...list.querySelectorAll('.chat-link')].map((link) => link.textContent);
  const lists = [...document.querySelectorAll('.chats-list > ul')];
  return lists.map((list) => [list.previousSibling.textContent, titles(list)]);
"""
COUNT = "return document.querySelectorAll('docchat-message').length"
PLACE = "return document.querySelector('docchat-conversation').scrollTop"
END = "const c = document.querySelector('docchat-conversation'); return c.scrollHeight - c.scrollTop - c.clientHeight"


def owner(browser: Browser, site: Site) -> str:
    name = browser.see(".who").text
    return next(str(one.id) for one in Accounts(site.services.database, min_length=12).list() if one.name == name)


def fill(browser: Browser, site: Site, titles: str, *, said: int = 1) -> dict[str, UUID]:
    store, who = site.services.store, owner(browser, site)
    made = {}
    for title in titles.split():
        made[title] = store.create(owner=who, title=title).id
        drafts = [Draft("user", f"{title} says needle {number}") for number in range(said)]
        store.append(owner=who, session_id=made[title], drafts=drafts)
    browser.driver.refresh()
    browser.see(".chat-link", text=titles.split()[-1])
    return made


def groups(browser: Browser) -> list[list[object]]:
    return list(browser.run(GROUPS))


def by_menu(browser: Browser, title: str, action: str) -> None:
    row = browser.see(".chat-item", text=title)
    ActionChains(browser.driver).move_to_element(row).perform()
    row.find_element("css selector", ".chat-more").click()
    browser.click(".chat-menu button", text=action)


def test_chats_are_found_pinned_renamed_put_away_and_deleted(browser: Browser, site: Site) -> None:
    ids = fill(browser, site, "Apples Bees Cakes Dams Elms")
    store, who = site.services.store, owner(browser, site)
    browser.click(".chat-link", text="Bees")
    browser.see(".question", text="Bees says")
    by_menu(browser, "Apples", "Pin")
    browser.see(".chats-list h2", text="Pinned")
    assert groups(browser) == [["Pinned", ["Apples"]], ["Today", ["Elms", "Dams", "Cakes", "Bees"]]]
    by_menu(browser, "Bees", "Rename")
    browser.see(".chat-rename input").send_keys(Keys.CONTROL + "a")
    browser.press("Bees & <b>wasps</b>", Keys.ENTER)
    browser.see("[data-title]", text="Bees & <b>wasps</b>")
    browser.see(".chat-link", text="Bees & <b>wasps</b>")
    by_menu(browser, "Dams", "Archive")
    browser.see_no(".chat-link", text="Dams")
    assert store.get(owner=who, session_id=ids["Dams"]).archived
    slow = site.faults.held["/api/sessions/search"] = threading.Event()
    browser.see("[name=text]").send_keys("dams needle")
    browser.see(".chats-empty", text="Searching your chats")
    del site.faults.held["/api/sessions/search"]
    slow.set()
    browser.see(".hit", text="Archived")
    assert [mark.text for mark in browser.all(".hit mark")] == ["Dams", "needle"]
    browser.press(Keys.ESCAPE)
    browser.click("[data-archive]")
    by_menu(browser, "Dams", "Bring back")
    browser.see(".chats-empty", text="that you archive")
    browser.click("[data-archive]")
    browser.see(".chat-link", text="Dams")
    assert groups(browser)[1][1] == ["Elms", "Dams", "Cakes", "Bees & <b>wasps</b>"], "each where it was"
    by_menu(browser, "Cakes", "Delete chat…")
    browser.click("dialog[open] [data-go]")
    browser.see_no(".chat-link", text="Cakes")
    browser.see(".question", text="Bees says")
    assert ids["Cakes"] not in {one.id for one in store.list(owner=who).items}

    # the same by keyboard alone
    browser.press("/", "elms")
    browser.see(".hit mark", text="Elms")
    browser.press(Keys.ARROW_DOWN, Keys.ENTER)
    browser.see(".question", text="Elms says")
    browser.press(Keys.ESCAPE, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.F2)
    browser.see(".chat-rename input").send_keys(Keys.END + " high" + Keys.ENTER)
    browser.see(".chat-link", text="Elms high")
    browser.wait(lambda: browser.run("return document.activeElement.textContent") == "Elms high", "the focus")
    browser.press(Keys.F2, Keys.ESCAPE)
    browser.see_no(".chat-rename")
    browser.wait(lambda: browser.run("return document.activeElement.textContent") == "Elms high", "the focus")
    browser.press(Keys.TAB, Keys.ENTER)
    browser.see(".chat-menu")
    browser.press(Keys.ARROW_DOWN, Keys.ENTER)
    browser.wait(lambda: groups(browser)[0] == ["Pinned", ["Elms high", "Apples"]], "the pin")
    browser.press("/", Keys.ARROW_DOWN, Keys.TAB, Keys.ENTER)
    browser.see(".chat-menu")
    browser.press(Keys.ESCAPE)
    browser.see_no(".chat-menu")
    assert "More for" in browser.run("return document.activeElement.textContent")
    browser.press(Keys.ENTER, Keys.ARROW_UP, Keys.ARROW_UP, Keys.ENTER)
    browser.see_no(".chat-link", text="Elms high")
    assert [one.title for one in store.list(owner=who, archived=True).items] == ["Elms high"]


def test_what_is_begun_before_there_is_a_chat_is_kept(browser: Browser, site: Site) -> None:
    store, who = site.services.store, owner(browser, site)

    def kept() -> list[str]:
        return [store.drafts.get(owner=who, session_id=chat.id) for chat in store.list(owner=who).items]

    assert kept() == []
    browser.type("a SECRETBEGUN question")
    browser.wait(lambda: kept() == ["a SECRETBEGUN question"], "the draft at the server")
    browser.driver.refresh()
    browser.wait(lambda: browser.draft == "a SECRETBEGUN question", "the draft after a reload")
    browser.see(".chat-item", text="Draft")
    assert kept() == ["a SECRETBEGUN question"]


def test_what_is_begun_stays_with_its_chat_and_goes_with_it(browser: Browser, site: Site) -> None:
    ids = fill(browser, site, "One Two")
    store, who = site.services.store, owner(browser, site)

    def kept(title: str) -> str:
        return store.drafts.get(owner=who, session_id=ids[title])

    browser.click(".chat-link", text="One")
    browser.see(".question", text="One says")
    browser.type("a SECRETBEGUN question")
    browser.wait(lambda: kept("One") == "a SECRETBEGUN question", "the draft at the server")
    browser.click(".chat-link", text="Two")
    browser.see(".question", text="Two says")
    assert browser.draft == ""
    browser.type("for two")
    browser.click(".chat-link", text="One")
    browser.wait(lambda: browser.draft == "a SECRETBEGUN question", "the draft of this chat")
    browser.type(", longer")
    browser.driver.refresh()  # at once: what is typed last is sent as the page is left
    browser.wait(lambda: browser.draft == "a SECRETBEGUN question, longer", "the draft after a reload")
    browser.see(".chat-item", text="Draft")
    assert (kept("One"), kept("Two")) == ("a SECRETBEGUN question, longer", "for two")
    first = browser.new_tab(f"c/{ids['One']}")
    browser.wait(lambda: browser.draft.endswith(", longer"), "the draft in another tab")
    browser.clear()
    browser.see(".receipt", text="1 draft")
    assert browser.draft == ""
    browser.to_tab(first)
    browser.see(".welcome", text="This chat was cleared.", seconds=2)
    assert browser.draft == ""
    browser.click(".chat-link", text="Two")
    browser.wait(lambda: browser.draft == "for two", "the draft of the other")
    browser.see("textarea[name=question]").send_keys(Keys.ENTER)
    browser.see(".answer")
    browser.wait(lambda: kept("Two") == "", "nothing is begun any more")
    assert browser.draft == ""


def test_long_chat_is_read_upwards_and_new_text_moves_nothing(
    slow_browser: Browser, slow_site: Site, model: SlowModel
) -> None:
    browser = slow_browser
    ids = fill(browser, slow_site, "Long", said=70)
    browser.go(f"c/{ids['Long']}")
    browser.see(".question", text="needle 69")
    browser.wait(lambda: browser.run(END) < 2, "the end")
    assert len(browser.all("docchat-message")) <= 50
    browser.see("docchat-conversation").click()
    browser.wait(lambda: browser.press(Keys.HOME) or browser.run(COUNT) == 70, "all")
    browser.ask(QUESTION, wait=False)
    browser.see(".answer", text="SECRETWORD says more.")
    grows(browser)
    browser.wait(lambda: browser.run(END) < 2, "the end is followed")
    browser.see("docchat-conversation").click()
    browser.press(Keys.PAGE_UP, Keys.PAGE_UP)
    browser.see("[data-latest]")
    still = threading.Event()
    browser.wait(lambda: still.wait(0.2) or browser.run(PLACE) == browser.run(PLACE), "the scroll to end")
    before = browser.run(PLACE)
    grows(browser)
    assert browser.run(PLACE) == before, "who reads above is left there"
    browser.click("[data-latest]")
    browser.wait(lambda: browser.run(END) < 2, "the end")
    browser.press(Keys.ESCAPE)
    browser.see(".stopped", text="Stopped.")
    browser.screen(*PHONE)
    browser.click("[data-side-open]")
    browser.click(".chat-link", text="Long")
    browser.see_no("docchat-side.open")
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]
