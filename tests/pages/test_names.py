"""Commands, make targets, modules and routes that the pages name in their text exist."""

from __future__ import annotations

import importlib.util
import re
import uuid
from collections.abc import Iterator

import click
import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from tests.pages.markdown import PAGES, ROOT
from tests.web.site import SetClock, build, settings_for

NAMED = {page.name: page.text for page in PAGES}
CODE = re.compile(r"`([^`\n]+)`|^([^`\n|]*)$", re.MULTILINE)  # in the text, or a line of a block
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def app(sqlite_url: str) -> Iterator[Flask]:
    site = build(settings_for(sqlite_url, NOWHERE, NOWHERE), SetClock(), [])
    yield site.app
    site.services.deps.db.close()


def found(pattern: str) -> set[tuple[str, str]]:
    """Return (page, match) of a pattern in code."""
    codes = [(name, inline or line) for name, text in NAMED.items() for inline, line in CODE.findall(text)]
    return {(name, match) for name, code in codes for match in re.findall(pattern, code)}


def missing_options(group: click.Group, words: list[str]) -> list[str]:
    """Return what of a command line does not exist."""
    command: click.Command = group
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if isinstance(command, click.Group):
        return words or ["a command"]
    known = {option for parameter in command.params for option in parameter.opts}
    return [word for word in words if word.startswith("--") and word not in known]


def test_flask_commands_exist_with_their_options(app: Flask):
    lines = found(r"flask (?:--app wsgi )?([a-z][a-z -]*(?: --?[a-z-]+)*)")
    wrong = [(page, line, missing_options(app.cli, line.split())) for page, line in sorted(lines)]
    assert [one for one in wrong if one[2]] == []
    assert len(lines) > 10
    assert missing_options(app.cli, ["sweep", "--often", "--every"]) == ["--often"]
    assert missing_options(app.cli, ["keys", "turn"]) == ["turn"]


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = found(r"^make ([a-z-]+)")
    assert {one for one in named if one[1] not in targets} == set()
    assert len(named) > 10


def test_modules_exist():
    named = found(r"python -m (app\.[a-z_.]+[a-z])")
    assert {one for one in named if importlib.util.find_spec(one[1]) is None} == set()
    assert named


def test_routes_exist(app: Flask):
    routes = app.url_map.bind("punctual.example")
    wrong = []
    for page, route in sorted(found(r"^((?:GET|POST|PUT|PATCH|DELETE) /[^ ]*)")):
        method, path = route.split(" ")
        path = re.sub(r"\{(\w+),[^}]*\}", r"\1", path.split("?")[0])  # the first of several names
        path = re.sub(r"\{\w+\}|\$\w+", str(uuid.uuid4()), path).rstrip("…")
        try:
            routes.match(path, method=method)
        except HTTPException:
            wrong.append((page, route))
    assert wrong == []
