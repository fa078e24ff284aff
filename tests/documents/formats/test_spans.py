"""Tables with cells that reach over several rows or columns: each row has its cells under their heads."""

import pytest

from docchat.documents.formats import read
from docchat.documents.formats.spans import Cell, Spans, span_of

from .builders import docx, epub, opendocument, pptx

_LAID = "Kind | Fee | | Note\nCrane | day | 5 | a\nCrane | night | 9 | b"


def _html() -> str:
    return (
        "<html><body><table><tr><th>Kind</th><th colspan=2>Fee</th><th>Note</th></tr>"
        "<tr><td rowspan='2'>Crane</td><td>day</td><td>5</td><td>a</td></tr><tr><td>night</td><td>9</td><td>b</td></tr>"
        "</table></body></html>"
    )


def _pptx() -> bytes:
    def cell(text: str, attributes: str = "") -> str:
        return f"<a:tc {attributes}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    rows = (
        [cell("Kind"), cell("Fee", 'gridSpan="2"'), cell("", 'hMerge="1"'), cell("Note")],
        [cell("Crane", 'rowSpan="2"'), cell("day"), cell("5"), cell("a")],
        [cell("", 'vMerge="1"'), cell("night"), cell("9"), cell("b")],
    )
    table = "".join(f"<a:tr>{''.join(row)}</a:tr>" for row in rows)
    return pptx(
        [
            f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{table}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
        ]
    )


def _docx() -> bytes:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>"

    rows = (
        [cell("Kind"), cell("Fee", '<w:gridSpan w:val="2"/>'), cell("Note")],
        [cell("Crane", '<w:vMerge w:val="restart"/>'), cell("day"), cell("5"), cell("a")],
        [cell("", "<w:vMerge/>"), cell("night"), cell("9"), cell("b")],
    )
    return docx("<w:tbl>" + "".join(f"<w:tr>{''.join(row)}</w:tr>" for row in rows) + "</w:tbl>")


def _opendocument(kind: str) -> bytes:
    def cell(text: str, attributes: str = "") -> str:
        return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"

    covered = "<table:covered-table-cell/>"
    rows = (
        [cell("Kind"), cell("Fee", 'table:number-columns-spanned="2"'), covered, cell("Note")],
        [cell("Crane", 'table:number-rows-spanned="2"'), cell("day"), cell("5"), cell("a")],
        [covered, cell("night"), cell("9"), cell("b")],
    )
    table = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in rows)
    table = f'<table:table table:name="T">{table}</table:table>'
    return opendocument(kind, table if kind == "text" else f"<draw:page><draw:frame>{table}</draw:frame></draw:page>")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.html", _html().encode()),
        ("a.epub", epub({"a.xhtml": _html()})),
        ("a.pptx", _pptx()),
        ("a.docx", _docx()),
        ("a.odt", _opendocument("text")),
        ("a.odp", _opendocument("presentation")),
    ],
)
def test_each_row_tells_what_it_is_about(name: str, data: bytes) -> None:
    assert read(data, name)[-1].text.endswith(_LAID)


def test_a_span_ends_with_its_table_and_is_bounded() -> None:
    page = _html().replace("rowspan='2'", "rowspan='65534'") + "<table><tr><td>one</td><td>two</td></tr></table>"
    assert read(page.encode(), "a.html")[0].text.endswith("one | two")
    spans = Spans()
    assert len(spans.lay([Cell("x", columns=10**6, rows=10**6)])) == 200
    assert spans.lay([]) == ["x", *[""] * 199]
    long = Spans()
    long.lay([Cell("word " * 100, rows=2), Cell("b")])
    assert long.lay([Cell("c")]) == ["", "c"]
    assert long.lay([Cell("d"), Cell("e")]) == ["d", "e"]
    assert [span_of(text) for text in ("3", "0", "-1", "x", "", None, "9" * 30, "\u0663")] == [3, 0, 1, 1, 1, 1, 1, 1]
