"""What a person does in the browser, in the person's words; and the browser itself."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 15.0
PHONE = (390, 844)
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,900",
)

_BY_KEYS = 2
"""Characters at each end of a long text that are typed key by key; what is between comes at once, as from a phone."""
_SEEN = 3000
"""Characters of the page that are told when something is waited for in vain."""
_CANDIDATES = """
const bare = text => text.replace(/[\\s\\u00ad\\u200b-\\u200f]+/g, '').toLowerCase();
const wanted = bare(arguments[1]);
return [...document.querySelectorAll(arguments[0])].filter(found =>
  (found.checkVisibility({ visibilityProperty: true }) || found.localName === 'option'
    || getComputedStyle(found).display === 'contents')
  && (!wanted || bare(found.textContent).includes(wanted)));
"""


def chromium() -> tuple[str, str] | None:
    """Paths of the browser and its driver, None when one is missing."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for name in names if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def start(browser: str, driver: str, downloads: Path) -> webdriver.Chrome:
    """A browser with a profile of its own that talks to nobody but the pages it is sent to."""
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in _OPTIONS:
        options.add_argument(option)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


def renew(driver: webdriver.Chrome, downloads: Path) -> None:
    """Make a browser that was used as good as new: one empty tab, nothing kept, nothing pretended."""
    used = driver.window_handles
    driver.switch_to.new_window("tab")  # what was pretended to a page (a screen, a network) ends with its tab
    fresh = driver.current_window_handle
    for handle in used:
        driver.switch_to.window(handle)
        driver.close()
    driver.switch_to.window(fresh)
    for command, arguments in (
        ("Page.bringToFront", {}),
        ("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"}),
        ("Network.clearBrowserCookies", {}),
        ("Network.clearBrowserCache", {}),
        ("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}),
    ):
        driver.execute_cdp_cmd(command, arguments)
    driver.get_log("browser")


class Drivers:
    """Browsers that go from test to test: to start one takes longer than most tests."""

    def __init__(self) -> None:
        self._free: list[webdriver.Chrome] = []
        self._lent: list[webdriver.Chrome] = []

    def lend(self, browser: str, driver: str, downloads: Path) -> webdriver.Chrome:
        """A browser as good as new, which saves files in `downloads`."""
        found = None
        while self._free and found is None:
            found = self._free.pop()
            try:
                renew(found, downloads)
            except WebDriverException:  # a test may have left it in pieces
                found.quit()
                found = None
        self._lent.append(found or start(browser, driver, downloads))
        return self._lent[-1]

    def take_back(self) -> None:
        """What is lent is free again."""
        self._free += self._lent
        self._lent.clear()

    def quit(self) -> None:
        """End them all."""
        for driver in self._free + self._lent:
            driver.quit()


