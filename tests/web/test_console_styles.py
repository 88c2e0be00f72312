"""Check that each page of the console finds the rules of the classes that it uses.

A page's styles hold on that page only, so a class of another page's styles does nothing.
"""

import re
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "app" / "web" / "console" / "src"
PAGES = sorted(path.name for path in (SOURCES / "pages").iterdir() if path.is_dir())
SCOPED = "@scope (.at-"


def classes_of(style: Path) -> set[str]:
    """Return the classes that a style sheet has rules for."""
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", style.read_text(encoding="utf-8"), flags=re.S)
    return set(re.findall(r"\.([a-z][\w-]*)", selectors))


def styles() -> tuple[set[str], dict[str, set[str]]]:
    """Return the classes that hold everywhere, and those of each page."""
    everywhere: set[str] = set()
    of_page: dict[str, set[str]] = {page: set() for page in PAGES}
    for style in SOURCES.rglob("*.css"):
        if style.parent.name in of_page and SCOPED in style.read_text(encoding="utf-8"):
            of_page[style.parent.name] |= classes_of(style)
        elif style.parent.name != "docs":
            everywhere |= classes_of(style)
    return everywhere, of_page


def parts_of(page: str) -> Iterator[Path]:
    """Yield the files that draw a page: its own, and those that they import of another page."""
    seen: set[Path] = set()
    waiting = list((SOURCES / "pages" / page).glob("*.tsx"))
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        yield part
        for name in re.findall(r'from "(\.\.?/[\w./]+)"', part.read_text(encoding="utf-8")):
            found = (part.parent / f"{name}.tsx").resolve()
            if found.exists() and (SOURCES / "pages") in found.parents:
                waiting.append(found)


def used_in(part: Path) -> set[str]:
    """Return the words in the values of `class`, also those of a choice between two."""
    text = part.read_text(encoding="utf-8")
    values = re.findall(r'\bclass="([^"]+)"', text)
    for choice in re.findall(r"\bclass=\{(.+?)\}[\s>]", text):
        values += re.findall(r'["`]([^"`]+)["`]', choice)
    return {word for value in values for word in re.findall(r"(?<![\w$-])[a-z][\w-]*(?![\w-])", value)}


def test_no_page_uses_a_class_of_another_pages_styles():
    everywhere, of_page = styles()
    assert len(everywhere) > 50
    lost = set()
    for page in PAGES:
        foreign = set().union(*of_page.values()) - everywhere - of_page[page]
        lost |= {f"{page}, {part.name}: {name}" for part in parts_of(page) for name in used_in(part) & foreign}
    assert not lost


def test_cards_of_the_calendar_give_no_other_page_their_look():
    cards = {name for name in classes_of(SOURCES / "pages" / "calendar" / "card.css") if name.startswith("post-card")}
    assert cards
    for page in PAGES:
        used = set().union(*(used_in(part) for part in parts_of(page)))
        assert page == "calendar" or not used & cards
