"""Collections and attachments as people use them: share, ask one collection, attach to a chat, clear it."""

from collections.abc import Callable
from pathlib import Path

from .conftest import PASSWORD, Site
from .page import Browser

RIVER = "The Wutach flows through a gorge and reaches the Rhine at Waldshut.\n"
QUESTION = "Where does the Wutach reach the Rhine?"


def sign_in(open_browser: Callable[[str], Browser], site: Site, name: str) -> Browser:
    browser = open_browser(site.url)
    browser.go()
    browser.sign_in(name, PASSWORD)
    browser.see("docchat-composer")
    return browser


def test_a_collection_is_made_filled_shared_and_asked(
    open_browser: Callable[[str], Browser], site: Site, tmp_path: Path
) -> None:
    owner, reader = site.person(), site.person()
    file = tmp_path / "river.txt"
    file.write_text(RIVER, encoding="utf-8")
    browser = sign_in(open_browser, site, owner)
    browser.go("documents")
    browser.see(".collection-panel", text="Only you can read what is here.")
    browser.see("[data-new] input").send_keys("Rivers")
    browser.click("[data-new] button")
    browser.see(".collection-panel", text="Only you can read what is here, until you share it.")
    browser.upload(file)
    browser.see(".document-name", text="river.txt")
    browser.see(".collection-panel [name=member]").send_keys(reader)
    browser.click(".collection-panel .share button")
    browser.see(".attached-file", text=f"{reader} (may read)")
    browser.see_no(".collection-panel", text="Only you")
    browser.click("[data-collection] option", text="All documents")
    browser.see(".collection-panel", text="Choose a collection to see who reads it.")

    browser = sign_in(open_browser, site, reader)
    browser.ask(QUESTION)
    browser.see(".answer", text="Waldshut")
    browser.click("[data-scope-open]")
    browser.see("[data-chooser] label", text="Rivers")
    browser.click("[data-chooser] label", text="My documents")
    browser.click("[data-chooser] [data-done]")
    browser.see("[data-scope]", text="My documents")
    browser.ask(QUESTION)
    assert "Waldshut" not in browser.all(".answer")[-1].text
    browser.go("documents")
    browser.click("[data-collection] option", text="Rivers")
    browser.see(".collection-panel", text="You may read the documents here")


def test_a_file_is_attached_to_a_chat_and_goes_with_it(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text(RIVER, encoding="utf-8")
    browser.click(".attach")
    browser.upload(file)
    browser.see(".attached-file", text="note.txt")
    browser.ask(QUESTION)
    browser.click(".answer .cite")
    browser.see(".page-text mark", text="Waldshut")
    browser.clear(confirm=False)
    browser.see("dialog[open]", text="2 messages, 1 attached file and every citation")
    browser.click("dialog[open] [data-go]")
    browser.see(".receipt", text="This chat was cleared.")
    browser.see_no(".attached-file")
    browser.go("documents")
    browser.see("[data-sum]", text="No documents yet")


def test_files_picked_while_the_place_is_drawn_anew_are_taken(browser: Browser, tmp_path: Path) -> None:
    """A file dialogue stays open for long; meanwhile the chat list may load or another chat open."""
    file = tmp_path / "note.txt"
    file.write_text(RIVER, encoding="utf-8")
    browser.see("[data-welcome] .button", text="Add documents")
    opened = browser.run("""
        let opened = null;
        addEventListener("click", (event) => {
          if (!event.target.matches("[type=file]")) return;
          opened = event.target;
          event.preventDefault();
        });
        document.querySelector("[data-welcome] .button").click();
        return opened;
    """)
    browser.click("[data-new-chat]")
    opened.send_keys(str(file))
    browser.see(".upload.ready [title='note.txt']", seconds=60)
