"""Invitations to companies: tokens, their ends, and the consent of the invited person."""

from typing import Any

import pytest

from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, Caller, Site, User, json_of, refused, wire_form

DAY = 24 * HOUR


def invite(user: User, company: str, role: str = "editor", **fields: Any) -> dict[str, Any]:
    return json_of(user.post(f"/api/companies/{company}/invitations", json={"role": role, **fields}), 201)


def accept(user: Caller, token: str) -> Any:
    return user.post(f"/api/invitations/{token}/accept")


def pending(user: User, company: str) -> list[dict[str, Any]]:
    return json_of(user.get(f"/api/companies/{company}/invitations"))["data"]


def test_person_joins_by_accepting_and_a_repeated_acceptance_gets_the_same_answer(site: Site, alice: User, bob: User):
    company = alice.company()
    made = invite(alice, company, userId="bob")
    token = made.pop("token")
    assert made["expiresAt"] == wire_form(NOW + 7 * DAY)
    assert (made["userId"], made["role"], made["invitedBy"], made["email"]) == ("bob", "editor", "alice", None)
    assert pending(alice, company) == [made]
    refused(bob.get(f"/api/companies/{company}"), 404, "company_not_found")
    assert json_of(bob.get("/api/invitations"))["data"] == [made | {"companyName": "Agency"}]
    joined = json_of(accept(bob, token))
    assert joined == {"companyId": company, "userId": "bob", "role": "editor", "createdAt": wire_form(NOW)}
    site.clock.at += HOUR / 2
    assert json_of(accept(bob, token)) == joined
    assert json_of(bob.get(f"/api/companies/{company}"))["role"] == "editor"
    assert pending(alice, company) == json_of(bob.get("/api/invitations"))["data"] == []


def test_invited_user_accepts_by_the_id_too(site: Site, alice: User, bob: User):
    made = invite(alice, alice.company(), userId="bob")
    refused(accept(site.user("eve"), made["id"]), 404, "invitation_not_found")
    assert json_of(accept(bob, made["id"].upper()))["role"] == "editor"
    open_to_all = invite(alice, alice.company("Other"))
    refused(accept(bob, open_to_all["id"]), 404, "invitation_not_found")


def test_token_is_stored_as_a_hash_and_in_no_log(site: Site, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch):
    made = invite(alice, alice.company(), userId="bob", email="Bob@Example.com")
    assert made["email"] == "bob@example.com"
    assert len(made["token"]) >= 43
    assert made["token"] not in str(site.rows("SELECT * FROM invitations") + site.rows("SELECT * FROM audit_entries"))
    refused(accept(site.anonymous, made["token"]), 401, "unauthorized")
    assert json_of(accept(bob, made["token"]))
    assert site.events("auth.refused")[-1]["path"] == "/api/invitations/…/accept"
    assert made["token"] not in "".join(site.log)


def test_only_the_named_user_accepts_and_an_open_token_works_once(site: Site, alice: User, bob: User):
    company, eve = alice.company(), site.user("eve")
    named, open_to_all = invite(alice, company, userId="bob"), invite(alice, company, "viewer", email="x@example.com")
    refused(accept(eve, named["token"]), 404, "invitation_not_found")
    assert json_of(accept(eve, open_to_all["token"]))["role"] == "viewer"
    refused(accept(bob, open_to_all["token"]), 404, "invitation_not_found")
    refused(accept(bob, "x" * 43), 404, "invitation_not_found")
    refused(accept(bob, "x" * 5_000), 404, "invitation_not_found")
    assert json_of(accept(bob, named["token"]))["role"] == "editor"


@pytest.mark.parametrize(
    "end", ["expired", "revoked", "replaced", "inviter removed", "inviter demoted", "removed since"]
)
def test_ended_invitation_is_not_accepted(site: Site, alice: User, bob: User, end: str):
    company = alice.company(carol="owner")
    carol = site.user("carol")
    made = invite(carol, company, userId="bob")
    if end == "expired":
        site.clock.at += 7 * DAY
        alice, bob = site.user("alice"), site.user("bob")
    elif end == "revoked":
        path = f"/api/companies/{company}/invitations/{made['id']}"
        assert alice.delete(path).status_code == 204
        refused(alice.delete(path), 404, "invitation_not_found")
    elif end == "replaced":
        assert json_of(accept(bob, invite(alice, company, "viewer", userId="bob")["token"]))["role"] == "viewer"
        assert alice.delete(f"/api/companies/{company}/members/bob").status_code == 204
    elif end == "inviter removed":
        assert alice.delete(f"/api/companies/{company}/members/carol").status_code == 204
    elif end == "inviter demoted":
        json_of(alice.put(f"/api/companies/{company}/members/carol", json={"role": "editor"}))
    else:
        json_of(accept(bob, made["token"]))
        assert bob.delete(f"/api/companies/{company}/members/bob").status_code == 204
    assert pending(alice, company) == []
    refused(accept(bob, made["token"]), 404, "invitation_not_found")
    refused(bob.get(f"/api/companies/{company}"), 404, "company_not_found")


