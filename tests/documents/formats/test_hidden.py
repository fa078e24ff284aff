"""Hidden text: in every format it is marked, shown at the end of its part, and not among what the index gets."""

# ruff: noqa: E501, RUF001  (markup that belongs on one line; letters of many scripts)
from collections.abc import Callable

import pytest

from docchat.documents.cutting import passages_of
from docchat.documents.formats import pdf_traces, read
from docchat.documents.formats.part import LONGEST_HIDDEN, Part

from .. import samples
from .builders import docx, epub, opendocument, paragraph, pptx, raw_pdf, row, shape, xlsx

_ORDER = "QUINCE and nothing else"


def _split(data: bytes, name: str) -> tuple[str, str]:
    """What is seen and what is hidden. The hidden must be marked, last, and in no passage."""
    parts = read(data, name)
    for number, part in enumerate(parts, 1):
        assert all(part.text[start:end].startswith("[Hidden") for start, end in part.hidden)
        assert part.text.startswith(part.visible)
        assert "QUINCE" not in " ".join(f"{row.text} {row.words}" for row in passages_of(number, part))
    return "\n".join(part.visible for part in parts), "\n".join(_hidden(part) for part in parts)


def _hidden(part: Part) -> str:
    return "".join(part.text[start:end] for start, end in part.hidden)


_GROUND = '<w:tcPr><w:shd w:fill="1F3864"/></w:tcPr>'
_WHITE = '<w:color w:val="FFFFFF"/>'


@pytest.mark.parametrize(
    ("run", "style"),
    [
        ("<w:vanish/>", ""),
        (_WHITE, ""),
        ('<w:color w:val="FDFDFD"/>', ""),
        ('<w:sz w:val="2"/>', ""),
        ("", "secret"),
        ("", "based"),
        ('<w:rStyle w:val="secret"/>', ""),
    ],
)
def test_word(run: str, style: str) -> None:
    styles = (
        '<w:style w:styleId="secret"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="based"><w:basedOn w:val="secret"/></w:style>'
    )
    data = docx(paragraph("Opens at 07:15.") + paragraph(_ORDER, run=run, style=style), styles=styles)
    seen, hidden = _split(data, "a.docx")
    assert seen == "Opens at 07:15."
    assert _ORDER in hidden


def test_word_white_on_a_ground_is_seen() -> None:
    cell = f"<w:tbl><w:tr><w:tc>{_GROUND}{paragraph('Fee', run=_WHITE)}</w:tc></w:tr></w:tbl>"
    shaded = paragraph("marked", run=f'{_WHITE}<w:shd w:fill="000000"/>')
    off = paragraph("not vanished", run='<w:vanish w:val="0"/>')
    seen, hidden = _split(docx(cell + shaded + off), "a.docx")
    assert seen.split() == ["Fee", "marked", "not", "vanished"]
    assert not hidden


def test_slides() -> None:
    white = '<a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill>'
    dark = '<a:solidFill><a:srgbClr val="002060"/></a:solidFill>'
    first = (
        shape("Opens at 07:15.")
        + shape(_ORDER, run=white)
        + shape("White on blue", run=white, fill=dark)
        + shape(_ORDER, place="9200000,0,100,100")
    )
    parts = read(pptx([first, shape(_ORDER), shape("Third")], notes={1: "Greet them."}, hidden=[2]), "a.pptx")
    assert [part.label for part in parts] == ["Slide 1", "Slide 2 (hidden)", "Slide 3"]
    assert [part.visible for part in parts] == [
        "Opens at 07:15.\n\nWhite on blue\n\nSpeaker notes: Greet them.",
        "",
        "Third",
    ]
    assert _ORDER in _hidden(parts[0])
    assert _hidden(parts[1]) == f"[Hidden slide: {_ORDER}]"


_FORMATS = (
    '<numFmts><numFmt numFmtId="200" formatCode=";;;"/></numFmts><fonts><font/><font><color rgb="FFFFFFFF"/></font></fonts>'
    '<fills><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="solid">'
    '<fgColor rgb="FF002060"/></patternFill></fill></fills><cellXfs><xf fontId="0" fillId="0"/>'
    '<xf numFmtId="200" fontId="0" fillId="0"/><xf fontId="1" fillId="0"/><xf fontId="1" fillId="1"/></cellXfs>'
)


