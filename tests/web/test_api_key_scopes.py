"""What a personal API key may do: the scope of each route, its user's rights, limits and failed proofs."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.api_keys import SCOPES, Scope
from app.settings.readers import Rate
from tests.support.databases import record_transactions
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, Caller, Site, User, json_of, refused, wire_form
from tests.web.test_api_keys import ALL, bearing, create, with_key

#: Routes of machines and of anyone. All others are user routes and have an entry in SCOPES.
WITHOUT_USER = {
    *("POST /api/posts/dispatch", "POST /api/posts/dispatch-failed", "GET /api/posts/recover"),
    *("GET /api/cron/publish-scheduled", "POST /api/webhooks/publish-status", "POST /api/webhooks/claim"),
    "POST /api/webhooks/deliver",
    *("GET /api/scheduler/status", "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json", "GET /docs"),
    *("GET /api/social-accounts/linkedin/callback", "GET /feeds/<token>.ics"),
    *("GET /", "GET /console", "GET /console/<path:page>", "GET /console/assets/<path:name>"),
    *("GET /console/session", "DELETE /console/session", "GET /console/oidc/begin", "GET /console/oidc/callback"),
}
ANY_ID = "0c5f3d5e-0000-4000-8000-000000000000"


def routes(app: Flask) -> Iterable[str]:
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield f"{method} {rule.rule}"


def call(caller: Caller, route: str) -> Any:
    method, path = route.split(" ")
    return caller.open(method, re.sub(r"<[^>]+>", ANY_ID, path), json=None if method == "GET" else {})


def test_every_user_route_has_a_scope_and_every_scope_a_route(small_site: Site):
    of_users = set(routes(small_site.app)) - WITHOUT_USER
    assert of_users == set(SCOPES), "give the route a line in SCOPES of app/domain/api_keys.py"
    acting = {route for route, scope in SCOPES.items() if route.startswith("GET ") and scope not in (Scope.READ, None)}
    assert acting == {"GET /api/social-accounts/linkedin/connect"}
    assert not [route for route, scope in SCOPES.items() if scope is Scope.READ and not route.startswith("GET ")]


@pytest.mark.parametrize("route", [route for route, scope in SCOPES.items() if scope is not None])
def test_key_without_the_scope_of_the_route_is_refused_by_its_name(small_site: Site, route: str):
    wanted = SCOPES[route]
    alice = small_site.user("alice")
    others = [scope for scope in ALL if scope != wanted]
    body = refused(call(with_key(alice, *others), route), 403, "scope_required")
    assert f"scope {wanted}" in body["detail"]
    assert [(error["field"], error["code"]) for error in body["errors"]] == [("scopes", "scope_required")]
    answer = call(with_key(alice, str(wanted)), route)
    if not answer.is_json and answer.mimetype != "application/problem+json":
        return  # a file
    assert answer.get_json(force=True).get("code") not in ("scope_required", "jwt_required"), answer.get_json()


@pytest.mark.parametrize("route", [route for route, scope in SCOPES.items() if scope is None])
def test_key_of_an_admin_with_all_scopes_never_does_what_needs_a_jwt(small_site: Site, route: str):
    key = with_key(small_site.user("root", admin=True))
    code = "admin_required" if "/api/scheduler/" in route or "/api/operations/" in route else "jwt_required"
    refused(call(key, route), 403, code)


def test_route_without_an_entry_takes_no_key(small_site: Site, monkeypatch: pytest.MonkeyPatch):
    key = with_key(small_site.user("alice"))
    monkeypatch.delitem(SCOPES, "GET /api/posts")
    refused(key.get("/api/posts"), 403, "jwt_required")
    assert FlaskClient(small_site.app).head("/api/posts", headers=key.headers).status_code == 403


def test_head_needs_the_scope_of_get(small_site: Site):
    key = with_key(small_site.user("alice"), "read")
    assert key.open("HEAD", "/api/companies").status_code == 200


def test_key_loses_the_company_with_its_users_membership(alice: User, bob: User):
    company = alice.company(bob="editor")
    key = with_key(bob)
    draft = {"content": "x", "companyId": company}
    post = json_of(key.post("/api/posts", json=draft), 201)
    json_of(alice.put(f"/api/companies/{company}/members/bob", json={"role": "viewer"}))
    refused(key.post("/api/posts", json=draft), 403, "role_insufficient")
    assert alice.delete(f"/api/companies/{company}/members/bob").status_code == 204
    refused(key.get(f"/api/posts/{post['id']}"), 404, "post_not_found")
    refused(key.post("/api/posts", json=draft), 422, "company_not_found")
    json_of(key.post("/api/posts", json={"content": "own"}), 201)


def test_keys_share_the_idempotency_keys_of_their_user(alice: User):
    headers = {"Idempotency-Key": "k"}
    first = json_of(with_key(alice).post("/api/posts", json={"content": "x"}, headers=headers), 201)
    again = alice.post("/api/posts", json={"content": "x"}, headers=headers)
    assert (json_of(again, 201)["id"], again.headers["Idempotency-Replayed"]) == (first["id"], "true")
    refused(with_key(alice, "read").post("/api/posts", json={"content": "x"}, headers=headers), 403, "scope_required")


def test_calls_by_key_are_counted_apart_from_their_user(database_url: str, make_site: MakeSite):
    site = make_site(database_url, rate_limits=True, rate_limit_reads=Rate(2, 60))
    ann = site.user("ann")
    key, other = with_key(ann, "read"), with_key(ann, "write")
    for _ in range(2):
        json_of(key.get("/api/posts"))
    refused(key.get("/api/posts"), 429, "rate_limited")
    refused(other.get("/api/posts"), 403, "scope_required")
    json_of(ann.get("/api/posts"))


def test_refusals_for_a_scope_are_counted(database_url: str, make_site: MakeSite):
    site = make_site(database_url, rate_limits=True, rate_limit_reads=Rate(2, 60))
    key = with_key(site.user("ann"), "write")
    for _ in range(2):
        refused(key.get("/api/posts"), 403, "scope_required")
    refused(key.get("/api/posts"), 429, "rate_limited")


def test_unknown_keys_count_as_forged_proofs_and_ended_ones_do_not(database_url: str, make_site: MakeSite):
    site = make_site(database_url, rate_limits=True, rate_limit_failed_proofs=Rate(2, 60))
    ann = site.user("ann")
    made = create(ann)
    ended, valid = bearing(site, made["key"]), with_key(ann)
    ann.delete(f"/api/keys/{made['id']}")
    forged = bearing(site, "pk_" + "A" * 43)
    for _ in range(2):
        refused(forged.get("/api/posts"), 401, "unauthorized")
    refused(forged.get("/api/posts"), 429, "rate_limited")
    refused(ended.get("/api/posts"), 401, "unauthorized")
    json_of(valid.get("/api/posts"))


def test_forged_key_costs_no_write(site: Site):
    with record_transactions(site.services.deps.db.engine) as begun:
        refused(bearing(site, "pk_" + "A" * 43).get("/api/posts"), 401, "unauthorized")
    assert begun == []


def test_bulk_rows_that_create_need_the_scope_write_too(site: Site, alice: User):
    rows = {"operations": [{"op": "create", "content": "x"}]}
    refused(with_key(alice, "publish").post("/api/posts/bulk", json=rows), 403, "scope_required")
    assert site.rows("SELECT id FROM posts") == []
    assert json_of(with_key(alice, "write", "publish").post("/api/posts/bulk", json=rows))["done"] == 1


@pytest.mark.parametrize("when", [{"scheduledAt": wire_form(NOW + HOUR)}, {"slot": "next"}])
def test_key_without_publish_creates_drafts_and_no_scheduled_post(site: Site, alice: User, when: dict[str, str]):
    account = alice.account()["id"]
    slots = {"timeZone": "UTC", "times": [{"day": "mon", "at": "09:00:00"}]}
    key = with_key(alice, "read", "write")
    json_of(key.put(f"/api/social-accounts/{account}/slots", json=slots))
    refused(key.post("/api/posts", json={"content": "x"} | when), 403, "scope_required")
    json_of(key.post("/api/posts", json={"content": "x"}), 201)
    assert len(site.rows("SELECT id FROM posts")) == 1
    both = with_key(alice, "write", "publish")
    assert json_of(both.post("/api/posts", json={"content": "x"} | when), 201)["status"] == "scheduled"


def test_key_without_publish_edits_drafts_and_no_scheduled_post(alice: User):
    post = alice.scheduled()
    path = f"/api/posts/{post['id']}"
    key = with_key(alice, "write")
    refused(key.patch(path, json={"content": "other"}), 403, "scope_required")
    assert alice.read(post["id"]) == post
    assert json_of(with_key(alice, "write", "publish").patch(path, json={"content": "mine"}))["content"] == "mine"
    json_of(alice.post(f"{path}/unschedule"))
    assert json_of(key.patch(path, json={"content": "other"}))["content"] == "other"


def test_key_without_publish_that_may_not_see_a_post_gets_404(alice: User, bob: User):
    post = alice.scheduled()
    refused(with_key(bob, "write").patch(f"/api/posts/{post['id']}", json={"content": "x"}), 404, "post_not_found")
