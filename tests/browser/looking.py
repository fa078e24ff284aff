"""Looks at what is on the screen as axe-core does, and as somebody does who has it enlarged."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .page import Browser

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]
_AXE = (
    "const end = arguments[2];"
    "axe.run(arguments[1], { runOnly: arguments[0], resultTypes: ['violations'] })"
    ".then(({ violations }) => end(violations.map((v) => [v.id, v.nodes.map((one) => one.html)])));"
)
# Each control is brought into sight and must be there, whole in its width, and what a finger there would touch. What
# only readers of the screen get is brought into sight, too: it must not push the page away.
_REACH = """
const modal = document.querySelector('dialog[open]');
const [width, height] = [document.documentElement.clientWidth, innerHeight];
const found = [];
const aside = (one) => one.closest('.sr, .skip, .chat-more, [inert], :disabled')
  || getComputedStyle(one).clipPath.startsWith('inset(50')
  || (innerWidth < 768 && !modal && one.closest('.side:not(.open)'));
for (const one of (modal ?? document).querySelectorAll('a[href], button, input, select, textarea, summary')) {
  if (!one.checkVisibility({ visibilityProperty: true })) continue;
  one.scrollIntoView({ block: 'center', behavior: 'instant' });
  if (aside(one)) continue;
  const box = one.getClientRects()[0];
  const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, height)];
  const hit = document.elementFromPoint((box.left + box.right) / 2, (top + bottom) / 2);
  const inside = box.left >= -1 && box.right <= width + 1 && bottom - top >= Math.min(8, box.height);
  const mine = hit && (one.contains(hit) || hit.closest('label')?.contains(one));
  if (!inside || !mine) found.push(`${one.outerHTML.slice(0, 90)} at ${JSON.stringify(box)}: ${hit?.className}`);
}
const pages = [document.documentElement, ...document.querySelectorAll('.shell, .stage, .library, .conversation')];
for (const one of pages) if (one.scrollWidth > one.clientWidth) found.push(`${one.className} scrolls sideways`);
for (const one of document.querySelectorAll('.shell, .stage')) if (one.scrollTop) found.push(`${one.className} moved`);
if (document.querySelector('.shell') && document.scrollingElement.scrollTop) found.push('the page moved');
const talk = document.querySelector('#content > .conversation');
if (talk?.clientHeight < 64) found.push(`no room to read: ${talk.clientHeight}`);
return found;
"""
_WATCH = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => (shifted += one.hadRecentInput ? 0 : one.value)))
  .observe({ type: 'layout-shift' });
"""


@cache
def _source() -> str:
    """axe-core's source. The package that brings it is only looked for: imported it would want Playwright."""
    found = find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(browser: Browser, *, colours: bool = False) -> list[tuple[str, list[str]]]:
    """The rules that the page breaks, with the elements that do; of an open dialogue alone when there is one.

    All of WCAG 2.2 A and AA, or only what depends on `colours`.
    """
    if not browser.run("return Boolean(window.axe)"):
        browser.run(_source())
    rules: dict[str, Any] = {"type": "rule", "values": COLOURS} if colours else {"type": "tag", "values": WCAG}
    within = "dialog[open]" if browser.all("dialog[open]") else "html"
    return [(rule, nodes) for rule, nodes in browser.wait_for(_AXE, rules, within)]


def out_of_reach(browser: Browser) -> list[str]:
    """Controls that cannot be seen and hit on this screen, and what scrolls sideways or was pushed away."""
    found: list[str] = browser.run(_REACH)
    return found


def watch_shifts(browser: Browser) -> None:
    """Add up from now on by how much the page moves of its own accord, for `shifted`."""
    browser.run(_WATCH)


def shifted(browser: Browser) -> float:
    """By how much: 1 is the whole screen by its whole height."""
    return float(browser.run("return shifted"))
