"""The main job, as a person does it: sign in, upload, ask, look at the source, clear. On our server and in a host."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from ..server.live import PASSWORD
from .conftest import DEMO, Site
from .looking import out_of_reach, violations
from .page import PHONE, Browser

QUESTION = "In which year was the National Archives and Records Administration created?"
TEXT_QUESTION = "What gifts are acceptable for government officials?"


def do_the_main_job(browser: Browser) -> None:
    browser.see("docchat-composer", text="docchat quotes from your documents")
    browser.upload(DEMO / "nara-strategic-plan-2022-2026.pdf", DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(QUESTION)
    browser.see(".answer", text="created in 1934")
    browser.click(".cite", text="1")
    browser.see("docchat-source", text="Page 3 of 16")
    assert browser.see(".page-image img").get_property("naturalWidth")
    assert browser.see(".page-image rect").rect["width"] > 20

    browser.ask(TEXT_QUESTION)
    answer = browser.all(".answer")[-1]
    quoted = answer.find_element("css selector", "p").text.split("”")[0].strip("“ ")
    answer.find_element("css selector", ".cite").click()
    marked = browser.see(".page-text mark").text
    assert " ".join(marked.split())[:40] in " ".join(quoted.split())

    browser.clear()
    browser.see(".receipt", text="This chat was cleared. Your documents are untouched.")
    browser.see(".receipt", text="4 messages")
    assert QUESTION not in browser.text
    browser.driver.refresh()
    browser.see(".welcome", text="2 documents")
    assert QUESTION not in browser.text


def test_main_job_on_our_server(browser: Browser) -> None:
    do_the_main_job(browser)


def test_main_job_in_a_hardened_host(open_browser: Callable[[str], Browser], hardened_site: Site) -> None:
    browser = open_browser(hardened_site.url)
    browser.go()
    browser.sign_in("ada", "analytical engine")
    browser.see("docchat-composer")
    assert browser.driver.current_url.endswith("/portal/x/docchat/")
    do_the_main_job(browser)
    chat_in_a_corner(browser, urljoin(browser.url, "../../"))


def chat_in_a_corner(browser: Browser, home: str) -> None:
    """The host's own page, by keyboard: open the chat, ask, and go on to the whole page."""
    driver = browser.driver
    driver.get(home)
    button = browser.see(".docchat-widget-open", text="Ask your documents")
    assert driver.find_elements(By.CSS_SELECTOR, "iframe") == []
    button.send_keys(Keys.ENTER)
    driver.switch_to.frame(browser.see("iframe"))
    browser.ask("Which freedoms are essential?")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    assert violations(browser) == out_of_reach(browser) == []
    driver.switch_to.default_content()
    assert violations(browser) == []
    button = browser.see(".docchat-widget-open[aria-expanded=true]")
    button.send_keys(Keys.ENTER)
    browser.see_no("iframe")
    assert driver.current_url == home
    button.click()
    driver.switch_to.frame(browser.see("iframe"))
    browser.see(".answer")
    browser.click(".only-framed")
    driver.switch_to.default_content()
    browser.see("docchat-side")
    assert driver.current_url.startswith(browser.url)


def test_host_renews_its_token(open_browser: Callable[[str], Browser], hardened_site: Site) -> None:
    browser = open_browser(hardened_site.url)
    browser.go()
    browser.sign_in("grace", "nanoseconds of wire")
    browser.see("docchat-composer")
    browser.run("document.querySelector('meta[name=csrf-token]').content = 'of yesterday'")
    browser.upload(DEMO / "state-of-the-union-1941.txt")
    browser.run("document.querySelector('meta[name=csrf-token]').content = 'of yesterday'")
    browser.ask("Which freedoms are essential?")
    browser.see(".sources")


def test_main_job_on_a_phone(browser: Browser) -> None:
    browser.screen(*PHONE)
    browser.driver.refresh()
    browser.upload(DEMO / "nara-strategic-plan-2022-2026.pdf", DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(TEXT_QUESTION)
    assert all(0 <= chip.rect["x"] <= PHONE[0] - chip.rect["width"] for chip in browser.all(".source-link"))
    browser.ask(QUESTION)
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]
    browser.all(".answer")[-1].find_element("css selector", ".cite").click()
    browser.see(".page-image rect")
    assert browser.see("docchat-source").rect["width"] == PHONE[0]
    browser.click("docchat-source [data-close]")
    browser.see_no("docchat-source")
    assert not browser.all("docchat-side")
    browser.click("[data-side-open]")
    browser.click("docchat-side .side-link", text="Documents")
    browser.see(".document", text="16 pages")
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]