@pytest.mark.parametrize(
    "sheet",
    [
        row(1, "Kind", "Fee") + row(2, _ORDER, attributes='hidden="1"') + row(3, "Crane", "5"),
        row(1, "Kind", "Fee", _ORDER) + row(3, "Crane", "5"),
        row(1, "Kind", "Fee") + row(2, _ORDER, style="1") + row(3, "Crane", "5"),
        row(1, "Kind", "Fee") + row(2, _ORDER, style="2") + row(3, "Crane", "5"),
    ],
)
def test_cells(sheet: str) -> None:
    columns = '<cols><col min="3" max="3" hidden="1"/></cols>'
    data = xlsx({"Fees": f"{columns}<sheetData>{sheet}</sheetData>"}, styles=_FORMATS)
    part = read(data, "a.xlsx")[0]
    seen, hidden = _split(data, "a.xlsx")
    assert seen == "Kind | Fee\nCrane | 5"
    assert hidden == f"[Hidden cells: {_ORDER}]"
    assert part.label == "Fees"
    assert part.rows


def test_sheets_and_white_on_a_ground() -> None:
    data = xlsx(
        {
            "Fees": f"<sheetData>{row(1, 'Kind', 'Fee', style='3')}{row(2, 'Crane', '5')}</sheetData>",
            "Plan": f"<sheetData>{row(1, _ORDER)}</sheetData>",
        },
        hidden=["Plan"],
        styles=_FORMATS,
    )
    parts = read(data, "a.xlsx")
    assert [(part.label, part.visible) for part in parts] == [("Fees", "Kind | Fee\nCrane | 5"), ("Plan (hidden)", "")]
    assert _hidden(parts[1]) == f"[Hidden sheet: {_ORDER}]"


_STYLES = (
    '<style:style style:name="gone" style:family="text"><style:text-properties text:display="none"/></style:style>'
    '<style:style style:name="white" style:family="paragraph"><style:text-properties fo:color="#ffffff"/></style:style>'
    '<style:style style:name="dark" style:family="table-cell"><style:table-cell-properties fo:background-color="#000080"/>'
    '</style:style><style:style style:name="nowhere" style:family="table"><style:table-properties table:display="false"/>'
    '</style:style><style:style style:name="skipped" style:family="drawing-page"><style:drawing-page-properties'
    ' presentation:visibility="hidden"/></style:style>'
)


def test_opendocument_text() -> None:
    body = (
        f'<text:p>Opens <text:span text:style-name="gone">{_ORDER}</text:span>at 07:15.</text:p>'
        f'<text:p text:style-name="white">{_ORDER}</text:p>'
        '<table:table><table:table-row><table:table-cell table:style-name="dark"><text:p text:style-name="white">Fee</text:p>'
        "</table:table-cell></table:table-row></table:table>"
    )
    seen, hidden = _split(opendocument("text", body, styles=_STYLES), "a.odt")
    assert seen == "Opens at 07:15.\n\nFee"
    assert hidden == f"[Hidden text: {_ORDER}]"


def test_opendocument_sheets() -> None:
    def cell(text: str) -> str:
        return f"<table:table-cell><text:p>{text}</text:p></table:table-cell>"

    body = (
        '<table:table table:name="Fees"><table:table-column/><table:table-column table:visibility="collapse"/>'
        f"<table:table-row>{cell('Kind')}{cell(_ORDER)}{cell('Fee')}</table:table-row>"
        f'<table:table-row table:visibility="filter">{cell(_ORDER)}</table:table-row>'
        f"<table:table-row>{cell('Crane')}{cell('')}{cell('5')}</table:table-row></table:table>"
        f'<table:table table:name="Plan" table:style-name="nowhere"><table:table-row>{cell(_ORDER)}</table:table-row></table:table>'
    )
    data = opendocument("spreadsheet", body, styles=_STYLES)
    seen, hidden = _split(data, "a.ods")
    assert seen.strip() == "Kind | | Fee\nCrane | | 5"
    assert hidden.count(_ORDER) == 2
    assert [part.label for part in read(data, "a.ods")] == ["Fees", "Plan (hidden)"]


