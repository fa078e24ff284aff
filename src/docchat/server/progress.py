"""How far something long is: a bar with a rate on a terminal, nothing of it anywhere else."""

import shutil
import sys
import time

_EVERY_SECONDS = 0.1
_WIDEST = 40


class Bar:
    """A bar on stderr, when that is a terminal. Lines printed with `say` stand above it."""

    def __init__(self, unit: str, *, quiet: bool = False) -> None:
        self.shown = sys.stderr.isatty() and not quiet
        self._unit = unit
        self._began = time.monotonic()
        self._drawn_at = 0.0
        self._width = 0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def draw(self, done: int, total: int, note: str = "", *, size: int = 0) -> None:
        """Show that `done` of `total` are done, `size` bytes of them read, ten times a second at most."""
        now = time.monotonic()
        if not self.shown or (now - self._drawn_at < _EVERY_SECONDS and done < total):
            return
        self._drawn_at = now
        columns = shutil.get_terminal_size().columns - 1
        self._put(line(done, total, self.seconds, self._unit, note, size=size, columns=columns))

    def clear(self) -> None:
        """Take the bar away."""
        if self.shown and self._width:
            self._put("")
            sys.stderr.write("\r")
            sys.stderr.flush()

    def _put(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)


def line(done: int, total: int, seconds: float, unit: str, note: str = "", *, size: int = 0, columns: int = 79) -> str:
    """The bar as text: `[####----] 512 of 1,169 files, 44%, 96 a second, 1.3 MB/s, 7 s left`."""
    share = min(1.0, done / total) if total else 1.0
    rate = done / seconds if seconds > 0 else 0.0
    said = f"{done:,} of {total:,} {unit}, {share:.0%}"
    if rate > 0:
        said += f", {speed(done, size, seconds)}"
        if done < total:
            said += f", {_time((total - done) / rate)} left"
    said += f", {note}" if note else ""
    width = max(0, min(_WIDEST, columns - len(said) - 3))
    full = int(share * width)
    bar = f"[{'#' * full}{'-' * (width - full)}] " if width >= 8 else ""
    return (bar + said)[:columns]


def speed(done: int, size: int, seconds: float) -> str:
    """How many a second, and how many megabytes."""
    said = f"{done / seconds:,.3g} a second"
    return said + (f", {size / seconds / 1e6:.3g} MB/s" if size else "")


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
