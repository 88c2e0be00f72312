"""Queries of users' routes are as strict as bodies. All other routes ignore unknown parameters."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests.web.site import HOUR, NOW, Site, json_of, refused, wire_form

ID = "0c5f3d5e-0000-4000-8000-000000000000"
LISTS = ["/api/posts", "/api/social-accounts", "/api/companies"]
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/posts": {"content": "x"},
    "POST /api/posts/<post_id>/schedule": {"scheduledAt": wire_form(NOW + HOUR)},
    "POST /api/posts/recover": {"postId": ID, "action": "fail"},
}
IGNORING = ["/healthz", "/openapi.json", "/docs", "/api/scheduler/status"]
BLUEPRINTS = {"posts", "accounts", "companies", "connect"}


def user_routes(app: Flask) -> Iterator[tuple[str, Rule]]:
    """Yield method and rule of every route of users."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            is_cron = (method, rule.rule) == ("GET", "/api/posts/recover")
            if (rule.endpoint.split(".")[0] in BLUEPRINTS and not is_cron) or rule.rule == "/api/scheduler/run":
                yield method, rule


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("colour=blue", ["colour"]),
        ("colour=blue&colour=red&size=1", ["colour", "size"]),
        ("colour", ["colour"]),
        ("=5", ["query"]),
        ("LIMIT=5", ["LIMIT"]),
    ],
)
def test_unknown_parameter_is_refused_on_every_user_route(small_site: Site, query: str, fields: list[str]):
    root = small_site.user("root", admin=True)
    routes = list(user_routes(small_site.app))
    assert len(routes) > 25
    for method, rule in routes:
        body = BODIES.get(f"{method} {rule.rule}", {}) if method in ("POST", "PATCH", "PUT") else None
        answer = root.open(method, f"{re.sub('<[^>]+>', ID, rule.rule)}?{query}", json=body)
        problem = refused(answer, 422, "invalid_fields")
        assert [error["field"] for error in problem["errors"]] == fields, (method, rule.rule)


def test_unknown_parameter_changes_nothing(small_site: Site):
    alice = small_site.user("alice")
    refused(alice.post("/api/posts?dryRun=1", json={"content": "x"}), 422, "invalid_fields")
    assert json_of(alice.get("/api/posts"))["data"] == []


def test_caller_without_token_learns_nothing_of_the_parameters(small_site: Site):
    refused(small_site.anonymous.get("/api/posts?colour=blue"), 401, "unauthorized")


def test_admin_secret_gets_the_same_strictness(small_site: Site):
    secret = {"Authorization": f"Bearer {small_site.settings.admin_secret_key}"}
    refused(small_site.anonymous.post("/api/scheduler/run?force=1", headers=secret), 422, "invalid_fields")


@pytest.mark.parametrize("name", ["limit", "cursor", "platform", "companyId", "from", "status"])
def test_repeated_parameter_is_refused(small_site: Site, name: str):
    problem = refused(small_site.user("alice").get(f"/api/posts?{name}=1&{name}=1"), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(name, "repeated")]


@pytest.mark.parametrize(
    "number", ["1_0", "%EF%BC%95", "%D9%A5", "%2B5", "+5", "%205", "5%20", "5%0A", "", "05", "5.0", "1e1", "0x5", "-0"]
)
def test_number_in_a_query_is_plain_digits(small_site: Site, number: str):
    alice = small_site.user("alice")
    company = alice.company()
    members, clients = (f"/api/companies/{company}/{name}" for name in ("members", "clients"))
    for path in [*LISTS, members, clients]:
        problem = refused(alice.get(f"{path}?limit={number}"), 422, "invalid_fields")
        assert [error["field"] for error in problem["errors"]] == ["limit"]
        json_of(alice.get(f"{path}?limit=5"))


@pytest.mark.parametrize(
    "name", ["status", "platform", "companyId", "clientId", "socialAccountId", "from", "to", "limit", "cursor"]
)
def test_empty_parameter_is_refused(small_site: Site, name: str):
    for query in (f"{name}=", name):
        problem = refused(small_site.user("alice").get(f"/api/posts?{query}"), 422, "invalid_fields")
        assert [error["field"] for error in problem["errors"]] == [name]


@pytest.mark.parametrize("query", ["utm_source=x", "limit=1&limit=2", "x=", "state=%ff"])
def test_other_routes_ignore_unknown_and_repeated_parameters(small_site: Site, query: str):
    for path in IGNORING:
        assert small_site.anonymous.get(f"{path}?{query}").status_code == 200
    for path in ("/api/posts/recover", "/api/cron/publish-scheduled"):
        assert small_site.cron.get(f"{path}?{query}").status_code == 200
    report = {"postId": ID, "status": "failed"}
    for path, body in (("publish-status", report), ("claim", {"postId": ID, "attempt": 1})):
        assert small_site.n8n.post(f"/api/webhooks/{path}?{query}", json=body).status_code in (404, 409)
    callback = small_site.anonymous.get(f"/api/social-accounts/linkedin/callback?code=a&{query}")
    assert callback.status_code != 422
