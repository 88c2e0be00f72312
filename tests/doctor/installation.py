"""An installation for the doctor: the app served at its public address, with QStash and n8n on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import make_server

from app.store.engine import normalise_url
from tests.adapters.servers import HttpServer, Seen
from tests.test_cli import KEYS, run
from tests.web.answers import NEVER_SHOWN
from tests.web.site import SetClock, Site, build, settings_for

Lines = list[tuple[str, str, str]]


@dataclass
class Outside:
    """QStash and n8n in one. `schedule` is the sweep's schedule in QStash, None without one."""

    server: HttpServer
    schedule: dict[str, Any] | None = None

    def answer(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if seen.path.startswith("/v2/schedules/"):
            return as_json(self.schedule) if self.schedule else (404, {}, b'{"error": "not found"}')
        return as_json(KEYS)


def as_json(value: object) -> tuple[int, dict[str, str], bytes]:

    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextmanager
def serving(app: Flask, listener: socket.socket) -> Iterator[None]:
    """Serve the app at its public address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join()


@contextmanager
def installed(
    database_url: str, outside: Outside, *, served: dict[str, Any] | None = None, **changes: Any
) -> Iterator[Site]:
    """Build an app and serve it at its public address. `served` are other settings of the served one."""
    with listening() as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        values = {"public_base_url": base} | changes
        site = build(settings_for(database_url, outside.server.url, outside.server.url, **values), SetClock(), [])
        there = site
        if served is not None:
            values |= served
            there = build(settings_for(database_url, outside.server.url, outside.server.url, **values), SetClock(), [])
        with serving(there.app, listener):
            yield site
        for made in (site, there):
            made.services.deps.db.close()


def doctor(site: Site, *options: str) -> tuple[Lines, int]:
    """Run the doctor. Return its lines as (level, subject, text), and the exit status."""
    result = run(site.app, "doctor", *options)
    assert not [secret for secret in (*NEVER_SHOWN, "Traceback") if secret in result.output]
    lines = [line for line in result.stdout.splitlines() if not line.startswith("{")]
    parts = [line.split(None, 2) for line in lines]
    assert all(mark in ("OK", "WARN", "FAIL") for mark, *_ in parts), result.output
    return [(mark, about, text) for mark, about, text in parts], result.exit_code


def not_ok(lines: Lines) -> Lines:
    return [line for line in lines if line[0] != "OK"]


def only_problem(site: Site, mark: str, about: str, *words: str) -> None:
    """Check that the doctor has this problem alone, in one line with all `words`, and its exit statuses."""
    lines, status = doctor(site)
    assert len(not_ok(lines)) == 1, not_ok(lines)
    [(found, subject, text)] = not_ok(lines)
    assert (found, subject) == (mark, about), lines
    for word in words:
        assert word in text, text
    assert status == (mark == "FAIL")
    assert doctor(site, "--strict")[1] == 1


def swept(site: Site) -> Site:
    assert run(site.app, "sweep").exit_code == 0
    return site


def execute(url: str, *statements: str) -> None:
    engine = sa.create_engine(normalise_url(url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
