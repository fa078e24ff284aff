"""My data and the operator's page: taken along and erased by mouse and by keyboard, users looked after."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from flask_login import current_user
from selenium.webdriver.common.keys import Keys
from sqlalchemy import insert

from docchat import DocChat
from docchat.db.schema import job
from docchat.server.accounts import Accounts
from docchat.types import Draft, utc_now

from ..server.live import PASSWORD
from ..web.conftest import PASSWORD as HOSTS_PASSWORD
from ..web.conftest import bare_host
from .conftest import Site, served
from .page import Browser

WORDS = "nobody else may read this"


def _fill(site: Site, name: str) -> str:
    """Give somebody a chat and a document; the person's id."""
    services = site.services
    owner = str(Accounts(services.database, min_length=12).named(name=name).id)
    chat = services.store.create(owner=owner, title=WORDS)
    services.store.append(owner=owner, session_id=chat.id, drafts=[Draft("user", WORDS), Draft("assistant", WORDS)])
    stream = io.BytesIO(WORDS.encode())
    services.library.add(owner=owner, name=f"{WORDS}.txt", stream=stream, media_type="text/plain")
    return owner


def test_erase_all_of_mine_by_keyboard(open_browser: Callable[[str], Browser], site: Site) -> None:
    name = site.person()
    owner = _fill(site, name)
    browser = open_browser(site.url)
    browser.go()
    browser.sign_in(name, PASSWORD)
    browser.see(".chats", text=WORDS)
    other = browser.driver.current_window_handle
    browser.new_tab("mine")
    browser.see("[data-holds]", text="chat")
    browser.see("[data-what]", text="1 chat, 2 messages, 1 document")
    field = browser.see("[name=name]")
    field.send_keys("somebody else")
    assert not browser.see("[data-erase]").is_enabled()
    browser.run("document.querySelector('docchat-mine [name=name]').select()")
    field.send_keys(name)
    browser.press(Keys.ENTER)
    browser.see("[data-done]", text="Everything is erased")
    browser.see_no(".chats", text=WORDS)
    browser.see("[data-holds]", text="Nothing is here")
    assert site.services.store.list(owner=owner).items == ()
    assert site.services.library.list(owner=owner).items == ()
    browser.see("[data-done] [data-receipt]").send_keys(Keys.ENTER)
    browser.see("docchat-receipt dialog", text="1 document")
    browser.press(Keys.ESCAPE)
    browser.to_tab(other)
    browser.see_no(".chats", text=WORDS)


def test_the_archive_and_the_erasure_by_mouse_and_their_failures(
    open_browser: Callable[[str], Browser], site: Site, tmp_path: Path
) -> None:
    name = site.person()
    owner = _fill(site, name)
    browser = open_browser(site.url)
    browser.go()
    browser.sign_in(name, PASSWORD)
    browser.click(".who")
    browser.see("h1", text="My data")
    site.faults.answers["/api/mine"] = 503
    browser.click("[data-save]")
    browser.see("[data-problem]", text="Nothing was saved.")
    site.faults.answers["/api/mine/erase"] = 503
    browser.see("[name=name]").send_keys(name, Keys.ENTER)
    browser.see("[data-erase-problem]", text="busy")
    assert browser.all("[data-done]:not([hidden])") == []
    site.faults.answers.clear()
    browser.see("[data-save]").send_keys(Keys.ENTER)
    browser.see(".notices", text="being put together")
    _arrived(browser, tmp_path)
    browser.click("[data-save]")
    _arrived(browser, tmp_path)
    browser.click("[data-erase]")
    browser.see("[data-done]", text="Everything is erased")
    assert site.services.library.list(owner=owner).items == ()
    browser.click("[data-done] [data-receipt]")
    browser.see("docchat-receipt dialog", text="1 document")


def _arrived(browser: Browser, folder: Path) -> None:
    """Wait for the archive with what was said and added, and take it away."""
    browser.wait(lambda: list(folder.glob("docchat *.zip")), "the archive")
    (path,) = folder.glob("docchat *.zip")
    with zipfile.ZipFile(path) as archive:
        assert [WORDS.encode() in archive.read(name) for name in archive.namelist()].count(True) >= 2
    path.unlink()


