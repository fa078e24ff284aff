"""Asking about a part of a document, beside it: by page, heading and selected text; listed with it, and cleared."""

import os

from selenium.webdriver.common.keys import Keys

from .conftest import DEMO
from .page import Browser

PANE = "docchat-section-chat"
SELECT = """
const body = document.querySelector(".page-text > div");
const node = [...body.childNodes].find((one) => one.nodeType === 3 && one.data.includes(arguments[0]));
const range = document.createRange();
range.setStart(node, node.data.indexOf(arguments[0]));
range.setEnd(node, node.data.indexOf(arguments[0]) + arguments[0].length);
getSelection().removeAllRanges();
getSelection().addRange(range);
"""
FOCUS = """
const buttons = [...document.querySelectorAll(".sections li button")];
buttons.find((one) => one.textContent.includes(arguments[0])).focus();
"""


def ask(browser: Browser, question: str) -> str:
    """Ask in the small chat; the answer."""
    before = len(browser.all(f"{PANE} .answer"))
    browser.see(f"{PANE} textarea:enabled").send_keys(question + Keys.ENTER)
    browser.wait(lambda: len(browser.all(f"{PANE} .message-foot")) > before, "an answer")
    return browser.all(f"{PANE} .answer")[-1].text


def picture(browser: Browser, name: str) -> None:
    """Keep the screen where whoever looks at it says."""
    if folder := os.environ.get("TEST_PICTURES"):
        browser.driver.save_screenshot(f"{folder}/{name}.png")


def test_a_part_of_a_document_is_asked_beside_it(browser: Browser) -> None:
    browser.upload(DEMO / "nara-strategic-plan-2022-2026.pdf", DEMO / "gifts-and-entertainment-policy.md")
    browser.go("documents")
    browser.click(".document-name", text="gifts-and-entertainment-policy.md")
    browser.see(".page-text")

    # By heading, with the keyboard; the page shows where it is.
    browser.click("docchat-source button", text="Ask")
    browser.see(".sections li button", text="Process")
    picture(browser, "headings")
    browser.run(FOCUS, "Process")
    browser.press(Keys.ENTER)
    browser.see(".page-text mark", text="Process")
    browser.see(f"{PANE} .welcome", text="this part of the document alone")
    assert browser.run("return document.activeElement.getAttribute('aria-label')") == "Your question about this part"
    assert browser.see(PANE).get_attribute("aria-label") == "Chat about Process"
    assert not browser.all(f"{PANE} [data-clear]")
    assert "your documents do not say" in ask(browser, "What happens to somebody who violates this policy?").lower()
    assert "approv" in ask(browser, "Who has to approve a gift?").lower()
    browser.all(f"{PANE} .cite")[-1].click()
    marked = browser.see(".page-text mark").text
    assert " ".join(marked.split())[:30] in " ".join(browser.all(f"{PANE} .answer")[-1].text.split())
    picture(browser, "answer")

    # By selected text, widened to its sentence.
    browser.run(SELECT, "official")
    browser.click(".picked button", text="Ask about the selected text")
    browser.see(f"{PANE} .welcome")
    assert len(browser.see(f"{PANE} [data-about]").text) > len("official")
    picture(browser, "selected")

    # Listed with the document, and cleared there: its words leave the page, the document and the other tab's list stay.
    browser.press(Keys.ESCAPE)
    browser.see_no("docchat-source")
    browser.click(".document-name", text="gifts-and-entertainment-policy.md")
    browser.click("docchat-source button", text="Ask")
    browser.click(".sections li button[data-chat]", text="4 messages")
    browser.see(f"{PANE} .question", text="Who has to approve a gift?")
    browser.click(f"{PANE} [data-clear]")
    browser.see("dialog[open]", text="The chat about “Process”")
    browser.click("dialog[open] [data-go]")
    browser.see(f"{PANE} .receipt", text="4 messages")
    assert "Who has to approve a gift?" not in browser.text
    picture(browser, "cleared")

    # A page of a PDF, where the citation is marked by its boxes; on the chat page too, its own chat untouched.
    browser.go()
    browser.ask("In which year was the National Archives and Records Administration created?")
    browser.click(".cite", text="1")
    browser.see(".page-image rect")
    browser.click("docchat-source button", text="Ask")
    browser.click(".sections-now button", text="Ask about Page 3")
    assert "1934" in ask(browser, "When was the agency created?")
    browser.click(f"{PANE} .cite")
    assert browser.see(".page-image rect").rect["width"] > 20
    assert len(browser.all("main docchat-message")) == 2
    picture(browser, "page")
    browser.press(Keys.ESCAPE)
    browser.see_no("docchat-source")
    assert browser.draft == ""
