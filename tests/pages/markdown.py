"""The repository's pages as tests read them: headings, links, tables and blocks of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One block of code: its language, its text, and the line of the page on which it begins."""

    language: str
    text: str
    line: int


class Page:
    """One page, by its path from the root."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = ROOT / name
        self.text = self.path.read_text(encoding="utf-8")

    def __repr__(self) -> str:
        return self.name

    @property
    def prose(self) -> str:
        """Return the text without its blocks of code."""
        return BLOCK.sub("", self.text)

    def blocks(self) -> list[Block]:
        found = BLOCK.finditer(self.text)
        return [Block(match[1], match[2], self.text.count("\n", 0, match.start()) + 1) for match in found]

    def links(self) -> list[str]:
        return LINK.findall(self.prose)

    def anchors(self) -> set[str]:
        """Return the anchors of the headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def first_cells(self, header: str) -> list[str]:
        """Return the first cell of each row of the tables under `header`."""
        found = []
        for part in self.text.split(header)[1:]:
            rows = part.split("\n\n")[0].splitlines()
            found += [row.split("|")[1] for row in rows if row.startswith("|") and not row.startswith("|--")]
        return found


_PATHS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [Page(str(path.relative_to(ROOT))) for path in _PATHS]
