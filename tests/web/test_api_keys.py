"""Personal API keys: creation, use, expiry, revocation, quota, audit trail."""

import datetime as dt
import re
from typing import Any

import pytest

from app import api_keys
from app.domain.api_keys import KEPT_AFTER_END, Scope
from app.store.operations import api_keys as stored
from app.sweep.retention import prune_expired_records
from tests.support.databases import record_transactions
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, MINUTE, NOW, SECOND, Caller, Site, User, json_of, refused, wire_form
from tests.web.test_database_read_only import make_read_only

ALL = [scope.value for scope in Scope]


def create(user: User, *scopes: str, **fields: Any) -> dict[str, Any]:
    body = {"name": "Script", "scopes": list(scopes or ALL), **fields}
    return json_of(user.post("/api/keys", json=body), 201)


def bearing(site: Site, secret: str) -> Caller:
    return Caller(site.client, {"Authorization": f"Bearer {secret}"})


def with_key(user: User, *scopes: str, **fields: Any) -> Caller:
    return bearing(user.site, create(user, *scopes, **fields)["key"])


def keys_of(user: User) -> list[dict[str, Any]]:
    return json_of(user.get("/api/keys"))["data"]


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


def test_new_key_is_not_kept_for_an_idempotency_key(site: Site, alice: User):
    body = {"name": "Script", "scopes": ["read"]}
    made = [json_of(alice.post("/api/keys", json=body, headers={"Idempotency-Key": "k"}), 201) for _ in range(2)]
    assert made[0]["key"] != made[1]["key"]
    assert site.rows("SELECT * FROM idempotency_keys") == []


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
