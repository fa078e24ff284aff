"""Where the points of a PDF page lie on the sheet as people see it, cropped and turned."""

import ctypes

import pypdfium2
import pypdfium2.raw as pdfium

from .pdf_calls import Edges

_GRID = 1_000_000  # device units over which pdfium maps a page
_FAR = 1000.0  # points


class Sheet:
    """Points of a page as fractions from its top left, cropping and rotation taken into account."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        (self._x, self._y), (ax, ay), (bx, by) = (_device(page, *at) for at in ((0, 0), (_FAR, 0), (0, _FAR)))
        self._xx, self._xy = (ax - self._x) / _FAR, (bx - self._x) / _FAR
        self._yx, self._yy = (ay - self._y) / _FAR, (by - self._y) / _FAR

    def edges(self, left: float, bottom: float, right: float, top: float) -> Edges:
        """A box, given in points, as left, top, right and bottom; what reaches off the page is cut off."""
        x0, y0, x1, y1 = self.corners(left, bottom, right, top)
        return (min(1.0, max(0.0, x0)), min(1.0, max(0.0, y0)), min(1.0, max(0.0, x1)), min(1.0, max(0.0, y1)))

    def corners(self, left: float, bottom: float, right: float, top: float) -> Edges:
        """The same with what reaches off the page."""
        x0, y0 = self._x + self._xx * left + self._xy * bottom, self._y + self._yx * left + self._yy * bottom
        x1, y1 = self._x + self._xx * right + self._xy * top, self._y + self._yx * right + self._yy * top
        if x0 > x1:
            x0, x1 = x1, x0
        return (x0, y0, x1, y1) if y0 <= y1 else (x0, y1, x1, y0)


def _device(page: pypdfium2.PdfPage, x: float, y: float) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, across, down)
    return across.value / _GRID, down.value / _GRID
