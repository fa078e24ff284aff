"""Documents as people see them: locked ones, many at once, their pictures, chosen for a question, and deleted ones."""

from pathlib import Path

from selenium.webdriver.common.keys import Keys

from ..documents import samples
from ..documents.test_thumbnail import png
from .page import Browser

RIVER = "The Wutach flows through a gorge and reaches the Rhine at Waldshut.\n"
QUESTION = "Where does the Wutach reach the Rhine?"
# Files that are let fall on the page; a browser lets no program hold them.
DROP = """
const data = new DataTransfer();
data.items.add(new File([arguments[1]], arguments[0]));
for (const type of ['dragenter', 'dragover', 'drop']) {
  document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}
"""
# Nothing leaves the page until it is let go.
HOLD = """
const send = XMLHttpRequest.prototype.send;
window.held = [];
window.sent = 0;
XMLHttpRequest.prototype.send = function (body) {
  window.sent += 1;
  window.held ? window.held.push(() => send.call(this, body)) : send.call(this, body);
};
window.letGo = () => { for (const go of window.held.splice(0)) go(); window.held = null; };
"""
DRAWN = "return [...document.querySelectorAll(arguments[0])].filter(image => image.naturalWidth === 240).length"


def written(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_locked_document_asks_for_its_password(browser: Browser, tmp_path: Path) -> None:
    locked = written(tmp_path, "vault.pdf", samples.pdf([[(72, 700, "The vault opens at nine.")]], password="secret"))
    browser.go("documents")
    browser.pick(locked)
    browser.see(".state.locked", text="Locked with a password.", seconds=60)
    field = browser.see(".document .unlock input")
    assert field.accessible_name == "Password of vault.pdf"
    field.send_keys("wrong" + Keys.ENTER)
    browser.see(".unlock-problem", text="This password does not open it.")
    assert browser.run("return document.activeElement.type") == "password", "it can be typed anew at once"
    browser.press("secret", Keys.ENTER)
    browser.see(".document .state.ready", text="Ready")
    browser.see_no(".unlock")
    browser.see_no(".upload.failed")
    browser.go()
    browser.see("docchat-composer")
    browser.click(".attach")
    browser.pick(locked)
    browser.see(".attached .unlock input", seconds=60).send_keys("secret" + Keys.ENTER)
    browser.see_no(".attached .unlock")
    browser.see(".attached-file.ready", text="vault.pdf")


def still(browser: Browser, asked: str, milliseconds: int = 2500) -> bool:
    """Say whether the page asked for nothing in that time."""
    before = browser.run(asked)
    browser.wait_for(f"setTimeout(arguments[0], {milliseconds})")
    return bool(browser.run(asked) == before)


def test_many_files_have_one_bar_and_the_skipped_their_reasons(browser: Browser, tmp_path: Path) -> None:
    files = [written(tmp_path, f"note{number}.txt", f"Barrel {number} holds oil. " * 50) for number in range(12)]
    files += [written(tmp_path, "scan.png", png(2, 8, b"\xc8\x0a\x1e")), written(tmp_path, "none.txt", "")]
    browser.go("documents")
    browser.run(HOLD)
    browser.pick(*files)
    bar = browser.see(".uploads-head progress")
    browser.click("[data-pause]", text="Pause")
    browser.run("window.letGo()")
    browser.see(".uploads-head", text="Paused: 3 of 14 files", seconds=30)
    assert browser.run("return window.sent") == 3, "what was on its way came to its end, nothing else was begun"
    browser.run("document.querySelector('[data-pause]').focus()")
    browser.press(Keys.ENTER)
    assert bar.accessible_name == "Progress of the files being added"
    browser.see(".uploads-head", text="of 14 files")
    browser.see(".uploads-head", text="12 files ready, 2 skipped", seconds=60)
    assert bar.get_property("value") == 1
    browser.see(".skipped", text="2 files skipped")
    browser.see(".skipped .upload", text="This file is empty. Look at it on your disk")
    browser.see(".skipped .upload", text="add a version of it whose text can be selected")
    browser.see("[data-sum]", text="12 documents")
    browser.click("[data-failed]", text="1 file not read")
    browser.wait(lambda: len(browser.all(".document")) == 1, "the only one that failed")
    browser.wait(lambda: browser.run(DRAWN, ".document .kind img"), "its picture all the same")
    # Nothing is under way: nothing is asked for any more.
    asked = "return performance.getEntriesByType('resource').filter(one => one.name.includes('/api/documents')).length"
    browser.wait(lambda: still(browser, asked), "no more requests")


def test_a_question_is_asked_of_chosen_documents_alone(browser: Browser, tmp_path: Path) -> None:
    river = written(tmp_path, "river.txt", RIVER)
    other = written(tmp_path, "other.txt", "The Wutach is said to reach the Rhine in a story of ours.\n")
    browser.go("documents")
    browser.upload(river, other)
    browser.click(".document-choose[aria-label='Ask about other.txt']")
    browser.see("[data-chosen]", text="1 document chosen")
    browser.click("[data-ask]")
    browser.see("[data-scope] .chip", text="other.txt")
    assert "about=" not in browser.driver.current_url
    browser.ask(QUESTION)
    browser.see(".asked-of", text="Asked of 1 document")
    assert {source.text.split("\n")[1] for source in browser.all(".source-link")} == {"other.txt"}

    browser.click("[data-scope-open]")
    browser.see("[data-chooser] [type=search]").send_keys("riv")
    said = "return document.querySelector('[data-chooser] [data-count]').textContent"
    browser.wait(lambda: browser.run(said) == "1 found", "the one of that name")
    assert len(browser.all("[data-chooser] [data-documents] li")) == 2, "beside the one that is chosen"
    browser.click("[data-chooser] [data-documents] label", text="river.txt")
    browser.click("[data-chooser] [data-documents] label", text="other.txt")
    browser.press(Keys.ESCAPE)
    assert browser.run("return document.activeElement.matches('[data-scope-open]')"), "the focus is back"
    browser.see("[data-scope]", text="river.txt")
    browser.see_no("[data-scope] .chip", text="other.txt")
    browser.ask(QUESTION)
    browser.wait(lambda: "Waldshut" in browser.all(".answer")[-1].text, "an answer from the other document")
    browser.click("[data-scope-clear]")
    browser.see_no("[data-scope]")
    browser.see("[data-scope-open]", text="Everything")


def test_what_was_quoted_from_a_deleted_document_leads_nowhere(browser: Browser, tmp_path: Path) -> None:
    browser.upload(written(tmp_path, "river.txt", RIVER))
    browser.ask(QUESTION)
    browser.see("button.source-link", text="river.txt")
    chat = browser.driver.current_url
    browser.go("documents")
    browser.click("[title='Delete river.txt']")
    browser.click("dialog[open] [data-go]")
    browser.see_no(".document")
    browser.driver.get(chat)
    browser.see(".answer", text="Waldshut")
    browser.see(".source-link.deleted", text="source deleted")
    assert browser.all(".answer .cite.deleted")
    assert not browser.all("button.source-link, button.cite")


def test_a_file_dropped_into_a_chat_is_attached_and_removed(browser: Browser) -> None:
    browser.click(".attach")
    browser.run(DROP, "river.txt", RIVER)
    browser.see(".attached-file.ready", text="river.txt", seconds=60)
    browser.ask(QUESTION)
    browser.driver.refresh()
    browser.see("button.source-link", text="river.txt")
    browser.click("[title='Remove river.txt from this chat']")
    browser.click("dialog[open] [data-go]")
    browser.see(".source-link.deleted", text="source deleted")
    browser.see_no(".attached-file")


def test_pages_have_small_pictures_and_hidden_text_is_marked(browser: Browser, tmp_path: Path) -> None:
    pages = [[(72, 700, f"Page {number} tells of the Wutach.")] for number in (1, 2, 3)]
    secret = "<p>Ten days.</p><p style='display:none'>Pay at once.</p>"
    browser.go("documents")
    browser.upload(written(tmp_path, "river.pdf", samples.pdf(pages)), written(tmp_path, "terms.html", secret))
    browser.wait(lambda: browser.run(DRAWN, ".document .kind img") == 1, "the picture of the PDF")
    browser.click(".document-name", text="river.pdf")
    browser.wait(lambda: browser.run(DRAWN, ".source-strip img") == 3, "three pages")
    browser.all(".strip-page")[2].click()
    browser.see("[data-where]", text="Page 3 of 3")
    browser.see(".strip-page[aria-current]", text="3")
    for open_original in (lambda link: link.click(), lambda link: link.send_keys(Keys.ENTER)):
        open_original(browser.see("docchat-source [data-original]"))
        _looked_at(browser, "/original?show=1#page=3")
    browser.click("docchat-source [data-close]")
    browser.click(".document-name", text="terms.html")
    browser.see(".hidden-text", text="Pay at once.")
    assert "Pay at once." not in browser.see(".page-text > div").text
    browser.see_no(".source-strip")


def _looked_at(browser: Browser, address: str) -> None:
    """A tab of its own has opened at the PDF; it is closed again."""
    page = browser.driver.current_window_handle
    browser.wait(lambda: len(browser.driver.window_handles) == 2, "another tab")
    (other,) = set(browser.driver.window_handles) - {page}
    browser.driver.switch_to.window(other)
    browser.wait(lambda: browser.driver.current_url.endswith(address), address)
    assert browser.run("return [document.contentType, window.opener]") == ["application/pdf", None]
    browser.driver.close()
    browser.driver.switch_to.window(page)
