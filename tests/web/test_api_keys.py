"""Personal API keys: creation, use, scopes, expiry, revocation, quota, audit trail, limits."""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import api_keys
from app.domain.api_keys import KEPT_AFTER_END, SCOPES, Scope
from app.settings.readers import Rate
from app.store.operations import api_keys as stored
from app.sweep.retention import prune_expired_records
from tests.support.databases import record_transactions
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, MINUTE, NOW, SECOND, Caller, Site, User, json_of, refused, wire_form
from tests.web.test_database_read_only import make_read_only

ALL = [scope.value for scope in Scope]
#: Routes of machines and of anyone. All others are user routes and have an entry in SCOPES.
WITHOUT_USER = {
    *("POST /api/posts/dispatch", "POST /api/posts/dispatch-failed", "GET /api/posts/recover"),
    *("GET /api/cron/publish-scheduled", "POST /api/webhooks/publish-status", "POST /api/webhooks/claim"),
    *("GET /api/scheduler/status", "GET /healthz", "GET /readyz", "GET /openapi.json", "GET /docs"),
    "GET /api/social-accounts/linkedin/callback",
}
ANY_ID = "0c5f3d5e-0000-4000-8000-000000000000"


def create(user: User, *scopes: str, **fields: Any) -> dict[str, Any]:
    body = {"name": "Script", "scopes": list(scopes or ALL), **fields}
    return json_of(user.post("/api/keys", json=body), 201)


def bearing(site: Site, secret: str) -> Caller:
    return Caller(site.client, {"Authorization": f"Bearer {secret}"})


def with_key(user: User, *scopes: str, **fields: Any) -> Caller:
    return bearing(user.site, create(user, *scopes, **fields)["key"])


def keys_of(user: User) -> list[dict[str, Any]]:
    return json_of(user.get("/api/keys"))["data"]


def routes(app: Flask) -> Iterable[str]:
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield f"{method} {rule.rule}"


def call(caller: Caller, route: str) -> Any:
    method, path = route.split(" ")
    return caller.open(method, re.sub(r"<[^>]+>", ANY_ID, path), json=None if method == "GET" else {})


def test_new_key_is_shown_once_and_stored_as_a_hash(site: Site, alice: User):
    made = create(alice, "read", "publish", name="Agent")
    secret = made.pop("key")
    assert re.fullmatch(r"pk_[A-Za-z0-9_-]{43}", secret)
    assert made == {
        "id": made["id"],
        "name": "Agent",
        "prefix": secret[:11],
        "scopes": ["read", "publish"],
        "createdAt": wire_form(NOW),
        "expiresAt": None,
        "lastUsedAt": None,
    }
    assert keys_of(alice) == [made]
    assert secret not in str(site.rows("SELECT * FROM api_keys"))
    assert not [line for line in site.log if secret in line]


def test_key_acts_as_its_user(site: Site, alice: User, bob: User):
    key = with_key(alice)
    post = json_of(key.post("/api/posts", json={"content": "x"}), 201)
    assert post["userId"] == "alice"
    assert alice.read(post["id"]) == post
    refused(with_key(bob).get(f"/api/posts/{post['id']}"), 404, "post_not_found")


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
    assert answer.get_json(force=True).get("code") not in ("scope_required", "jwt_required"), answer.get_json()


@pytest.mark.parametrize("route", [route for route, scope in SCOPES.items() if scope is None])
def test_key_of_an_admin_with_all_scopes_never_does_what_needs_a_jwt(small_site: Site, route: str):
    key = with_key(small_site.user("root", admin=True))
    code = "admin_required" if route == "POST /api/scheduler/run" else "jwt_required"
    refused(call(key, route), 403, code)


def test_route_without_an_entry_takes_no_key(small_site: Site, monkeypatch: pytest.MonkeyPatch):
    key = with_key(small_site.user("alice"))
    monkeypatch.delitem(SCOPES, "GET /api/posts")
    refused(key.get("/api/posts"), 403, "jwt_required")
    assert FlaskClient(small_site.app).head("/api/posts", headers=key.headers).status_code == 403


def test_head_needs_the_scope_of_get(small_site: Site):
    key = with_key(small_site.user("alice"), "read")
    assert key.open("HEAD", "/api/companies").status_code == 200