def test_by_keyboard_alone(browser: Browser) -> None:
    browser.upload(DEMO / "nara-strategic-plan-2022-2026.pdf")
    browser.see("textarea[name=question]").click()
    browser.press("In which year was")
    browser.newline()
    browser.press("the National Archives created?")
    assert browser.draft == "In which year was\nthe National Archives created?"
    browser.press(Keys.ENTER)
    browser.see(".sources")
    browser.see_no("[data-stop]")
    browser.run("document.querySelector('.cite').focus()")
    browser.press(Keys.ENTER)
    browser.see(".page-image rect")
    browser.press(Keys.ESCAPE)
    browser.see_no("docchat-source")
    assert browser.run("return document.activeElement.className") == "cite"
    browser.see(".source-link .label", text="Page ")
    browser.driver.add_cookie({"name": "docchat_language", "value": "de"})
    browser.driver.refresh()
    browser.see(".source-link .label", text="Seite ")
    browser.driver.delete_cookie("docchat_language")
    browser.driver.refresh()
    browser.see(".source-link .label", text="Page ")
    browser.run("document.querySelector('[data-clear]').focus()")
    browser.press(Keys.ENTER)
    browser.see("dialog[open]")
    assert browser.run("return document.activeElement.textContent") == "Cancel"
    browser.press(Keys.ESCAPE)
    browser.see_no("dialog[open]")
    browser.press(Keys.ENTER)
    browser.see("dialog[open]")
    browser.press(Keys.TAB, Keys.ENTER)
    browser.see(".receipt")


def test_upload_says_what_went_wrong(browser: Browser, site: Site, tmp_path: Path) -> None:
    empty, broken, large = (tmp_path / name for name in ("empty.txt", "broken.pdf", "large.txt"))
    empty.write_bytes(b"")
    broken.write_bytes(b"This is no PDF.")
    large.write_bytes(b"word " * 400_000)
    browser.go("documents")
    browser.network(offline=False, upload=500_000)
    browser.driver.find_element("css selector", "[data-pick]").send_keys(f"{large}\n{empty}\n{broken}")
    browser.see(".upload.sending", text="Sending")
    assert 0 < browser.wait(lambda: browser.see(".upload progress").get_property("value"), "progress") < 1
    browser.see(".upload.failed", text="empty")
    browser.see(".upload.failed [title='broken.pdf']", seconds=60)
    broken_row = ".document:has([title='broken.pdf'])"
    browser.see(f"{broken_row} .state.failed")
    assert browser.all(".upload.failed button[title='Remove broken.pdf from this list']")
    browser.network(offline=False)
    browser.see(".document [title='large.txt']", seconds=60)
    browser.driver.add_cookie({"name": "docchat_language", "value": "de"})
    browser.driver.refresh()
    browser.see(broken_row, text="Diese Datei heißt .pdf, ist aber kein PDF.")
    browser.driver.delete_cookie("docchat_language")
    browser.driver.refresh()
    browser.click(f"{broken_row} [title='Delete broken.pdf']")
    browser.see("dialog[open]", text="Delete this document?")
    browser.click("dialog[open] [data-go]")
    browser.see_no(".document", text="broken.pdf")


def test_by_keyboard_on_a_phone(browser: Browser) -> None:
    browser.screen(*PHONE)
    browser.driver.refresh()
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(TEXT_QUESTION)
    browser.see(".source-link").send_keys(Keys.ENTER)
    browser.see(".page-text mark")
    for _ in range(8):
        browser.press(Keys.TAB)
        assert not browser.run("return document.getElementById('content').contains(document.activeElement)")
    browser.press(Keys.ESCAPE)
    browser.see_no("docchat-source")
    assert browser.run("return document.activeElement.className") == "source-link"
    browser.run("document.querySelector('[data-clear]').focus()")
    browser.press(Keys.ENTER)
    dialogue = browser.see("dialog[open]").rect
    assert dialogue["x"] >= 0
    assert dialogue["x"] + dialogue["width"] <= PHONE[0]
    browser.press(Keys.TAB, Keys.ENTER)
    browser.see(".receipt")


def test_cancelled_file_is_not_uploaded(browser: Browser, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.txt" for name in ("first", "second", "unwanted", "last")]
    for file in files:
        file.write_text(f"The {file.stem} file says little. " * 20)
    browser.go("documents")
    browser.network(offline=False, upload=400)
    browser.driver.find_element("css selector", "[data-pick]").send_keys("\n".join(str(file) for file in files))
    browser.click("[title='Cancel unwanted.txt']")
    browser.network(offline=False)
    browser.see(".document [title='last.txt']", seconds=60)
    browser.see_no(".upload:not(.ready)")
    browser.driver.refresh()
    browser.see(".document [title='last.txt']")
    assert not browser.all(".document [title='unwanted.txt']")


def test_rename_search_export(browser: Browser, site: Site, tmp_path: Path) -> None:
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    browser.ask(TEXT_QUESTION)
    browser.click("[data-title]")
    browser.see("[data-rename] input").send_keys("Presents" + Keys.ENTER)
    browser.see(".chat-link", text="Presents")
    browser.click("[data-new-chat]")
    browser.see(".welcome")
    browser.see("[data-search] input").send_keys("government officials")
    browser.see(".chat-link.hit mark")
    browser.click(".chat-link.hit .snippet")
    browser.see(".message.found")
    browser.go("documents")
    browser.click("[data-new-chat]")
    browser.see(".welcome", text="Ask your documents.")
    browser.click(".chat-link", text="Presents")
    browser.see(".question", text=TEXT_QUESTION)
    browser.click("[data-menu] summary")
    browser.click("[data-do=markdown]")
    browser.wait(lambda: list(tmp_path.glob("*.md")), "the exported file")
    assert TEXT_QUESTION in next(tmp_path.glob("*.md")).read_text()


def test_sign_in_refused(open_browser: Callable[[str], Browser], site: Site) -> None:
    browser = open_browser(site.url)
    browser.go()
    browser.sign_in(site.person(), PASSWORD + "?")
    browser.see("[role=alert]", text="wrong")
