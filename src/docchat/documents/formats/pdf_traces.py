"""The traces that letters leave in the picture of a PDF page."""

import math
from collections.abc import Iterable
from itertools import pairwise

import pypdfium2
import pypdfium2.raw as pdfium

from .pdf_calls import Edges
from .pdf_sheet import Sheet

_LONGEST_EDGE = 1000  # pixels of the picture of a page
_TRACE = 12  # of 255 levels between the darkest and the lightest pixel
_PIECES = 10  # that a box is cut into
_FARTHEST = 1e6  # pixels


def around(boxes: Iterable[Edges]) -> Edges:
    """The smallest box around boxes, of which there is at least one."""
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return (min(lefts), min(bottoms), max(rights), max(tops))


class Traces:
    """The part of a page around `edges` as a grey picture, asked whether letters left a trace in it.

    Drawn at the first question. To draw a part takes a fraction of the time.
    """

    def __init__(self, page: pypdfium2.PdfPage, edges: Edges) -> None:
        self._page = page
        self._sheet = Sheet(page)
        self._edges = edges
        self._left = self._top = 0
        self._scale = min(2.0, _LONGEST_EDGE / max(1.0, *page.get_size()))
        self._across, self._down = (max(1, math.ceil(edge * self._scale)) for edge in page.get_size())
        self._pixels = b""
        self._width = self._height = self._stride = 0

    def seen(self, edges: Edges) -> bool:
        """Whether there is any contrast in a box of (left, bottom, right, top) points."""
        left, top, right, bottom = self._pixels_of(edges)
        if right <= left or bottom <= top:
            return False  # off the page
        if right - left < 2 and bottom - top < 2:
            return False  # a point
        return self._contrast(left, top, right, bottom)

    def along(self, edges: Edges) -> bool:
        """Whether there is contrast in half of the pieces that a box is cut into along its longer edge."""
        left, top, right, bottom = self._pixels_of(edges)
        wide, high = right - left, bottom - top
        if min(wide, high) < 2 or max(wide, high) < 2 * _PIECES:
            return False
        if wide >= high:
            cuts = [left + wide * n // _PIECES for n in range(_PIECES + 1)]
            pieces = [self._contrast(x0, top, x1, bottom) for x0, x1 in pairwise(cuts)]
        else:
            cuts = [top + high * n // _PIECES for n in range(_PIECES + 1)]
            pieces = [self._contrast(left, y0, right, y1) for y0, y1 in pairwise(cuts)]
        return 2 * sum(pieces) >= _PIECES

    def _contrast(self, left: int, top: int, right: int, bottom: int) -> bool:
        rows = range(top * self._stride, bottom * self._stride, self._stride)
        pixels = b"".join([self._pixels[row + left : row + right] for row in rows])
        return max(pixels) - min(pixels) > _TRACE

    def _pixels_of(self, edges: Edges) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a box in the picture, as far as it is on it."""
        if not self._pixels:
            self._draw()
        left, top, right, bottom = self._place(edges)
        return max(0, left), max(0, top), min(self._width, right + 1), min(self._height, bottom + 1)

    def _draw(self) -> None:
        x0, y0, x1, y1 = self._place(self._edges)
        left, right = max(0, x0 - 1), min(self._across, x1 + 2)
        top, bottom = max(0, y0 - 1), min(self._down, y1 + 2)
        self._left, self._top = left, top
        bitmap = pypdfium2.PdfBitmap.new_native(max(1, right - left), max(1, bottom - top), pdfium.FPDFBitmap_Gray)
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, bitmap.width, bitmap.height, 0xFFFFFFFF)
        flags = pdfium.FPDF_GRAYSCALE | pdfium.FPDF_ANNOT
        pdfium.FPDF_RenderPageBitmap(bitmap, self._page, -left, -top, self._across, self._down, 0, flags)
        self._width, self._height, self._stride = bitmap.width, bitmap.height, bitmap.stride
        self._pixels = bytes(bitmap.buffer)
        bitmap.close()

    def _place(self, edges: Edges) -> tuple[int, int, int, int]:
        """The pixels of the left, top, right and bottom edge of a box."""
        left, top, right, bottom = self._sheet.corners(*edges)
        return (
            _pixel(left * self._across) - self._left,
            _pixel(top * self._down) - self._top,
            _pixel(right * self._across) - self._left,
            _pixel(bottom * self._down) - self._top,
        )


def _pixel(value: float) -> int:
    return round(min(_FARTHEST, max(-_FARTHEST, value)))  # in this order for what is no number
