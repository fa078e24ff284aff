"""Word, PowerPoint, OpenDocument, rich text and e-books: what is read, in which order, with which headings and labels."""

# ruff: noqa: E501, RUF001  (markup that belongs on one line)
import pytest

from docchat.documents import tables
from docchat.documents.formats import read
from docchat.documents.formats.part import Part
from docchat.errors import Unreadable

from .. import samples
from .builders import docx, epub, opendocument, paragraph, pptx, relations, row, shape, word_part, xlsx


def _heads(part: Part) -> list[str]:
    return [part.text[slice(*heading)] for heading in part.headings]


def test_word_headings_lists_tables_notes_and_boxes() -> None:
    styles = (
        '<w:style w:styleId="T"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="U"><w:basedOn w:val="T"/></w:style>'
    )
    item = "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>"
    cell = "<w:tc>{}</w:tc>"
    inner = f"<w:tbl><w:tr>{cell.format(paragraph('in'))}{cell.format(paragraph('side'))}</w:tr></w:tbl>"
    body = (
        paragraph("Fees", style="T")
        + '<w:p><w:r><w:t>A berth</w:t><w:footnoteReference w:id="2"/></w:r><w:del><w:r><w:delText>never</w:delText></w:r></w:del>'
        "<w:ins><w:r><w:t> costs 5.</w:t></w:r></w:ins><w:hyperlink><w:r><w:tab/><w:t>More</w:t></w:r></w:hyperlink></w:p>"
        + item.format("one")
        + item.format("two")
        + paragraph("Table", style="U")
        + f"<w:tbl><w:tr>{cell.format(paragraph('Kind'))}<w:sdt><w:sdtContent>{cell.format(paragraph('Fee'))}</w:sdtContent></w:sdt></w:tr>"
        f"<w:tr>{cell.format(paragraph('Crane'))}{cell.format(inner)}</w:tr></w:tbl>"
        "<w:p><w:r><mc:AlternateContent xmlns:mc='m'><mc:Choice><w:drawing><w:txbxContent>"
        f"{paragraph('In a box')}</w:txbxContent></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>{paragraph('In a box')}"
        "</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    data = docx(
        body,
        styles=styles,
        members={
            "word/footnotes.xml": word_part(
                "footnotes", f'<w:footnote w:id="2">{paragraph("see the list")}</w:footnote>'
            ),
            "word/comments.xml": word_part(
                "comments", f'<w:comment w:author="Ada">{paragraph("Too dear?")}</w:comment>'
            ),
            "word/header1.xml": word_part("hdr", paragraph("Harbour office")),
        },
        related=relations(("h", "header", "header1.xml"), ("c", "comments", "comments.xml")),
    )
    text, comments, margins = read(data, "a.docx")
    assert text.text == (
        "Fees\n\nA berth (see the list) costs 5. More\none\ntwo\n\nTable\n\nKind | Fee\nCrane | in | side\n\nIn a box".replace(
            "in | side", "in|side"
        )
    )
    assert _heads(text) == ["Fees", "Table"]
    assert (comments.label, comments.text) == ("Comments", "Ada: Too dear?")
    assert (margins.label, margins.text) == ("Header and footer", "Harbour office")


def test_word_with_a_page_inside_and_as_one_file() -> None:
    data = docx(
        '<w:altChunk r:id="a"/>',
        members={"word/chunk.htm": "<p>From the <b>web</b></p>"},
        related=relations(("a", "aFChunk", "chunk.htm")),
    )
    assert read(data, "a.docx")[0].text == "From the web"
    flat = (
        '<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"><pkg:part pkg:name="/word/document.xml">'
        '<pkg:xmlData><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>Flat</w:t></w:r></w:p></w:body></w:document>'
        "</pkg:xmlData></pkg:part></pkg:package>"
    )
    assert read(flat.encode(), "a.xml")[0].text == "Flat"


def test_slides_have_titles_tables_and_groups() -> None:
    table = (
        "<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>Kind</a:t></a:r></a:p></a:txBody>"
        "</a:tc><a:tc><a:txBody><a:p><a:r><a:t>Fee</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic>"
        "</p:graphicFrame>"
    )
    group = f"<p:grpSp>{shape('Grouped')}</p:grpSp>"
    slide = shape("Fees", kind="title") + shape("7", kind="sldNum") + table + group
    part, empty = read(pptx([slide, ""]), "a.pptx")
    assert part.text == "Fees\n\nKind | Fee\n\nGrouped"
    assert _heads(part) == ["Fees"]
    assert (empty.label, empty.text) == ("Slide 2", "")


