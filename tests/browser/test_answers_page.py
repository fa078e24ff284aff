"""Around an answer: suggestions, editing, asking again, feedback, doubts, closest passages, limits, other models."""

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from ..server.live import SlowModel
from .conftest import DEMO, Site
from .page import PHONE, Browser

POLICY = DEMO / "gifts-and-entertainment-policy.md"
QUESTION = "What gifts are acceptable for government officials?"
SECRET = f"{QUESTION} SECRETWORD"
LAST = "const answer = [...document.querySelectorAll('docchat-message')].at(-1);"
CAPTURE = "window.copied = ''; navigator.clipboard.writeText = async (text) => { window.copied = text; };"
LIMIT = """
const real = window.fetch;
window.fetch = (url, options) => {
  if (!String(url).endsWith("/ask") || JSON.parse(options.body).mode === "quotes") return real(url, options);
  const body = { error: "You have had your answers of today.", code: "daily_limit" };
  return Promise.resolve(new Response(JSON.stringify(body), { status: 429, headers: { "Retry-After": "3600" } }));
};
"""


def questions(browser: Browser) -> list[str]:
    """What was asked, as the page shows it."""
    return [found.text.removeprefix("You asked:").strip() for found in browser.all(".question")]


def edit(browser: Browser, number: int) -> None:
    """Take up the pen beside a question, as a keyboard does."""
    browser.run("[...document.querySelectorAll('[data-edit]')][arguments[0]].focus()", number)
    browser.press(Keys.ENTER)
    browser.see(".edit textarea")


def retype(browser: Browser, text: str) -> None:
    """Type over what stands in the box of an edited question, and send it."""
    box = browser.see(".edit textarea")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(text + Keys.ENTER)


def settled(browser: Browser, answers: int) -> None:
    """Wait until so many answers are there and none is being made."""
    browser.wait(lambda: browser.answers == answers, f"{answers} answers")
    browser.see_no("[data-stop]", seconds=30)


def test_suggested_edited_asked_again_and_rated(browser: Browser, site: Site) -> None:
    browser.upload(POLICY)
    first = browser.see("docchat-suggestions .suggestion").text
    browser.run("document.querySelector('.suggestion').focus()")
    browser.press(Keys.ENTER)
    settled(browser, 1)
    assert questions(browser) == [first]
    assert not browser.all(".answer.refused")

    follow_up = browser.see(".follow-ups .suggestion").text
    browser.click(".follow-ups .suggestion")
    settled(browser, 2)
    assert questions(browser) == [first, follow_up]
    assert len(browser.all(".follow-ups")) <= 1  # only below the last answer

    edit(browser, 0)
    browser.see(".edit", text="This replaces the question and the 3 messages below.")
    browser.see(".edit textarea").send_keys(Keys.ESCAPE)
    browser.see_no(".edit textarea")
    assert questions(browser) == [first, follow_up]
    edit(browser, 0)
    retype(browser, QUESTION)
    settled(browser, 1)
    assert questions(browser) == [QUESTION]
    message = browser.run(f"{LAST} return answer.message.id")
    browser.click("[title='Answer again']")
    browser.wait(lambda: browser.run(f"{LAST} return answer.message.id") not in ("", message), "another answer")
    settled(browser, 1)

    site.faults.answers["/feedback"] = 502
    browser.click("[title='Bad answer']")
    browser.see(".feedback-state.failed", text="Not saved.")
    assert browser.see("[title='Bad answer']").get_attribute("aria-pressed") == "false"
    site.faults.answers.clear()
    browser.click("[title='Bad answer']")
    browser.see(".feedback-form textarea").send_keys("Too short.")
    browser.click(".feedback-form .primary")
    browser.see(".feedback-state", text="Comment saved.")
    browser.driver.refresh()
    browser.see("[title='Bad answer'][aria-pressed=true]")
    assert questions(browser) == [QUESTION]
    browser.click("[title='Bad answer']")
    browser.see(".feedback-state", text="Taken back.")


