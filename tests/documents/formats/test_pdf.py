"""PDF: sentences that read whole, boxes that fit, rotation, columns."""

import zlib

import pypdfium2
import pytest

from docchat.documents.formats import pdf, pdf_calls, pdf_streams
from docchat.documents.formats.pdf_glyphs import Glyphs
from docchat.documents.formats.pdf_layout import Line, assemble, spaced
from docchat.errors import Unreadable

from .. import samples
from .builders import raw_pdf


def _line(text: str, top: float, *, left: float = 0.1, right: float = 0.9, hyphen: bool = False) -> Line:
    return Line(text, (left, top, right, top + 0.012), hyphen)


def test_wrapped_lines_become_sentences_and_boxes_keep_their_place() -> None:
    lines = [
        _line("The mission of the division is to promote com-"[:-1], 0.1, hyphen=True),
        _line("pliance with standards and to protect the welfare", 0.115),
        _line("of the workforce.", 0.13, right=0.35),
        _line("A new paragraph stands below with some distance.", 0.18),
    ]
    text, boxes = assemble(lines)
    assert text == (
        "The mission of the division is to promote compliance with standards and to protect the welfare"
        " of the workforce.\n\nA new paragraph stands below with some distance."
    )
    assert [text[b.start : b.end] for b in boxes] == [line.text for line in lines]
    assert [(b.left, b.top, b.right, b.bottom) for b in boxes] == [line.edges for line in lines]


def test_short_lines_stand_for_themselves() -> None:
    text, _ = assemble(
        [
            _line("Running text at the top of the page shows where its margin is, far to the right.", 0.02),
            _line("Values of the department as a whole", 0.1, right=0.6),
            _line("Opportunity", 0.115, right=0.25),
            _line("Equity", 0.13, right=0.2),
        ]
    )
    assert text.partition("\n\n")[2] == "Values of the department as a whole\nOpportunity\nEquity"


def test_columns_of_a_row_are_parted() -> None:
    text, _ = assemble([_line("Runway", 0.1, right=0.2), _line("3078 ft", 0.1, left=0.5, right=0.6)])
    assert text == "Runway | 3078 ft"
    text, _ = assemble([_line("Runway:", 0.1, right=0.2), _line("3078 ft", 0.1, left=0.5, right=0.6)])
    assert text == "Runway: 3078 ft"


def test_gaps_without_a_blank_part_words() -> None:
    glyphs = Glyphs("atleast", [(x, 0.0, x + 5.0, 10.0) for x in (0, 5, 12, 17, 22, 27, 32)])
    assert spaced(glyphs) == "at least"
    tracked = Glyphs("TITLE", [(x * 9.0, 0.0, x * 9.0 + 5.0, 10.0) for x in range(5)])
    assert spaced(tracked) == "TITLE"


def test_what_has_no_box_gets_none_of_the_one_before() -> None:
    with pypdfium2.PdfDocument(raw_pdf(b"BT /F1 11 Tf 50 700 Td (Text) Tj ET")) as document:
        page = document[0]
        (text,) = pdf_calls.objects(pdf_calls.address_of(page.raw), 9)
        placed, nowhere = pdf_calls.bounds([text])[0], pdf_calls.bounds([0])[0]
        assert (round(placed[0]), nowhere) == (50, (0, 0, 0, 0))
        assert pdf_calls.bounds([text] * 5000) == [placed] * 5000  # more than there is room for at once


def test_gaps_between_pieces_of_a_line_part_words() -> None:
    wide = b"/F1 11 Tf 200 Tz"
    content = b"BT %s 50 700 Td (Department) Tj ET BT %s 167 700 Td (of State) Tj ET" % (wide, wide)
    with pypdfium2.PdfDocument(raw_pdf(content)) as document:
        assert document[0].get_textpage().get_text_range() == "Departmentof State"  # what pdfium makes of it
    assert pdf.read(raw_pdf(content))[0].text == "Department of State"


def test_pages_with_labels_boxes_and_offsets() -> None:
    parts = pdf.read(samples.pdf([[(72, 700, "First line."), (72, 500, "Far below.")], [], [(72, 700, "Third page.")]]))
    assert [(part.label, part.text) for part in parts] == [
        ("Page 1", "First line.\n\nFar below."),
        ("Page 2", ""),
        ("Page 3", "Third page."),
    ]
    first, second = parts[0].boxes
    assert parts[0].text[second.start : second.end] == "Far below."
    assert first.left == pytest.approx(72 / 612, abs=0.01)
    assert first.top < (792 - 700) / 792 < first.bottom + 0.01
    assert first.bottom < second.top


def test_boxes_follow_rotation() -> None:
    upright = pdf.read(samples.pdf([[(72, 700, "A line of text")]]))[0].boxes[0]
    turned = pdf.read(samples.pdf([[(72, 700, "A line of text")]], rotate=90))[0].boxes[0]
    assert upright.right - upright.left > upright.bottom - upright.top
    assert turned.bottom - turned.top > turned.right - turned.left
    assert turned.left > 0.8  # what was at the top is now at the right


def test_locked_opens_for_nobody() -> None:
    with pytest.raises(Exception, match="locked with a password"):
        pdf.read(samples.pdf([[(72, 700, "secret")]], password="tiger"))


def _packed(layers: int, size: int) -> bytes:
    body = b"BT ET " * (size // 6)
    for _ in range(layers):
        body = zlib.compress(body, 9)
    filters = b"[" + b"/FlateDecode " * layers + b"]"
    return raw_pdf(b"").replace(
        b"<< /Length 0 >>\nstream\n\nendstream",
        b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream" % (len(body), filters, body),
    )


@pytest.mark.parametrize("layers", [1, 2])
def test_streams_that_unpack_to_far_more_are_refused_before_parsing(layers: int) -> None:
    pdf_streams.check(_packed(layers, 3_000_000))
    with pytest.raises(Unreadable) as refused:
        pdf_streams.check(_packed(layers, pdf_streams.LARGEST + 6_000_000))
    assert refused.value.code == "too_complex"
    with pytest.raises(Unreadable):
        pdf.read(_packed(layers, pdf_streams.LARGEST + 6_000_000))


def test_fields_of_a_form_are_read_as_they_are_printed() -> None:
    field = (
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Larnmouth) /Rect [50 500 300 520] /F 4"
        b" /AP << /N 7 0 R >> >>"
    )
    look = b"BT /F1 11 Tf 2 5 Td (Larnmouth) Tj ET"
    appearance = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 250 20] /Resources << /Font << /F1 3 0 R >> >> /Length %d >>"
        b"\nstream\n%s\nendstream" % (len(look), look)
    )
    data = raw_pdf(b"BT /F1 11 Tf 50 700 Td (Port:) Tj ET", objects=[field, appearance], page=b"/Annots [6 0 R]")
    assert pdf.read(data)[0].text.split() == ["Port:", "Larnmouth"]


def test_outlines_and_empty_pages() -> None:
    drawn = b"0 0 m 10 10 l S " * 60
    assert pdf.read(raw_pdf(drawn))[0].scan == ("1",)
    assert pdf.read(raw_pdf(b""))[0].scan == ()
