"""The pages name what exists: files, anchors, settings, commands and routes. The README stays short."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from app.settings.values import Settings
from tests.pages.markdown import PAGES, ROOT, Page

MOST_LINES = 200  # of the README
INTERNAL = {"LOCAL"}  # set by the local stack alone


def has_anchor(target: Path, anchor: str) -> bool:
    return not anchor or anchor in Page(str(target.relative_to(ROOT))).anchors()


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_links_lead_to_files_and_headings(page: Page):
    broken = []
    for link in page.links():
        file, _, anchor = link.partition("#")
        target = (page.path.parent / file).resolve() if file else page.path
        if "://" not in file and not (target.exists() and has_anchor(target, anchor)):
            broken.append(link)
    assert broken == []


def test_table_of_settings_has_every_setting():
    cells = Page("docs/settings.md").first_cells("| name | default | meaning |")
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert len(named) == len(set(named))
    assert set(named) == {field.name.upper() for field in fields(Settings)} - INTERNAL


def test_readme_begins_with_demo_and_test_and_stays_short():
    text = Page("README.md").text
    assert len(text.splitlines()) <= MOST_LINES
    first = Page("README.md").blocks()[0].text.splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make demo", "make test"]


def test_every_page_of_docs_is_linked_from_the_readme():
    linked = {link.split("#")[0] for link in Page("README.md").links()}
    assert {page.name for page in PAGES if page.name.startswith("docs/")} <= linked
