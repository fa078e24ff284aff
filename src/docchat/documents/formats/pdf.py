"""PDF by pypdfium2: the text of each page in sentences, with the box of every line; and pages as pictures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import not_, or_

import pypdfium2
import pypdfium2.raw as pdfium

from ...errors import Unreadable
from . import pdf_hidden, pdf_streams, png
from .invisible import smuggled
from .part import Part, bounded, clean, conceal
from .pdf_glyphs import NOTHING, Glyphs, characters_of, glyphs_of
from .pdf_layout import assemble, spaced
from .pdf_sheet import Sheet
from .pdf_words import Words

LARGEST_IMAGE = 2400
"""Largest width and height of a page's picture in pixels."""
MOST_PAGES = 20_000
"""Pages of a document that is read."""

_LARGEST_SCAN = 5000  # pixels; a page of 200 dpi is 2,340 high
_PASSWORD = 4  # FPDF_ERR_PASSWORD
_LEAST_TEXT = 3  # characters; less is a page number or dirt beside a scan


def read(data: bytes, *, password: str | None = None, share: tuple[int, int] = (0, 1)) -> tuple[Part, ...]:
    """Every page as a part `Page n`; with a share (number, of how many) those of it, that several may read a file.

    Raises Unreadable with code locked, damaged or too_complex.
    """
    with _opened(data, password) as document:
        if len(document) > MOST_PAGES:
            raise Unreadable(f"This PDF has more than {MOST_PAGES:,} pages. Please split it.", code="too_complex")
        first, end = (len(document) * (share[0] + step) // share[1] for step in (0, 1))
        return bounded(_page(document, index) for index in range(first, end))


def render(data: bytes, *, number: int, width: int) -> bytes:
    """Page `number` (1-based) as a PNG of `width` pixels, both edges at most LARGEST_IMAGE. Raises Unreadable."""
    with _opened(data, None) as document:
        page = _numbered(document, number)
        wide, high = (max(1.0, edge) for edge in page.get_size())
        scale = min(min(max(16, width), LARGEST_IMAGE) / wide, LARGEST_IMAGE / high)
        return png.encode(_drawn(page, scale))


def scan(data: bytes, *, number: int, dpi: int, password: str | None) -> bytes:
    """Page `number` as a grey PNG for text recognition. Raises Unreadable."""
    with _opened(data, password) as document:
        page = _numbered(document, number)
        scale = min(dpi / 72, _LARGEST_SCAN / max(1.0, *page.get_size()))
        return png.encode(_drawn(page, scale, grey=True), level=1)


@contextmanager
def _opened(data: bytes, password: str | None) -> Iterator[pypdfium2.PdfDocument]:
    pdf_streams.check(data)
    document = _open(data, password)
    try:
        yield document
    finally:
        document.close()


def _open(data: bytes, password: str | None) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data, password=password)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) != _PASSWORD and "password" not in str(error).lower():
            raise Unreadable("This PDF is damaged and cannot be opened.", code="damaged") from error
        if password is not None:
            raise Unreadable("This password does not open the PDF.", code="locked") from error
        raise Unreadable(
            "This PDF is locked with a password. Give the password to have it read.", code="locked"
        ) from error


def _numbered(document: pypdfium2.PdfDocument, number: int) -> pypdfium2.PdfPage:
    if not 1 <= number <= len(document):
        raise Unreadable("This document has no such page.", code="no_page")
    try:
        return document[number - 1]
    except pypdfium2.PdfiumError as error:
        raise Unreadable("This page cannot be shown as a picture.", code="damaged") from error


def _drawn(page: pypdfium2.PdfPage, scale: float, *, grey: bool = False) -> pypdfium2.PdfBitmap:
    try:
        return page.render(scale=scale, rev_byteorder=not grey, grayscale=grey, may_draw_forms=False)
    except pypdfium2.PdfiumError as error:
        raise Unreadable("This page cannot be shown as a picture.", code="damaged") from error


def _page(document: pypdfium2.PdfDocument, index: int) -> Part:
    label = f"Page {index + 1}"
    try:
        page = document[index]
        page = _with_fields(document, page, index)
        textpage = page.get_textpage()
    except pypdfium2.PdfiumError:
        return Part(label=label, text="")  # one broken page does not take the others with it
    try:
        return _text(page, textpage, label, str(index + 1))
    finally:
        textpage.close()
        page.close()


def _with_fields(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage, index: int) -> pypdfium2.PdfPage:
    """The page with what stands in its form fields and text boxes as part of it, as it is when printed."""
    for number in range(max(0, pdfium.FPDFPage_GetAnnotCount(page))):
        annotation = pdfium.FPDFPage_GetAnnot(page, number)
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if kind in (pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP):
            pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
            page.close()
            return document[index]
    return page


def _text(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, label: str, number: str) -> Part:
    characters = characters_of(textpage)
    objects = pdf_hidden.look(page)
    if objects.doubtful:
        pdf_hidden.settle(page, textpage, objects)
    words = Words(textpage, characters)
    doubts = words.in_doubt(objects.suspects)
    small = words.too_small(doubts) if objects.strays else {}
    letters, secrets = _letters(page, textpage, characters, [one for one in doubts if one[0] not in small], objects)
    letters |= dict.fromkeys(small, NOTHING)
    secrets |= small
    text, boxes = assemble(words.lines(Sheet(page), letters))
    part = Part(label=f"{label} (scan)" if objects.is_scan else label, text=text, boxes=boxes)
    if len(text) < _LEAST_TEXT and objects.needs_ocr:
        part = Part(label=label, text=text, boxes=boxes, scan=(number,))
    return conceal(part, [" ".join(secrets[place] for place in sorted(secrets)), *smuggled(characters)])


def _letters(
    page: pypdfium2.PdfPage,
    textpage: pypdfium2.PdfTextPage,
    characters: str,
    lines: Sequence[tuple[int, range]],
    objects: pdf_hidden.Objects,
) -> tuple[dict[int, Glyphs], dict[int, str]]:
    """What people see of these lines, and the texts that they do not see, by the number of the line."""
    wanted = [place for _, places in lines for place in places]
    glyphs = glyphs_of(textpage, characters, wanted)
    unseen = pdf_hidden.out_of_sight(page, glyphs.boxes)
    found = pdf_hidden.unseen(page, textpage, wanted, glyphs.boxes, unseen, objects)
    unseen = list(map(or_, unseen, found)) if unseen and found else unseen or found
    seen: dict[int, Glyphs] = {}
    secret: dict[int, str] = {}
    start = 0
    for number, places in lines:
        line, hides = glyphs.part(start, start + len(places)), unseen[start : start + len(places)]
        start += len(places)
        if any(hides):
            secret[number] = clean(spaced(line.chosen(hides))).replace("\n", " ")
            line = line.chosen(list(map(not_, hides)))
        seen[number] = line
    return seen, secret
