"""Fixtures of the web tests: `site` on both databases, `small_site` on SQLite, `make_site` with other settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from tests.adapters.servers import HttpServer, http_server, ok
from tests.web.answers import NEVER_SHOWN
from tests.web.site import MessageServer, SetClock, Site, User, build, capture_log, settings_for

MakeSite = Callable[..., Site]


@pytest.fixture(scope="session")
def qstash_server() -> Iterator[HttpServer]:
    with http_server() as server:
        yield server


@pytest.fixture(scope="session")
def n8n_server() -> Iterator[HttpServer]:
    with http_server() as server:
        yield server


@pytest.fixture
def qstash(qstash_server: HttpServer) -> MessageServer:
    qstash_server.seen.clear()
    return MessageServer(qstash_server)


@pytest.fixture
def n8n(n8n_server: HttpServer) -> HttpServer:
    n8n_server.seen.clear()
    n8n_server.answer = ok
    return n8n_server


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def make_site(qstash: MessageServer, n8n: HttpServer, clock: SetClock) -> Iterator[MakeSite]:
    """Return a function that builds apps, such as `make_site(database_url, cron_secret=None)`."""
    made: list[Site] = []
    log: list[str] = []

    def make(database_url: str, **changes: Any) -> Site:
        settings = settings_for(database_url, qstash.server.url, n8n.url, **changes)
        made.append(build(settings, clock, log))
        return made[-1]

    with capture_log(log):
        yield make
    for site in made:
        site.services.deps.db.close()
    assert not [(secret, line) for line in log for secret in NEVER_SHOWN if secret in line]


@pytest.fixture
def site(database_url: str, make_site: MakeSite) -> Site:
    return make_site(database_url)


@pytest.fixture
def small_site(sqlite_url: str, make_site: MakeSite) -> Site:
    return make_site(sqlite_url)


@pytest.fixture
def app(site: Site) -> Flask:
    return site.app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def alice(site: Site) -> User:
    return site.user("alice")


@pytest.fixture
def bob(site: Site) -> User:
    return site.user("bob")