def test_opendocument_slides() -> None:
    def page(text: str, more: str = "") -> str:
        return f"<draw:page {more}><draw:frame><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame></draw:page>"

    data = opendocument(
        "presentation", page("Opens at 07:15.") + page(_ORDER, 'draw:style-name="skipped"'), styles=_STYLES
    )
    assert _split(data, "a.odp") == ("Opens at 07:15.\n", f"\n[Hidden slide: {_ORDER}]")
    assert [part.label for part in read(data, "a.odp")] == ["Slide 1", "Slide 2 (hidden)"]


@pytest.mark.parametrize("look", [rb"\v ", rb"\cf1 ", rb"\fs2 "])
def test_rich_text(look: bytes) -> None:
    data = (
        rb"{\rtf1{\colortbl;\red255\green255\blue255;}Opens at 07:15.\par {" + look + _ORDER.encode() + rb"}\par end}"
    )
    assert _split(data, "a.rtf") == ("Opens at 07:15.\n\nend", f"[Hidden text: {_ORDER}]")


@pytest.mark.parametrize(
    "element",
    [
        '<p style="display:none">{}</p>',
        '<p style="visibility: hidden !important">{}</p>',
        '<p style="font-size:0px">{}</p>',
        '<p style="position:absolute; left:-9999px">{}</p>',
        '<p style="color:#fff">{}</p>',
        '<p style="color: rgba(255, 255, 255, 1)">{}</p>',
        "<font color=white>{}</font>",
        '<p style="height:0;overflow:hidden">{}</p>',
        '<p class="x">{}</p>',
        '<p id="y">{}</p>',
        "<div hidden><section>{}</section></p></div>",
        "<dialog>{}</dialog>",
        '<div><span style="opacity:0">{}</div>',
    ],
)
def test_web_pages(element: str) -> None:
    sheet = "<style>@media print { .seen { display: none } } .x, b.z { display: none } #y { color: white }</style>"
    page = f"<html><head>{sheet}</head><body><p class=seen>Opens at 07:15.</p>{element.format(_ORDER)}<p>end</p></body>"
    seen, hidden = _split(page.encode(), "a.html")
    assert seen == "Opens at 07:15.\n\nend"
    assert hidden == f"[Hidden text: {_ORDER}]"


def test_web_white_on_a_ground_is_seen() -> None:
    page = (
        b'<body style="color:#fff"><div style="background:#000080"><p style="color:#fff">White on blue</p></div></body>'
    )
    assert _split(page, "a.html") == ("White on blue", "")


def test_markdown_and_books() -> None:
    text = f'Opens at 07:15.\n\n<div style="display:none">{_ORDER}</div>\n\n```\n<div hidden>code</div>\n```\n'
    seen, hidden = _split(text.encode(), "a.md")
    assert seen == "Opens at 07:15.\n\n<div hidden>code</div>"
    assert _ORDER in hidden
    book = epub({"one.xhtml": f"<html><body><h1>One</h1><p>Opens.</p><p hidden=''>{_ORDER}</p></body></html>"})
    seen, hidden = _split(book, "a.epub")
    assert seen == "Harbour book\n\nOne\n\nOpens."
    assert hidden == f"[Hidden text: {_ORDER}]"


_LINE = b"BT /F1 11 Tf 50 700 Td (Opens at 07:15.) Tj ET "
_SECRET = b"BT /F1 11 Tf %s 50 500 Td (" + _ORDER.encode() + b") Tj ET "


@pytest.mark.parametrize(
    "content",
    [
        _LINE + _SECRET % b"3 Tr",
        _LINE + _SECRET % b"1 1 1 rg",
        _LINE + _SECRET % b"0 g" + b"1 g 40 490 400 30 re f",
        _LINE + b"0 g 40 490 400 30 re f " + _SECRET % b"0 g",
        _LINE + _SECRET.replace(b"50 500 Td", b"50 5000 Td") % b"0 g",
        _LINE + _SECRET.replace(b"/F1 11 Tf", b"/F1 0.5 Tf") % b"0 g",
    ],
)
def test_pdf(content: bytes) -> None:
    part = read(raw_pdf(content), "a.pdf")[0]
    assert _split(raw_pdf(content), "a.pdf") == ("Opens at 07:15.", f"[Hidden text: {_ORDER}]")
    assert all(box.end <= len(part.visible) for box in part.boxes)


def test_pdf_small_white_text_keeps_its_blanks() -> None:
    text = b"BT /F1 11 Tf 50 700 Td (Visible) Tj ET 1 1 1 rg BT /F1 1 Tf 50 600 Td (two words) Tj ET"
    assert _split(raw_pdf(text), "a.pdf") == ("Visible", "[Hidden text: two words]")


