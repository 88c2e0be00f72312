"""Quotas: 422 quota_exceeded with limit and actual, nothing kept of a refused write, 0 for none."""

import pytest

from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, SECOND, Site, User, json_of, refused

DRAFT = {"content": "Hello"}


@pytest.fixture
def ann(database_url: str, make_site: MakeSite) -> User:
    site = make_site(
        database_url,
        quota_posts=3,
        quota_draft_bytes=1000,
        quota_accounts=2,
        quota_companies=1,
        quota_members=2,
        quota_clients=1,
    )
    return site.user("ann")


def exceeded(answer, field: str, limit: int, actual: int) -> None:
    body = refused(answer, 422, "quota_exceeded")
    assert [(e["field"], e["code"], e["limit"], e["actual"]) for e in body["errors"]] == [
        (field, "quota_exceeded", limit, actual)
    ]


def test_post_above_the_quota_is_refused_and_not_kept(ann: User):
    for _ in range(3):
        ann.draft()
    exceeded(ann.post("/api/posts", json=DRAFT), "posts", 3, 4)
    assert len(json_of(ann.get("/api/posts"))["data"]) == 3


def test_scheduled_and_failed_posts_count_and_final_ones_do_not(ann: User):
    ann.scheduled(NOW + HOUR)
    other = ann.draft()
    ann.draft()
    exceeded(ann.post("/api/posts", json=DRAFT), "posts", 3, 4)
    assert ann.delete(f"/api/posts/{other['id']}").status_code == 204
    ann.draft()


def test_posts_of_other_authors_do_not_count(database_url: str, make_site: MakeSite):
    site = make_site(database_url, quota_posts=1)
    site.user("ann").draft()
    site.user("bob").draft()


def test_drafts_above_the_bytes_are_refused_and_characters_count_in_utf8(ann: User):
    ann.draft(content="é" * 300)
    exceeded(ann.post("/api/posts", json={"content": "é" * 300}), "draftBytes", 1000, 1204)
    ann.draft(content="x" * 300)


def test_edit_above_the_bytes_is_refused_and_a_shorter_text_is_not(ann: User):
    first, second = ann.draft(content="x" * 450), ann.draft(content="x" * 450)
    path = f"/api/posts/{first['id']}"
    exceeded(ann.patch(path, json={"content": "x" * 600}), "draftBytes", 1000, 1054)
    assert ann.read(first["id"])["content"] == "x" * 450
    json_of(ann.patch(path, json={"content": "short"}))
    json_of(ann.patch(f"/api/posts/{second['id']}", json={"content": "x" * 600}))


def test_media_count_as_bytes_of_a_draft(ann: User):
    media = [{"url": f"https://example.com/{n}/{'x' * 200}.png", "type": "image"} for n in range(5)]
    refused(ann.post("/api/posts", json={"content": "x", "media": media}), 422, "quota_exceeded")


def test_account_above_the_quota_is_refused_and_a_reconnection_is_not(ann: User):
    ann.account()
    ann.account("facebook", externalId="1")
    body = {"platform": "instagram", "externalId": "3", "accessToken": "t"}
    exceeded(ann.post("/api/social-accounts", json=body), "socialAccounts", 2, 3)
    ann.account("facebook", externalId="1", accountName="Again")


def test_company_above_the_quota_is_refused(ann: User):
    ann.company()
    exceeded(ann.post("/api/companies", json={"name": "Second"}), "companies", 1, 2)


def test_members_and_clients_above_their_quotas_are_refused(ann: User):
    company = ann.company(bob="editor")
    path = f"/api/companies/{company}"
    token = json_of(ann.put(f"{path}/members/cid", json={"role": "viewer"}))["invitation"]["token"]
    exceeded(ann.site.user("cid").post(f"/api/invitations/{token}/accept"), "members", 2, 3)
    json_of(ann.put(f"{path}/members/bob", json={"role": "owner"}))
    ann.client_of(company)
    exceeded(ann.post(f"{path}/clients", json={"name": "Second"}), "clients", 1, 2)


def test_being_made_an_owner_does_not_use_up_ones_quota(database_url: str, make_site: MakeSite):
    site = make_site(database_url, quota_companies=1)
    ann, bob = site.user("ann"), site.user("bob")
    company = ann.company()
    site.clock.at += SECOND
    ann.add_member(company, "bob", "owner")
    bob.company("Own")
    exceeded(bob.post("/api/companies", json={"name": "Third"}), "companies", 1, 2)


def test_lower_quota_keeps_what_is_there(database_url: str, make_site: MakeSite):
    before = make_site(database_url).user("ann")
    posts = [before.draft(content="x" * 400) for _ in range(4)]
    after = make_site(database_url, quota_posts=1, quota_draft_bytes=100).user("ann")
    assert len(json_of(after.get("/api/posts"))["data"]) == 4
    json_of(after.patch(f"/api/posts/{posts[0]['id']}", json={"content": "x" * 300}))
    refused(after.post("/api/posts", json=DRAFT), 422, "quota_exceeded")


def test_quota_of_zero_is_none(database_url: str, make_site: MakeSite):
    names = ("posts", "draft_bytes", "accounts", "companies", "members", "clients", "idempotency", "api_keys")
    site = make_site(database_url, **{f"quota_{name}": 0 for name in names})
    ann = site.user("ann")
    ann.account()
    company = ann.company(bob="editor")
    ann.client_of(company)
    json_of(ann.post("/api/keys", json={"name": "Script", "scopes": ["read"]}), 201)
    assert ann.post("/api/posts", json=DRAFT, headers={"Idempotency-Key": "k"}).status_code == 201


def test_keys_above_the_quota_are_refused_and_their_work_is_not_done(
    database_url: str, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.idempotency.COUNT_ONE_OF", 0)  # counts at every new key
    ann = make_site(database_url, quota_idempotency=2).user("ann")
    for key in ("k1", "k2", "k1"):
        ann.post("/api/posts", json=DRAFT, headers={"Idempotency-Key": key})
    answer = ann.post("/api/posts", json=DRAFT, headers={"Idempotency-Key": "k3"})
    exceeded(answer, "Idempotency-Key", 2, 3)
    assert len(json_of(ann.get("/api/posts"))["data"]) == 2
    ann.draft()  # without a key


def test_one_of_fifty_keys_is_counted(database_url: str, make_site: MakeSite):
    from dataclasses import replace

    from app import idempotency

    site = make_site(database_url, quota_idempotency=1)
    deps = replace(site.services.deps, random=lambda: 0.5)
    for number in range(5):
        assert isinstance(idempotency.lock_key(deps, "ann", f"k{number}", "same"), idempotency.KeyLock)


def test_kept_answer_has_no_long_text_of_the_request_and_is_bounded(site: Site, alice: User):
    text = "private words " * 200
    media = [{"url": f"https://example.com/{n}/{'x' * 2000}", "type": "image"} for n in range(9)]
    body = {"content": text, "media": media}
    json_of(alice.post("/api/posts", json=body, headers={"Idempotency-Key": "k"}), 201)
    refused(
        alice.post("/api/posts", json={f"f{n}": 1 for n in range(9999)}, headers={"Idempotency-Key": "l"}),
        422,
        "invalid_fields",
    )
    [first, second] = site.rows("SELECT * FROM idempotency_keys ORDER BY key")
    assert "private words private" not in str(first)
    assert len(str(first)) < 64_000
    assert len(str(second)) < 64_000
