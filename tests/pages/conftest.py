"""One local stack for all pages, as `make run` starts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from app.local import environment
from tests.local.stacks import Running, stack
from tests.pages.shell import Reader, reader_folder


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with stack(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture
def reader(up: Running, postgresql_url: str, tmp_path: Path) -> Reader:
    """A reader with the stack's settings, its address and a token, and a PostgreSQL of their own."""
    curl = which("curl")
    assert curl, "The pages call Punctual with curl. On Debian: apt-get install curl"
    made = environment.load_secrets(up.state / "secrets.json")
    settings = environment.settings(up.ports, up.state, made, postgresql_url.replace("+psycopg2", ""))
    more = {"API": up.ports.url("app"), "TOKEN": up.token}
    return Reader(reader_folder(tmp_path, curl), settings | more)
