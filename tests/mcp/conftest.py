"""A running Punctual for agents, on SQLite, with its outside services on loopback."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.servers import HttpServer, http_server
from tests.doctor.installation import listening, serving
from tests.mcp.agents import Agent, agent
from tests.support.databases import SQLiteDatabases
from tests.web.site import MessageServer, SetClock, Site, User, build, json_of, settings_for

BERLIN = "Europe/Berlin"
TOKEN = "pk_of-a-test-that-no-answer-may-show"
POST_ID = "0857e374-d7fa-4bec-9c2d-0ef4979dd003"
POST = {"id": POST_ID, "status": "draft", "content": "Hello", "generation": 1, "attempt": 0, "platform": "linkedin"}
Scripted = tuple[HttpServer, Agent]


@dataclass
class Punctual:
    """The app behind `url`. Its clock starts at the true time, for the server of agents reads the true one."""

    url: str
    site: Site
    user: User
    messages: MessageServer
    account: dict[str, Any]

    def key(self, *scopes: str) -> str:
        body = {"name": "agent", "scopes": list(scopes)}
        return str(json_of(self.user.post("/api/keys", json=body), 201)["key"])

    def statuses(self) -> list[str]:
        return [post["status"] for post in json_of(self.user.get("/api/posts"))["data"]]

    def failed(self, content: str = "Refused by n8n") -> dict[str, Any]:
        """Send a post, and report a permanent failure."""
        post = self.user.draft(content=content)
        self.user.schedule(post["id"], self.site.clock.at)
        self.site.deliver(self.user.read(post["id"]))
        report = {"postId": post["id"], "status": "failed", "httpStatus": 400, "errorMessage": "Not like this"}
        json_of(self.site.n8n.post("/api/webhooks/publish-status", json=report))
        return self.user.read(post["id"])


@contextmanager
def running(database_url: str) -> Iterator[Punctual]:
    with http_server() as outside, http_server() as n8n, listening() as listener:
        clock = SetClock()
        clock.at = dt.datetime.now(dt.UTC)
        site = build(settings_for(database_url, outside.url, n8n.url), clock, [])
        messages = MessageServer(outside)
        with serving(site.app, listener):
            alice = site.user("alice")
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield Punctual(url, site, alice, messages, alice.account())
        site.services.deps.db.close()


class Home:
    """One Punctual and one agent with a key of all scopes, for the tests of a module. Each test finds them as new."""

    def __init__(self, punctual: Punctual, database: Path, connected: Agent, key: str, output: Path) -> None:
        self.punctual, self.connected, self.key, self.output = punctual, connected, key, output
        self._database = database
        self._as_new = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(database)) as now:
            now.backup(self._as_new)

    def renew(self) -> Punctual:
        with closing(sqlite3.connect(self._database)) as now:
            self._as_new.backup(now)
        self.punctual.site.clock.at = dt.datetime.now(dt.UTC)
        self.connected.seen.clear()
        return self.punctual

    def close(self) -> None:
        self._as_new.close()


@pytest.fixture(scope="module")
def home(sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("agents")
    url, output = sqlite_databases.migrated(folder), folder / "stderr"
    with running(url) as punctual, output.open("w") as errlog:
        key = punctual.key("read", "write", "publish")
        with agent(punctual.url, key, errlog, PUNCTUAL_TIME_ZONE=BERLIN) as connected:
            made = Home(punctual, Path(url.removeprefix("sqlite:///")), connected, key, output)
            yield made
            made.close()


@pytest.fixture
def punctual(home: Home) -> Punctual:
    return home.renew()


@pytest.fixture
def alice(home: Home, punctual: Punctual) -> Iterator[Agent]:
    """An agent with a key of all scopes. Neither its answers nor the server's output show the key."""
    yield home.connected
    shown = "\n".join([home.output.read_text(), *home.connected.seen])
    assert home.key not in shown
    assert "Traceback" not in shown


@pytest.fixture(scope="module")
def shared(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Agent, Punctual]]:
    """One agent and one app for tests that change nothing. The app has one draft."""
    with running(sqlite_databases.migrated(tmp_path_factory.mktemp("shared"))) as punctual:
        punctual.user.draft()
        with agent(punctual.url, punctual.key("read", "write", "publish")) as connected:
            yield connected, punctual


@pytest.fixture(scope="module")
def connected_to_script() -> Iterator[Scripted]:
    with http_server() as server, agent(server.url, TOKEN) as connected:
        yield server, connected


@pytest.fixture
def scripted(connected_to_script: Scripted) -> Scripted:
    """An agent, and the server that it takes for Punctual, which answers as a test says."""
    connected_to_script[0].seen.clear()
    return connected_to_script