def test_putting_a_user_who_is_no_member_invites_and_adds_only_after_consent(site: Site, alice: User, bob: User):
    company = alice.company()
    path = f"/api/companies/{company}/members"
    put = json_of(alice.put(f"{path}/bob", json={"role": "editor"}))
    assert (put["userId"], put["role"], put["status"]) == ("bob", "editor", "invited")
    assert [one["userId"] for one in json_of(alice.get(path))["data"]] == ["alice"]
    assert json_of(bob.get("/api/companies"))["data"] == []
    again = json_of(alice.put(f"{path}/bob", json={"role": "viewer"}))
    refused(accept(bob, put["invitation"]["token"]), 404, "invitation_not_found")
    assert json_of(accept(bob, again["invitation"]["token"]))["role"] == "viewer"


def test_member_is_not_invited_and_a_member_keeps_the_role(site: Site, alice: User, bob: User):
    company = alice.company(bob="editor")
    answer = alice.post(f"/api/companies/{company}/invitations", json={"role": "viewer", "userId": "bob"})
    refused(answer, 409, "already_member")
    made = invite(alice, company, "owner")
    assert json_of(accept(bob, made["token"]))["role"] == "editor"
    assert json_of(accept(site.user("carol"), made["token"]))["role"] == "owner"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "role"),
        ({"role": "king"}, "role"),
        ({"role": "viewer", "email": "no address"}, "email"),
        ({"role": "viewer", "userId": " bob"}, "userId"),
        ({"role": "viewer", "userId": "x" * 256}, "userId"),
        ({"role": "viewer", "companyId": "x"}, "companyId"),
        ({"role": "viewer", "expiresAt": "2026-12-01T08:00:00"}, "expiresAt"),
        ({"role": "viewer", "expiresAt": wire_form(NOW)}, "expiresAt"),
        ({"role": "viewer", "expiresAt": wire_form(NOW + 31 * DAY)}, "expiresAt"),
    ],
)
def test_invalid_invitation_is_refused_with_its_field(small_site: Site, body: dict[str, Any], field: str):
    alice = small_site.user("alice")
    answer = alice.post(f"/api/companies/{alice.company()}/invitations", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json(force=True)["errors"]] == [field]
    assert small_site.rows("SELECT * FROM invitations") == []


def test_invitations_are_listed_in_pages_and_bounded(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    company = alice.company()
    monkeypatch.setattr("app.companies.invitations.MAX_PENDING_INVITATIONS", 3)
    made = [invite(alice, company, "viewer")["id"] for _ in range(3)]
    body = refused(alice.post(f"/api/companies/{company}/invitations", json={"role": "viewer"}), 422, "quota_exceeded")
    assert (body["errors"][0]["limit"], body["errors"][0]["actual"]) == (3, 3)
    first = json_of(alice.get(f"/api/companies/{company}/invitations?limit=2"))
    second = json_of(alice.get(f"/api/companies/{company}/invitations?limit=2&cursor={first['nextCursor']}"))
    assert sorted(one["id"] for one in first["data"] + second["data"]) == sorted(made)
    assert not any("token" in one for one in first["data"])


def test_warnings_name_held_posts_with_the_cure(site: Site, alice: User, bob: User):
    company = alice.company(bob="viewer")
    bob_before = alice.put(f"/api/companies/{company}/members/bob", json={"role": "editor"})
    json_of(bob_before)
    account = bob.account(companyId=company)
    assert account["profileOf"] == "bob"
    post = alice.draft(companyId=company)
    alice.schedule(post["id"], NOW + HOUR)
    assert json_of(alice.get(f"/api/companies/{company}/warnings")) == {"warnings": []}
    assert bob.delete(f"/api/companies/{company}/members/bob").status_code == 204
    [warning] = json_of(alice.get(f"/api/companies/{company}/warnings"))["warnings"]
    assert (warning["code"], warning["socialAccountId"], warning["count"]) == ("member_left", account["id"], 1)
    held = alice.read(post["id"])
    assert (held["status"], held["errorCode"], held["errorMessage"]) == ("failed", "member_left", warning["message"])
    assert alice.timeline(post["id"])["transitions"][-1]["reason"] == "member_left"
    refused(bob.get(f"/api/posts/{post['id']}/timeline"), 404, "post_not_found")
    assert json_of(bob.get("/api/social-accounts"))["data"] == []
    assert [one["id"] for one in json_of(bob.get("/api/social-accounts/shared"))["data"]] == [account["id"]]
    assert bob.delete(f"/api/social-accounts/{account['id']}").status_code == 204
    assert json_of(alice.get("/api/social-accounts"))["data"] == []


def test_browsers_of_cors_origins_may_call_the_new_routes(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, cors_origins=("https://app.example.com",))
    for path in ("/api/invitations", "/api/audit", "/api/invitations/x/accept"):
        headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
        assert "Access-Control-Allow-Origin" in site.client.options(path, headers=headers).headers
