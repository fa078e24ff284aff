"""Text of documents and models as DOM nodes: what Markdown may become, and that nothing of it is ever run."""

from typing import Any

import pytest

from .page import Browser

RENDER = """
const [text, done] = [arguments[0], arguments[1]];
const base = document.querySelector('script[type=module]').src.replace(/[^/]*$/, '');
import(base + 'markdown.js').then(({ showMarkdown }) => {
  const place = document.createElement('div');
  document.body.append(place);
  const cite = (number) => number <= 2 ? document.createElement('button') : null;
  for (let end = 1; end <= text.length; end += 7) showMarkdown(place, text.slice(0, end), cite);
  showMarkdown(place, text, cite);
  done(place.innerHTML);
});
"""
MESSAGE = """
const text = arguments[0];
const source = { number: 1, document: text, name: text, page: 1, label: text, start: 0, end: 1, quote: text };
const view = document.createElement('docchat-message');
document.querySelector('[data-messages]').append(view);
view.show({
  id: 1, role: 'assistant', text: text + ' [1]', created_at: new Date().toISOString(), state: 'failed', mode: 'model',
  citations: [source], nearest: [source], refused: true, model: text, error: text, understood: text,
  doubts: [{ start: 0, end: [...text].length, kind: 'unsupported' }], follow_ups: [text],
  feedback: { rating: 'up', comment: text },
});
const failed = view.innerHTML;
view.show({ ...view.message, state: 'done' });
const done = view.innerHTML;
view.remove();
return failed + done;
"""
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "[a](vbscript:msgbox)",
    "![a](https://elsewhere.invalid/track.png)",
    "![a](data:image/svg+xml,<svg/onload=alert(1)>)",
    '<https://example.org/"onmouseover=alert(1)>',
    '[a](https://example.org/"onmouseover="alert(1))',
    "`<b onclick=alert(1)>`",
    "```html\n<iframe srcdoc='<script>alert(1)</script>'>\n```",
    "| <a href=javascript:alert(1)>x</a> | b |\n|--|--|\n| <object data=x> | <embed> |",
    "> <style>*{background:url(https://elsewhere.invalid)}</style>",
    "- <form action=https://elsewhere.invalid><button>",
    "# <base href=https://elsewhere.invalid>",
    "**" * 500,
    "[" * 500 + "](" * 500,
    "> " * 200 + "deep",
    "- " * 200 + "deep",
    "\u202egnp.exe <b>",
    "$$\\text{<img src=x onerror=alert(1)>}^{<script>}$$",
    "\\(\\href{javascript:alert(1)}{x} \\style{color:red}{y}\\)",
    "$" + "{" * 300 + "x" + "}" * 300 + "$ $" + "\\frac" * 300 + "$",
]
FORMULAS = [
    ("half \\(\\frac{1}{2}\\) [1]", "<mfrac><mn>1</mn><mn>2</mn></mfrac></mrow></math> <button>"),
    ("$\\tfrac12$", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
    ("so $x_i^2$.", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
    ("$$\n\\sum_{i=1}^n i\n$$", 'display="block"'),
    ("$$\\sum_{i=1}^n i$$", "<munderover>"),
    ("\\[\\begin{pmatrix}a & b \\\\ c & d\\end{pmatrix}\\]", "</mtr><mtr><mtd><mi>c</mi></mtd>"),
    ("\\(\\nothing{x}\\)", "<code>\\(\\nothing{x}\\)</code>"),
    ("from $75 [1] to $80 [2]", "from $75 <button></button> to $80 <button></button>"),
    ("if $5=$3+$2 *x*", "if $5=$3+$2 <em>x</em>"),
    ("US$75,000-$80,000 a_b$ *x*", "US$75,000-$80,000 a_b$ <em>x</em>"),
    ("\\$5 and 5$ [1]", "$5 and 5$ <button></button>"),
    ("`$x^2$`", "<code>$x^2$</code>"),
    ("left open $$x^2", '<p dir="auto">left open $$x^2</p>'),
]
ALLOWED = {
    "BLOCKQUOTE", "BR", "BUTTON", "CODE", "DIV", "EM", "H3", "H4", "H5", "H6", "HR", "LI", "OL", "P", "PRE",
    "S", "SPAN", "STRONG", "SVG", "TABLE", "TBODY", "TD", "TH", "THEAD", "TR", "UL", "USE",
    "MATH", "MFRAC", "MI", "MN", "MO", "MOVER", "MROW", "MSQRT", "MSUB", "MSUBSUP", "MSUP", "MSPACE", "MTABLE", "MTD",
    "MTEXT", "MTR", "MUNDER", "MUNDEROVER",
}  # fmt: skip
OURS = {
    "B", "DD", "DETAILS", "DL", "DOCCHAT-FEEDBACK", "DOCCHAT-SUGGESTIONS", "DT", "FORM", "Q", "SECTION", "SUMMARY",
    "TEXTAREA", "TIME",
}  # fmt: skip
INSPECT = """
const place = document.createElement('template');
place.innerHTML = arguments[0];
return [...place.content.querySelectorAll('*')].map((node) => [
  node.tagName.toUpperCase(), Object.fromEntries([...node.attributes].map((a) => [a.name, a.value]))]);
"""


def nodes(browser: Browser, text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(tag, attributes) for tag, attributes in browser.run(INSPECT, browser.wait_for(RENDER, text))]


def test_hostile_text_stays_text(browser: Browser) -> None:
    for text in HOSTILE:
        for tag, attributes in nodes(browser, text):
            assert tag in ALLOWED, text
            assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")], text
        for tag, attributes in browser.run(INSPECT, browser.run(MESSAGE, text)):
            assert tag in ALLOWED | OURS, text
            assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")], text
    assert not browser.run(
        "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin))"
    )


def test_formulas(browser: Browser) -> None:
    for text, html in FORMULAS:
        assert html in browser.wait_for(RENDER, text), text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a *b* **c** _d_ ~~e~~ `f`", "<em>b</em> <strong>c</strong> <em>d</em> <s>e</s> <code>f</code>"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2"),
        ("said [1], not [7]", "said <button></button>, not [7]"),
        ("1. one\n2. two\n   - three", "<li dir=\"auto\">two<ul><li dir=\"auto\">three</li></ul></li></ol>"),
        ("# Title\ntext", "<h3>Title</h3><p dir=\"auto\">text</p>"),
        ("a | b\n--|--:\n1 | 2", "<td class=\"at-right\">2</td>"),
        ("> said\n> so", "<blockquote><p dir=\"auto\">said\nso</p></blockquote>"),
        ("see https://example.org/a_b.", "<p dir=\"auto\">see https://example.org/a_b.</p>"),
        ("[*here*](https://a.invalid/?q=x)", "<em>here</em> (https://a.invalid/?q=x)</p>"),
        ("![dot](https://a.invalid/t.png)", "<p dir=\"auto\">dot (https://a.invalid/t.png)</p>"),
        ("```py\na < b\n```", "<code data-language=\"py\">a &lt; b</code>"),
        ("```\nnot closed", "<code data-language=\"\">not closed</code>"),
    ],
)  # fmt: skip
def test_markdown(browser: Browser, text: str, html: str) -> None:
    assert html in browser.wait_for(RENDER, text)


def test_offsets_count_characters_as_the_server_does(browser: Browser) -> None:
    script = """
    const [text, start, end, done] = arguments;
    const base = document.querySelector('script[type=module]').src.replace(/[^/]*$/, '');
    import(base + 'dom.js').then(({ cut }) => done(cut(text, start, end)));
    """
    text = "😀 naïve 文書 𝄞 end"
    for start in range(len(text)):
        for end in range(start, len(text) + 1):
            assert browser.wait_for(script, text, start, end) == [text[:start], text[start:end], text[end:]]
