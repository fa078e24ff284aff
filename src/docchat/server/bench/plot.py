"""The plot: the time of a clear against the number of messages, both axes logarithmic, for light and dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from . import chats
from .measure import Result
from .report import in_order, milliseconds

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 222, 44, 52
_LABEL_GAP = 15
_STYLE = """
.back { fill: #ffffff } .grid { stroke: #d8dce2 } .text { fill: #24292f } .soft { fill: #57606a }
.s0 { stroke: #0969da } .s1 { stroke: #bc4c00 } .s2 { stroke: #1a7f37 } .s3 { stroke: #8250df } .s4 { stroke: #9a6700 }
.s5 { stroke: #bf3989 }
.f0 { fill: #0969da } .f1 { fill: #bc4c00 } .f2 { fill: #1a7f37 } .f3 { fill: #8250df } .f4 { fill: #9a6700 }
.f5 { fill: #bf3989 }
@media (prefers-color-scheme: dark) {
.back { fill: #0d1117 } .grid { stroke: #30363d } .text { fill: #e6edf3 } .soft { fill: #9198a1 }
.s0 { stroke: #58a6ff } .s1 { stroke: #f0883e } .s2 { stroke: #56d364 } .s3 { stroke: #bc8cff } .s4 { stroke: #e3b341 }
.s5 { stroke: #f778ba }
.f0 { fill: #58a6ff } .f1 { fill: #f0883e } .f2 { fill: #56d364 } .f3 { fill: #bc8cff } .f4 { fill: #e3b341 }
.f5 { fill: #f778ba }
}
"""
_COLOURS = 6


@dataclass(frozen=True, slots=True)
class _Scale:
    """A logarithmic axis: `low` to `high` are drawn between two pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        part = math.log10(value / self.low) / math.log10(self.high / self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        return [10.0**power for power in range(first, last + 1)]


def svg(result: Result) -> str | None:
    """The plot; None when fewer than two lengths were measured."""
    found = [series for series in result.part(chats.CHATS) if series.key.what == chats.CLEAR]
    lines = {
        name: sorted((item.key.size, item.median) for item in found if item.key.who == name)
        for name in in_order(item.key.who for item in found)
    }
    sizes = sorted({size for points in lines.values() for size, _ in points})
    if len(sizes) < 2:
        return None
    times = [time for points in lines.values() for _, time in points]
    across = _Scale(sizes[0], sizes[-1], _LEFT, _WIDTH - _RIGHT)
    low, high = 10 ** math.floor(math.log10(min(times))), 10 ** math.ceil(math.log10(max(times)))
    up = _Scale(low, max(high, low * 10), _HEIGHT - _BOTTOM, _TOP)
    return "\n".join([*_frame(across, up, sizes), *_lines(lines, across, up), "</svg>", ""])


def _frame(across: _Scale, up: _Scale, sizes: Sequence[int]) -> list[str]:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'role="img" font-family="system-ui, sans-serif" font-size="12">',
        "<title>Time of a clear against the number of messages</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>',
        f'<text class="text" x="{_LEFT}" y="24" font-size="14" font-weight="600">'
        "Clearing a chat: milliseconds by the number of messages</text>",
        f'<text class="soft" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 12}" text-anchor="middle">'
        "messages</text>",
    ]
    for tick in up.ticks():
        y = up.at(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="soft" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_tick(tick)} ms</text>')
    for size in sizes:
        x = across.at(size)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
        parts.append(
            f'<text class="soft" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{size:,}</text>'
        )
    return parts


def _lines(lines: dict[str, list[tuple[int, float]]], across: _Scale, up: _Scale) -> list[str]:
    labels = _spread({name: up.at(points[-1][1]) for name, points in lines.items()})
    parts = []
    for number, (name, points) in enumerate(lines.items()):
        colour, width = number % _COLOURS, 3 if number == 0 else 1.75
        places = [(across.at(size), up.at(time)) for size, time in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="s{colour}" fill="none" stroke-width="{width}" points="{path}"/>')
        parts += [f'<circle class="f{colour}" cx="{x:.1f}" cy="{y:.1f}" r="{width + 1}"/>' for x, y in places]
        weight = ' font-weight="700"' if number == 0 else ""
        label = f"{escape(name)} {milliseconds(points[-1][1])}"
        x = places[-1][0] + 10
        parts.append(f'<text class="f{colour}" x="{x:.1f}" y="{labels[name] + 4:.1f}"{weight}>{label}</text>')
    return parts


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _spread(wanted: dict[str, float]) -> dict[str, float]:
    """Heights of the labels at the ends of the lines, moved down where they would cover each other."""
    placed: dict[str, float] = {}
    lowest = -math.inf
    for name, y in sorted(wanted.items(), key=lambda item: item[1]):
        lowest = max(y, lowest + _LABEL_GAP)
        placed[name] = lowest
    return placed
