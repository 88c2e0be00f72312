"""Social accounts: tokens are stored encrypted and never returned."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from app.adapters.vault import FernetVault
from app.domain.sealing import access_token_of, refresh_token_of
from app.store.accounts import accounts
from app.store.schema.tables import social_accounts
from tests.adapters.servers import HttpServer, says
from tests.support.threads import TIMEOUT_SECONDS
from tests.web.answers import ACCESS_TOKEN, REFRESH_TOKEN, SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, Site, User, json_of, refused, wire_form

ACCOUNT = {
    "id",
    "userId",
    "companyId",
    "clientId",
    "platform",
    "externalId",
    "personUrn",
    "accountName",
    "status",
    "expiresAt",
    "profileOf",
    "createdAt",
    "updatedAt",
}
URN = "urn:li:person:1"
BODY = {"externalId": URN, "accountName": "Alice", "accessToken": ACCESS_TOKEN, "refreshToken": REFRESH_TOKEN}


def stored(site: Site) -> list[Any]:
    return site.rows("SELECT access_token, refresh_token FROM social_accounts ORDER BY user_id")


def opened(site: Site) -> list[str | None]:
    """Return the tokens of the only account, decrypted."""
    vault, [(access, refresh)] = FernetVault([SECRETS["token_encryption_keys"]]), stored(site)
    with site.services.deps.db.reading() as connection:
        [key] = connection.execute(sa.select(social_accounts.c.id)).scalars()
    return [vault.decrypt(access, access_token_of(key)), refresh and vault.decrypt(refresh, refresh_token_of(key))]


def test_an_account_is_answered_without_its_tokens(site: Site, alice: User):
    company = alice.company()
    more = {"expiresAt": "2027-01-01T01:00:00+01:00", "companyId": company, "platform": "linkedin"}
    account = json_of(alice.post("/api/social-accounts", json=BODY | more), 201)
    assert set(account) == ACCOUNT
    assert (account["userId"], account["platform"], account["status"]) == ("alice", "linkedin", "active")
    assert (account["externalId"], account["personUrn"], account["accountName"]) == (URN, URN, "Alice")
    assert (account["expiresAt"], account["companyId"]) == ("2027-01-01T00:00:00.000Z", company)
    assert account["createdAt"] == account["updatedAt"] == wire_form(NOW)
    assert json_of(alice.get("/api/social-accounts")) == {"data": [account], "nextCursor": None}


def test_tokens_are_stored_encrypted(site: Site, alice: User):
    alice.account()
    [(access, refresh)] = stored(site)
    assert ACCESS_TOKEN not in access
    assert REFRESH_TOKEN not in refresh
    assert opened(site) == [ACCESS_TOKEN, REFRESH_TOKEN]


def test_the_first_key_encrypts_and_all_of_them_decrypt(database_url: str, make_site: MakeSite, n8n: HttpServer):
    old, new = SECRETS["token_encryption_keys"], Fernet.generate_key().decode()
    before = make_site(database_url)
    post = before.user("alice").scheduled()
    after = make_site(database_url, token_encryption_keys=(new, old))
    bobs = after.user("bob").account()
    assert FernetVault([new]).decrypt(stored(after)[1][0], access_token_of(bobs["id"])) == ACCESS_TOKEN
    after.clock.at = NOW + HOUR
    assert json_of(after.deliver(post)) == {"status": "dispatched"}
    assert n8n.seen[0].json()["accessToken"] == ACCESS_TOKEN


def test_person_urn_is_another_name_for_the_external_id(site: Site, alice: User):
    body = {"personUrn": URN, "accessToken": ACCESS_TOKEN}
    account = json_of(alice.post("/api/social-accounts", json=body), 201)
    assert (account["externalId"], account["personUrn"], account["platform"]) == (URN, URN, "linkedin")
    again = json_of(alice.post("/api/social-accounts", json={"externalId": URN, "accessToken": ACCESS_TOKEN}), 201)
    assert again["id"] == account["id"]
    number = {"platform": "instagram", "personUrn": "17841400008460056"}
    instagram = json_of(alice.post("/api/social-accounts", json=body | number), 201)
    assert (instagram["externalId"], instagram["personUrn"]) == ("17841400008460056", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"externalId": "https://www.linkedin.com/in/ann"}, "externalId"),
        ({"externalId": "102345678901234"}, "externalId"),
        ({"externalId": None, "personUrn": "ann"}, "personUrn"),
        ({"externalId": URN, "platform": "facebook"}, "externalId"),
        ({"externalId": "../me", "platform": "instagram"}, "externalId"),
    ],
)
def test_id_in_a_form_of_no_account_is_refused_with_the_right_form(
    small_site: Site, change: dict[str, Any], field: str
):
    body = {name: value for name, value in (BODY | change).items() if value is not None}
    problem = refused(small_site.user("alice").post("/api/social-accounts", json=body), 422, "account_id_invalid")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["detail"].startswith("Send ")
    assert small_site.rows("SELECT * FROM social_accounts") == []


def test_connecting_an_account_again_updates_its_tokens(site: Site, alice: User, bob: User):
    first = alice.account(externalId=URN)
    site.clock.at += HOUR
    again = json_of(alice.post("/api/social-accounts", json=BODY | {"accessToken": "another-token"}), 201)
    assert (again["id"], again["createdAt"]) == (first["id"], first["createdAt"])
    assert len(stored(site)) == 1
    assert opened(site)[0] == "another-token"
    assert bob.account(externalId=URN)["id"] != first["id"]


def test_reconnecting_with_a_token_alone_keeps_name_and_client(site: Site, alice: User):
    company = alice.company()
    client = alice.client_of(company)
    first = alice.account(externalId=URN, accountName="Our page", clientId=client)
    body = {"externalId": URN, "accessToken": "another-token", "companyId": company}
    again = json_of(alice.post("/api/social-accounts", json=body), 201)
    assert {name: again[name] for name in ("accountName", "clientId")} == {
        "accountName": "Our page",
        "clientId": client,
    }
    assert again["id"] == first["id"]


def test_concurrent_connects_of_one_account_create_one_row(
    site: Site, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
):
    body = BODY | {"companyId": alice.company(bob="editor")}  # the lock of quotas lets one user connect at a time
    both, create = threading.Barrier(2, timeout=TIMEOUT_SECONDS), accounts.create
    single_writer = site.services.deps.db.engine.dialect.name == "sqlite"

    def create_together(*args: Any) -> Any:
        if not single_writer:
            both.wait()
        return create(*args)

    monkeypatch.setattr(accounts, "create", create_together)
    with ThreadPoolExecutor(2) as pool:
        connecting = [pool.submit(user.post, "/api/social-accounts", json=body) for user in (alice, bob)]
    assert len({json_of(answer.result(), 201)["id"] for answer in connecting}) == 1


def test_an_edit_changes_name_and_tokens(site: Site, alice: User):
    account = alice.account(expiresAt=wire_form(NOW + HOUR))
    path = f"/api/social-accounts/{account['id']}"
    before = stored(site)
    renamed = json_of(alice.patch(path, json={"accountName": "Renamed"}))
    assert renamed == account | {"accountName": "Renamed"}
    assert stored(site) == before
    json_of(alice.patch(path, json={"accessToken": "another-token", "refreshToken": None, "expiresAt": None}))
    assert opened(site) == ["another-token", None]
    assert json_of(alice.get("/api/social-accounts"))["data"][0]["expiresAt"] is None


@pytest.mark.parametrize("how", ["post", "patch"])
def test_posts_wait_while_their_account_must_be_reconnected(site: Site, alice: User, n8n: HttpServer, how: str):
    waiting, sent = alice.scheduled(NOW + 2 * HOUR), site.sent(alice)  # each connects the account again
    report = {"postId": sent["id"], "status": "failed", "httpStatus": 401, "error": "REVOKED_ACCESS_TOKEN"}
    assert json_of(site.n8n.post("/api/webhooks/publish-status", json=report))["status"] == "failed"
    assert alice.read(sent["id"])["errorCode"] == "reconnect_required"
    [account] = json_of(alice.get("/api/social-accounts"))["data"]
    assert account["status"] == "reconnect_required"
    site.clock.at = NOW + 2 * HOUR
    assert json_of(site.deliver(waiting)) == {"status": "retry_scheduled", "reason": "account_on_hold"}
    assert len(n8n.seen) == 1
    if how == "post":
        alice.account()
    else:
        json_of(alice.patch(f"/api/social-accounts/{account['id']}", json={"accessToken": "another-token"}))
    assert json_of(alice.get("/api/social-accounts"))["data"][0]["status"] == "active"
    post = alice.read(waiting["id"])
    assert (post["status"], post["errorCode"], post["nextAttemptAt"]) == ("scheduled", None, wire_form(site.clock.at))
    assert json_of(site.deliver(post)) == {"status": "dispatched"}


def test_account_with_a_scheduled_post_cannot_be_removed(site: Site, alice: User):
    post = alice.scheduled()
    path = f"/api/social-accounts/{post['socialAccountId']}"
    assert "1 post" in refused(alice.delete(path), 409, "account_in_use")["detail"]
    json_of(alice.post(f"/api/posts/{post['id']}/unschedule"))
    answer = alice.delete(path)
    assert (answer.status_code, answer.data) == (204, b"")
    assert json_of(alice.get("/api/social-accounts")) == {"data": [], "nextCursor": None}
    assert alice.read(post["id"])["socialAccountId"] == post["socialAccountId"]
    again = {"scheduledAt": (NOW + HOUR).isoformat()}
    refused(alice.post(f"/api/posts/{post['id']}/schedule", json=again), 422, "account_missing")
    refused(alice.delete(path), 404, "account_not_found")


def test_account_with_a_publishing_post_cannot_be_removed(site: Site, alice: User):
    post = site.sent(alice)
    refused(alice.delete(f"/api/social-accounts/{post['socialAccountId']}"), 409, "account_in_use")


def test_account_of_another_user_answers_404(site: Site, alice: User, bob: User):
    account = alice.account()
    path = f"/api/social-accounts/{account['id']}"
    refused(bob.patch(path, json={"accessToken": "mine"}), 404, "account_not_found")
    refused(bob.delete(path), 404, "account_not_found")
    assert json_of(bob.get("/api/social-accounts")) == {"data": [], "nextCursor": None}
    assert json_of(alice.get("/api/social-accounts")) == {"data": [account], "nextCursor": None}


def test_tokens_are_refused_without_encryption_keys(database_url: str, make_site: MakeSite):
    site = make_site(database_url, token_encryption_keys=())
    problem = refused(site.user("alice").post("/api/social-accounts", json=BODY), 503, "not_configured")
    assert "TOKEN_ENCRYPTION_KEYS" not in json.dumps(problem)
    assert site.events("not_configured")[0]["setting"] == "TOKEN_ENCRYPTION_KEYS"
    assert stored(site) == []


def test_token_echoed_by_n8n_is_never_shown(site: Site, alice: User, n8n: HttpServer):
    n8n.answer = says(500, {"input": {"accessToken": ACCESS_TOKEN, "refresh": REFRESH_TOKEN[::-1]}})
    post = alice.scheduled()
    site.clock.at = NOW + HOUR
    json_of(site.deliver(post))
    assert "***" in alice.timeline(post["id"])["attempts"][0]["error"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"accessToken": None}, "accessToken"),
        ({"accessToken": ""}, "accessToken"),
        ({"accessToken": 7}, "accessToken"),
        ({"accessToken": "x" * 8193}, "accessToken"),
        ({"accessToken": "a\0b"}, "accessToken"),
        ({"refreshToken": ["x"]}, "refreshToken"),
        ({"platform": "myspace"}, "platform"),
        ({"externalId": ""}, "externalId"),
        ({"externalId": "x" * 256}, "externalId"),
        ({"externalId": 7}, "externalId"),
        ({"accountName": "x" * 256}, "accountName"),
        ({"expiresAt": "2027-01-01T00:00:00"}, "expiresAt"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"expiresAt": 1796112000}, "expiresAt"),
        ({"expiresAt": "0001-01-01T00:00:00+14:00"}, "expiresAt"),
        ({"expiresAt": "9999-12-31T23:59:59-14:00"}, "expiresAt"),
        ({"companyId": "x"}, "companyId"),
        ({"status": "active"}, "status"),
        ({"userId": "bob"}, "userId"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_invalid_account_names_its_field(small_site: Site, change: dict[str, Any], field: str):
    problem = refused(small_site.user("alice").post("/api/social-accounts", json=BODY | change), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_an_account_without_an_id_or_a_token_is_refused(small_site: Site):
    alice = small_site.user("alice")
    problem = refused(alice.post("/api/social-accounts", json={"accessToken": ACCESS_TOKEN}), 422, "required")
    assert problem["errors"][0]["field"] == "externalId"
    problem = refused(alice.post("/api/social-accounts", json={"externalId": URN}), 422, "invalid_fields")
    assert problem["errors"][0]["field"] == "accessToken"