def test_the_operator_of_a_host_sees_all_its_people(open_browser: Callable[[str], Browser], tmp_path: Path) -> None:
    host = bare_host(tmp_path / "data")
    DocChat(host.app, is_admin=lambda: current_user.username == "test")
    for number in range(120):
        owner = f"somebody {number}"
        chat = host.services.store.create(owner=owner)
        host.services.store.append(owner=owner, session_id=chat.id, drafts=[Draft("user", WORDS)])
    with served(host.app, "/") as site:
        browser = open_browser(site.url)
        browser.go("hosts-own")
        form = f"new URLSearchParams({{username: 'test', password: '{HOSTS_PASSWORD}'}})"
        browser.wait_for(f"fetch('/login', {{method: 'POST', body: {form}}}).then(arguments[0])")
        browser.go("operate")
        more = browser.see("docchat-operate [data-more]")
        rows = "return document.querySelectorAll('[data-people] tbody tr').length"
        assert browser.run(rows) == 50
        more.click()
        browser.wait(lambda: browser.run(rows) == 100, "fifty more")
        more.send_keys(Keys.ENTER)
        browser.wait(lambda: browser.run(rows) == 120, "the rest")
        assert browser.run("return document.activeElement.matches('[data-people]')")
        assert not browser.all("docchat-operate [data-more]")


def test_the_operator_sees_numbers_and_looks_after_users(open_browser: Callable[[str], Browser], site: Site) -> None:
    accounts = Accounts(site.services.database, min_length=12)
    accounts.add(name="the operator", password=PASSWORD, admin=True)
    somebody = site.person()
    _fill(site, somebody)
    browser = open_browser(site.url)
    browser.go()
    browser.sign_in("the operator", PASSWORD)
    browser.click(".side-link", text="Operation")
    browser.see("[data-health]", text="SQLite answers")
    browser.see("[data-charts] svg[role=img]")
    browser.see("[data-storage]", text="Passages")
    browser.see("[data-retention]", text="No chat is deleted for its age.")
    row = f"[data-user='{accounts.named(name=somebody).id}']"
    browser.see(row, text="1 chat · 1 document")
    assert WORDS not in browser.run("return document.querySelector('docchat-operate').outerHTML")

    browser.click("docchat-users [data-add]")
    browser.press("newcomer", Keys.TAB, PASSWORD, Keys.ENTER)
    browser.see("[data-users]", text="newcomer")
    assert accounts.verify(name="newcomer", password=PASSWORD) is not None
    browser.see(f"{row} button").send_keys(Keys.ENTER)
    browser.press("short", Keys.ENTER)
    assert accounts.verify(name=somebody, password="short") is None
    browser.press(*PASSWORD, "!", Keys.ENTER)
    browser.see(".notices", text="has to sign in again")
    assert accounts.verify(name=somebody, password=f"short{PASSWORD}!") is not None
    browser.see(f"{row} button:last-child").send_keys(Keys.ENTER)
    browser.see("docchat-confirm dialog", text="gets nothing")
    browser.click("docchat-confirm [data-go]")
    browser.see(row, text="shut out")
    assert accounts.named(name=somebody).disabled
    browser.see(f"{row} button:last-child").send_keys(Keys.SPACE)
    browser.see_no(row, text="shut out")
    assert not accounts.named(name=somebody).disabled
    _the_other_way(browser, site, accounts, somebody)


def _the_other_way(browser: Browser, site: Site, accounts: Accounts, somebody: str) -> None:
    """What was done by mouse by keyboard, and the other way round; days, and jobs that were given up, by both."""
    row = f"[data-user='{accounts.named(name=somebody).id}']"
    browser.see("docchat-users [data-add]").send_keys(Keys.ENTER)
    browser.press("nobody", Keys.ESCAPE)
    browser.see_no("docchat-users form")
    browser.press(Keys.ENTER)
    browser.press("latecomer", Keys.TAB, PASSWORD, Keys.TAB, Keys.SPACE, Keys.ENTER)
    browser.see("[data-users] li", text="latecomer administrator")
    assert accounts.named(name="latecomer").admin
    browser.click(f"{row} button")
    browser.click("docchat-users [data-cancel]")
    browser.click(f"{row} button")
    browser.press(*PASSWORD)
    browser.click("docchat-users [data-save]")
    browser.wait(lambda: accounts.verify(name=somebody, password=PASSWORD) is not None, "the new password")
    browser.click(f"{row} button:last-child")
    browser.see("docchat-confirm dialog", text="gets nothing")
    browser.press(Keys.TAB, Keys.ENTER)
    browser.see(row, text="shut out")
    browser.click(f"{row} button:last-child")
    browser.see_no(row, text="shut out")

    browser.see("docchat-operate [data-days]").send_keys(Keys.ARROW_DOWN)
    chosen = browser.run("return document.querySelector('[data-days]').value")
    browser.click("docchat-operate [data-days] option:first-child")
    assert browser.run("return document.querySelector('[data-days]').value") != chosen
    for again in ("mouse", "keys"):
        with site.services.database.write() as connection:
            lost = {"kind": "embed", "subject": again, "run_at": utc_now(), "attempts": 5}
            connection.execute(insert(job).values(lost | {"error": "store_unavailable", "failed_at": utc_now()}))
        browser.driver.refresh()
        button = browser.see("docchat-operate [data-retry]")
        button.click() if again == "mouse" else button.send_keys(Keys.ENTER)
        browser.see(".notices", text="1 job is tried again.")