def test_expired_key_is_401_from_its_end_on(site: Site, alice: User):
    key = with_key(alice, expiresAt=wire_form(NOW + HOUR))
    site.clock.at = NOW + HOUR - SECOND
    json_of(key.get("/api/posts"))
    site.clock.at = NOW + HOUR
    answer = key.get("/api/posts")
    refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "is expired" in site.events("auth.refused")[-1]["reason"]
    assert len(keys_of(site.user("alice"))) == 1  # still listed, so that its user sees why


def test_revoked_key_is_401_at_the_next_call_and_no_longer_listed(site: Site, alice: User):
    made = create(alice)
    key = bearing(site, made["key"])
    json_of(key.get("/api/posts"))
    assert alice.delete(f"/api/keys/{made['id']}").status_code == 204
    refused(key.get("/api/posts"), 401, "unauthorized")
    assert "is revoked" in site.events("auth.refused")[-1]["reason"]
    assert keys_of(alice) == []
    refused(alice.delete(f"/api/keys/{made['id']}"), 404, "key_not_found")


def test_revoked_key_stays_revoked_after_the_clock_is_put_back(site: Site, alice: User):
    made = create(alice)
    alice.delete(f"/api/keys/{made['id']}")
    site.clock.at = NOW - HOUR
    refused(bearing(site, made["key"]).get("/api/posts"), 401, "unauthorized")


def test_keys_of_another_user_are_neither_listed_nor_revoked(alice: User, bob: User):
    made = create(alice)
    assert keys_of(bob) == []
    refused(bob.delete(f"/api/keys/{made['id']}"), 404, "key_not_found")
    refused(bob.delete("/api/keys/x"), 404, "not_found")
    assert len(keys_of(alice)) == 1


@pytest.mark.parametrize("secret", ["pk_", "pk_x", "pk_" + "A" * 43, "pk_" + "A" * 5000, "pk_" + "é" * 43])
def test_malformed_or_unknown_key_is_401(small_site: Site, secret: str):
    refused(bearing(small_site, secret.encode().decode("latin-1")).get("/api/posts"), 401, "unauthorized")


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"scopes": []}, "scopes", "too_short"),
        ({"scopes": ["admin"]}, "scopes.0", None),
        ({"scopes": ["read"] * 4}, "scopes", "too_long"),
        ({"scopes": "read"}, "scopes", None),
        ({"scopes": None}, "scopes", None),
        ({"name": ""}, "name", "too_short"),
        ({"name": "x" * 101}, "name", "too_long"),
        ({"name": "a\nb"}, "name", None),
        ({"expiresAt": wire_form(NOW)}, "expiresAt", "expires_in_past"),
        ({"expiresAt": "2027-01-01T00:00:00"}, "expiresAt", "timezone_required"),
        ({"admin": True}, "admin", None),
    ],
)
def test_bad_key_request_names_its_field(small_site: Site, fields: dict[str, Any], field: str, code: str | None):
    alice = small_site.user("alice")
    answer = alice.post("/api/keys", json={"name": "Script", "scopes": ["read"]} | fields)
    assert answer.status_code == 422
    [error] = answer.get_json(force=True)["errors"]
    assert error["field"] == field
    assert code in (None, error["code"])
    assert keys_of(alice) == []


def test_repeated_scope_counts_once(alice: User):
    assert create(alice, "write", "read", "write")["scopes"] == ["read", "write"]


def test_last_use_is_written_once_a_minute(site: Site, alice: User):
    key = with_key(alice, "read")
    used: list[tuple[int, str]] = []
    for at in (NOW, NOW + 59 * SECOND, NOW + MINUTE, NOW + 90 * SECOND):
        site.clock.at = at
        with record_transactions(site.services.deps.db.engine) as begun:
            key.get("/api/companies")
        used.append((len(begun), keys_of(alice)[0]["lastUsedAt"]))
    assert [at for _, at in used] == [wire_form(NOW), wire_form(NOW), *[wire_form(NOW + MINUTE)] * 2]
    if not site.services.deps.db.is_postgresql:  # there the write needs no transaction
        assert [writes for writes, _ in used] == [1, 0, 1, 0]


def test_last_use_from_a_clock_ahead_is_corrected(site: Site, alice: User):
    key = with_key(alice, "read")
    site.clock.at = NOW + 10 * HOUR
    json_of(key.get("/api/posts"))
    site.clock.at = NOW + HOUR
    json_of(key.get("/api/posts"))
    assert keys_of(alice)[0]["lastUsedAt"] == wire_form(NOW + HOUR)


