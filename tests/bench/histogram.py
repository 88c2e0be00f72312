"""Draws lateness histograms as SVG: one strip per system over a common logarithmic axis in ms."""

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

LEFT, RIGHT, TOP, FOOT = 150, 20, 44, 40  # px around the strips
WIDTH, STRIP, GAP = 720, 56, 14
PER_DECADE = 12  # bins between one power of ten and the next
LOWEST_MS = 0.1  # lower and negative values go into the first bin
INK, BAR, GRID = "#1f2937", "#2563eb", "#d1d5db"


def drawing(work: str, lateness: Mapping[str, Sequence[float]]) -> str:
    """Return the whole SVG. Each strip is scaled to its tallest bar, so shapes compare, not counts."""
    strips = {system: values for system, values in lateness.items() if values}
    top_ms = max(max(values) for values in strips.values())
    decades = max(1, math.ceil(math.log10(max(top_ms, LOWEST_MS * 10) / LOWEST_MS)))
    height = TOP + len(strips) * (STRIP + GAP) + FOOT
    parts = [_text(LEFT, 24, f"{work}: arrival − due instant, ms", size=15)]
    parts += _axis(decades, height)
    for row, (system, values) in enumerate(strips.items()):
        parts += _strip(system, values, decades, TOP + row * (STRIP + GAP))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">\n<rect width="100%" height="100%" fill="white"/>\n'
        f"{body}\n</svg>\n"
    )


def counts(values: Sequence[float], decades: int) -> list[int]:
    """Count the values per bin. Values beyond an end go into the outermost bin."""
    bins = [0] * (decades * PER_DECADE)
    for value in values:
        index = math.floor(math.log10(max(value, LOWEST_MS) / LOWEST_MS) * PER_DECADE)
        bins[min(index, len(bins) - 1)] += 1
    return bins


def _strip(system: str, values: Sequence[float], decades: int, top: int) -> list[str]:
    bins = counts(values, decades)
    wide, tallest = WIDTH / len(bins), max(bins)
    parts = [_text(LEFT - 8, top + STRIP / 2 + 4, system, anchor="end")]
    for index, count in enumerate(bins):
        if count:
            tall = max(1.0, STRIP * count / tallest)
            parts.append(
                f'<rect x="{LEFT + index * wide:.1f}" y="{top + STRIP - tall:.1f}" width="{wide - 1:.1f}" '
                f'height="{tall:.1f}" fill="{BAR}"><title>{count}</title></rect>'
            )
    parts.append(_line(LEFT, top + STRIP, LEFT + WIDTH, top + STRIP))
    return parts


def _axis(decades: int, height: int) -> list[str]:
    parts = []
    for decade in range(decades + 1):
        x = LEFT + WIDTH * decade / decades
        parts.append(_line(x, TOP - 6, x, height - FOOT))
        parts.append(_text(x, height - FOOT + 18, f"{LOWEST_MS * 10**decade:g}", anchor="middle"))
    return parts


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{GRID}"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
