"""Office files, e-books and PDFs of a few lines, built part by part, so that each test shows what it puts where."""

# ruff: noqa: E501  (markup that belongs on one line)
from collections.abc import Mapping, Sequence

from .. import samples

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_REL = "http://schemas.openxmlformats.org/package/2006/relationships"
_KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_R = f'xmlns:r="{_KIND}"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def relations(*targets: tuple[str, str, str]) -> str:
    """A relations member of (id, last word of the kind, target)."""
    rows = "".join(f'<Relationship Id="{i}" Type="{_KIND}/{kind}" Target="{to}"/>' for i, kind, to in targets)
    return f'<Relationships xmlns="{_REL}">{rows}</Relationships>'


def docx(body: str, *, styles: str = "", members: Mapping[str, str] | None = None, related: str = "") -> bytes:
    """A Word document with the given content of w:body."""
    return samples.archive(
        {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": relations(("r1", "officeDocument", "word/document.xml")),
            "word/document.xml": f"<w:document {_W} {_R}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {_W}>{styles}</w:styles>",
            "word/_rels/document.xml.rels": related or relations(),
            **(members or {}),
        }
    )


def word_part(tag: str, content: str) -> str:
    """A part of a Word document: comments, footnotes, a header."""
    return f"<w:{tag} {_W}>{content}</w:{tag}>"


def paragraph(text: str, *, run: str = "", style: str = "") -> str:
    """A Word paragraph; `run` are properties of its run."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{properties}<w:r><w:rPr>{run}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def shape(text: str, *, run: str = "", kind: str = "", place: str = "", fill: str = "") -> str:
    """A shape on a slide. `place` is x,y,width,height."""
    frame = ""
    if place:
        x, y, wide, high = place.split(",")
        frame = f'<a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{wide}" cy="{high}"/></a:xfrm>'
    holder = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind else "<p:nvPr/>"
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="s"/><p:cNvSpPr/>{holder}</p:nvSpPr><p:spPr>{frame}{fill}</p:spPr>'
        f"<p:txBody><a:p><a:r><a:rPr>{run}</a:rPr><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
    )


def pptx(slides: Sequence[str], *, notes: Mapping[int, str] | None = None, hidden: Sequence[int] = ()) -> bytes:
    """A deck; each slide is the content of p:spTree. `notes` and `hidden` by number from 1."""
    notes = notes or {}
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="s{n}"/>' for n in range(1, len(slides) + 1))
    members = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": relations(("r1", "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": (
            f'<p:presentation {_P} {_R}><p:sldIdLst>{ids}</p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/>'
            "</p:presentation>"
        ),
        "ppt/_rels/presentation.xml.rels": relations(
            *((f"s{n}", "slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1))
        ),
    }
    for number, content in enumerate(slides, 1):
        show = ' show="0"' if number in hidden else ""
        members[f"ppt/slides/slide{number}.xml"] = (
            f"<p:sld {_P} {_A} {_R}{show}><p:cSld><p:spTree>{content}</p:spTree></p:cSld></p:sld>"
        )
        if number in notes:
            members[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(("n", "notesSlide", "../notes.xml"))
            members["ppt/notes.xml"] = (
                f"<p:notes {_P} {_A}><p:cSld><p:spTree>{shape(notes[number], kind='body')}</p:spTree></p:cSld></p:notes>"
            )
    return samples.archive(members)


def xlsx(sheets: Mapping[str, str], *, hidden: Sequence[str] = (), styles: str = "") -> bytes:
    """A workbook; each sheet is the content of its worksheet element."""
    names = list(sheets)
    entries = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="s{n}"{" state=" + chr(34) + "hidden" + chr(34) if name in hidden else ""}/>'
        for n, name in enumerate(names, 1)
    )
    return samples.archive(
        {
            "[Content_Types].xml": (
                '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
                '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                '<Default Extension="xml" ContentType="application/xml"/></Types>'
            ),
            "_rels/.rels": relations(("r1", "officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f"<workbook {_S} {_R}><sheets>{entries}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                *((f"s{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(names) + 1)),
                ("st", "styles", "styles.xml"),
            ),
            "xl/styles.xml": f"<styleSheet {_S}>{styles}</styleSheet>",
            **{
                f"xl/worksheets/sheet{n}.xml": f"<worksheet {_S}>{sheets[x]}</worksheet>"
                for n, x in enumerate(names, 1)
            },
        }
    )


def row(number: int, *cells: str, attributes: str = "", style: str = "") -> str:
    """A row of texts in columns A, B, …; `style` is the format of its last cell."""
    texts = "".join(
        f'<c r="{chr(65 + n)}{number}" t="inlineStr"{f" s={chr(34)}{style}{chr(34)}" if style and n == len(cells) - 1 else ""}>'
        f"<is><t>{cell}</t></is></c>"
        for n, cell in enumerate(cells)
    )
    return f'<row r="{number}" {attributes}>{texts}</row>'


def opendocument(kind: str, body: str, *, styles: str = "") -> bytes:
    """An OpenDocument file: kind is text, spreadsheet or presentation, body the content of that element."""
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (
            ("office", "office"),
            ("text", "text"),
            ("table", "table"),
            ("style", "style"),
            ("draw", "drawing"),
            ("presentation", "presentation"),
            ("fo", "xsl-fo-compatible"),
            ("svg", "svg-compatible"),
        )
    )
    return samples.archive(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": (
                f"<office:document-content {spaces}><office:automatic-styles>{styles}</office:automatic-styles>"
                f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
            ),
        }
    )


def epub(chapters: Mapping[str, str]) -> bytes:
    """An e-book; the chapters are whole XHTML pages by file name, in reading order."""
    items = "".join(f'<item id="i{n}" href="{x}" media-type="application/xhtml+xml"/>' for n, x in enumerate(chapters))
    order = "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    return samples.archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
            "OEBPS/book.opf": (
                '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Harbour book</dc:title></metadata>'
                f"<manifest>{items}</manifest><spine>{order}</spine></package>"
            ),
            **{f"OEBPS/{name}": text for name, text in chapters.items()},
        }
    )


def raw_pdf(content: bytes, *, objects: Sequence[bytes] = (), resources: bytes = b"", page: bytes = b"") -> bytes:
    """A PDF of one page with the given content stream; `objects` are numbered from 6."""
    body: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R %s"
        b" /Resources << /Font << /F1 3 0 R >> %s >> >>" % (page, resources),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *objects,
    ]
    out = bytearray(b"%PDF-1.5\n")
    places = []
    for number, entry in enumerate(body, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, entry)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(body) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out) + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(body) + 1, start)
