"""The app under test: real adapters, a settable clock, and outside services as servers on loopback."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.adapters.n8n import N8nPublisher
from app.adapters.user_tokens import UserTokens
from app.cli import register_commands
from app.deps import Services
from app.domain.ports import Clock
from app.log import JsonLines, logger
from app.settings.values import Settings
from app.web import build_app
from app.web.console.built import Built
from app.web.console.pages import BUILT
from app.wiring import wire
from tests.adapters.servers import HttpServer, Seen
from tests.support.one_by_one import OneByOne
from tests.web.answers import ACCESS_TOKEN, REFRESH_TOKEN, SECRETS, CheckedClient

NOW = dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC)
BASE = "https://punctual.test"
NO_FOLDER = Path("/nonexistent")
SECOND, MINUTE, HOUR = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=1)


class SetClock(Clock):
    """A clock that stands still until set. `sleep_until` sets it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> dt.datetime:
        return self.at

    def sleep_until(self, instant: dt.datetime) -> None:
        self.at = max(self.at, instant)


def wire_form(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class MessageServer:
    """A small QStash: accepts messages, returns ids, records all requests. `down` makes it fail."""

    def __init__(self, server: HttpServer) -> None:
        self.server, self.down, self.taken = server, False, 0
        server.answer = self._answer

    def _answer(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if self.down:
            return 500, {}, b'{"error": "down"}'
        if seen.path == "/v2/batch":
            value: Any = [self._taken() for _ in seen.json()]
        elif seen.path == "/v2/keys":
            keys = (SECRETS["qstash_current_signing_key"], SECRETS["qstash_next_signing_key"])
            value = dict(zip(("current", "next"), keys, strict=True))
        else:
            value = self._taken() if seen.path.startswith("/v2/publish/") else {}
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()

    def _taken(self) -> dict[str, str]:
        self.taken += 1
        return {"messageId": f"msg_{self.taken}"}

    @property
    def published(self) -> list[Seen]:
        return [seen for seen in self.server.seen if seen.path.startswith("/v2/publish/")]

    @property
    def cancelled(self) -> list[str]:
        return [seen.path.removeprefix("/v2/messages/") for seen in self.server.seen if seen.method == "DELETE"]


def settings_for(database_url: str, qstash: str, n8n: str, **changes: Any) -> Settings:
    values: dict[str, Any] = dict(SECRETS, token_encryption_keys=(SECRETS["token_encryption_keys"],))
    values |= {"database_url": database_url, "public_base_url": BASE, "qstash_url": qstash, "local": True}
    values |= {"n8n_webhook_url": f"{n8n}/webhook/publish", "qstash_timeout_seconds": 4.0, "n8n_timeout_seconds": 4.0}
    values |= {"media_check_seconds": 0.0}  # the tests' media URLs do not exist
    values |= {"rate_limits": False}  # the tests' clock stands still, so no window would end
    return Settings(**(values | changes))


def wire_with(settings: Settings, clock: Clock) -> Services:
    """Wire the app as in production, with `clock` for time."""
    services = wire(settings)
    publisher = N8nPublisher(settings, clock) if settings.n8n_webhook_url else None
    deps = dataclasses.replace(services.deps, clock=clock, publisher=publisher, gate=OneByOne())
    deps = dataclasses.replace(deps, database_clock=False)  # the database's clock shows true time, not the test's
    return dataclasses.replace(services, deps=deps, users=UserTokens(settings, clock))


@dataclass
class Caller:
    """A caller with the same headers in every request."""

    client: FlaskClient
    headers: dict[str, str]
    name: str = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.open("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.open("POST", path, **options)

    def put(self, path: str, **options: Any) -> TestResponse:
        return self.open("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        return self.open("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.open("DELETE", path, **options)

    def open(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        return self.client.open(path, method=method, headers=self.headers | (headers or {}), **options)


@dataclass
class User(Caller):
    """A user with a valid token, and the first steps of most tests."""

    site: Site = field(kw_only=True)

    def account(self, platform: str = "linkedin", **fields: Any) -> dict[str, Any]:
        number = int.from_bytes(self.name.encode()[:12], "big")
        external_id = f"urn:li:person:{self.name}" if platform == "linkedin" else f"1{number}"
        body = {"platform": platform, "externalId": external_id, "accountName": self.name.title()}
        body |= {"accessToken": ACCESS_TOKEN, "refreshToken": REFRESH_TOKEN} | fields
        return json_of(self.post("/api/social-accounts", json=body), 201)

    def draft(self, **fields: Any) -> dict[str, Any]:
        return json_of(self.post("/api/posts", json={"content": "Hello", **fields}), 201)

    def schedule(self, post_id: str, at: dt.datetime, **fields: Any) -> dict[str, Any]:
        return json_of(self.post(f"/api/posts/{post_id}/schedule", json={"scheduledAt": wire_form(at), **fields}))

    def scheduled(self, at: dt.datetime = NOW + HOUR, **fields: Any) -> dict[str, Any]:
        """Connect the user's account, and create and schedule a post on it."""
        self.account(fields.get("platform", "linkedin"))
        post = self.draft(**fields)
        self.schedule(post["id"], at)
        return self.read(post["id"])

    def company(self, name: str = "Agency", **members: str) -> str:
        """Create a company and return its id. `members` are user names with their roles."""
        company_id = json_of(self.post("/api/companies", json={"name": name}), 201)["id"]
        for member, role in members.items():
            self.add_member(company_id, member, role)
        return str(company_id)

    def add_member(self, company_id: str, member: str, role: str) -> dict[str, Any]:
        """Invite a user and accept in the user's name. Return the membership."""
        path = f"/api/companies/{company_id}/members/{quote(member, safe='')}"
        invited = json_of(self.put(path, json={"role": role}))
        token = invited["invitation"]["token"]
        return json_of(self.site.user(member).post(f"/api/invitations/{token}/accept"))

    def client_of(self, company_id: str, name: str = "Client") -> str:
        return str(json_of(self.post(f"/api/companies/{company_id}/clients", json={"name": name}), 201)["id"])

    def read(self, post_id: str) -> dict[str, Any]:
        return json_of(self.get(f"/api/posts/{post_id}"))

    def timeline(self, post_id: str) -> dict[str, Any]:
        return json_of(self.get(f"/api/posts/{post_id}/timeline"))


@dataclass
class Site:
    """One app with its services, clock and log."""

    app: Flask
    services: Services
    clock: SetClock
    log: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.services.deps.settings

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    @property
    def anonymous(self) -> Caller:
        return Caller(self.client, {})

    @property
    def n8n(self) -> Caller:
        return Caller(self.client, {"Authorization": f"Bearer {SECRETS['n8n_callback_secret']}"})

    @property
    def cron(self) -> Caller:
        return Caller(self.client, {"Authorization": f"Bearer {SECRETS['cron_secret']}"})

    def user(self, name: str, admin: bool = False, at: dt.datetime | None = None) -> User:
        """Create a user with a token of the current time. `at` sets the clock first."""
        self.clock.at = at or self.clock.at
        token = self.services.users.issue(name, admin=admin)
        return User(self.client, {"Authorization": f"Bearer {token}"}, name, site=self)

    def deliver(self, post: dict[str, Any], **changes: Any) -> TestResponse:
        """Deliver the post's message as QStash does."""
        message = {"postId": post["id"], "userId": post["userId"], "generation": post["generation"]} | changes
        return self.signed("/api/posts/dispatch", json.dumps(message).encode())

    def signed(self, path: str, body: bytes, /, headers: dict[str, str] | None = None, **claims: Any) -> TestResponse:
        sent = {"Upstash-Signature": signature(BASE + path, body, self.clock.at, **claims)}
        sent |= {"X-Internal-Secret": SECRETS["internal_api_secret"], "Content-Type": "application/json"}
        return self.client.post(path, data=body, headers=sent | (headers or {}))

    def sent(self, user: User, at: dt.datetime = NOW + HOUR, **fields: Any) -> dict[str, Any]:
        """Create a post accepted by n8n but not reported yet."""
        post = user.scheduled(at, **fields)
        self.clock.at = max(self.clock.at, at)
        assert json_of(self.deliver(post)) == {"status": "dispatched"}
        return user.read(post["id"])

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log]
        return [line for line in lines if line["event"] == name]

    def rows(self, statement: str) -> list[Any]:
        with self.services.deps.db.reading() as connection:
            return list(connection.execute(sa.text(statement)))


def signature(
    url: str, body: bytes, now: dt.datetime, /, key: str = "qstash_current_signing_key", **changes: Any
) -> str:
    """Sign as QStash does. A change to None omits that claim. `key` is a setting's name or a key."""
    at = int(now.timestamp())
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()
    claims = {"iss": "Upstash", "sub": url, "aud": "", "iat": at, "nbf": at, "exp": at + 300, "jti": "jwt_1"}
    claims |= {"body": digest} | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, SECRETS.get(key, key), algorithm="HS256")


def json_of(answer: TestResponse, status: int = 200) -> Any:
    """Return the answer's JSON after checking its status."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def refused(answer: TestResponse, status: int, code: str) -> Any:
    """Return the problem document after checking its status and code."""
    body = answer.get_json(force=True)
    assert (answer.status_code, body["code"]) == (status, code), body
    return body


@contextmanager
def capture_log(lines: list[str]) -> Iterator[None]:
    """Append every log line to `lines`, in the operator's format."""

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonLines().format(record))

    handler, level = Keep(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def build(settings: Settings, clock: SetClock, log: list[str]) -> Site:
    services = wire_with(settings, clock)
    app = build_app(services)
    app.extensions[BUILT] = Built(NO_FOLDER)  # the same answers with and without a build on this machine
    register_commands(app)
    app.test_client_class = CheckedClient
    return Site(app, services, clock, log)