@dataclass
class Browser:
    """One browser on one site; `url` is the address of the chat page and ends with a slash."""

    driver: webdriver.Chrome
    url: str

    # looking

    def all(self, selector: str) -> list[WebElement]:
        """The elements that a person can see."""
        return [found for found in self._candidates(selector) if found.is_displayed()]

    def see(self, selector: str, *, text: str = "", seconds: float = SECONDS) -> WebElement:
        """Wait until an element is seen that holds `text`."""
        what = f"{selector} with {text!r}" if text else selector
        return cast(WebElement, self.wait(lambda: self._holding(selector, text), what, seconds))

    def see_no(self, selector: str, *, text: str = "", seconds: float = SECONDS) -> None:
        """Wait until no such element is seen."""
        self.wait(lambda: not self._holding(selector, text), f"no {selector}", seconds)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Wait until `condition()` is true; an element that goes away meanwhile is looked for again."""
        waiting = WebDriverWait(self.driver, seconds, 0.05, [StaleElementReferenceException])
        try:
            return waiting.until(lambda _: condition())
        except TimeoutException:
            seen = str(self.run("return document.body.innerText"))[:_SEEN]
            told = [entry["message"] for entry in self.driver.get_log("browser")]
            where = f"on {self.driver.current_url}; the console tells {told}; seen: {seen}"
            raise TimeoutException(f"waited in vain for {what} {where}") from None

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, script: str, *arguments: Any) -> Any:
        """The value that a script hands to its last argument, a function."""
        return self.driver.execute_async_script(script, *arguments)

    @property
    def text(self) -> str:
        """Everything written on the page, seen or not."""
        return str(self.run("return document.documentElement.textContent"))

    def _holding(self, selector: str, text: str) -> WebElement | None:
        found = self._candidates(selector, text)
        return next((element for element in found if element.is_displayed() and text in element.text), None)

    def _candidates(self, selector: str, text: str = "") -> list[WebElement]:
        """All that may be seen and hold `text`, and some more: the driver takes ten times as long to be sure of one."""
        return cast(list[WebElement], self.run(_CANDIDATES, selector, text))

    # doing

    def go(self, path: str = "") -> None:
        """Open a page below the chat's address."""
        self.driver.get(self.url + path)

    def click(self, selector: str, *, text: str = "") -> None:
        """Click what is seen; what is drawn anew just then is seen again."""

        def clicked() -> bool:
            found = self._holding(selector, text)
            if found is not None:
                found.click()
            return found is not None

        self.wait(clicked, f"{selector} with {text!r} to click" if text else f"{selector} to click")

    def press(self, *keys: str) -> None:
        """Press keys wherever the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def newline(self) -> None:
        """Shift and Enter."""
        webdriver.ActionChains(self.driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()

    def sign_in(self, name: str, password: str) -> None:
        """Fill in the form that asks for name and password, which must be on the screen."""
        self.see("[name=username]").send_keys(name)
        self.fill(self.see("[name=password]"), password)
        self.press(Keys.ENTER)

    def pick(self, *paths: Path) -> None:
        """Pick files, whatever becomes of them."""
        self.driver.find_element(By.CSS_SELECTOR, "[data-pick]").send_keys("\n".join(str(path) for path in paths))

    def upload(self, *paths: Path) -> None:
        """Pick files and wait until each is ready."""
        self.pick(*paths)
        for path in paths:
            self.see(f".upload.ready [title='{path.name}']", seconds=60)

    def type(self, text: str) -> None:
        """Type into the box for questions."""
        self.fill(self.see("textarea[name=question]"), text)

    def fill(self, field: WebElement, text: str) -> None:
        """Type into a field; of a long text only the ends key by key."""
        first, middle, last = text[:_BY_KEYS], text[_BY_KEYS:-_BY_KEYS], text[-_BY_KEYS:]
        if len(middle) <= _BY_KEYS or not middle.isprintable():
            field.send_keys(text)
            return
        field.send_keys(first)
        self.driver.execute_cdp_cmd("Input.insertText", {"text": middle})
        field.send_keys(last)

    def ask(self, question: str, *, wait: bool = True) -> None:
        """Ask and, unless told otherwise, wait for the end of the answer."""
        before = self.answers
        self.type(question)
        self.press(Keys.ENTER)
        self.wait(lambda: self.answers > before, "an answer")
        if wait:
            self.see_no("[data-stop]", seconds=60)

    @property
    def answers(self) -> int:
        """How many answers are on the screen."""
        return len(self.driver.find_elements(By.CSS_SELECTOR, "docchat-message .answer"))

    @property
    def draft(self) -> str:
        """What stands in the box for questions."""
        return str(self.see("textarea[name=question]").get_property("value"))

    def clear(self, *, confirm: bool = True) -> None:
        """The button, and the button of the dialogue."""
        self.click("[data-clear]")
        self.see("dialog[open]", text="Clear this chat?")
        if confirm:
            self.click("dialog[open] [data-go]")

    def new_tab(self, path: str = "") -> str:
        """Open another tab; the handle of the one left."""
        left = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        self.go(path)
        return left

    def to_tab(self, handle: str) -> None:
        """Go to another tab."""
        self.driver.switch_to.window(handle)

    def screen(self, width: int, height: int) -> None:
        """A screen of another size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def network(self, *, offline: bool, upload: int = -1) -> None:
        """Pull the plug, or let no more than `upload` bytes a second out."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        rates = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": offline, **rates})

    def complaints(self) -> Sequence[str]:
        """What the console says against the page: refused by the policy, or an error of a script."""
        entries = self.driver.get_log("browser")
        return [
            entry["message"]
            for entry in entries
            if "Content Security Policy" in entry["message"]
            or (entry["level"] == "SEVERE" and entry["source"] in ("javascript", "console-api", "security"))
        ]