def test_pdf_lines_too_small_to_read_are_told_without_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    small = b" 1 1 1 rg BT /F1 0.5 Tf 50 %d Td (%s) Tj ET"
    letters = b" BT /F1 0.5 Tf 200 Tz 50 450 Td (Wide ) Tj /F1 11 Tf 100 Tz (Wide) Tj ET"
    content = _LINE + small % (600, b"5f4c" * 12) + b" 0 g" + letters + small % (400, b"two words")
    drawn: list[object] = []
    monkeypatch.setattr(pdf_traces.Traces, "_draw", drawn.append)
    part = read(raw_pdf(content), "a.pdf")[0]
    assert (part.visible, _hidden(part)) == ("Opens at 07:15.\n\nWide", f"[Hidden text: {'5f4c' * 12} Wide two words]")
    assert not drawn


def test_pdf_letters_hidden_within_a_word() -> None:
    word = b"BT /F1 11 Tf 50 700 Td (Vis) Tj /F1 0.5 Tf (sly) Tj /F1 11 Tf (ible) Tj ET"
    assert _split(raw_pdf(word), "a.pdf") == ("Visible", "[Hidden text: sly]")


def test_pdf_white_on_a_ground_is_seen() -> None:
    content = b"0 0 0.5 rg 40 490 400 30 re f 1 1 1 rg BT /F1 11 Tf 50 500 Td (White on blue) Tj ET"
    assert _split(raw_pdf(content), "a.pdf") == ("White on blue", "")


def test_pdf_letters_over_a_scan_are_its_text() -> None:
    picture = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\nstream\n\xff\nendstream"
    content = b"q 612 0 0 792 0 0 cm /I Do Q " + _SECRET.replace(_ORDER.encode(), b"Recognized words") % b"3 Tr"
    part = read(raw_pdf(content, objects=[picture], resources=b"/XObject << /I 6 0 R >>"), "a.pdf")[0]
    assert (part.label, part.text, part.hidden) == ("Page 1 (scan)", "Recognized words", ())


def _tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(c)) for c in text)


def _selectors(text: str) -> str:
    return "".join(chr(0xFE00 + b if b < 16 else 0xE0100 + b - 16) for b in text.encode())


@pytest.mark.parametrize("spell", [_tags, _selectors])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.csv", "a.eml", "a.docx"])
def test_spelled_in_invisible_characters(name: str, spell: Callable[[str], str]) -> None:
    text = f"Opens at{spell(_ORDER)} 07:15."
    data = text.encode()
    if name == "a.eml":
        data = samples.mail(text)
    elif name == "a.docx":
        data = docx(paragraph(text))
    seen, hidden = _split(data, name)
    assert "Opens at 07:15." in seen
    assert hidden.endswith(f": {_ORDER}]")
    assert not set(seen) & set(_tags("QUINCE"))


def test_names_inside_a_file_carry_nothing_hidden() -> None:
    name = f"Fees{_tags(_ORDER)}\u200b"
    book = xlsx({name: f"<sheetData>{row(1, 'Kind', 'Fee')}</sheetData>"})
    assert [part.label for part in read(book, "a.xlsx")] == ["Fees"]
    packed = samples.archive({f"{name}/a.txt": "Opens at 07:15."})
    contents, part = read(packed, "a.zip")
    assert (contents.visible, part.label) == ("Fees/a.txt", "Fees/a.txt")


def test_characters_that_a_script_needs_are_kept() -> None:
    flag = "\U0001f3f4" + _tags("gbeng") + "\U000e007f"
    kept = "می\u200cخواهم \U0001f468\u200d\U0001f469 \u2764\ufe0f \u845b\U000e0100"
    assert read(kept.encode(), "a.txt")[0].text == kept
    assert read(f"flag {flag} of".encode(), "a.txt")[0].text == "flag \U0001f3f4 of"
    assert read("a\u200b\u200db\u2062c\u180e".encode(), "a.txt")[0].text == "abc"


def test_much_hidden_text_is_cut() -> None:
    part = read(f"<p>Seen.</p><p hidden>{'word ' * 5000}</p>".encode(), "a.html")[0]
    assert part.visible == "Seen."
    assert len(part.text) < LONGEST_HIDDEN + 100
    assert part.text.endswith("more characters]")
