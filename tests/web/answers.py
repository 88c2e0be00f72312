"""Rules for every answer. The tests' client checks them on each answer."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.documented import check_documented, document

SECRETS = {
    "auth_jwt_secret": "user-tokens-are-signed-with-this-secret-and-it-is-long-enough-for-HS512",
    "cron_secret": "the-cron-knows-this-9f3kz81",
    "n8n_callback_secret": "the-workflow-knows-this-secret",
    "metrics_secret": "prometheus-knows-this-secret",
    "admin_secret_key": "automation-knows-this-secret",
    "internal_api_secret": "forwarded-with-every-message",
    "qstash_token": "token-of-the-message-service",
    "qstash_current_signing_key": "sig_current_0123456789abcdef0123456789",
    "qstash_next_signing_key": "sig_next_0123456789abcdef0123456789abcd",
    "n8n_webhook_auth_header": "X-Api-Key: only-n8n-may-see-this",
    "token_encryption_keys": "cHVuY3R1YWwtdGVzdHMta2VlcC10b2tlbnMtc2FmZSE=",
}
ACCESS_TOKEN, REFRESH_TOKEN = "access-token-of-an-account", "refresh-token-of-an-account"  # as a platform gives them
NEVER_SHOWN = (*(value.partition(": ")[2] or value for value in SECRETS.values()), ACCESS_TOKEN, REFRESH_TOKEN)
INTERNALS = re.compile(
    r"Traceback|File \"|\.py\b|sqlalche|psycopg|sqlite3|OperationalError|ProgrammingError|IntegrityError|DataError"
    r"|SELECT |INSERT INTO|UPDATE \w+ SET|\[SQL:|relation \"|no such table|port \d+ failed",
    re.IGNORECASE,
)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TIME_OF_DAY = re.compile(r"\d\d:\d\d:\d\d")
FOR_PEOPLE = "/api/social-accounts/linkedin/callback"
PROBLEM = {"type", "title", "status", "detail", "code"}
CONSOLE_PAGE = re.compile(r"/|/docs|/console(?!/session$)(/.*)?")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class CheckedClient(FlaskClient):
    """Flask's test client, with a check of every answer."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        check(answer)
        check_documented(self.application, answer, document(self.application))
        answer.close()  # as servers do once the answer is out
        return answer


def check(answer: TestResponse) -> None:
    check_headers(answer)
    text = answer.get_data().decode("utf-8", "replace")  # gzip is no text
    check_no_secrets(f"{text}\n{answer.headers}")
    if answer.status_code == 503 and answer.request.path == "/readyz":
        return  # a monitor's answer, not a refusal
    if answer.mimetype == "text/html" and answer.request.path == FOR_PEOPLE and answer.request.method != "OPTIONS":
        check_page(text)
    elif answer.status_code >= 400:
        check_problem(answer)
    elif answer.data and answer.mimetype == "application/json" and answer.request.path != "/openapi.json":
        check_instants(answer.get_json())


def check_page(text: str) -> None:
    """Check an HTML page. A browser opens it, so errors are pages too, and a page loads and runs nothing."""
    assert text.startswith("<!doctype html>")
    assert not re.search(r"<script|<form|<img|<iframe|\son\w+=|javascript:|https?://", text, re.IGNORECASE)


def check_headers(answer: TestResponse) -> None:
    may_be_kept = answer.status_code in (200, 304) and CONSOLE_PAGE.fullmatch(answer.request.path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value or (name == "Cache-Control" and may_be_kept)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", answer.headers["X-Request-ID"])
    assert INSTANT.fullmatch(answer.headers["X-Server-Time"])


def check_no_secrets(text: str) -> None:
    """Check that the text has no secret, account token, stack trace or database error."""
    assert not [secret for secret in NEVER_SHOWN if secret in text]
    assert not INTERNALS.search(text), text[:500]


def check_problem(answer: TestResponse) -> None:
    assert answer.status_code != 500, answer.get_data(as_text=True)
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)[:300]
    body = answer.get_json(force=True)
    assert set(body) - {"errors"} == PROBLEM
    assert body["status"] == answer.status_code
    assert re.fullmatch(r"[a-z0-9_]+", body["code"])
    assert body["title"]
    assert body["detail"].strip()
    for error in body.get("errors", []):
        assert set(error) in ({"field", "code", "message"}, {"field", "code", "message", "limit", "actual"})
    if answer.status_code == 405:
        assert answer.headers["Allow"]
    if body["code"] == "database_unavailable":
        assert answer.headers["Retry-After"].isdigit()


def check_instants(value: Any, name: str = "") -> None:
    if isinstance(value, dict) and set(value) == {"day", "at"}:
        assert TIME_OF_DAY.fullmatch(value["at"])  # a weekly slot
    elif isinstance(value, dict):
        for key, inner in value.items():
            check_instants(inner, key)
    elif isinstance(value, list):
        for inner in value:
            check_instants(inner)
    elif (name == "at" or name.endswith("At")) and value is not None:
        assert INSTANT.fullmatch(value), f"{name} is {value!r}"
