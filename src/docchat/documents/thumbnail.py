"""Pages of PDFs and pictures drawn as PNGs. It runs in the sandbox's child, never in the application's own process.

pdfium draws both: a PNG or JPEG is put into a PDF of one page as the packed data that it is made of, so its pixels
are unpacked by pdfium, within the limits of the child.
"""

import struct
from dataclasses import dataclass

from ..errors import Unreadable
from .formats import pdf, pictures

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_MOST_SEEN_THROUGH = 12_000_000  # pixels of a picture with opacity: each is worked out by a function
_LONGEST_EDGE = 2000  # of the page that a picture is put on
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_GREY, _RGB, _CMYK = b"/DeviceGray", b"/DeviceRGB", b"/DeviceCMYK"
# What is seen through stands on white: a colour c under opacity a becomes 1 - a * (1 - c).
_GREY_ON_WHITE = b"{ exch 1 exch sub mul 1 exch sub }"
_RGB_ON_WHITE = (
    b"{ 3 index 1 exch sub 1 index mul 1 exch sub 3 index 1 exch sub 2 index mul 1 exch sub "
    b"3 index 1 exch sub 3 index mul 1 exch sub 7 3 roll pop pop pop pop }"
)
_TURNS = {3: b"-1 0 0 -1 1 1", 6: b"0 -1 1 0 0 1", 8: b"0 1 -1 0 1 0"}
"""How a picture is put upright, by the orientation that a camera notes."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture as a PDF holds it: its packed data, and how that is to be read."""

    width: int
    height: int
    bits: int
    colours: bytes
    filters: bytes
    data: bytes
    inverted: bool = False
    orientation: int = 1


def draw(data: bytes, *, number: int, width: int) -> bytes:
    """Page `number` of a PDF, or a picture (its only page), as a PNG `width` pixels wide. Raises Unreadable."""
    if b"%PDF-" in data[:1024]:
        return pdf.render(data, number=number, width=width)
    if number != 1:
        raise Unreadable("This picture has one page only.", code="no_page")
    pictures.read(data)  # its size in pixels
    try:
        found = _png(data) if data.startswith(_PNG) else _jpeg(data) if data.startswith(_JPEG) else None
    except (struct.error, LookupError, ValueError) as error:
        raise Unreadable("This picture is damaged.", code="damaged") from error
    if found is None:
        raise Unreadable("Pictures of this kind are not shown.", code="unsupported")
    return pdf.render(_page(found), number=1, width=width)


def _png(data: bytes) -> _Picture | None:
    """None for an interlaced one, which PDF does not know, and for one that would take too long."""
    packed, palette = bytearray(), b""
    at = len(_PNG)
    width, height, bits, kind, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, at + 8)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if name == b"IDAT":
            packed += body
        elif name == b"PLTE":
            palette = body[:768]
        at += length + 12
    if interlaced or (kind in (4, 6) and width * height > _MOST_SEEN_THROUGH):
        return None
    spaces = {
        0: (1, _GREY),
        2: (3, _RGB),
        3: (1, b"[/Indexed /DeviceRGB %d <%s>]" % (max(0, len(palette) // 3 - 1), palette.hex().encode())),
        4: (2, b"[/DeviceN [/G /A] /DeviceGray 5 0 R]"),
        6: (4, b"[/DeviceN [/R /G /B /A] /DeviceRGB 5 0 R]"),
    }
    channels, space = spaces[kind]
    rows = b"/Predictor 15 /Colors %d /BitsPerComponent %d /Columns %d" % (channels, bits, width)
    return _Picture(width, height, bits, space, b"/Filter /FlateDecode /DecodeParms << %s >>" % rows, bytes(packed))


def _jpeg(data: bytes) -> _Picture | None:
    at, orientation, adobe = 2, 1, False
    while data[at] == 0xFF:
        marker, body = data[at + 1], data[at + 4 : at + 2 + int(struct.unpack_from(">H", data, at + 2)[0])]
        if marker in _FRAMES:
            bits, height, width, channels = struct.unpack_from(">BHHB", body)
            space = {1: _GREY, 3: _RGB, 4: _CMYK}[channels]
            inverted = adobe and channels == 4
            return _Picture(width, height, bits, space, b"/Filter /DCTDecode", data, inverted, orientation)
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = _orientation(body[6:])
        adobe = adobe or (marker == 0xEE and body.startswith(b"Adobe"))
        at += 4 + len(body)
    return None


def _orientation(exif: bytes) -> int:
    """The orientation that a camera noted; 1, upright, when it cannot be read."""
    try:
        order = "<" if exif[:2] == b"II" else ">"
        (at,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, at)
        for entry in range(min(count, 100)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, at + 2 + 12 * entry)
            if tag == 0x0112:
                return int(value)
    except struct.error:
        pass
    return 1


def _page(found: _Picture) -> bytes:
    """A PDF of one page that the picture fills."""
    scale = min(1.0, _LONGEST_EDGE / max(found.width, found.height, 1))
    across, down = max(1.0, found.width * scale), max(1.0, found.height * scale)
    if found.orientation in (6, 8):
        across, down = down, across
    turn = _TURNS.get(found.orientation, b"1 0 0 1 0 0")
    shown = b"q %.2f 0 0 %.2f 0 0 cm %s cm /P Do Q" % (across, down, turn)
    function = _RGB_ON_WHITE if b"/R " in found.colours else _GREY_ON_WHITE
    domain = b"0 1 0 1 0 1 0 1" if b"/R " in found.colours else b"0 1 0 1"
    values = b"0 1 0 1 0 1" if b"/R " in found.colours else b"0 1"
    image = b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent %d /ColorSpace %s %s%s" % (
        found.width, found.height, found.bits, found.colours, found.filters,
        b" /Decode [1 0 1 0 1 0 1 0]" if found.inverted else b"",
    )  # fmt: skip
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] /Contents 4 0 R "
        b"/Resources << /XObject << /P 6 0 R >> >> >>" % (across, down),
        _stream(b"", shown),
        _stream(b"/FunctionType 4 /Domain [%s] /Range [%s]" % (domain, values), function),
        _stream(image, found.data),
    )
    body, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(body))
    return bytes(body) + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + tail


def _stream(head: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(data), data)
