"""The pages: their links lead somewhere, and the commands that they name exist."""

import re
from pathlib import Path

import click
import pytest

from tests.web.site import SetClock, build, settings_for

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")
COMMAND = re.compile(r"flask --app wsgi ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?((?: (?:--[a-z-]+|\[--[a-z-]+[^\]]*\]))*)")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_to_a_file_and_to_a_heading(page: Path):
    for target, anchor in LINK.findall(page.read_text()):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{target} of {page.name}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{target}#{anchor} of {page.name}"


def test_named_commands_and_their_options_exist():
    site = build(settings_for("sqlite://", "http://127.0.0.1:9", "http://127.0.0.1:9"), SetClock(), [])
    site.services.deps.db.close()
    seen = 0
    for page in PAGES:
        for name, second, options in COMMAND.findall(page.read_text()):
            command = site.app.cli.commands.get(name)
            assert command is not None, f"{name} of {page.name}"
            if isinstance(command, click.Group):
                assert second in command.commands, f"{name} {second} of {page.name}"
                command = command.commands[second]
            known = {option for parameter in command.params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", options)) <= known, f"{name} {options} of {page.name}"
            seen += 1
    assert seen > 20
