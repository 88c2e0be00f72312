"""One table of all that was measured, in plain text."""

from collections.abc import Mapping, Sequence

from tests.bench.figures import Figures

COLUMNS = (
    ("p50 ms", "p50_ms", "{:.1f}"),
    ("p99 ms", "p99_ms", "{:.1f}"),
    ("first ms", "first_ms", "{:.1f}"),
    ("last ms", "last_ms", "{:.0f}"),
    ("posts/s", "per_second", "{:,.0f}"),
    ("early", "early", "{:g}"),
    ("lost", "lost", "{:g}"),
    ("twice", "twice", "{:g}"),
    ("in doubt", "undecided", "{:g}"),
    ("done after s", "done_after_s", "{:.1f}"),
)

Results = Mapping[tuple[str, str], Sequence[Figures]]


def table(middle: Mapping[tuple[str, str], Figures]) -> str:
    """A row per work and system, of medians."""
    head = ["work", "system", "posts", *(title for title, _, _ in COLUMNS)]
    rows = [[work, system, str(figures.posts), *_cells(figures)] for (work, system), figures in middle.items()]
    lines = _aligned([head, *rows])
    for (work, system), figures in middle.items():
        for name, rate in figures.rates.items():
            lines.append(f"{work} {system}: {name} {rate:,.0f} a second")
    return "\n".join(lines)


def _cells(figures: Figures) -> list[str]:
    values = ((getattr(figures, name), shape) for _, name, shape in COLUMNS)
    return ["–" if value is None else shape.format(value) for value, shape in values]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