def test_doubts_refusals_limits_and_unfinished_answers(browser: Browser) -> None:
    browser.screen(*PHONE)
    browser.upload(POLICY)
    browser.ask(QUESTION)
    browser.see(".sources")
    browser.run(CAPTURE)
    browser.click(".message-foot button", text="Copy")
    copied = browser.wait(lambda: browser.run("return window.copied"), "the copied answer")
    assert "[^1]" in copied.splitlines()[0]
    assert any(line.startswith("[^1]: gifts-and-entertainment-policy.md") for line in copied.splitlines())
    browser.click(".notice button")

    text = "Worth **75 dollars** \U0001f381 [1].\n\n- The elders agreed.\n- See https://example.org/a"
    spans = [(text.index(words), text.index(words) + len(words)) for words in ("75 dollars", "- The elders agreed.")]
    doubts = [{"start": spans[0][0], "end": spans[0][1], "kind": "number"}]
    doubts.append({"start": spans[1][0], "end": spans[1][1], "kind": "unsupported"})
    browser.run(
        LAST + "answer.show({...answer.message, text: arguments[0], doubts: arguments[1], mode: 'model', model: 'm',"
        "understood: 'What gifts in 2023?'})",
        text,
        doubts,
    )
    assert [found.text for found in browser.all(".doubt.number")] == ["75 dollars"]
    assert [found.text for found in browser.all("li .doubt.unsupported")] == ["The elders agreed."]
    assert "(Not found in your documents.)" in browser.text
    browser.see(".doubt-words", text="One statement was not found in your documents")
    assert not browser.all(".made time, .understood")
    browser.see(".made summary", text="Written by m")
    told = ".understood"
    browser.wait(
        lambda: browser.all(told) or browser.see(".made summary").send_keys(Keys.ENTER), "how it was understood"
    )
    browser.see(told, text="What gifts in 2023?")

    browser.run(
        LAST + "const nearest = [...answer.message.citations]; answer.show({...answer.message, doubts: [], nearest,"
        "citations: [], refused: true, text: 'Your documents do not say.'})"
    )
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]
    browser.click(".nearest-link")
    browser.see(".page-text mark")
    browser.press(Keys.ESCAPE)
    browser.see_no("docchat-source")

    browser.run(LIMIT)
    browser.type(QUESTION + Keys.ENTER)
    browser.see(".composer .problem", text="You can ask again at")
    assert browser.draft == QUESTION
    browser.click(".composer .problem button", text="Quote my documents instead")
    settled(browser, 2)
    assert browser.draft == ""
    browser.run(
        LAST + "answer.show({...answer.message, state: 'failed', error: null, text: 'Half of', follow_ups: []})"
    )
    browser.see(".message .problem", text="This answer is unfinished.")
    browser.click(".message .problem button", text="Ask again")
    settled(browser, 2)
    browser.see(".sources")
    assert "Half of" not in browser.text


@pytest.fixture
def second_model(slow_site: Site, model: SlowModel) -> Iterator[str]:
    """The label of another model, for as long as the test lasts."""
    connected = slow_site.services.connected
    added = connected.add(label="Second", url=model.url, name="", key="", enabled=True)
    yield "Second"
    connected.delete(model_id=added.id)


def test_choice_of_models(second_model: str, slow_browser: Browser) -> None:
    slow_browser.driver.refresh()
    slow_browser.see("select[name=mode] option", text=f"Written by {second_model}")
    slow_browser.click("select[name=mode] option", text="Quotes only")
    slow_browser.ask(SECRET)
    slow_browser.see(".message-foot", text="Quoted from your documents")
    slow_browser.click(".others summary")
    slow_browser.click(".others .menu-items button", text=f"Answer by {second_model}")
    slow_browser.see(".answer", text="SECRETWORD")
    slow_browser.press(Keys.ESCAPE)
    slow_browser.see(".stopped", text="Stopped.")
    assert questions(slow_browser) == [SECRET]
    slow_browser.see(".message-foot", text="Written by")