def test_workbook_rows_and_names() -> None:
    fees = f"<sheetData>{row(1, 'Kind', 'Fee')}{row(2, 'Crane', '5')}</sheetData>"
    parts = read(
        xlsx({"Fees": fees, "Empty": "<sheetData/>", "Hours": f"<sheetData>{row(4, 'Open', '07:15')}</sheetData>"}),
        "a.xlsx",
    )
    assert [(part.label, part.rows) for part in parts] == [("Fees", True), ("Hours", True)]
    assert tables.heads(parts[0].text) == ("Kind", "Fee")


def test_opendocument_sheets_repeat_and_slides_have_notes() -> None:
    cell = "<table:table-cell {}><text:p>{}</text:p></table:table-cell>"
    rows = (
        f"<table:table-row>{cell.format('', 'Kind')}<table:table-cell table:number-columns-repeated='3'/>{cell.format('', 'Fee')}</table:table-row>"
        f"<table:table-row table:number-rows-repeated='2'>{cell.format('table:number-columns-repeated=' + chr(39) + '2' + chr(39), 'x')}</table:table-row>"
        "<table:table-row table:number-rows-repeated='1048000'><table:table-cell table:number-columns-repeated='16384'/></table:table-row>"
    )
    part = read(opendocument("spreadsheet", f"<table:table table:name='Fees'>{rows}</table:table>"), "a.ods")[0]
    assert (part.label, part.rows, part.text) == ("Fees", True, "Kind | | | | Fee\nx | x\nx | x")
    page = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Fees</text:p></draw:text-box></draw:frame>'
        "<presentation:notes><draw:frame><draw:text-box><text:p>Greet them.</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
    )
    part = read(opendocument("presentation", page), "a.odp")[0]
    assert (part.label, part.text, _heads(part)) == ("Slide 1", "Fees\n\nSpeaker notes: Greet them.", ["Fees"])


def test_a_workbook_that_claims_too_many_cells_is_refused() -> None:
    cells = "<table:table-cell table:number-columns-repeated='1000'><text:p>x</text:p></table:table-cell>" * 50
    body = f"<table:table table:name='Big'>{'<table:table-row>' + cells + '</table:table-row>'}</table:table>" * 50
    with pytest.raises(Unreadable) as refused:
        read(opendocument("spreadsheet", body), "a.ods")
    assert refused.value.code == "too_complex"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb"\ansicpg1250 P\'f8\'edli\'9a", "Příliš"),
        (rb"{\fonttbl{\f0\fcharset204 Arial;}{\f1\fcharset128 Mincho;}}\f0\'cf\'ee\'f0\'f2 \f1\'8d\'60", "Порт 港"),
        (rb"\uc1\u1055?\u1086?rt \u-10179?\u-8704?", "Поrt \U0001f600"),
        (rb"one\par two\line three\tab four", "one\n\ntwo\nthree four"),
        (
            rb"\trowd\intbl Kind\cell Fee\cell\row\trowd\intbl Crane\cell 5\cell\row\pard end",
            "Kind | Fee\nCrane | 5\n\nend",
        ),
        (rb"{\stylesheet{\s1 heading 1;}}\pard\s1 Fees\par\pard text{\footnote note}\par", "Fees\n\ntext (note)"),
        (rb"{\*\unknown no}{\info{\title no}}{\pict ffff}{\field{\*\fldinst HYPERLINK no}{\fldrslt yes}}\{\}", "yes{}"),
        (rb"{\loch\*\cs7\f2 quick} fox\'", "quick fox"),
        (rb"\bin5 \{\{}x after", "x after"),
    ],
)
def test_rich_text(body: bytes, expected: str) -> None:
    assert read(rb"{\rtf1\ansi " + body + b"}", "a.rtf")[0].text == expected


def test_rich_text_without_an_end_or_with_too_many_groups() -> None:
    assert read(rb"{\rtf1 open {\b bold", "a.rtf")[0].text == "open bold"
    with pytest.raises(Unreadable):
        read(rb"{\rtf1 " + b"{" * 100_000, "a.rtf")


def test_books_in_reading_order() -> None:
    page = "<html><head><title>x</title></head><body><h1>{}</h1><p>{}</p><script>no</script></body></html>"
    parts = read(
        epub({"b.xhtml": page.format("First", "of all"), "a.xhtml": page.format("Second", "of two")}), "book.epub"
    )
    assert [part.label for part in parts] == ["First", "Second"]
    assert parts[0].text == "Harbour book\n\nFirst\n\nof all"
    assert parts[1].text == "Second\n\nof two"


def test_entities_are_refused_and_nothing_is_fetched() -> None:
    declared = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><w:document xmlns:w="w">&f;</w:document>'
    with pytest.raises(Unreadable) as refused:
        read(samples.archive({"word/document.xml": declared}), "a.docx")
    assert refused.value.code == "damaged"


def test_deep_nesting_ends() -> None:
    deep = "<w:sdt>" * 5000 + "</w:sdt>" * 5000
    with pytest.raises(Unreadable) as refused:
        read(docx(deep), "a.docx")
    assert refused.value.code == "too_complex"