def test_database_that_takes_no_writes_refuses_no_read_by_key(site: Site, alice: User):
    key = with_key(alice, "read")
    release = make_read_only(site)
    try:
        assert key.get("/api/companies").status_code == 200
    finally:
        release()
    assert site.events("api_key.use_not_kept")


def test_keys_above_the_quota_are_refused_and_a_revoked_one_does_not_count(database_url: str, make_site: MakeSite):
    ann = make_site(database_url, quota_api_keys=2).user("ann")
    first, _ = create(ann), create(ann, expiresAt=wire_form(NOW + HOUR))
    body = refused(ann.post("/api/keys", json={"name": "x", "scopes": ["read"]}), 422, "quota_exceeded")
    assert [(e["field"], e["limit"], e["actual"]) for e in body["errors"]] == [("keys", 2, 3)]
    assert len(keys_of(ann)) == 2
    ann.delete(f"/api/keys/{first['id']}")
    create(ann)
    create(ann.site.user("bob"))


def test_creation_and_revocation_are_in_the_users_audit_trail_without_values(alice: User):
    made = create(alice, expiresAt=wire_form(NOW + HOUR))
    alice.delete(f"/api/keys/{made['id']}")
    entries = json_of(alice.get("/api/audit"))["data"]
    assert [(e["action"], e["target"], e["fields"]) for e in entries] == [
        ("key.revoked", f"key:{made['id']}", []),
        ("key.created", f"key:{made['id']}", ["expiresAt", "name", "scopes"]),
    ]
    assert made["key"] not in str(entries)


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


def test_new_key_is_not_kept_for_an_idempotency_key(site: Site, alice: User):
    body = {"name": "Script", "scopes": ["read"]}
    made = [json_of(alice.post("/api/keys", json=body, headers={"Idempotency-Key": "k"}), 201) for _ in range(2)]
    assert made[0]["key"] != made[1]["key"]
    assert site.rows("SELECT * FROM idempotency_keys") == []


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


def test_list_is_paged_oldest_first(site: Site, alice: User):
    for number in range(3):
        site.clock.at = NOW + number * SECOND
        create(alice, name=f"Key {number}")
    first = json_of(alice.get("/api/keys?limit=2"))
    rest = json_of(alice.get(f"/api/keys?limit=2&cursor={first['nextCursor']}"))
    assert [key["name"] for key in first["data"] + rest["data"]] == ["Key 0", "Key 1", "Key 2"]


def test_keys_are_deleted_a_month_after_their_end(site: Site, alice: User):
    revoked = create(alice)
    alice.delete(f"/api/keys/{revoked['id']}")
    create(alice, expiresAt=wire_form(NOW + HOUR))
    lasting = create(alice)
    deps = site.services.deps
    left = []
    for after in (KEPT_AFTER_END - SECOND, KEPT_AFTER_END, KEPT_AFTER_END + HOUR, KEPT_AFTER_END * 40):
        site.clock.at = NOW + after
        prune_expired_records(deps)
        left.append(len(site.rows("SELECT id FROM api_keys")))
    assert left == [3, 2, 1, 1]
    with deps.db.reading() as connection:
        assert [key.id for key in stored.page(connection, "alice", 10, None)] == [lasting["id"]]


def test_operator_revokes_all_keys_of_a_user_who_has_left(site: Site, alice: User, bob: User):
    keys, others = [with_key(alice), with_key(alice)], with_key(bob)
    assert api_keys.revoke_all(site.services.deps, "alice") == 2
    assert api_keys.revoke_all(site.services.deps, "alice") == 0
    for key in keys:
        refused(key.get("/api/posts"), 401, "unauthorized")
    json_of(others.get("/api/posts"))


def test_key_without_a_way_to_verify_tokens_is_refused_as_not_configured(database_url: str, make_site: MakeSite):
    secret = create(make_site(database_url).user("ann"))["key"]
    closed = make_site(database_url, auth_jwt_secret=None)
    refused(bearing(closed, secret).get("/api/posts"), 503, "not_configured")


def test_end_is_at_most_the_last_instant_of_the_api(alice: User):
    far = dt.datetime(2999, 12, 31, tzinfo=dt.UTC)
    assert create(alice, expiresAt=wire_form(far))["expiresAt"] == wire_form(far)


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
