"""The page of the models, by keyboard: connect, try, order, switch off, delete; a key never comes back."""

from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from docchat.server.accounts import Accounts

from ..server.live import PASSWORD
from ..web.test_models import KEY, Server
from .conftest import Site
from .page import Browser


@pytest.fixture
def model_server(site: Site) -> Iterator[Server]:
    """A model server that wants a key; what the test connected to the shared site is taken away again."""
    server = Server()
    server.key = KEY
    yield server
    server.close()
    for model in site.services.connected.list():
        site.services.connected.delete(model_id=model.id)


def _fill(browser: Browser, *texts: str) -> None:
    """Type into the fields of the form, one after another, from the one that has the focus."""
    for text in texts:
        browser.press(*text, Keys.TAB)


def test_models_by_keyboard(open_browser: Callable[[str], Browser], site: Site, model_server: Server) -> None:
    Accounts(site.services.database, min_length=12).add(name="the admin", password=PASSWORD, admin=True)
    browser = open_browser(site.url)
    browser.go()
    browser.sign_in("the admin", PASSWORD)
    browser.click(".side-link", text="Models")
    browser.see("[data-none]", text="No model is connected yet.")
    browser.see("[data-add]").send_keys(Keys.ENTER)
    _fill(browser, "Helpful", model_server.url, "a-wrong-key")
    browser.see("[data-try]").send_keys(Keys.ENTER)
    browser.see(".model-trial", text="does not accept its key")
    browser.run("document.querySelector('[name=key]').select()")
    browser.see("[name=key]").send_keys(KEY)
    browser.see("[data-try]").send_keys(Keys.ENTER)
    browser.see(".model-trial", text="Hello to you.")
    browser.see(".model-trial", text="First token after")
    browser.see("[name=label]").send_keys(Keys.ENTER)
    browser.see(".model", text="Helpful")
    assert browser.run("return document.activeElement.title") == "Change Helpful"
    assert KEY not in browser.run("return document.documentElement.outerHTML")

    browser.press(Keys.ENTER)
    browser.see("[data-key-rule]", text="A key is stored, and never shown.")
    browser.see("[data-try]").send_keys(Keys.ENTER)
    browser.see(".model-trial", text="Hello to you.")
    browser.press(Keys.ESCAPE)
    browser.see_no("[data-form]:not([hidden])")

    site.services.connected.add(label="Second", url=model_server.url, name="")
    browser.go("models")
    browser.see("[title='Move Second up']").send_keys(Keys.ENTER)
    browser.wait(lambda: browser.all(".model")[0].text.startswith("Second"), "the other order")
    browser.see(".model input").send_keys(Keys.SPACE)
    browser.see(".model.off", text="Second")
    browser.see("[title='Delete Second…']").send_keys(Keys.ENTER)
    browser.see("dialog[open]", text="its key is destroyed")
    browser.see("dialog[open] [data-go]").send_keys(Keys.ENTER)
    browser.wait(lambda: len(browser.all(".model")) == 1, "the deleted model to be gone")
    assert [model.label for model in site.services.connected.list()] == ["Helpful"]


def test_others_have_no_such_page(browser: Browser) -> None:
    assert "Models" not in browser.see(".side-nav").text
    browser.go("models")
    browser.see("body", text="Only administrators may change the models.")
