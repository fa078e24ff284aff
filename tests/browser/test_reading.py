"""Reading: previews of citations, from one to the next, pages, tables, mails, the way back on a phone."""

from pathlib import Path

from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from .conftest import DEMO
from .page import PHONE, Browser

POLICY = DEMO / "gifts-and-entertainment-policy.md"
TABLE = "Port,Cranes,Depth\n" + "".join(f"Harbour {n},{n},{n + 10}.5\n" for n in range(1, 30))
MAIL = """From: Ada Winter <ada@example.org>
To: Ben Summer <ben@example.org>
Subject: The ferry to Holm
Date: Mon, 02 Mar 2026 09:00:00 +0000
Content-Type: text/plain

The ferry to Holm leaves from quay seven at noon on Sundays.
"""
WHERE = "[data-foot] .source-step .source-where"
SHOWN = "return document.querySelector('docchat-source:not([hidden]) [data-body] [data-from]')?.textContent"


def test_citations_are_previewed_and_stepped_through(browser: Browser) -> None:
    browser.upload(POLICY)
    browser.ask("What gifts are acceptable for government officials?")
    cites = browser.all("button.cite")
    assert len(browser.all("button.source-link")) > 1
    ActionChains(browser.driver).move_to_element(cites[0]).perform()
    quote = browser.see(".preview q").text
    assert quote
    browser.press(Keys.ESCAPE)
    browser.see_no(".preview")

    browser.see("textarea[name=question]").send_keys(Keys.ESCAPE)
    browser.run("document.querySelector('button.cite').focus({ focusVisible: true })")
    browser.see(".preview q", text=quote)
    assert browser.see("button.cite:focus").get_attribute("aria-describedby")
    browser.press(Keys.ENTER)
    browser.see("docchat-source mark")
    browser.see_no(".preview")
    browser.see("docchat-source h3.page-heading")
    first = browser.see("docchat-source mark").text
    assert "Citation 1 of" in browser.see(WHERE).text
    browser.press("n")
    browser.see(WHERE, text="Citation 2 of")
    browser.wait(lambda: browser.see("docchat-source mark").text != first, "another passage")
    browser.see(":is(button.cite, button.source-link).shown", text="2")
    browser.click("[title='Previous citation']")
    browser.see("docchat-source mark", text=first)
    browser.press(Keys.ESCAPE)
    browser.see_no("docchat-source")


def test_tables_mails_and_the_way_back(browser: Browser, tmp_path: Path) -> None:
    table, mail = tmp_path / "ports.csv", tmp_path / "ferry.eml"
    table.write_text(TABLE)
    mail.write_text(MAIL)
    browser.screen(*PHONE)
    browser.upload(table, mail)
    browser.ask("How many cranes has Harbour 17?")
    browser.click("button.source-link", text="ports.csv")
    browser.see("docchat-source thead th[scope=col]", text="Depth")
    assert browser.see("docchat-source tr.marked").text.split()[:2] == ["Harbour", "17"]
    text = browser.run(SHOWN)
    assert text.splitlines()[:2] == ["Port | Cranes | Depth", "Harbour 1 | 1 | 11.5"]
    browser.driver.back()
    browser.see_no("docchat-source")
    assert browser.answers == 1
    browser.run("document.querySelector('.source-link').focus()")
    browser.press(Keys.ENTER)
    browser.see("docchat-source")
    browser.click("[title='Back to the chat']")
    browser.see_no("docchat-source")
    browser.ask("When does the ferry to Holm leave?")
    browser.run(
        "[...document.querySelectorAll('.source-link')].find((one) => one.textContent.includes('ferry.eml')).click()"
    )
    browser.see("docchat-source .mail-head", text="Ada Winter")
    browser.see("docchat-source mark", text="noon on Sundays")
    assert not browser.run("return document.documentElement.scrollWidth > innerWidth")
