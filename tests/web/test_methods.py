"""HEAD without effects, addresses without redirects, whole bodies, and origins as browsers write them."""

import io
import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.settings.environment import read_settings
from app.store.schema.tables import metadata
from app.web import MAX_BODY_BYTES
from tests.adapters.servers import http_server
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, Site, refused
from tests.web.test_connect import CALLBACK, Browser, settings

ACTING = {
    "/api/posts/recover": {"GET", "POST", "OPTIONS"},
    "/api/cron/publish-scheduled": {"GET", "OPTIONS"},
    "/metrics": {"GET", "OPTIONS"},
    "/api/social-accounts/linkedin/callback": {"GET", "OPTIONS"},
    "/api/social-accounts/linkedin/connect": {"GET", "OPTIONS"},
}
EVIL = {"Host": "evil.example"}


def rows(site: Site) -> dict[str, list[Any]]:
    with site.services.deps.db.reading() as connection:
        tables = metadata.sorted_tables
        return {table.name: sorted(map(repr, connection.execute(sa.select(table)))) for table in tables}


def gets(site: Site) -> list[Rule]:
    return [rule for rule in site.app.url_map.iter_rules() if "GET" in (rule.methods or set())]


def head(site: Site, path: str, headers: dict[str, str]) -> TestResponse:
    return FlaskClient(site.app, site.app.response_class).head(path, headers=headers)


@pytest.mark.parametrize("path", ACTING)
def test_head_of_an_acting_get_answers_405_with_allow(small_site: Site, path: str):
    for headers in ({}, small_site.cron.headers, small_site.user("alice").headers):
        answer = head(small_site, path, headers)
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == ACTING[path]
        assert not answer.data


@pytest.mark.parametrize("path", [path for path, methods in ACTING.items() if "POST" not in methods])
def test_allow_of_an_acting_get_names_no_head(small_site: Site, path: str):
    plain = FlaskClient(small_site.app, small_site.app.response_class)
    for answer in (plain.options(path), plain.post(path)):
        assert set(answer.headers["Allow"].split(", ")) == ACTING[path]


def test_head_changes_no_row_on_any_route(site: Site):
    due = site.sent(site.user("alice"))
    site.clock.at += 24 * HOUR
    alice = site.user("alice", admin=True)
    ids = {"post_id": due["id"], "company_id": alice.company(), "member_id": "alice", "client_id": due["id"]}
    paths = [re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ids.get(found[1], due["id"]), rule.rule) for rule in gets(site)]
    site.cron.get("/api/posts/recover")  # or /readyz answers 503 for want of a fresh sweep
    before = rows(site)
    for path in paths:
        for headers in (alice.headers, site.cron.headers):
            assert head(site, path, headers).status_code < 500, path
    assert len(paths) > 15
    assert rows(site) == before


def test_head_of_the_callback_connects_no_account(sqlite_url: str, make_site: MakeSite):
    with http_server() as server:
        browser = Browser(make_site(sqlite_url, **settings(server)))
        browser.begin()
        client = FlaskClient(browser.client.application, browser.client.response_wrapper)
        assert client.head(CALLBACK, query_string={"state": browser.state, "code": "code-1"}).status_code == 405
        assert server.seen == []


def test_head_of_a_reading_get_answers_like_get(small_site: Site):
    alice = small_site.user("alice")
    for path in ("/api/posts", "/healthz", "/openapi.json"):
        answer = head(small_site, path, alice.headers)
        assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/api//posts",
        "/api/posts//",
        "/api/posts/",
        "//evil.example/api/posts",
        "//evil.example//..",
        "/api/social-accounts//linkedin/callback",
        "/docs/",
        "/healthz//",
        "///",
        "/\\evil.example",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_odd_slashes_answer_404_without_a_redirect(small_site: Site, method: str, path: str):
    environ = {"PATH_INFO": path, "HTTP_HOST": "evil.example"}
    answer = small_site.client.open("/", method=method, environ_overrides=environ, headers=small_site.user("a").headers)
    refused(answer, 404, "not_found")
    assert "Location" not in answer.headers


def test_slashes_before_the_path_answer_like_one(small_site: Site):
    alice = small_site.user("alice")
    for path in ("//api/posts", "///api/posts"):
        answer = small_site.client.get("/", environ_overrides={"PATH_INFO": path}, headers=alice.headers | EVIL)
        assert (answer.status_code, answer.get_json()) == (200, alice.get("/api/posts").get_json())


def test_rule_that_ends_with_a_slash_redirects_no_request(small_site: Site):
    small_site.app._got_first_request = False
    small_site.app.add_url_rule("/folder/", view_func=lambda: "x")
    refused(small_site.anonymous.get("/folder", headers=EVIL), 404, "not_found")


def chunked(site: Site, path: str, body: bytes, headers: dict[str, str], *, ended: bool = True) -> TestResponse:
    """Send a body without a length. `ended`: the server marks the end of the body, as Granian does."""
    environ = {"wsgi.input_terminated": True} if ended else {}
    sent = headers | {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    stream = io.BytesIO(body)
    return site.client.post(path, input_stream=stream, headers=sent, environ_overrides=environ)


def test_chunked_body_over_the_limit_is_refused_whole(small_site: Site):
    valid = b'{"content": "x"}'
    body = valid + b" " * (MAX_BODY_BYTES - len(valid))
    alice, n8n = small_site.user("alice"), small_site.n8n
    for cut in (b"}", b" ", b'{"content": "second"}'):
        refused(chunked(small_site, "/api/posts", body + cut, alice.headers), 413, "too_large")
        refused(chunked(small_site, "/api/webhooks/publish-status", body + cut, n8n.headers), 413, "too_large")
    assert small_site.rows("SELECT count(*) FROM posts") == [(0,)]
    assert chunked(small_site, "/api/posts", body, alice.headers).status_code == 201


def test_body_without_length_or_end_is_refused(small_site: Site):
    answer = chunked(small_site, "/api/posts", b'{"content": "x"}', small_site.user("alice").headers, ended=False)
    refused(answer, 411, "length_required")


@pytest.mark.parametrize(
    ("configured", "origin"),
    [
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:0443/", "https://a.example"),
        ("HTTPS://A.Example:443", "https://a.example"),
        ("https://a.example:8443", "https://a.example:8443"),
        ("http://a.example:443", "http://a.example:443"),
        ("https://a.example:80", "https://a.example:80"),
        ("\u200bhttps://my_app.example\n", "https://my_app.example"),
    ],
)
def test_origin_matches_without_its_default_port(sqlite_url: str, make_site: MakeSite, configured: str, origin: str):
    origins = read_settings({"CORS_ORIGINS": f"https://b.example, {configured}"}).cors_origins
    assert origins == ("https://b.example", origin)
    answer = make_site(sqlite_url, cors_origins=origins).user("alice").get("/api/posts", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_headers_of_tracing_are_allowed(sqlite_url: str, make_site: MakeSite):
    asked = "authorization,baggage,content-type,idempotency-key,traceparent,tracestate,x-request-id"
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    headers["Access-Control-Request-Headers"] = asked
    site = make_site(sqlite_url, cors_origins=("https://a.example",))
    allowed = site.client.options("/api/posts", headers=headers).headers["Access-Control-Allow-Headers"]
    assert {name.strip().lower() for name in allowed.split(",")} == set(asked.split(","))
